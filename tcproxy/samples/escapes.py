"""Converters that make a text fit for a place where some letters have a meaning: URLs, JSON, lines (manual 7.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter

_UNRESERVED = re.compile(rb"[A-Za-z0-9._~-]")
_QUOTED = tuple(
    letter if _UNRESERVED.match(letter) else b"%%%02X" % letter[0] for letter in (bytes([code]) for code in range(256))
)
_WRONG_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_END_OF_LINE = re.compile(rb"[\r\n]")


def _url_enc(words: bytes = b"") -> Convert:
    if words not in (b"", b"query"):
        raise ValueError(f"'{decode(words)}' is not the form 'query'")
    return lambda value: b"".join([_QUOTED[code] for code in bytes_of(value)])


def _url_dec(in_form: int = 0) -> Convert:
    """Return the converter; `in_form` says whether a `+` is a space also before the first question mark."""

    def convert(value: Value) -> Value | None:
        text = bytes_of(value).partition(b"\0")[0]
        if _WRONG_PERCENT.search(text):
            return None
        path, mark, query = (b"", b"", text) if in_form else text.partition(b"?")
        return unquote_to_bytes(path + mark + query.replace(b"+", b" "))

    return convert


def _cut_crlf(value: Value) -> Value | None:
    return _END_OF_LINE.split(bytes_of(value), 1)[0]


class _Escapes(dict[int, str]):
    """What stands in JSON for a letter, by its code."""

    def __missing__(self, code: int) -> str:
        return f"\\u{code:04x}"


_PRINTED = {code: chr(code) for code in range(32, 127)}
_NAMED = {ord(letter): f"\\{name}" for letter, name in zip('"\\/\b\f\r\n\t', '"\\/bfrnt', strict=True)}
_ESCAPES = _Escapes(_PRINTED | _NAMED)
_BEYOND = re.compile("[\ufffe\uffff\U00010000-\U0010ffff]")
"""The letters that HAProxy does not write in JSON: two that Unicode reserves, and those beyond four digits."""


def _json(words: bytes = b"") -> Convert:
    code = decode(words)
    if code in ("", "ascii"):
        return lambda value: bytes_of(value).decode("latin-1").translate(_ESCAPES).encode("ascii")
    if code not in ("utf8", "utf8s", "utf8p", "utf8ps"):
        raise ValueError(f"'{code}' is none of ascii, utf8, utf8s, utf8p and utf8ps")
    permissive, silent = "p" in code, "s" in code

    def convert(value: Value) -> Value | None:
        data = bytes_of(value)
        try:
            text = data.decode("utf-8")
            if _BEYOND.search(text):
                raise ValueError
        except ValueError:
            return _spoiled(data, permissive, silent)
        return text.translate(_ESCAPES).encode("ascii")

    return convert


def _spoiled(data: bytes, permissive: bool, silent: bool) -> bytes | None:
    """Return UTF-8 with errors in JSON.

    permissive: take letters of more bytes than they need. silent: leave out other errors, instead of giving nothing.
    """
    letters = []
    for code, sound, needed in _letters(data):
        if sound and (needed or permissive) and code <= 0xFFFF:
            letters.append(_ESCAPES[code])
        elif not silent:
            return None
    return "".join(letters).encode("ascii")


_FIRST_BYTES = ((1, 0xC0), (2, 0xE0), (3, 0xF0), (4, 0xF8), (5, 0xFC), (6, 0xFE), (1, 0x100))
_LENGTHS = tuple(next(length for length, end in _FIRST_BYTES if code < end) for code in range(256))
"""How many bytes a letter has, by its first byte: up to the six of RFC 2279; 1 where it begins none."""
_LEAST = (0, 0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000)
"""The smallest code that needs so many bytes."""


def _letters(data: bytes) -> Iterator[tuple[int, bool, bool]]:
    """Yield each letter of UTF-8: its code, whether it is sound, and whether it needs all its bytes.

    A letter that is cut short, or that a wrong byte ends, is not sound; the wrong byte begins the next one.
    """
    at = 0
    while at < len(data):
        first = data[at]
        length = _LENGTHS[first]
        if length == 1 or at + length > len(data):
            yield first, first < 0x80, True
            at += 1
            continue
        code = first & (0x7F >> length)
        end = at + length
        at += 1
        while at < end and data[at] & 0xC0 == 0x80:
            code = code << 6 | data[at] & 0x3F
            at += 1
        reserved = 0xD800 <= code <= 0xDFFF or 0xFFFE <= code <= 0xFFFF
        yield code, at == end and not reserved, code >= _LEAST[length]


CONVERTERS = (
    Converter("cut_crlf", Kind.STR, Kind.STR, "The text up to its first carriage return or line feed.", _cut_crlf),
    Converter(
        "json", Kind.STR, Kind.STR,
        "The text as the inside of a JSON string, read as ascii, utf8, utf8s, utf8p or utf8ps (p: letters written in "
        "more bytes than needed are taken, s: other errors are left out).",
        build=_json, arguments=(ArgumentType.STRING,), required=1,
    ),
    Converter(
        "url_dec", Kind.STR, Kind.STR,
        "The text with its %-sequences decoded, and `+` made a space: behind a question mark, or all if the argument "
        "is not 0.",
        build=_url_dec, arguments=(ArgumentType.INTEGER,),
    ),
    Converter(
        "url_enc", Kind.STR, Kind.STR, "The text with %-sequences for all that is no unreserved letter of a URL.",
        build=_url_enc, arguments=(ArgumentType.STRING,), required=1,
    ),
)  # fmt: skip
