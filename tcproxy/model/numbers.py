"""Numbers of proxies, listeners and servers where a configuration gives none (`id` in the manual)."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(given: Sequence[int], silent: frozenset[int] = frozenset()) -> list[int]:
    """Return a number for each of `given`, in which 0 asks for one.

    HAProxy counts places from 1, takes for each the place's number or the next free one above it, and
    counts on from there. Places in `silent` (its own GLOBAL frontend) take a number without being counted.
    """
    taken = {number for number in given if number}
    found, following = [], 1
    for place, number in enumerate(given):
        if not number:
            while following in taken:
                following += 1
            number = following
            taken.add(number)
        found.append(number)
        if place not in silent:
            following += 1
    return found
