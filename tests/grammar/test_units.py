"""Times, sizes, integers, choices and texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.units import (
    TIME_MAX,
    Choice,
    Integer,
    Size,
    Text,
    Time,
    doubt_of_time,
    read_size,
    read_time,
)


@pytest.mark.parametrize(
    ("word", "unit", "value"),
    [
        ("0", "ms", 0),
        ("50000", "ms", 50000),
        ("1us", "ms", 1),
        ("1000us", "ms", 1),
        ("1001us", "ms", 2),
        ("30s", "ms", 30000),
        ("1m", "ms", 60000),
        ("2h", "ms", 7_200_000),
        ("24d", "ms", 2_073_600_000),
        ("2147483647", "ms", TIME_MAX),
        ("500ms", "s", 1),
        ("10", "s", 10),
        ("1d", "s", 86400),
        ("10sec", "ms", 10000),
        ("1us5", "ms", 1),
    ],
)
def test_times(word: str, unit: str, value: int) -> None:
    """A time is read in the unit of its word, rounded up."""
    assert read_time(word, unit) == value


@pytest.mark.parametrize("word", ["", "s", "-5", "+5", "1.5s", "1H", "10u", "25d", "2147483648", "9" * 5000])
def test_wrong_times(word: str) -> None:
    """What the reference refuses as a time is refused with a sentence."""
    with pytest.raises(ValueError, match="time"):
        read_time(word)


def test_doubtful_times() -> None:
    """Letters behind a unit are borne, with a warning; a clean time raises no doubt."""
    assert "'ec'" in doubt_of_time("10sec")
    assert doubt_of_time("10s") == doubt_of_time("10") == ""


@given(st.integers(0, 24), st.sampled_from("smhd"))
def test_units_agree(count: int, unit: str) -> None:
    """A time in a unit is the time in milliseconds that the unit stands for."""
    factor = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
    assert read_time(f"{count}{unit}") == read_time(str(count * factor)) == count * factor


@pytest.mark.parametrize(
    ("word", "value"), [("0", 0), ("16k", 16384), ("1M", 1048576), ("3g", 3 << 30), ("4294967295", 2**32 - 1)]
)
def test_sizes(word: str, value: int) -> None:
    """Sizes count in 1024."""
    assert read_size(word) == value


@pytest.mark.parametrize("word", ["", "k", "1kb", "1t", "1.5k", "-1", "4g", "4294967296"])
def test_wrong_sizes(word: str) -> None:
    """What the reference refuses as a size is refused with a sentence."""
    with pytest.raises(ValueError, match="size"):
        read_size(word)


def test_integers() -> None:
    """An integer is read to its last digit; its bounds are told."""
    assert Integer().read("010") == 10
    assert Integer().read("5x") == 5
    assert "'x'" in Integer().doubt("5x")
    assert Integer().doubt("5") == ""
    assert Integer(min=-2).read("-1") == -1
    with pytest.raises(ValueError, match="not a number"):
        Integer(strict=True).read("5x")
    with pytest.raises(ValueError, match="not a number"):
        Integer().read("abc")
    with pytest.raises(ValueError, match="at the least"):
        Integer(min=1).read("0")
    with pytest.raises(ValueError, match="at the most"):
        Integer(max=256).read("257")


def test_bounds_of_times_and_sizes() -> None:
    """Bounds are told in the unit of the argument."""
    with pytest.raises(ValueError, match="at the least"):
        Time(min=1).read("0")
    with pytest.raises(ValueError, match="10 s at the most"):
        Time(max=10, unit="s").read("11")
    with pytest.raises(ValueError, match="at the most"):
        Size(max=1024).read("2k")


def test_choices_and_texts() -> None:
    """A choice gives its word or the value told for it; a text is not empty unless it may be."""
    assert Choice("tcp", "http").read("tcp") == "tcp"
    assert Choice(on=True, off=False).read("off") is False
    with pytest.raises(ValueError, match="'tcp' or 'http'"):
        Choice("tcp", "http").read("health")
    assert Text(max=3).read("abc") == "abc"
    assert Text(empty=True).read("") == ""
    with pytest.raises(ValueError, match="empty"):
        Text().read("")
    with pytest.raises(ValueError, match="too long"):
        Text(max=3).read("abcd")
