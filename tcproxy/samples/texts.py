"""Converters of texts that change letters, or cut a text (manual 7.3.1)."""

from __future__ import annotations

from tcproxy.samples.kinds import Kind, Value, bytes_of
from tcproxy.samples.rows import Converter


def _lower(value: Value) -> Value | None:
    return bytes_of(value).lower()


def _upper(value: Value) -> Value | None:
    return bytes_of(value).upper()


def _length(value: Value) -> Value | None:
    return len(bytes_of(value))


CONVERTERS = (
    Converter("length", Kind.STR, Kind.SINT, "How many bytes the text has.", _length),
    Converter("lower", Kind.STR, Kind.STR, "The text in small letters (of ASCII).", _lower),
    Converter("upper", Kind.STR, Kind.STR, "The text in capital letters (of ASCII).", _upper),
)
