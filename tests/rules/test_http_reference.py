"""Every action of HTTP in HAProxy and in tcproxy: what clients and servers see, log lines, and counters are alike."""

from __future__ import annotations

import difflib

import pytest

from tests.rules.http_cases import FAMILIES
from tests.rules.sides import Case, both

AGAIN = 2
"""How often cases that differed are played anew: a machine that stalls lets a wait end where none should."""


def differing(cases: list[Case]) -> list[tuple[Case, str]]:
    """Return the cases that differ, each with its difference."""
    found = []
    for case, (first, second) in zip(cases, both(cases), strict=True):
        if first != second:
            lines = difflib.unified_diff(first.splitlines(), second.splitlines(), "haproxy", "tcproxy", lineterm="")
            found.append((case, "\n".join([f"{case.front[:200]} | {case.back[:200]} | {case.steps[0]!r}", *lines])))
    return found


@pytest.mark.reference
@pytest.mark.parametrize("family", FAMILIES)
def test_actions_are_told_alike(family: str) -> None:
    """The same rules do the same to the same messages, and are logged and counted alike."""
    found = differing(FAMILIES[family])
    for _ in range(AGAIN):
        found = differing([case for case, _ in found]) if found else []
    assert not found, "\n\n".join(told for _, told in found)
