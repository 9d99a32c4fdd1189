"""Conditions of three values, for rules that may wait for more bytes: met, not met, not known yet.

A test that fails is not known yet while its fetch says that its sample may still change (samples/rows.py). Terms are
joined as HAProxy joins them (manual 7.1): one alternative that is met decides at once; a term that is not met decides
about its alternative; what is left undecided is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from tcproxy.rules.acls import Acl, Test
from tcproxy.rules.conditions import Condition, Term

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

Holds3: TypeAlias = "Callable[[Facts], bool | None]"
"""Says whether something is met; None: not known yet."""


def may_wait(condition: Condition | None) -> bool:
    """Return whether a condition may be not known yet."""
    return condition is not None and any(_waits(term.acl) for term in condition.terms())


def three_valued(condition: Condition) -> Holds3:
    """Return the function that says whether a condition is met, not met (False), or not known yet (None)."""
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
        known = True
        for part in parts:
            met = part(facts)
            if met is None:
                known = False
            elif not met:
                return False
        return True if known else None

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
