"""Conditions of three values: terms that are met, not met, or not known yet, joined as HAProxy joins them."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.rows import Draft
from tcproxy.rules.acls import parse_acl
from tcproxy.rules.actions.rows import Action, Ends, Made
from tcproxy.rules.conditions import parse_condition
from tcproxy.rules.lines import Rule
from tcproxy.rules.waiting import Wait, decide, may_wait, three_valued, waiting_rules
from tests.rules.world import condition, reading, statement
from tests.running import HAPROXY, free_port, program

HELD = b"0123456789"
TESTS = {"{ req.len ge 1 }": True, "{ req.len gt 99 }": None, "{ src 192.0.2.1 }": False}
"""Tests of the first ten bytes of a client, of which more may come: what each is known to be."""


def client(over: bool = False) -> Any:
    """Return the facts of a client whose bytes are being waited for, or no more."""
    frontend = SimpleNamespace(model=SimpleNamespace(mode="tcp"))
    return SimpleNamespace(
        request=None, frontend=frontend, data=lambda: HELD, wait_over=over, source=b"\x7f\0\0\1", source_port=1
    )


def known(text: str, over: bool = False) -> bool | None:
    """Return what a condition is known to be."""
    holds = three_valued(condition(text))
    assert holds is not None
    return holds(client(over))


def _expected(groups: list[list[tuple[bool, bool | None]]]) -> bool | None:
    """Return the value of alternatives of terms: the first term that is not met decides an alternative."""
    found = []
    for group in groups:
        terms = [value if value is None else value is not negated for negated, value in group]
        found.append(next((value for value in terms if not value), True))
    return True if True in found else None if None in found else False


TERMS = st.tuples(st.booleans(), st.sampled_from(sorted(TESTS)))


@given(st.lists(st.lists(TERMS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_terms_are_joined_as_in_haproxy(groups: list[list[tuple[bool, str]]]) -> None:
    """The first term that is not met or not known decides its alternative; one that is met decides the condition."""
    text = " or ".join(" ".join("!" * negated + test for negated, test in group) for group in groups)
    assert known(text) == _expected([[(negated, TESTS[test]) for negated, test in group] for group in groups])


@given(st.lists(TERMS, min_size=1, max_size=4))
def test_all_is_known_when_the_wait_is_over(terms: list[tuple[bool, str]]) -> None:
    """Once no more bytes can come, what is not met is known to be so."""
    text = " ".join("!" * negated + test for negated, test in terms)
    assert known(text, over=True) is all((TESTS[test] or False) is not negated for negated, test in terms)


def test_tests_of_one_name_are_joined_as_in_haproxy() -> None:
    """An ACL of several tests is met by any; it is not known yet while one of those that fail may change."""
    waiting = ["acl c req.len gt 99", "acl c src 192.0.2.1"]
    for lines, text, expected in (
        (waiting, "if c", None),
        ([*waiting, "acl c req.len ge 1"], "if c", True),
        (waiting, "if !c", None),
        (waiting, "unless c", None),
        (waiting[1:], "unless c", True),
    ):
        draft = Draft()
        for line in lines:
            parse_acl(statement(line), draft, reading())
        found = parse_condition(statement(text), 0, reading(), None, draft["acls"])
        holds = three_valued(found)
        assert holds is not None and holds(client()) is expected, (lines, text)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("text", "waits"),
    [("{ req.len gt 99 } FALSE", True), ("FALSE { req.len gt 99 }", False), ("{ req.len ge 1 } FALSE", False),
     ("{ req.len gt 99 } FALSE or FALSE", True), ("{ req.len gt 99 } or TRUE", False)],
)  # fmt: skip
def test_haproxy_waits_for_the_same(text: str, waits: bool, tmp_path: Path) -> None:
    """Whether a condition makes HAProxy wait for more bytes is what we say of it."""
    port, file = free_port(), tmp_path / "wait.cfg"
    file.write_text(
        f"defaults\n  mode tcp\n  timeout client 10s\nfrontend f\n  bind 127.0.0.1:{port}\n"
        f"  tcp-request inspect-delay 1500ms\n  tcp-request content reject if {text}\n  tcp-request content reject\n"
    )
    with program(HAPROXY, "-db", "-f", str(file), port=port), socket.create_connection(("127.0.0.1", port)) as peer:
        started = time.monotonic()
        peer.sendall(HELD)
        with contextlib.suppress(OSError):
            peer.recv(100)
        assert (time.monotonic() - started > 1.4) is waits
    assert (known(text) is None) is waits


def test_only_samples_that_may_change_are_waited_for() -> None:
    """A condition without a test of bytes is never waited for."""
    assert may_wait(condition("{ req.len gt 1 }")) and not may_wait(condition("{ src 192.0.2.1 }"))
    assert not may_wait(None) and three_valued(None) is None


def _rule(text: str, done: list[str], name: str, ends: Ends = Ends.NEVER, goes_on: bool = True) -> Rule:
    def act(stream: object) -> bool:
        done.append(name)
        return goes_on

    row = Action(name, frozenset(), "", lambda words: Made(lambda assembly: act), ends=ends)
    return Rule(row, Made(lambda assembly: act), condition(text) if text else None)


def _decided(*rules: Rule) -> bool | None:
    return decide(waiting_rules(rules, None), client(), Wait())  # type: ignore[arg-type]  # these actions ask nothing of it


def test_rules_are_taken_up_to_the_one_that_waits() -> None:
    """What stands before a rule that is not known yet is done; nothing behind it is."""
    done: list[str] = []
    rules = [_rule("", done, "a"), _rule("{ src 1.2.3.4 }", done, "b"), _rule("{ req.len gt 99 }", done, "c")]
    assert _decided(*rules, _rule("", done, "d")) is None
    assert done == ["a"]


def test_what_follows_an_action() -> None:
    """An action ends the set, or what the rules are about, as its row says."""
    for ends, goes_on, verdict, acts in (
        (Ends.NEVER, False, True, 2), (Ends.SET, True, True, 1), (Ends.ALWAYS, True, False, 1),
        (Ends.SOMETIMES, True, True, 2), (Ends.SOMETIMES, False, False, 1),
    ):  # fmt: skip
        done: list[str] = []
        assert _decided(_rule("", done, "a", ends, goes_on), _rule("", done, "b")) is verdict
        assert len(done) == acts
