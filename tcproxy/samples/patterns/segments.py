"""Ranges of integers that may overlap, made to segments that do not, each with the range that wins there.

Look-ups among segments are one bisection, however many ranges there are and however they lie in each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import TypeVar

Range = tuple[int, int]
"""Lowest and highest value, both included."""

Owner = TypeVar("Owner")


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Return the same numbers as ranges in order, none of which touches another; empty ranges are left out."""
    merged: list[Range] = []
    end = None
    for low, high in sorted(ranges):
        if low > high:
            continue
        if end is not None and low <= end + 1:
            if high > end:
                merged[-1] = (merged[-1][0], high)
                end = high
        else:
            merged.append((low, high))
            end = high
    return merged


def range_test(ranges: Iterable[Range]) -> Callable[[int], bool]:
    """Return the function that says whether a number is in any of the ranges."""
    merged = merge(ranges)
    if len(merged) == 1:
        low, high = merged[0]
        return lambda value: low <= value <= high
    bounds = [bound for low, high in merged for bound in (low, high + 1)]
    return lambda value: bisect_right(bounds, value) & 1 == 1


def range_finder(ranges: Sequence[tuple[int, int, int, Owner]]) -> Callable[[int], Owner | None]:
    """Return the function that finds the range that a number is in: of several, the one of the lowest rank.

    ranges: lowest and highest value, rank (no two are the same), and what to return.
    """
    starts, owners = flatten(ranges)

    def find(value: int) -> Owner | None:
        at = bisect_right(starts, value)
        return owners[at - 1] if at else None

    return find


def flatten(ranges: Sequence[tuple[int, int, int, Owner]]) -> tuple[list[int], list[Owner | None]]:
    """Return where segments start, in order, and the range that wins in each; None where there is none."""
    starts: list[int] = []
    owners: list[Owner | None] = []
    open_ranges: list[tuple[int, int, Owner]] = []  # by rank

    def close_until(limit: int | None) -> None:
        """End the ranges that end before `limit`, and begin those that they had covered."""
        while open_ranges and (limit is None or open_ranges[0][1] < limit):
            _, high, _ = heappop(open_ranges)
            while open_ranges and open_ranges[0][1] <= high:
                heappop(open_ranges)
            _begin(starts, owners, high + 1, open_ranges[0][2] if open_ranges else None)

    for low, high, rank, owner in sorted(ranges, key=lambda one: one[:3]):
        if low > high:
            continue
        close_until(low)
        heappush(open_ranges, (rank, high, owner))
        _begin(starts, owners, low, open_ranges[0][2])
    close_until(None)
    return starts, owners


def _begin(starts: list[int], owners: list[Owner | None], start: int, owner: Owner | None) -> None:
    if starts and starts[-1] == start:
        starts.pop()
        owners.pop()
    if not owners or owners[-1] is not owner:
        starts.append(start)
        owners.append(owner)
