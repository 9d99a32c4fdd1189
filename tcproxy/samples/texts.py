"""Converters of texts that change letters, or cut a text or a block of bytes (manual 7.3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of
from tcproxy.samples.rows import Convert, Converter

_UNSIGNED = (1 << 64) - 1


def _lower(value: Value) -> Value | None:
    return bytes_of(value).lower()


def _upper(value: Value) -> Value | None:
    return bytes_of(value).upper()


def _length(value: Value) -> Value | None:
    return len(bytes_of(value))


def _bytes(offset: int, length: int | None = None) -> Convert:
    """Return the converter that cuts a part out of a block; a negative number means a large one, as in HAProxy."""
    start = offset & _UNSIGNED
    end = None if length is None else start + (length & _UNSIGNED)
    return lambda value: bytes_of(value)[start:end]


def _trim_left(letters: bytes = b"") -> Convert:
    return lambda value: bytes_of(value).lstrip(letters)


def _trim_right(letters: bytes = b"") -> Convert:
    return lambda value: bytes_of(value).rstrip(letters)


def _check(index: int, separators: bytes) -> None:
    """Raise ValueError where HAProxy refuses the arguments of `field` and `word`."""
    if not index:
        raise ValueError("the index cannot be 0")
    if not separators:
        raise ValueError("the separators are missing")


def _one_of(letters: bytes) -> bytes:
    """Return the class of these letters, for a regular expression."""
    return b"[%b]" % re.escape(letters)


Cut = Callable[[bytes], bytes | None]


def _field(index: int, separators: bytes, count: int = 1) -> Convert:
    """Return the converter that takes fields, from this one on or up to it; a count below 1 takes all on that side."""
    _check(index, separators)
    if index > 0 and count == 1 and len(separators) == 1:
        cut = _one_field(index, separators)
    else:
        cut = _fields(index, separators, count)
    return lambda value: cut(bytes_of(value))


def _one_field(index: int, separator: bytes) -> Cut:
    def cut(text: bytes) -> bytes | None:
        found = text.split(separator, index)
        return found[index - 1] if len(found) >= index else None

    return cut


def _fields(index: int, separators: bytes, count: int) -> Cut:
    search = re.compile(_one_of(separators)).finditer

    def cut(text: bytes) -> bytes | None:
        at = [match.start() for match in search(text)]
        starts, ends = [0, *(place + 1 for place in at)], [*at, len(text)]
        first, last = _span(index, count, len(starts))
        return text[starts[first] : ends[last]] if first >= 0 else None

    return cut


def _span(index: int, count: int, there: int) -> tuple[int, int]:
    """Return the first and the last of `there` pieces that are wanted, from 0; -1 for both if that one is missing."""
    if abs(index) > there:
        return -1, -1
    if index > 0:
        return index - 1, (min(index - 1 + count, there) if count > 0 else there) - 1
    last = there + index
    return (max(0, last - count + 1) if count > 0 else 0), last


def _word(index: int, separators: bytes, count: int = 1) -> Convert:
    """Return the converter that takes words: what stands between separators, of which any number may follow.

    A word that is missing is an empty text. Where more words are wanted than there are, the end of the text on that
    side comes with them, separators included.
    """
    _check(index, separators)
    if index > 0 and count == 1 and len(separators) == 1:
        return lambda value: _one_word(bytes_of(value), index, separators)
    words = re.compile(b"[^" + _one_of(separators)[1:] + b"+").finditer

    def cut(value: Value) -> Value | None:
        text = bytes_of(value)
        spans = [match.span() for match in words(text)]
        first, last = _span(index, count, len(spans))
        if first < 0:
            return b""
        whole = not 0 < count <= (len(spans) - index + 1 if index > 0 else len(spans) + index + 1)
        start = 0 if whole and index < 0 else spans[first][0]
        return text[start : len(text) if whole and index > 0 else spans[last][1]]

    return cut


def _one_word(text: bytes, index: int, separator: bytes) -> bytes:
    found = [word for word in text.split(separator) if word]
    return found[index - 1] if len(found) >= index else b""


_PIECES = (ArgumentType.INTEGER, ArgumentType.STRING, ArgumentType.INTEGER)

CONVERTERS = (
    Converter(
        "bytes", Kind.BIN, Kind.BIN, "The bytes from an offset on, all or so many.",
        build=_bytes, arguments=(ArgumentType.INTEGER, ArgumentType.INTEGER), required=1, keeps=True,
    ),
    Converter(
        "field", Kind.STR, Kind.STR, "The field of this number, from the end if negative, or several.",
        build=_field, arguments=_PIECES, required=2,
    ),
    Converter("length", Kind.STR, Kind.SINT, "How many bytes the text has.", _length),
    Converter("lower", Kind.STR, Kind.STR, "The text in small letters (of ASCII).", _lower),
    Converter(
        "ltrim", Kind.STR, Kind.STR, "The text without these letters in front.",
        build=_trim_left, arguments=(ArgumentType.STRING,), required=1,
    ),
    Converter(
        "rtrim", Kind.STR, Kind.STR, "The text without these letters at its end.",
        build=_trim_right, arguments=(ArgumentType.STRING,), required=1,
    ),
    Converter("upper", Kind.STR, Kind.STR, "The text in capital letters (of ASCII).", _upper),
    Converter(
        "word", Kind.STR, Kind.STR, "The word of this number, from the end if negative, or several.",
        build=_word, arguments=_PIECES, required=2,
    ),
)  # fmt: skip
