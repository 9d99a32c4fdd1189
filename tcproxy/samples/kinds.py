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

INT64_MAX = (1 << 63) - 1
INT64_MIN = -(1 << 63)


class Kind(Enum):
    """What a fetch gives, by the word that HAProxy prints in its list of fetches."""

    __hash__ = object.__hash__  # casts are looked up by kind: that of Enum is written in Python, and ten times slower

    BOOL = "bool"
    SINT = "sint"
    IPV4 = "ipv4"  # as what a fetch gives: an address of either family, whose length tells which
    IPV6 = "ipv6"
    STR = "str"
    BIN = "bin"
    METH = "meth"
    ANY = "any"
    ADDR = "addr"  # an address of either family: what is wanted of a cast, or what a map gives


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


def bytes_of(value: Value) -> bytes:
    """Return the value of a STR, BIN, METH or an address."""
    assert isinstance(value, bytes)
    return value


_MAPPED = b"\0" * 10 + b"\xff\xff"
"""What an IPv6 address begins with that stands for an IPv4 address (RFC 4291, section 2.5.5.2)."""


def unmapped(packed: bytes) -> bytes:
    """Return the IPv4 address that an IPv6 address stands for, where it stands for one; else the address itself."""
    return packed[12:] if len(packed) == 16 and packed.startswith(_MAPPED) else packed


def _int_to_text(value: Value) -> Value | None:
    return b"%d" % integer_of(value)


def _int_to_bytes(value: Value) -> Value | None:
    return integer_of(value).to_bytes(8, "big", signed=True)


def _bool_to_bytes(value: Value) -> Value | None:
    return bool(value).to_bytes(8, "big")


def _int_to_ip(value: Value) -> Value | None:
    return (integer_of(value) & 0xFFFFFFFF).to_bytes(4, "big")


def _int_to_ipv6(value: Value) -> Value | None:
    return _MAPPED + (integer_of(value) & 0xFFFFFFFF).to_bytes(4, "big")


def _ip_to_int(value: Value) -> Value | None:
    packed = bytes_of(value)
    return int.from_bytes(packed, "big") if len(packed) == 4 else None


@lru_cache(4096)
def _ip_to_text(value: Value) -> Value | None:
    return text_of_address(bytes_of(value)).encode("ascii")


def _ip_to_ipv4(value: Value) -> Value | None:
    packed = unmapped(bytes_of(value))
    return packed if len(packed) == 4 else None


def _ip_to_ipv6(value: Value) -> Value | None:
    packed = bytes_of(value)
    return packed if len(packed) == 16 else _MAPPED + packed


_DOTTED = re.compile(rb"([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)(?![0-9.])")
_LONGEST_IPV6 = 46


def _text_to_ipv4(value: Value) -> Value | None:
    """Return the IPv4 address that the text begins with. What follows it is not looked at, as in HAProxy."""
    match = _DOTTED.match(bytes_of(value))
    if match is None:
        return None
    try:
        return bytes(map(int, match.groups()))
    except ValueError:
        return None  # a number above 255, or one of thousands of digits


def _text_to_ipv6(value: Value) -> Value | None:
    text = bytes_of(value)
    if len(text) > _LONGEST_IPV6:
        return None
    try:
        return socket.inet_pton(socket.AF_INET6, text.decode("ascii"))
    except (OSError, ValueError):
        return None  # no address, or a text with a NUL byte or beyond ASCII


def _text_to_ip(value: Value) -> Value | None:
    found = _text_to_ipv4(value)
    return found if found is not None else _text_to_ipv6(value)


_LEADING_INTEGER = re.compile(rb"([+-]?)0*([0-9]*)")
_MOST_DIGITS = 19
"""Digits of the largest integer of 64 bits."""


def leading_integer(text: bytes) -> int:
    """Return the number that a text begins with, 0 where it begins with none; limited to 64 bits."""
    match = _LEADING_INTEGER.match(text)
    sign, digits = match.groups() if match else (b"", b"")
    number = (int(digits) if digits else 0) if len(digits) <= _MOST_DIGITS else INT64_MAX + 1
    return max(INT64_MIN, -number) if sign == b"-" else min(INT64_MAX, number)


def _text_to_int(value: Value) -> Value | None:
    """Return the number that the text begins with; 0 where it begins with none, nothing for no text."""
    text = bytes_of(value)
    return leading_integer(text) if text else None


def _text_to_bool(value: Value) -> Value | None:
    text = bytes_of(value)
    return leading_integer(text) != 0 if text else None


def _bytes_to_text(value: Value) -> Value | None:
    """Return the bytes up to the first NUL: what a string match sees of a block of data."""
    return bytes_of(value).partition(b"\0")[0]


_CASTS: dict[Kind, dict[Kind, Cast]] = {
    Kind.BOOL: {Kind.BOOL: same, Kind.SINT: integer_of, Kind.STR: _int_to_text, Kind.BIN: _bool_to_bytes},
    Kind.SINT: {
        Kind.BOOL: bool,
        Kind.SINT: same,
        Kind.ADDR: _int_to_ip,
        Kind.IPV4: _int_to_ip,
        Kind.IPV6: _int_to_ipv6,
        Kind.STR: _int_to_text,
        Kind.BIN: _int_to_bytes,
    },
    Kind.IPV4: {
        Kind.SINT: _ip_to_int,
        Kind.ADDR: same,
        Kind.IPV4: _ip_to_ipv4,
        Kind.IPV6: _ip_to_ipv6,
        Kind.STR: _ip_to_text,
        Kind.BIN: same,
    },
    Kind.IPV6: {
        Kind.ADDR: same,
        Kind.IPV4: _ip_to_ipv4,
        Kind.IPV6: _ip_to_ipv6,
        Kind.STR: _ip_to_text,
        Kind.BIN: same,
    },
    Kind.STR: {
        Kind.BOOL: _text_to_bool,
        Kind.SINT: _text_to_int,
        Kind.ADDR: _text_to_ip,
        Kind.IPV4: _text_to_ipv4,
        Kind.IPV6: _text_to_ipv6,
        Kind.STR: same,
        Kind.BIN: same,
        Kind.METH: same,
    },
    Kind.BIN: {Kind.STR: _bytes_to_text, Kind.BIN: same, Kind.METH: same},
    Kind.METH: {Kind.STR: same, Kind.BIN: same, Kind.METH: same},
    Kind.ADDR: {},
}
"""From which kind to which others. HAProxy turns what is declared as ADDR into nothing else."""

_FAMILIES = {4: Kind.IPV4, 16: Kind.IPV6}


def sample_of(kind: Kind, value: Value) -> Sample:
    """Return a value that an expression of this kind gave with the kind that it really has."""
    if isinstance(value, Sample):
        return value
    if kind is Kind.IPV4 or kind is Kind.ADDR:
        kind = _FAMILIES[len(bytes_of(value))]
    return Sample(kind, value)


def cast_sample(sample: Sample, wanted: Kind) -> Value | None:
    """Return the value of a sample as one of kind `wanted`, which is not ANY; None where nothing leads there."""
    convert = _CASTS[sample.kind].get(wanted)
    return convert(sample.value) if convert is not None else None


_UNCHANGED = frozenset(((Kind.BOOL, Kind.SINT), (Kind.SINT, Kind.BOOL), (Kind.STR, Kind.BIN)))
"""Casts that leave a sample of the kind that it is in HAProxy: what stands behind them sees the old kind."""


def kind_after(origin: Kind, wanted: Kind) -> Kind:
    """Return the kind that a sample has behind a cast to `wanted`."""
    return origin if (origin, wanted) in _UNCHANGED else wanted


def casts_to(wanted: Kind) -> dict[Kind, tuple[Cast, Kind]]:
    """Return the casts to `wanted` from each kind, with the kind that a sample has behind it."""
    return {kind: (casts[wanted], kind_after(kind, wanted)) for kind, casts in _CASTS.items() if wanted in casts}


def no_cast(value: Value) -> Value | None:
    """Return no sample: the cast that does not exist, where only the kind that a sample really has tells so."""
    return None


def _from_any(wanted: Kind) -> Cast:
    """Return the cast of a Sample."""
    by_kind = {kind: casts[wanted] for kind, casts in _CASTS.items() if wanted in casts}

    def convert(value: Value) -> Value | None:
        assert isinstance(value, Sample)
        convert_kind = by_kind.get(value.kind)
        return convert_kind(value.value) if convert_kind is not None else None

    return convert


def cast(origin: Kind, wanted: Kind) -> Cast | None:
    """Return what makes a value of kind `wanted` of one of kind `origin`; None where nothing does.

    A cast returns None for a value that has no counterpart (a text that is no address, say). What is wanted as ANY
    stays as it is: whoever needs its kind too calls `sample_of`.
    """
    if wanted is Kind.ANY:
        return same
    if origin is Kind.ANY:
        return _from_any(wanted)
    return _CASTS[origin].get(wanted)
