"""Argument types: times, sizes, integers, choices and texts (manual 2.5).

Each class reads one word for `Row.arguments`. What a value means to the proxy is not told here.

HAProxy takes some words that it should not (`10sec`, `maxconn 5x`) and reads their beginning. So do we,
and `doubt` returns a sentence for a warning, "" for a clean word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

TIME_MAX = 2_147_483_647
"""Longest time, in the unit of its word (of milliseconds: 24.8 days)."""

SIZE_MAX = 4_294_967_295

# seconds of one unit
_SECONDS = {
    "us": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}

_SHIFTS = {"": 0, "k": 10, "m": 20, "g": 30}

_TIME = re.compile(r"([0-9]+)(us|ms|[smhd])?", re.ASCII)
_SIZE = re.compile(r"([0-9]+)([kKmMgG]?)", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?[0-9]+)", re.ASCII)


def read_time(word: str, unit: str = "ms") -> int:
    """Read a time such as `30s`; return it in `unit`, which is also the unit of a bare number.

    What is smaller than one unit counts as one (0 stays 0). Raises ValueError.
    """
    match = _TIME.match(word)
    if not match or (not match[2] and match.end() < len(word)):
        wrong = word[match.end() :] if match else word
        raise ValueError(
            f"'{word}' is not a time: {_unexpected(wrong)}; write a number and one of us, ms, s, m, h, d"
        )
    amount = _number(match[1]) * _SECONDS[match[2] or unit] / _SECONDS[unit]
    value = -(-amount.numerator // amount.denominator)
    if value > TIME_MAX:
        raise ValueError(f"the time '{word}' is too long: {TIME_MAX} {unit} at the most{_in_days(unit)}")
    return value


def doubt_of_time(word: str) -> str:
    """Return a sentence for a warning when something follows the unit of a time, "" otherwise."""
    match = _TIME.match(word)
    if not match or match.end() == len(word):
        return ""
    rest = word[match.end() :]
    return f"'{rest}' behind the time '{match[0]}' is ignored; known units are us, ms, s, m, h and d"


def read_size(word: str) -> int:
    """Read a size such as `16k`, in bytes or entries; k, m and g count 1024. Raises ValueError."""
    match = _SIZE.match(word)
    if not match or match.end() < len(word):
        wrong = word[match.end() :] if match else word
        raise ValueError(f"'{word}' is not a size: {_unexpected(wrong)}; write a number, then k, m or g")
    size = _number(match[1]) << _SHIFTS[match[2].lower()]
    if size > SIZE_MAX:
        raise ValueError(f"the size '{word}' is too large: {SIZE_MAX} at the most")
    return size


def read_integer(word: str, strict: bool = False) -> int:
    """Read a decimal integer; unless `strict`, what follows the digits is left out. Raises ValueError."""
    match = _INTEGER.match(word)
    if not match or (strict and match.end() < len(word)):
        raise ValueError(f"'{word}' is not a number")
    return _number(match[1])


def _number(digits: str) -> int:
    """Convert digits; so many that the interpreter would refuse them make a number out of every range."""
    if len(digits) < 4000:
        return int(digits)
    return -(10**40) if digits[0] == "-" else 10**40


def _unexpected(rest: str) -> str:
    return f"unexpected character '{rest[0]}'" if rest else "it is empty"


def _in_days(unit: str) -> str:
    return " (24.8 days)" if unit == "ms" else ""


@dataclass(frozen=True, slots=True)
class Time:
    """A time; min and max in `unit`, both allowed."""

    min: int = 0
    max: int = TIME_MAX
    unit: str = "ms"

    def read(self, word: str) -> int:
        """Return the time in `unit`."""
        value = read_time(word, self.unit)
        return _within(word, value, self.min, self.max, f" {self.unit}")

    def doubt(self, word: str) -> str:
        """Return a warning about a word that was read in part, "" for a clean one."""
        return doubt_of_time(word)


@dataclass(frozen=True, slots=True)
class Size:
    """A size in bytes or entries; min and max both allowed."""

    min: int = 0
    max: int = SIZE_MAX

    def read(self, word: str) -> int:
        """Return the size."""
        return _within(word, read_size(word), self.min, self.max)


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer; min and max both allowed, None for no bound. strict: nothing may follow the digits."""

    min: int | None = 0
    max: int | None = TIME_MAX
    strict: bool = False

    def read(self, word: str) -> int:
        """Return the integer."""
        return _within(word, read_integer(word, self.strict), self.min, self.max)

    def doubt(self, word: str) -> str:
        """Return a warning about a word that was read in part, "" for a clean one."""
        match = _INTEGER.match(word)
        if self.strict or not match or match.end() == len(word):
            return ""
        return f"'{word[match.end() :]}' behind the number {match[1]} is ignored"


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of some words; the value is the word, or what `values` gives for it."""

    words: tuple[str, ...]
    values: dict[str, Any]

    def __init__(self, *words: str, **values: Any) -> None:
        object.__setattr__(self, "words", (*words, *values))
        object.__setattr__(self, "values", values)

    def read(self, word: str) -> Any:
        """Return the value of the word."""
        if word not in self.words:
            raise ValueError(f"'{word}' is not one of {listed(self.words)}")
        return self.values.get(word, word)


@dataclass(frozen=True, slots=True)
class Text:
    """Any text but the empty one; at most `max` bytes where max is not 0."""

    max: int = 0
    empty: bool = False

    def read(self, word: str) -> str:
        """Return the text."""
        if not word and not self.empty:
            raise ValueError("a text is expected, and this one is empty")
        if self.max and len(word.encode("utf-8", "surrogateescape")) > self.max:
            raise ValueError(f"'{word}' is too long: {self.max} bytes at the most")
        return word


def listed(words: tuple[str, ...]) -> str:
    """Join words for a sentence: `'a', 'b' or 'c'`."""
    quoted = [f"'{word}'" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _within(word: str, value: int, low: int | None, high: int | None, unit: str = "") -> int:
    if low is not None and value < low:
        raise ValueError(f"'{word}' is too small: {low}{unit} at the least")
    if high is not None and value > high:
        raise ValueError(f"'{word}' is too large: {high}{unit} at the most")
    return value
