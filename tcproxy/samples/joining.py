"""Converters that join a text with constants and variables, compare it with one, or choose a text (manual 7.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of
from tcproxy.samples.rows import Convert, Converter, ConvertWith
from tcproxy.samples.variables import variable_of

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts


def _concat(start: bytes = b"", word: bytes = b"", end: bytes = b"") -> ConvertWith:
    """Return the converter that adds a text, a variable if it is set, and another text."""
    if not word:
        tail = start + end
        return lambda facts, value: bytes_of(value) + tail
    read = variable_of(word).value

    def join(facts: Facts, value: Value) -> Value | None:
        middle = read(facts.variables, Kind.STR)
        return b"".join((bytes_of(value), start, b"" if middle is None else bytes_of(middle), end))

    return join


def _add_item(delimiter: bytes, word: bytes, suffix: bytes = b"") -> ConvertWith:
    """Return the converter that adds an item to a list: a variable if it is set, and a text behind it."""
    if not word and not suffix:
        raise ValueError("the variable or the text behind it must be given")
    read = variable_of(word).value if word else None

    def add(facts: Facts, value: Value) -> Value | None:
        item = read(facts.variables, Kind.STR) if read is not None else None
        if not item and not suffix:
            return value
        return b"".join((bytes_of(value), delimiter if value else b"", bytes_of(item) if item else b"", suffix))

    return add


def _choose(true: bytes, false: bytes) -> Convert:
    return lambda value: true if value else false


def compared(one: bytes, two: bytes) -> int:
    """Return what strcmp says of two texts that end at their first NUL: the difference of the first other bytes."""
    for left, right in zip(one, two, strict=False):
        if left != right:
            return left - right
        if not left:
            return 0
    return (len(one) > len(two)) - (len(one) < len(two))


def _compare(word: bytes = b"") -> ConvertWith:
    if not word:
        raise ValueError("the name of a variable is missing")
    read = variable_of(word).value

    def compare(facts: Facts, value: Value) -> Value | None:
        other = read(facts.variables, Kind.STR)
        return None if other is None else compared(bytes_of(value), bytes_of(other))

    return compare


_TEXT = ArgumentType.STRING

CONVERTERS = (
    Converter(
        "add_item", Kind.STR, Kind.STR, "The text as a list, with one item more.",
        build_with=_add_item, arguments=(_TEXT, _TEXT, _TEXT), required=2,
    ),
    Converter(
        "concat", Kind.STR, Kind.STR, "The text, with a constant, a variable and another constant behind it.",
        build_with=_concat, arguments=(_TEXT, _TEXT, _TEXT), required=1,
    ),
    Converter(
        "iif", Kind.BOOL, Kind.STR, "The first text if it is true, else the second.",
        build=_choose, arguments=(_TEXT, _TEXT), required=2,
    ),
    Converter(
        "strcmp", Kind.STR, Kind.SINT, "How the text compares with a variable: 0 if they are the same.",
        build_with=_compare, arguments=(_TEXT,), required=1,
    ),
)  # fmt: skip
