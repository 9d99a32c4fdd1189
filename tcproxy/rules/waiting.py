"""Rule sets that may wait for more bytes, and their conditions of three values: met, not met, not known yet.

A test that fails is not known yet while its fetch says that its sample may still change (samples/rows.py). Terms are
joined as HAProxy joins them: the first term of an alternative that is not met, or not known yet, decides about it, and
those behind it are not looked at; one alternative that is met decides at once; what is left undecided is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tcproxy.rules.acls import Acl, Test
from tcproxy.rules.actions.rows import Act, Assembly, Ends
from tcproxy.rules.conditions import Condition, Term
from tcproxy.rules.lines import Rule

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

Holds3: TypeAlias = "Callable[[Facts], bool | None]"
"""Says whether something is met; None: not known yet."""

WaitingRule: TypeAlias = "tuple[Holds3 | None, Act, Ends, Callable[[Any], bool] | None]"
"""A rule at work: its condition, its action, what follows that, and whether the action itself waits (Made.waits)."""


class Wait:
    """How far a set is whose rules may wait.

    over: nothing more is waited for. asking: a condition is being asked, or an action whether it waits. at: the rule to
    go on with, past its condition, 0 for the first one.
    """

    __slots__ = ("asking", "at", "over")

    def __init__(self, over: bool = False, at: int = 0) -> None:
        self.over = over
        self.at = at
        self.asking = False

    @property
    def known(self) -> bool:
        """Return whether what is asked now must have an answer: actions know no wait."""
        return self.over or not self.asking


def waiting_rules(rules: Sequence[Rule], assembly: Assembly) -> list[WaitingRule]:
    """Return the rules of a set at work."""
    return [
        (three_valued(rule.condition), rule.made.make(assembly), rule.action.ends, rule.made.waits) for rule in rules
    ]


def decide(rules: Sequence[WaitingRule], stream: Any, wait: Wait) -> bool | None:
    """Take the rules in order. Return True when the set is through, None when it must wait for more bytes.

    False: an action has ended what the rules are about. As in HAProxy a set goes on with the action that waited, but
    begins anew where a condition did.
    """
    first, wait.at = wait.at, 0
    for at in range(first, len(rules)):
        holds, act, ends, waits = rules[at]
        wait.asking = True
        met = True if holds is None or (first and at == first) else holds(stream)
        held = bool(met) and waits is not None and waits(stream)
        wait.asking = False
        if held:
            wait.at = at
            return None
        if met is None:
            return None
        if not met:
            continue
        going = act(stream)
        if ends is Ends.ALWAYS or (ends is Ends.SOMETIMES and not going):
            return False
        if ends is Ends.SET:
            return True
    return True


def rule_waits(rule: Rule) -> bool:
    """Return whether a rule's condition may be not known yet, or its action wait."""
    return rule.made.waits is not None or may_wait(rule.condition)


def may_wait(condition: Condition | None) -> bool:
    """Return whether a condition may be not known yet."""
    return condition is not None and any(_waits(term.acl) for term in condition.terms())


def three_valued(condition: Condition | None) -> Holds3 | None:
    """Return the function that says whether a condition is met, not met (False), or not known yet (None).

    None for no condition.
    """
    if condition is None:
        return None
    if not may_wait(condition):
        return condition.holds
    holds = _any([_all([_term(term) for term in group]) for group in condition.alternatives])
    return _negated(holds) if condition.unless else holds


def _waits(acl: Acl) -> bool:
    return any(test.expression.waits is not None for test in acl.tests)


def _term(term: Term) -> Holds3:
    acl = term.acl
    if not _waits(acl):
        return term.compile()
    holds = _any([_test(test) for test in acl.tests])
    return _negated(holds) if term.negated else holds


def _test(test: Test) -> Holds3:
    holds, waits = test.holds, test.expression.waits
    if waits is None:
        return holds

    def known(facts: Facts) -> bool | None:
        if holds(facts):
            return True
        return None if not facts.wait_over and waits(facts) else False

    return known


def _negated(holds: Holds3) -> Holds3:
    def negated(facts: Facts) -> bool | None:
        met = holds(facts)
        return None if met is None else not met

    return negated


def _all(parts: Sequence[Holds3]) -> Holds3:
    if len(parts) == 1:
        return parts[0]

    def every(facts: Facts) -> bool | None:
        for part in parts:
            met = part(facts)
            if not met:
                return met
        return True

    return every


def _any(parts: Sequence[Holds3]) -> Holds3:
    if len(parts) == 1:
        return parts[0]

    def some(facts: Facts) -> bool | None:
        known = True
        for part in parts:
            met = part(facts)
            if met is None:
                known = False
            elif met:
                return True
        return False if known else None

    return some
