"""The fast way leaves what the general way leaves: bytes, log lines, counters, links, times, whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.transport.http1 import both_ways
from tests.transport.http1.both_ways import FAST, LINES, WORDS, Play, Setting, Step, begun, differences, teach
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


@pytest.mark.parametrize("script", [KEPT, LATE], ids=["kept", "late"])
@pytest.mark.parametrize("times", [("20s", "20s"), ("20s", "2s"), ("3s", "20s")], ids=" ".join)
def test_both_ways_are_in_time(script: list[Step], times: tuple[str, str]) -> None:
    """What is due by one way is due by the other, whichever side's timeout is the shorter one."""
    for lines in ((), *((one,) for one in LINES if "timeout" in one)):
        assert differences(Setting(FAST, *times, lines=lines), script) == {}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(both_ways.settings, both_ways.scripts)
def test_both_ways_leave_the_same(setting: Setting, script: list[Step]) -> None:
    """Whatever clients, servers and time do, both ways send the same, count, tell and keep the same."""
    assert differences(setting, script) == {}


@pytest.mark.parametrize("lines", [(), *((one,) for one in LINES)])
@pytest.mark.parametrize("words", WORDS)
def test_both_ways_leave_the_same_with_each_word(lines: tuple[str, ...], words: str) -> None:
    """Kept clients leave the same by both ways, whatever a section or its servers have besides."""
    assert differences(Setting(FAST, lines=lines, words=words), KEPT) == {}


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
    """In a plain setting the requests of kept clients, their responses and their ends go the fast way."""
    with both_ways.fast_ways() as seen:
        both_ways.played(Setting(), KEPT, fast=False)
        assert seen == {"requests": 0, "responses": 0, "ends": 0}
        both_ways.played(Setting(), KEPT, fast=True)
        assert min(seen.values()) >= 9
