"""Rule sets as generated code: they do what their rules say one by one, and take each sample as often as needed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.rules.actions.rows import Action, Ends, Made
from tcproxy.rules.compiling import compile_rules
from tcproxy.rules.lines import Rule
from tcproxy.rules.sets import EVERY
from tests.rules.world import client, condition

ACLS = ("acl loop src 127.0.0.0/8", "acl loop src ::1", "acl high dst_port gt 1000", "acl never src 1.2.3.4")
TESTS = (
    "", "TRUE", "FALSE", "loop", "!loop", "high", "loop high", "loop !high", "never or high", "never || !loop",
    "{ src -m found }", "!{ fc_pp_authority -m found }", "{ src_port 4000 } { dst_port 80:90 }", "{ stopping }",
    "{ so_name here }", "{ src,upper -m sub 127 }", "!never !never", "loop or never high",
)  # fmt: skip


def rule(text: str, number: int, ends: Ends = Ends.NEVER, waits: bool = False, changes: tuple[str, ...] = ()) -> Rule:
    """Return a rule whose action notes its number; `text`: its condition, "" for none."""

    def act(facts: Any) -> object:
        facts.done.append(number)
        return number % 2 == 0

    action = Action(f"note-{number}", EVERY, "Note it.", lambda words: Made(lambda assembly: act), "", ends, waits)
    return Rule(action, Made(lambda assembly: act, changes), condition(text, *ACLS) if text else None)


def by_hand(rules: list[Rule], facts: Any) -> None:
    """Do the rules one by one, as the manual says."""
    for one in rules:
        if one.condition is not None and not one.condition.holds(facts):
            continue
        go_on = one.made.make(None)(facts)  # type: ignore[arg-type]  # the action needs nothing
        ends = one.action.ends
        if ends in (Ends.ALWAYS, Ends.SET) or (ends is Ends.SOMETIMES and not go_on):
            return


def compiled(rules: list[Rule], facts: Any) -> None:
    """Run the compiled steps as sessions do."""
    steps = compile_rules(rules, SimpleNamespace())  # type: ignore[arg-type]  # the actions need nothing
    facts.next_step = 0
    while facts.next_step < len(steps):
        step = steps[facts.next_step]
        facts.next_step += 1
        if not step(facts):
            return


RULES = st.lists(
    st.tuples(
        st.sampled_from(TESTS),
        st.sampled_from([Ends.NEVER, Ends.NEVER, Ends.NEVER, Ends.SET, Ends.ALWAYS, Ends.SOMETIMES]),
        st.booleans(),
        st.sampled_from([(), ("",), ("path",)]),
    ),
    max_size=7,
)


@given(RULES, st.sampled_from(["127.0.0.1", "10.0.0.1", "::1"]), st.sampled_from([80, 8080]))
def test_code_does_what_the_rules_say(given_rules: list[Any], source: str, port: int) -> None:
    """Compiled or one by one, in one step or in several, the same actions are done in the same order."""
    rules = [rule(text, at, ends, waits, changes) for at, (text, ends, waits, changes) in enumerate(given_rules)]
    done = []
    for way in (by_hand, compiled):
        facts = client(source, destination_port=port, done=[])
        way(rules, facts)
        done.append(facts.done)
    assert done[0] == done[1]


class Counting:
    """Facts that count how often the client's port is asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.done: list[int] = []
        self.source = b"\x7f\0\0\1"

    @property
    def source_port(self) -> int:
        """Count, and return the port."""
        self.asked += 1
        return 4000


def test_a_sample_is_taken_once_a_set() -> None:
    """Three rules that look at one fact of the connection take it once, even behind actions that change messages."""
    facts = Counting()
    rules = [rule("{ src_port 4000 }", at, changes=("",)) for at in (1, 2)] + [rule("!{ src_port 1:10 }", 3)]
    compiled(rules, facts)
    assert facts.done == [1, 2, 3]
    assert facts.asked == 1


def test_what_an_action_changes_is_looked_at_anew() -> None:
    """Rules behind one that changes the path see the new path, if it was done, and the old one if not."""

    def moving(text: str) -> Rule:
        def act(facts: Any) -> None:
            facts.request.target = b"/new"

        action = Action("move", EVERY, "Move.", lambda words: Made(lambda assembly: act))
        return Rule(action, Made(lambda assembly: act, ("path",)), condition(text, "acl old path /old", *ACLS))

    for source, expected in (("127.0.0.1", [3]), ("10.0.0.1", [1, 5])):
        facts = client(source, done=[], request=SimpleNamespace(target=b"/old"))
        rules = [moving("loop old"), *(rule(f"{{ path /{name} }}", at) for at, name in ((1, "old"), (3, "new")))]
        rules += [rule("{ path /old } { path -m beg / }", 5)]
        compiled(rules, facts)
        assert facts.done == expected


@pytest.mark.parametrize("ends", [Ends.SET, Ends.ALWAYS])
def test_nothing_follows_a_rule_that_ends_all(ends: Ends) -> None:
    """Behind an unconditional end no more rules are done, in later parts of the set neither."""
    facts = client(done=[])
    compiled([rule("", 1, waits=True), rule("", 2, ends), rule("", 4, waits=True), rule("", 6)], facts)
    assert facts.done == [1, 2]


def test_a_rule_that_waits_cuts_the_set() -> None:
    """What stands behind a rule that may wait is a step of its own."""
    rules = [rule("", 0), rule("", 2, Ends.SOMETIMES, waits=True), rule("", 4), rule("", 6)]
    assert len(compile_rules(rules, SimpleNamespace())) == 2  # type: ignore[arg-type]  # the actions need nothing
