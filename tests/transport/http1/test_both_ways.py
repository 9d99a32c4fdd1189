"""The fast path leaves what the general way leaves: bytes, log lines, counters, links, times, whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.transport.http1 import both_ways
from tests.transport.http1.both_ways import (
    BEHIND,
    EVERY,
    LINES,
    OVERFLOW,
    SHUNT,
    WORDS,
    Play,
    Setting,
    Step,
    begun,
    differences,
    teach,
)
from tests.transport.http1.memory import MemoryProxy, at_work, configured

KEPT: list[Step] = [
    *[("ask", 0, "get"), ("wait", 0.4, ""), ("answer", 0, "ok")] * 3, ("wait", 1.0, ""),
    *[("ask", 1, "other"), ("answer", 0, "large"), ("ask", 0, "get"), ("wait", 0.0123, ""), ("answer", 0, "ok")] * 3,
    ("ask", 0, "get"), ("ask", 1, "get"), ("ask", 2, "last"), ("wait", 0.7, ""), ("answer", 1, "ok"),
    ("answer", 0, "ok"), ("answer", 0, "half"), ("answer", 0, "ok"), ("wait", 2.5, ""), ("ask", 0, "get"),
]  # fmt: skip
"""Clients that ask again and again, with time in between."""


LATE: list[Step] = [
    *begun, ("wait", 2.5, ""), ("ask", 0, "get"), ("wait", 2.5, ""), ("answer", 0, "ok"), ("ask", 1, "get"),
    ("answer", 0, "ok"), ("wait", 6.0, ""), ("ask", 1, "get"), ("answer", 0, "half"), ("wait", 2.5, ""),
    ("ask", 0, "get"), ("answer", 0, "ok"), ("wait", 6.0, ""), ("ask", 0, "get"), ("wait", 30.0, ""),
]  # fmt: skip
"""Clients and servers that keep each other waiting."""


CROWD: list[Step] = [
    *begun, ("ask", 0, "cookie"), ("ask", 1, "cookie"), ("ask", 2, "cookie"), ("ask", 3, "cookie"), ("wait", 0.4, ""),
    ("answer", 0, "ok"), ("ask", 0, "get"), ("answer", 0, "ok"), ("ask", 2, "get"), ("wait", 0.7, ""),
    *[("answer", 0, "ok")] * 4, ("ask", 0, "get"), ("ask", 1, "other"), ("ask", 2, "get"), ("ask", 3, "get"),
    ("answer", 1, "ok"), ("wait", 1.6, ""), *[("answer", 0, "ok")] * 4, ("ask", 1, "get"), ("answer", 0, "failed"),
]  # fmt: skip
"""More requests at a time than some servers take, some of which want the same server."""
AFAR: list[Step] = [
    ("network", 0, "slow"), ("ask", 0, "get"), ("wait", 0.4, ""), ("stand", 0, ""), ("wait", 0.7, ""),
    ("answer", 0, "ok"),
    ("ask", 0, "get"), ("ask", 1, "get"), ("wait", 0.4, ""), ("stand", 0, ""), ("answer", 0, "ok"), ("answer", 0, "ok"),
    ("ask", 0, "get"), ("ask", 1, "get"), ("ask", 2, "get"), ("wait", 6.0, ""), ("network", 0, "refused"),
    ("answer", 0, "ok"), ("answer", 0, "ok"), ("ask", 0, "get"), ("ask", 1, "get"), ("ask", 2, "get"),
    ("wait", 0.7, ""), ("network", 0, "stands"), ("wait", 6.0, ""), ("answer", 0, "ok"), ("wait", 1.0, ""),
]  # fmt: skip
"""Links that take time to stand, or are refused."""
EACH: list[Step] = [step for which in (0, 1, 2) for step in (("ask", which, "get"), ("answer", 0, "ok"))]
TOGETHER: list[Step] = [
    ("ask", 0, "get"), ("ask", 1, "get"), ("ask", 2, "get"), ("wait", 0.4, ""), ("wait", 0.7, ""), ("wait", 2.5, ""),
    *[("answer", 2, "ok"), ("answer", 1, "ok"), ("answer", 0, "ok")] * 2,
]  # fmt: skip
STALE: list[Step] = [
    *EACH, ("wait", 1.6, ""), *EACH, *TOGETHER, ("wait", 1.0, ""), *EACH, *TOGETHER, ("wait", 10.2, ""),
    ("network", 0, "slow"), *TOGETHER, ("stand", 0, ""), *EACH,
]  # fmt: skip
"""Clients that have an alarm far away when something of theirs becomes due soon; at last it is less than 1 s away."""
PAIRED: list[Step] = [
    *EACH, ("wait", 1.6, ""),
    *[("ask", 0, "get"), ("ask", 1, "get"), ("answer", 1, "ok"), ("answer", 0, "ok"), *EACH] * 2,
    ("ask", 0, "get"), ("ask", 1, "get"), ("wait", 2.5, ""), ("answer", 0, "ok"), *EACH,
]  # fmt: skip
"""A client whose requests go now to one backend, now to another one."""
PLAIN: list[Step] = [("ask", 0, "get"), ("answer", 0, "ok")]
KINDS: list[Step] = [
    *begun, ("wait", 1.0, ""), *EACH,
    *[
        step
        for kind in ("cookie", "empty", "none", "failed", "large", "denied", "much", "ending", "hinted")
        for step in (("ask", 0, "get"), ("wait", 0.0123, ""), ("answer", 0, kind), *PLAIN)
    ],
    ("ask", 1, "get"), ("answer", 0, "half"), ("wait", 0.4, ""), ("answer", 0, "abc"), *PLAIN,
    ("ask", 1, "last"), ("answer", 0, "ok"), *PLAIN, ("ask", 1, "get"), ("ask", 1, "get"), ("answer", 0, "ok"),
    ("answer", 0, "ok"), *PLAIN, *[("ask", 0, "get"), ("snap", 0, ""), ("answer", 0, "ok"), *PLAIN] * 3,
    ("ask", 1, "get"), ("snap", 1, ""), ("answer", 0, "half"), *PLAIN,
    ("ask", 0, "get"), ("stick", 0, ""), ("answer", 0, "ok"), ("wait", 0.4, ""), ("loosen", 0, ""), *PLAIN,
    ("ask", 0, "get"), ("leave", 0, ""), ("answer", 0, "ok"), *PLAIN, ("ask", 0, "get"), ("fin", 0, ""), *PLAIN,
    ("ask", 0, "get"), ("reset", 0, ""), *PLAIN, ("fin", 0, ""), *PLAIN, ("reset", 1, ""), *PLAIN,
]  # fmt: skip
"""Responses of each kind, and what may become of either side while one is waited for, between plain exchanges."""
LONG = {"kept": KEPT, "stale": STALE, "kinds": KINDS}


@pytest.mark.parametrize("script", [KEPT, LATE], ids=["kept", "late"])
@pytest.mark.parametrize("times", [("20s", "20s"), ("20s", "2s"), ("3s", "20s")], ids=" ".join)
def test_both_ways_are_in_time(script: list[Step], times: tuple[str, str]) -> None:
    """What is due by one way is due by the other, whichever side's timeout is the shorter one."""
    for lines in ((), *((one,) for one in LINES if "timeout" in one)):
        assert differences(Setting(EVERY, *times, lines=lines), script) == {}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(both_ways.settings, both_ways.scripts)
def test_both_ways_leave_the_same(setting: Setting, script: list[Step]) -> None:
    """Whatever clients, servers and time do, both ways send the same, count, tell and keep the same."""
    assert differences(setting, script) == {}


@pytest.mark.parametrize("script", LONG.values(), ids=LONG)
@pytest.mark.parametrize("lines", [(), *((one,) for one in LINES)])
def test_both_ways_leave_the_same_with_each_line(lines: tuple[str, ...], script: list[Step]) -> None:
    """Kept clients leave the same by both ways, whatever the section has besides."""
    assert differences(Setting(lines=lines), script) == {}


@pytest.mark.parametrize("behind", [(), *((one,) for one in BEHIND)])
def test_both_ways_leave_the_same_with_each_line_of_another_backend(behind: tuple[str, ...]) -> None:
    """Clients whose requests go to another backend leave the same by both ways, whatever that has besides."""
    for script in (CROWD, STALE, LATE, PAIRED):
        for line in (SHUNT, OVERFLOW):
            assert differences(Setting(lines=(line,), other="2s", behind=behind), script) == {}


@pytest.mark.parametrize("words", WORDS)
def test_both_ways_leave_the_same_with_each_word(words: str) -> None:
    """Kept clients leave the same by both ways, whatever the servers have besides, with and without cookies."""
    for script in (CROWD, AFAR, STALE):
        for line in ("    cookie SRV insert indirect nocache", SHUNT):
            assert differences(Setting(lines=(line,), words=words), script) == {}


def test_the_fast_way_spares_steps() -> None:
    """A plain exchange works out no deadline while none is near, and needs no full account."""
    with at_work(MemoryProxy(configured(Setting().text))) as proxy:
        teach(proxy)
        play = Play(proxy)
        list(play.steps([*begun, ("wait", 1.6, "")]))
        with both_ways.general_steps() as seen:
            list(play.steps([("ask", 0, "get"), ("answer", 0, "ok")] * 3))
        assert seen == []


def test_the_fast_way_is_taken() -> None:
    """In a plain setting the requests of kept clients, their responses and their ends take the fast path."""
    with both_ways.fast_paths() as seen:
        both_ways.played(Setting(), KEPT, fast=False)
        assert not any(seen.values())
        both_ways.played(Setting(), KEPT, fast=True)
        assert seen.pop("answers") == 0
        assert min(seen.values()) >= 9


@pytest.mark.parametrize("line", ["return lf-string %[path] content-type text/plain", "deny", "redirect prefix http://b"])
def test_answers_of_ours_take_the_fast_path(line: str) -> None:
    """An answer that a rule of the frontend gives takes the fast path, if the client is kept."""
    setting = Setting(lines=(f"    http-request {line}",))
    with both_ways.fast_paths() as seen:
        both_ways.played(setting, [("ask", 0, "get"), ("ask", 0, "other"), ("ask", 0, "last")], fast=True)
    assert (seen["answers"], seen["ends"]) == (2, 0)
