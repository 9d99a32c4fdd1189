"""Converters that take a value out of a JSON text by its path (manual 7.3.1); json_paths.py finds it."""

from __future__ import annotations

import re
from math import isnan

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.json_paths import Path, number_at
from tcproxy.samples.kinds import Kind, Sample, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter

_SAFE = (1 << 53) - 1
"""The largest integer that JSON readers are sure to keep (RFC 8259, section 6); also the largest that `int` takes."""
_INTEGER = re.compile(rb"-?(?:0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)")
_ESCAPE = re.compile(rb"\\(?:u(.{4})|(.))", re.DOTALL)
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b'"': b'"'}
_QUOTE, _TRUE, _FALSE, _NULL = b'"tfn'


def query(path: bytes = b"", output: bytes = b"") -> Convert:
    """Return the converter of a path; `output` is empty or `int`. Raises ValueError."""
    if not path:
        raise ValueError("the path is empty")
    if output not in (b"", b"int"):
        raise ValueError(f"'{decode(output)}' is not 'int'")
    find, number = Path(path).find, _as_integer if output else _as_text

    def convert(value: Value) -> Value | None:
        data = bytes_of(value)
        found = find(data)
        if found is None:
            return None
        first = data[found.start]
        if first == _QUOTE:
            text = _unescaped(data[found.start + 1 : found.end - 1])
            return None if text is None else Sample(Kind.STR, text)
        if first in (_TRUE, _FALSE):
            return Sample(Kind.BOOL, first == _TRUE)
        return number(data, found.start) if first != _NULL else None

    return convert


def _as_text(data: bytes, at: int) -> Sample | None:
    """Return a number in six significant digits."""
    number = number_at(data, at)[0]
    return Sample(Kind.STR, b"-nan" if isnan(number) else b"%g" % number)


def _as_integer(data: bytes, at: int) -> Sample | None:
    """Return the integer that a number begins with, in C's notation: octal behind a 0, hexadecimal behind 0x."""
    match = _INTEGER.match(data, at)
    if match is None:
        return Sample(Kind.SINT, 0)
    digits = match[0].lstrip(b"-")
    base = 16 if digits[1:2] in (b"x", b"X") else 8 if digits[:1] == b"0" else 10
    if len(digits) > 40:
        digits = (digits[2:] if base == 16 else digits).lstrip(b"0")[:25] or b"0"
    number = int(digits, base)
    number = -number if match[0][:1] == b"-" else number
    return Sample(Kind.SINT, number) if -_SAFE <= number <= _SAFE else None


def _unescaped(text: bytes) -> bytes | None:
    """Return what a JSON string stands for; None with an escape that is unknown, or of a letter above 255.

    `\\/` is unknown to HAProxy.
    """
    if b"\\" not in text:
        return text
    pieces, end = [], 0
    for match in _ESCAPE.finditer(text):
        letter = _letter(match[1]) if match[1] is not None else _ESCAPES.get(match[2])
        if letter is None:
            return None
        pieces += [text[end : match.start()], letter]
        end = match.end()
    return b"".join([*pieces, text[end:]])


def _letter(digits: bytes) -> bytes | None:
    if digits[:2] != b"00":
        return None
    return bytes([(_digit(digits[2]) << 4 | _digit(digits[3])) & 0xFF])


def _digit(code: int) -> int:
    """Return the value of a hexadecimal digit; of any other letter what its place in ASCII gives."""
    if 0x30 <= code <= 0x39:
        return code - 0x30
    return code - 0x37 if 0x41 <= code <= 0x46 else code - 0x57


CONVERTERS = (
    Converter(
        "json_query", Kind.STR, Kind.ANY,
        "The text, number or boolean at this path of a JSON text; numbers as texts, or as integers with `int`.",
        build=query, arguments=(ArgumentType.STRING, ArgumentType.STRING), required=1,
    ),
)  # fmt: skip
