"""Converters between bytes and their written forms: base64, hexadecimal, numbers of big-endian bytes (manual 7.3.1)."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import INT64_MAX, Kind, Value, bytes_of, integer_of
from tcproxy.samples.rows import Convert, Converter

_GROUPS = re.compile(rb"(?:[A-Za-z0-9+/]{4})*")
_PADDED = re.compile(rb"[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]===")
_FOR_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_=", b"+//")
_URL_LETTERS = re.compile(rb"[A-Za-z0-9_=-]*")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]*")


def base64_decoded(text: bytes) -> bytes | None:
    """Return the bytes of a text in base64 (RFC 4648, section 4); None where HAProxy finds it malformed.

    HAProxy takes padding at the end of each group of four letters, not only of the last one.
    """
    if len(text) % 4:
        return None
    plain = _GROUPS.match(text)
    assert plain is not None
    end = plain.end()
    found = [a2b_base64(text[:end])]
    for start in range(end, len(text), 4):
        group = text[start : start + 4]
        if not _PADDED.fullmatch(group):
            return None
        found.append(a2b_base64(group.replace(b"=", b"A"))[: 3 - group.count(b"=")])
    return b"".join(found)


def base64url_decoded(text: bytes) -> bytes | None:
    """Return the bytes of a text in the base64 for URLs (RFC 4648, section 5), without padding; None if malformed.

    A `=` counts as a `_`, as HAProxy has it.
    """
    over = len(text) % 4
    if over == 1 or not _URL_LETTERS.fullmatch(text):
        return None
    return a2b_base64(text.translate(_FROM_URL) + b"=" * (-over % 4))


def base64_encoded(data: bytes) -> bytes:
    """Return bytes in base64."""
    return b2a_base64(data, newline=False)


def base64url_encoded(data: bytes) -> bytes:
    """Return bytes in the base64 for URLs, without padding."""
    return b2a_base64(data, newline=False).translate(_FOR_URL).rstrip(b"=")


def _base64(value: Value) -> Value | None:
    return base64_encoded(bytes_of(value))


def _b64dec(value: Value) -> Value | None:
    return base64_decoded(bytes_of(value))


def _ub64enc(value: Value) -> Value | None:
    return base64url_encoded(bytes_of(value))


def _ub64dec(value: Value) -> Value | None:
    return base64url_decoded(bytes_of(value))


def _hex(value: Value) -> Value | None:
    return bytes_of(value).hex().upper().encode("ascii")


def _hex2i(value: Value) -> Value | None:
    """Return the number of hexadecimal digits: its lowest 64 bits, with their sign."""
    text = bytes_of(value)
    if not _HEXADECIMAL.fullmatch(text):
        return None
    number = int(text[-16:], 16) if text else 0
    return number if number <= INT64_MAX else number - (1 << 64)


def _htonl(value: Value) -> Value | None:
    return (integer_of(value) & 0xFFFFFFFF).to_bytes(4, "big")


def _be2dec(separator: bytes = b"", size: int = 0, truncate: int = 0) -> Convert:
    if not 1 <= size <= 8:
        raise ValueError(f"the size of a number, {size} bytes, is not one of 1 to 8")
    cut = _chunks(size, truncate)

    def convert(value: Value) -> Value | None:
        return separator.join([b"%d" % int.from_bytes(chunk, "big") for chunk in cut(bytes_of(value))])

    return convert


def _be2hex(separator: bytes = b"", size: int = 0, truncate: int = 0) -> Convert:
    if size <= 0 and (separator or truncate):
        raise ValueError(f"the number of bytes between separators, {size}, is not positive")
    if size <= 0:
        return _hex
    cut = _chunks(size, truncate)

    def convert(value: Value) -> Value | None:
        return separator.join([chunk.hex().upper().encode("ascii") for chunk in cut(bytes_of(value))])

    return convert


def _chunks(size: int, truncate: int) -> Callable[[bytes], list[bytes]]:
    """Return the function that cuts bytes into pieces of `size`; the last may be shorter, unless `truncate` is 1."""
    if truncate not in (0, 1):
        raise ValueError(f"the flag that leaves out a shorter last piece is {truncate}, neither 0 nor 1")

    def cut(data: bytes) -> list[bytes]:
        end = len(data) // size * size if truncate else len(data)
        return [data[start : start + size] for start in range(0, end, size)]

    return cut


_PIECES = (ArgumentType.STRING, ArgumentType.INTEGER, ArgumentType.INTEGER)

CONVERTERS = (
    Converter("b64dec", Kind.STR, Kind.BIN, "The bytes that a text in base64 stands for.", _b64dec),
    Converter("base64", Kind.BIN, Kind.STR, "The bytes in base64.", _base64),
    Converter(
        "be2dec", Kind.BIN, Kind.STR, "Decimal numbers of so many bytes each, joined by a separator.",
        build=_be2dec, arguments=_PIECES, required=1,
    ),
    Converter(
        "be2hex", Kind.BIN, Kind.STR, "Hexadecimal digits, with a separator behind each so many bytes.",
        build=_be2hex, arguments=_PIECES, required=1,
    ),
    Converter("hex", Kind.BIN, Kind.STR, "The bytes in hexadecimal digits.", _hex),
    Converter("hex2i", Kind.STR, Kind.SINT, "The number that hexadecimal digits say.", _hex2i),
    Converter("htonl", Kind.SINT, Kind.BIN, "The lowest 32 bits of the number, in network byte order.", _htonl),
    Converter("ub64dec", Kind.STR, Kind.BIN, "The bytes that a text in base64 for URLs stands for.", _ub64dec),
    Converter("ub64enc", Kind.BIN, Kind.STR, "The bytes in base64 for URLs, without padding.", _ub64enc),
)  # fmt: skip
