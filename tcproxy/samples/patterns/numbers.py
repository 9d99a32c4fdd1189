"""Integer patterns: values, ranges and comparisons (manual 7.1.2), for `-m int` and `-m len`; versions as `3.1`."""

from __future__ import annotations

import re
from collections.abc import Callable

from tcproxy.samples.kinds import INT64_MAX, INT64_MIN
from tcproxy.samples.patterns.entries import Entry, Find, Match
from tcproxy.samples.patterns.segments import Range, range_finder, range_test

_VALUE = re.compile(r"-[0-9]*|[0-9]+")
_VERSION = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?")
_SEPARATOR = re.compile(r"[:-]")

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
    """Return what a pattern matches. Raises ValueError.

    A range says it all, and the operator before it counts for nothing. As in HAProxy, a hyphen separates the ends of a
    range just as a colon does: `-5` is 5 and less, and `--5` is -5 and less. Behind an operator, a dot and what follows
    it do not count.
    """
    if _SEPARATOR.search(text):
        return _range(text, _number)
    if operator not in ("eq", "ne"):
        text = text.partition(".")[0]
    low, high = OPERATORS[operator](_number(text))
    if low > INT64_MAX:
        raise ValueError(f"no number is greater than '{text}'")
    return low, high


def _number(text: str) -> int:
    if not _VALUE.fullmatch(text):
        raise ValueError(f"'{text}' is not a number")
    value = 0 if text == "-" else int(text)
    if not INT64_MIN <= value <= INT64_MAX:
        raise ValueError(f"'{text}' is not a number of 64 bits")
    return value


def read_versions(text: str, operator: str = "eq") -> Range:
    """Return what a pattern as `3.1`, `3`, `3.0:3.2`, `3.1:` or `:3.1` matches; a version is major << 16 | minor.

    A range says it all, and the operator before it counts for nothing. Raises ValueError.
    """
    if _SEPARATOR.search(text):
        return _range(text, _version)
    low, high = OPERATORS[operator](_version(text))
    if low > _LAST_VERSION:
        raise ValueError(f"no version is greater than '{text}'")
    return low, high


_LAST_VERSION = 0xFFFFFFFF


def _version(text: str) -> int:
    match = _VERSION.fullmatch(text)
    if match is None or int(match[1]) > 0xFFFF or int(match[2] or 0) > 0xFFFF:
        raise ValueError(f"'{text}' is not a version, as '3.1'")
    return int(match[1]) << 16 | int(match[2] or 0)


def _range(text: str, read: Callable[[str], int]) -> Range:
    low_text, high_text = _SEPARATOR.split(text, 1)
    try:
        low = read(low_text) if low_text else INT64_MIN
        high = read(high_text) if high_text or not low_text else INT64_MAX
    except ValueError as error:
        raise ValueError(f"'{text}' is not a range: {error}") from None
    if low > high:
        raise ValueError(f"'{text}' is not a range: it ends before it begins")
    return low, high


def text_of_range(text: str, bounds: Range, are_versions: bool) -> str:
    """Return a pattern that says without an operator what `text` means behind one, as `4:` for `gt 3`."""
    if _SEPARATOR.search(text) or bounds[0] == bounds[1]:
        return text
    low, high = (
        "" if bound in (INT64_MIN, INT64_MAX) else f"{bound >> 16}.{bound & 0xFFFF}" if are_versions else str(bound)
        for bound in bounds
    )
    return f"{low}:{high}"


class RangeStore:
    """The ranges of one use of a set. Of several that match, the one that came first is found."""

    def __init__(self, read: Callable[[bytes], Range]) -> None:
        self.read = read
        self.ranges: dict[Entry, Range] = {}

    def __len__(self) -> int:
        return len(self.ranges)

    def add(self, entry: Entry) -> None:
        """Take a range. Raises ValueError."""
        self.ranges[entry] = self.read(entry.text)

    def remove(self, entry: Entry) -> None:
        """Give up a range."""
        del self.ranges[entry]

    def test(self) -> Match:
        """Return the function that says whether a number is in a range."""
        return range_test(self.ranges.values())

    def find(self) -> Find:
        """Return the function that finds the first range that a number is in."""
        return range_finder([(*bounds, rank, entry) for rank, (entry, bounds) in enumerate(self.ranges.items())])


class LengthStore(RangeStore):
    """The same, of the lengths of texts. A range up to a negative number has no end, as in HAProxy."""

    def add(self, entry: Entry) -> None:
        """Take a range. Raises ValueError."""
        low, high = self.read(entry.text)
        self.ranges[entry] = low, high if high >= 0 else INT64_MAX

    def test(self) -> Match:
        """Return the function that says whether a text's length is in a range."""
        inside = range_test(self.ranges.values())
        return lambda value: inside(len(value))

    def find(self) -> Find:
        """Return the function that finds the first range that a text's length is in."""
        find = super().find()
        return lambda value: find(len(value))
