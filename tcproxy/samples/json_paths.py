"""Finding one value in a JSON text by a path, as `json_query` does: `$.user.roles[1]`.

HAProxy reads JSON with a small library that is lenient, and whose paths are fewer than JSONPath's: `$`, names behind a
dot, with `\\` before a letter that is meant as such, and numbers in brackets. Reading ends at the value that is found:
errors behind it do not count. What is found, and what is not, is the same here, down to odd paths and odd texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

DEPTH = 20
"""How many objects and arrays may be open."""

_SPACES = rb"[ \t\n\r]*+"
_QUOTED = rb'"(?:[^"\\\0]++|\\[\b\f\n\r\t\\"]|\\)*+"'
_SPACE = re.compile(_SPACES)
_STRING = re.compile(_QUOTED)
_LITERAL = re.compile(rb"true|false|null")
_NUMBER = re.compile(rb"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([eE])(-?)\+?([0-9]*))?")
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY, _COMMA, _COLON, _QUOTE = b'{}[],:"'


LEVELS = 3
"""How many levels of objects and arrays are read at once where the path does not lead into them."""


def _containers(levels: int) -> bytes:
    """Return the pattern of an object or array with no more than so many levels, and with nothing odd in it."""
    value = rb"(?:%b|-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+|true|false|null)" % _QUOTED
    for level in range(levels):
        name = _QUOTED + _SPACES + b":" + _SPACES
        an_object = rb"\{%b(?:%b%b%b(?:,%b(?!\})|(?=\})))*+\}" % (_SPACES, name, value, _SPACES, _SPACES)
        an_array = rb"\[%b(?:%b%b(?:,%b(?!\])|(?=\])))*+\]" % (_SPACES, value, _SPACES, _SPACES)
        containers = an_object + b"|" + an_array
        value = rb"(?>%b|%b)" % (value, containers) if level < levels - 1 else containers
    return value


@cache
def _container() -> re.Pattern[bytes]:
    """Return the pattern, which takes milliseconds to compile."""
    return re.compile(_containers(LEVELS))


class Found(NamedTuple):
    """A value of a JSON text that is neither object nor array: where it begins and ends."""

    start: int
    end: int


class Path:
    """A path, cut once: the name that stands behind each of its dots, and where the name ends."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.container = _container()
        self.names = {at: _name(text, at + 1) for at, letter in enumerate(text) if letter == ord(".")}

    def find(self, data: bytes) -> Found | None:
        """Return the value that the path leads to; None without one, and for an object or array."""
        if not self.text.startswith(b"$"):
            return None
        return _Reading(data, _Walk(self)).result()


def _name(path: bytes, at: int) -> tuple[bytes, int]:
    """Return the name that begins here, up to a dot, a bracket or the end, and where it ends."""
    letters = []
    while at < len(path) and path[at] not in b".[":
        if path[at] == ord("\\"):
            at += 1
        letters.append(path[at : at + 1] or b"\0")
        at += 1
    return b"".join(letters), min(at, len(path))


def _index(number: float) -> int:
    return int(number) if abs(number) < 1 << 31 else -1


class _Walk:
    """Where a reading stands on its way along a path.

    at: the letter of the path that is to be matched next. depth: of the text. matched: how many of the levels above
    are those of the path. index: which element of the array of this level is read; wanted: which one the path wants.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 1
        self.depth = 0
        self.matched = 0
        self.index = 0
        self.wanted = 0
        self.in_result = False

    @property
    def arrived(self) -> bool:
        """Return whether the value that comes next is the one that is looked for."""
        return self.depth == self.matched and self.at >= len(self.path.text)

    def opens_object(self) -> None:
        self.in_result = self.in_result or self.arrived
        self.depth += 1

    def opens_array(self) -> None:
        text = self.path.text
        if self.depth == self.matched and text[self.at : self.at + 1] == b"[":
            self.index, self.wanted = 0, _index(number_at(text, self.at + 1)[0])
            if not self.wanted:
                self.matched += 1
                self.at += 3
        self.opens_object()

    def meets_comma(self) -> None:
        if self.depth != self.matched + 1:
            return
        self.index += 1
        if self.index == self.wanted:
            end = self.path.text.find(b"]", self.at)
            self.at = end + 1 if end >= 0 else len(self.path.text)
            self.matched += 1

    def meets_name(self, name: bytes) -> bool:
        """Return False if the path leads to nothing that could still come."""
        if self.depth == self.matched:
            return False
        if self.depth == self.matched + 1:
            wanted = self.path.names.get(self.at)
            if wanted is not None and wanted[0] == name:
                self.matched += 1
                self.at = wanted[1]
        return True

    def closes(self) -> bool:
        """Return False if it was the object or array that the path leads to."""
        self.depth -= 1
        return not (self.in_result and self.arrived)


class _Reading:
    """One reading of a text, up to the value that is looked for, or to an error."""

    def __init__(self, data: bytes, walk: _Walk) -> None:
        self.data = data
        self.walk = walk
        self.nesting = bytearray()

    def result(self) -> Found | None:
        data, at = self.data, 0
        step: _Step = _Reading._value
        while True:
            space = _SPACE.match(data, at)
            assert space is not None
            at = space.end()
            if at == len(data):
                return None
            following = step(self, at, data[at])
            if following is None or isinstance(following, Found):
                return following
            at, step = following

    def _value(self, at: int, letter: int) -> _Following:
        if letter in b"{[":
            return self._opened(at, letter)
        if letter == _CLOSE_ARRAY and self.nesting:
            return self._closed(at, letter)
        end = self._end_of_scalar(at, letter)
        if end is None:
            return None
        if self.walk.arrived:
            return Found(at, end)
        return (end, _Reading._comma_or_end) if self.nesting else None

    def _end_of_scalar(self, at: int, letter: int) -> int | None:
        if letter == _QUOTE:
            match = _STRING.match(self.data, at)
        elif letter in b"-0123456789":
            return number_at(self.data, at)[1]
        else:
            match = _LITERAL.match(self.data, at)
        return match.end() if match is not None else None

    def _opened(self, at: int, letter: int) -> _Following:
        if len(self.nesting) >= DEPTH:
            return None
        if self.walk.depth > self.walk.matched and len(self.nesting) <= DEPTH - LEVELS:
            whole = self.walk.path.container.match(self.data, at)
            if whole is not None:
                return whole.end(), _Reading._comma_or_end
        self.nesting.append(letter)
        if letter == _OPEN_OBJECT:
            self.walk.opens_object()
            return at + 1, _Reading._name_or_end
        self.walk.opens_array()
        return at + 1, _Reading._value

    def _closed(self, at: int, letter: int) -> _Following:
        if letter != self.nesting.pop() + 2 or not self.nesting or not self.walk.closes():
            return None
        return at + 1, _Reading._comma_or_end

    def _name_or_end(self, at: int, letter: int) -> _Following:
        if letter == _CLOSE_OBJECT:
            return self._closed(at, letter)
        match = _STRING.match(self.data, at)
        if match is None or not self.walk.meets_name(match[0][1:-1]):
            return None
        return match.end(), _Reading._colon

    def _colon(self, at: int, letter: int) -> _Following:
        return (at + 1, _Reading._value) if letter == _COLON else None

    def _comma_or_end(self, at: int, letter: int) -> _Following:
        if letter != _COMMA:
            return self._closed(at, letter)
        self.walk.meets_comma()
        return at + 1, _Reading._name_or_end if self.nesting[-1] == _OPEN_OBJECT else _Reading._value


_Step = Callable[[_Reading, int, int], "_Following"]
_Following = tuple[int, _Step] | Found | None
"""Where to read on and as what; the result, or None if there is none."""


def number_at(data: bytes, at: int) -> tuple[float, int]:
    """Return the number that begins here, and where it ends; 0 and its beginning for none.

    It is reckoned digit by digit, with the errors of rounding that this brings.
    """
    match = _NUMBER.match(data, at)
    assert match is not None
    sign, whole, fraction, exponent = match.group(1, 2, 3, 4)
    if not whole and fraction is None:
        return 0.0, at
    value = 0.0
    for digit in whole:
        value = value * 10.0 + (digit - 48)
    share, unit = 0.0, 0.1
    for digit in fraction or b"":
        share += unit * (digit - 48)
        unit /= 10.0
    value += share
    if sign == b"-":
        value = -value
    if exponent is None:
        return value, at if fraction == b"" else match.end()
    power = _power_of_ten(int(match[6][-32:] or b"0"))
    return value / power if match[5] else value * power, match.end()


def _power_of_ten(exponent: int) -> float:
    """Return the power for an exponent without sign, which is kept in 32 bits; 1 for one that is negative in them.

    Of its decimal digits the last 32 are enough, as 10 to the power of 32 has none of those bits.
    """
    exponent &= 0xFFFFFFFF
    power = 1.0
    for _ in range(min(exponent, 400) if exponent < 1 << 31 else 0):
        power *= 10.0
    return power
