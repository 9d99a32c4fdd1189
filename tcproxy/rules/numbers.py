"""Integer patterns: values, ranges and comparisons (manual 7.1.2), for `-m int` and `-m len`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tcproxy.samples.kinds import INT64_MAX, INT64_MIN

Range = tuple[int, int]
"""Lowest and highest value, both included."""

_VALUE = re.compile(r"-?[0-9]+")
_RANGE = re.compile(r"([0-9]*):([0-9]*)")

OPERATORS: dict[str, Callable[[int], Range]] = {
    "eq": lambda value: (value, value),
    "ge": lambda value: (value, INT64_MAX),
    "gt": lambda value: (value + 1, INT64_MAX),
    "le": lambda value: (INT64_MIN, value),
    "lt": lambda value: (INT64_MIN, value - 1),
    # not in the manual: HAProxy 2.6 accepts the word and takes it for `eq`
    "ne": lambda value: (value, value),
}


def read_range(text: str, operator: str = "eq") -> Range:
    """Return what a pattern matches. A range says it all, and the operator before it counts for nothing.

    Raises ValueError.
    """
    match = _RANGE.fullmatch(text)
    if match is not None and match[0] != ":":
        low = int(match[1]) if match[1] else INT64_MIN
        high = int(match[2]) if match[2] else INT64_MAX
        if low > high or max(abs(low), abs(high)) > INT64_MAX + 1:
            raise ValueError(f"'{text}' is not a range of numbers")
        return low, high
    if ":" in text:
        raise ValueError(f"'{text}' is not a range of numbers")
    if not _VALUE.fullmatch(text) or not INT64_MIN <= int(text) <= INT64_MAX:
        raise ValueError(f"'{text}' is not a number")
    return OPERATORS[operator](int(text))


def merge(ranges: Sequence[Range]) -> list[Range]:
    """Return the same numbers as ranges in order, none of which touches another; empty ranges are left out."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if low > high:
            continue
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def number_matcher(ranges: Sequence[Range]) -> Callable[[int], bool]:
    """Return the function that says whether a number is in any of the ranges."""
    merged = merge(ranges)
    if len(merged) == 1:
        low, high = merged[0]
        return lambda value: low <= value <= high
    lows = [low for low, _ in merged]
    highs = [high for _, high in merged]

    def find(value: int) -> bool:
        at = bisect_right(lows, value) - 1
        return at >= 0 and value <= highs[at]

    return find
