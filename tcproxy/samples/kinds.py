"""Kinds of samples, and what turns one kind into another without a converter being named.

A value is bool (BOOL), int of 64 bits (SINT), packed address of 4 or 16 bytes (IPV4, IPV6), or bytes (STR,
BIN, METH); None is no sample at all. Where only the moment tells the kind (a variable, say), the declared kind is ANY,
and the value a Sample, which has both. Converters that a configuration names do not stand here.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from tcproxy.grammar.networks import packed_address

INT64_MAX = (1 << 63) - 1
INT64_MIN = -(1 << 63)


class Kind(Enum):
    """What a fetch gives, by the word that HAProxy prints in its list of fetches."""

    BOOL = "bool"
    SINT = "sint"
    IPV4 = "ipv4"  # an address of either family: its length tells
    IPV6 = "ipv6"
    STR = "str"
    BIN = "bin"
    METH = "meth"
    ANY = "any"
    ADDR = "addr"  # what a converter takes: an address of either family


class Sample(NamedTuple):
    """A value with its kind, which is never ANY or ADDR."""

    kind: Kind
    value: bool | int | bytes


Value = bool | int | bytes | Sample
Cast = Callable[[Value], Value | None]


def encode(text: str) -> bytes:
    """Return the bytes of a word of the configuration."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Return bytes as a word of the configuration would hold them."""
    return data.decode("utf-8", "surrogateescape")


def text_of_address(packed: bytes) -> str:
    """Return a packed address as text."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def same(value: Value) -> Value | None:
    """Return the value: the cast between kinds of one form, which need not be called."""
    return value


def integer_of(value: Value) -> int:
    """Return the value of a BOOL or SINT."""
    assert not isinstance(value, bytes | Sample)
    return int(value)


def _int_to_text(value: Value) -> Value | None:
    return str(integer_of(value)).encode("ascii")


def _int_to_bytes(value: Value) -> Value | None:
    return integer_of(value).to_bytes(8, "big", signed=True)


def _int_to_ip(value: Value) -> Value | None:
    return (integer_of(value) & 0xFFFFFFFF).to_bytes(4, "big")


def _ip_to_int(value: Value) -> Value | None:
    packed = bytes_of(value)
    return int.from_bytes(packed, "big") if len(packed) == 4 else None


@lru_cache(4096)
def _ip_to_text(value: Value) -> Value | None:
    return text_of_address(bytes_of(value)).encode("ascii")


def _text_to_ip(value: Value) -> Value | None:
    return packed_address(decode(bytes_of(value)))


_LEADING_INTEGER = re.compile(rb"[+-]?[0-9]+")


def _text_to_int(value: Value) -> Value | None:
    """Return the number that the text begins with; 0 where it begins with none, nothing for no text."""
    text = bytes_of(value)
    if not text:
        return None
    match = _LEADING_INTEGER.match(text)
    return max(INT64_MIN, min(INT64_MAX, int(match[0]))) if match else 0


def _bytes_to_text(value: Value) -> Value | None:
    """Return the bytes up to the first NUL: what a string match sees of a block of data."""
    return bytes_of(value).partition(b"\0")[0]


def bytes_of(value: Value) -> bytes:
    """Return the value of a STR, BIN, METH or an address."""
    assert isinstance(value, bytes)
    return value


def _then_bool(cast: Cast) -> Cast:
    def both(value: Value) -> Value | None:
        number = cast(value)
        return None if number is None else bool(number)

    return both


_ADDRESSES: dict[Kind, Cast] = {
    Kind.BOOL: _then_bool(_ip_to_int),
    Kind.SINT: _ip_to_int,
    Kind.IPV4: same,
    Kind.IPV6: same,
    Kind.STR: _ip_to_text,
    Kind.BIN: same,
}
_CASTS: dict[Kind, dict[Kind, Cast]] = {
    Kind.BOOL: {Kind.BOOL: same, Kind.SINT: integer_of, Kind.STR: _int_to_text, Kind.BIN: _int_to_bytes},
    Kind.SINT: {
        Kind.BOOL: bool,
        Kind.SINT: same,
        Kind.IPV4: _int_to_ip,
        Kind.STR: _int_to_text,
        Kind.BIN: _int_to_bytes,
    },
    Kind.IPV4: _ADDRESSES,
    Kind.IPV6: {kind: cast for kind, cast in _ADDRESSES.items() if kind not in (Kind.SINT, Kind.BOOL)},
    Kind.STR: {
        Kind.BOOL: _then_bool(_text_to_int),
        Kind.SINT: _text_to_int,
        Kind.IPV4: _text_to_ip,
        Kind.STR: same,
        Kind.BIN: same,
    },
    Kind.BIN: {Kind.STR: _bytes_to_text, Kind.BIN: same},
    Kind.METH: {Kind.STR: same, Kind.BIN: same},
}


_FAMILIES = {4: Kind.IPV4, 16: Kind.IPV6}


def sample_of(kind: Kind, value: Value) -> Sample:
    """Return a value that an expression of this kind gave with the kind that it really has."""
    if isinstance(value, Sample):
        return value
    if kind is Kind.IPV4 or kind is Kind.ADDR:
        kind = _FAMILIES[len(bytes_of(value))]
    return Sample(kind, value)


def _from_any(wanted: Kind) -> Cast:
    """Return the cast of a Sample."""

    def convert(value: Value) -> Value | None:
        assert isinstance(value, Sample)
        by_kind = cast(value.kind, wanted)
        return by_kind(value.value) if by_kind is not None else None

    return convert


def cast(origin: Kind, wanted: Kind) -> Cast | None:
    """Return what makes a value of kind `wanted` of one of kind `origin`; None where nothing does.

    A cast returns None for a value that has no counterpart (a text that is no address, say).
    """
    if wanted is Kind.ANY or wanted is origin:
        return same
    if wanted is Kind.ADDR:
        wanted = Kind.IPV6 if origin is Kind.IPV6 else Kind.IPV4
    if origin is Kind.ANY:
        return _from_any(wanted)
    return _CASTS[Kind.IPV4 if origin is Kind.ADDR else origin].get(wanted)
