"""Ranges of integers, versions, and the segments that look-ups go through."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.samples.kinds import INT64_MAX, INT64_MIN
from tcproxy.samples.patterns.numbers import OPERATORS, read_range, read_versions, text_of_range
from tcproxy.samples.patterns.segments import flatten, merge, range_finder, range_test

values = some.integers(-(2**63), 2**63 - 1) | some.integers(-9, 9)
pairs = some.lists(some.tuples(values, values), max_size=12)


@given(pairs, values)
def test_ranges_match_what_they_say(pairs: list[tuple[int, int]], value: int) -> None:
    """Merged and searched ranges contain exactly the numbers of the ranges that were written."""
    every = [value for pair in pairs for value in pair]
    test = range_test(pairs)
    for one in [value, *every, *(number + 1 for number in every)]:
        assert test(one) == any(low <= one <= high for low, high in pairs)
    merged = merge(pairs)
    assert all(first[1] + 1 < second[0] for first, second in pairwise(merged))


@given(pairs, some.randoms(use_true_random=False))
def test_the_range_of_the_lowest_rank_is_found(pairs: list[tuple[int, int]], chance: object) -> None:
    """Of ranges that overlap in any way, a look-up finds the one of the lowest rank, and none outside of all."""
    ranks = list(range(len(pairs)))
    chance.shuffle(ranks)  # type: ignore[attr-defined]
    ranges = [(low, high, rank, f"r{rank}") for (low, high), rank in zip(pairs, ranks, strict=True)]
    find = range_finder(ranges)
    every = [value for pair in pairs for value in pair]
    for one in [0, *every, *(number + 1 for number in every), *(number - 1 for number in every)]:
        inside = [(rank, name) for low, high, rank, name in ranges if low <= one <= high]
        assert find(one) == (min(inside)[1] if inside else None)
    starts, owners = flatten(ranges)
    assert starts == sorted(set(starts)) and len(owners) == len(starts)


@given(some.text(alphabet="0123456789:-+. x", max_size=8))
def test_number_patterns_never_raise_anything_else(text: str) -> None:
    """A pattern is a range or a ValueError."""
    for read in (read_range, read_versions):
        try:
            low, high = read(text)
        except ValueError:
            continue
        assert low <= high


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("3", (3 << 16, 3 << 16)), ("3.1", (0x30001, 0x30001)), ("3.0:3.3", (0x30000, 0x30003)),
        ("3.1:", (0x30001, INT64_MAX)), (":3.1", (INT64_MIN, 0x30001)), ("2-3", (0x20000, 0x30000)),
        ("65535.65535", (0xFFFFFFFF, 0xFFFFFFFF)),
    ],
)  # fmt: skip
def test_versions_are_two_numbers(text: str, bounds: tuple[int, int]) -> None:
    """A version is its two numbers in 32 bits; a range ends at a colon or a hyphen."""
    assert read_versions(text) == bounds


@pytest.mark.parametrize("text", ["", ":", "-", "3.", ".3", "3.1.2", "65536", "3.65536", "3.2:3.1", "x", "3 ", "1:2:3"])
def test_what_is_no_version_is_refused(text: str) -> None:
    """Anything else raises ValueError."""
    with pytest.raises(ValueError):
        read_versions(text)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_can_be_written_as_ranges(operator: str) -> None:
    """A comparison has a range that says the same."""
    bounds = read_range("5", operator)
    assert read_range(text_of_range("5", bounds, False)) == bounds
    versions = read_versions("3.1", operator)
    assert read_versions(text_of_range("3.1", versions, True)) == versions
    assert text_of_range("1:5", (1, 5), False) == "1:5"
