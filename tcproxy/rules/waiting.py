"""Rule sets that may wait for more bytes: their conditions (conditions.py) are met, not met, or not known yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tcproxy.rules.actions.rows import Act, Assembly, Ends
from tcproxy.rules.conditions import Condition
from tcproxy.rules.lines import Rule

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

Holds3: TypeAlias = "Callable[[Facts], bool | None]"
"""Says whether something is met; None: not known yet."""

WaitingRule: TypeAlias = "tuple[Holds3 | None, Act, Ends]"
"""A rule at work: its condition, its action, and what follows that."""


def waiting_rules(rules: Sequence[Rule], assembly: Assembly) -> list[WaitingRule]:
    """Return the rules of a set at work."""
    return [
        (three_valued(rule.condition), rule.made.make(assembly), rule.action.ends)
        for rule in rules
    ]


def decide(rules: Sequence[WaitingRule], stream: Any) -> bool | None:
    """Take the rules in order. Return True when the set is through, None when it must wait for more bytes.

    False: an action has ended what the rules are about.
    """
    for holds, act, ends in rules:
        if holds is not None:
            met = holds(stream)
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


def may_wait(condition: Condition | None) -> bool:
    """Return whether a condition may be not known yet."""
    return condition is not None and condition.may_wait


def three_valued(condition: Condition | None) -> Holds3 | None:
    """Return the function that says whether a condition is met, not met (False), or not known yet (None).

    None for no condition.
    """
    if condition is None:
        return None
    return condition.holds3 if condition.may_wait else condition.holds
