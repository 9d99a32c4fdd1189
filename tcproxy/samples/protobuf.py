"""Converters that take one field out of a Protocol Buffers message, alone or in gRPC's framing.

HAProxy's search is kept as it is, with its ways: a path of numbers is followed to the first field that fits, a field
that is found on the way is entered whatever its type, and numbers are cut to the width that C gives them on x86.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from struct import unpack_from
from types import MappingProxyType

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import INT64_MIN, Kind, Sample, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter

_VARINT, _64_BITS, _DELIMITED, _32_BITS = 0, 1, 2, 5
_PATH = re.compile(rb"[0-9]*(?:\.[0-9]*)*(?<=[0-9])")
_GRPC_HEAD = 5
"""Bytes in front of a gRPC message: whether it is compressed, which does not count here, and its length."""

Store = Callable[[bytes, int, int], int | None]
"""Reads the number that begins at one place of a message, which ends at another; None if it is cut short."""


def _signed(number: int) -> int:
    """Return 64 bits as a number with sign."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number


def _varint(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Return a number of variable length and where it ends; None for one that is cut, or of more than ten bytes.

    At the end of the message it is 0.
    """
    value = shift = 0
    while at < end:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            break
        shift += 7
        if at == end or shift > 63:
            return None
    return value & (1 << 64) - 1, at


def _number(data: bytes, at: int, end: int) -> int | None:
    found = _varint(data, at, end)
    return None if found is None else _signed(found[0])


def _zigzag(data: bytes, at: int, end: int) -> int | None:
    found = _varint(data, at, end)
    return None if found is None else _signed(found[0] >> 1 ^ -(found[0] & 1))


def _fixed(form: str, size: int, change: Callable[[float], int] = int) -> Store:
    """Return what reads a number of so many bytes."""

    def store(data: bytes, at: int, end: int) -> int | None:
        return change(unpack_from(form, data, at)[0]) if at + size <= end else None

    return store


def _of_double(number: float) -> int:
    """Return a double as the 64 bits that x86 makes of it, without sign first."""
    if number < 2.0**63:
        return int(number) if number >= -(2.0**63) else INT64_MIN
    rest = number - 2.0**63
    if rest != rest:
        return INT64_MIN
    return int(rest) + INT64_MIN if rest < 2.0**63 else 0


def _of_float(number: float) -> int:
    """Return a float as the 32 bits that x86 makes of it."""
    return int(number) & 0xFFFFFFFF if abs(number) < 2.0**63 else 0


_TYPES: Mapping[str, tuple[int, Store]] = MappingProxyType(
    {
        **dict.fromkeys(("int32", "int64", "uint32", "uint64", "bool", "enum"), (_VARINT, _number)),
        **dict.fromkeys(("sint32", "sint64"), (_VARINT, _zigzag)),
        **dict.fromkeys(("fixed64", "sfixed64"), (_64_BITS, _fixed("<q", 8))),
        "double": (_64_BITS, _fixed("<d", 8, _of_double)),
        "fixed32": (_32_BITS, _fixed("<I", 4)),
        "sfixed32": (_32_BITS, _fixed("<i", 4)),
        "float": (_32_BITS, _fixed("<f", 4, _of_float)),
    }
)
"""The types of fields that are read as numbers: how they are written, and what reads them."""


class _Search:
    """The way through one message along a path of field numbers.

    at, end: what is left of the message. inner: how many bytes of the field that was entered last are left.
    """

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end
        self.inner = 0

    def find(self, path: tuple[int, ...]) -> int | None:
        """Go to the value of the field at the end of the path; return its wire type, None without one."""
        depth = 0
        while self.at < self.end:
            before = self.at
            key = self._varint()
            if key is None:
                return None
            wire, found = key & 7, (key >> 3) & 0xFFFFFFFF == path[depth]
            if not self._enters(wire):
                return None
            if wire == _DELIMITED:
                before = self.at
            if not found and not self._skips(wire):
                return None
            if found and depth == len(path) - 1:
                return wire
            self.inner -= self.at - before
            if found:
                depth += 1
            elif self.inner <= 0:
                depth = 0
        return None

    def _varint(self) -> int | None:
        found = _varint(self.data, self.at, self.end)
        if found is None:
            self.at = min(self.end, self.at + 10)
            return None
        self.at = found[1]
        return found[0]

    def _enters(self, wire: int) -> bool:
        """Read the length of a field that has one; return whether such a field can be here."""
        if wire != _DELIMITED:
            return wire in (_VARINT, _64_BITS, _32_BITS)
        length = self._varint()
        if length is None or length > self.end - self.at:
            return False
        self.inner = length
        return True

    def _skips(self, wire: int) -> bool:
        if wire == _VARINT:
            return self._varint() is not None
        end = self.at + (self.inner if wire == _DELIMITED else 8 if wire == _64_BITS else 4)
        if end > self.end:
            return False
        self.at = end
        return True

    def value(self, wire: int) -> bytes | None:
        """Return the bytes of the value that was found."""
        if wire == _DELIMITED:
            end = self.at + self.inner
        elif wire == _VARINT:
            found = _varint(self.data, self.at, self.end)
            if found is None:
                return None
            end = found[1]
        else:
            end = self.at + (8 if wire == _64_BITS else 4)
        return self.data[self.at : end] if end <= self.end else None


def _taker(field: bytes, kind: bytes | None) -> Callable[[_Search], Sample | None]:
    """Return what takes the field out of a message. kind: the type to read it as. Raises ValueError."""
    if not _PATH.fullmatch(field):
        raise ValueError(f"'{decode(field)}' is not a path of field numbers, as 3.1")
    path = tuple(int(number[-32:] or b"0") & 0xFFFFFFFF for number in field.split(b"."))
    if kind is None:
        return lambda search: _taken(search, path)
    if decode(kind) not in _TYPES:
        raise ValueError(f"'{decode(kind)}' is not the type of a number of Protocol Buffers")
    wanted, store = _TYPES[decode(kind)]

    def take(search: _Search) -> Sample | None:
        if search.find(path) != wanted:
            return None
        number = store(search.data, search.at, search.end)
        return None if number is None else Sample(Kind.SINT, number)

    return take


def _taken(search: _Search, path: tuple[int, ...]) -> Sample | None:
    wire = search.find(path)
    data = None if wire is None else search.value(wire)
    return None if data is None else Sample(Kind.BIN, data)


def _protobuf(field: bytes, kind: bytes | None = None) -> Convert:
    take = _taker(field, kind)

    def convert(value: Value) -> Value | None:
        data = bytes_of(value)
        return take(_Search(data, 0, len(data)))

    return convert


def _ungrpc(field: bytes, kind: bytes | None = None) -> Convert:
    take = _taker(field, kind)

    def convert(value: Value) -> Value | None:
        data = bytes_of(value)
        at, left = 0, len(data)
        while left > _GRPC_HEAD:
            length = int.from_bytes(data[at + 1 : at + _GRPC_HEAD], "big")
            at += _GRPC_HEAD
            left -= _GRPC_HEAD
            if left < length:
                return None
            search = _Search(data, at, at + length)
            found = take(search)
            if found is not None:
                return found
            at = search.at
            left -= length
        return None

    return convert


_ARGUMENTS = (ArgumentType.FIELD, ArgumentType.STRING)

CONVERTERS = (
    Converter(
        "protobuf", Kind.BIN, Kind.ANY,
        "The field at this path in a Protocol Buffers message: raw, or as a number of this type.",
        build=_protobuf, arguments=_ARGUMENTS, required=1, listed=Kind.BIN,
    ),
    Converter(
        "ungrpc", Kind.BIN, Kind.ANY, "The same, of the first gRPC message that has the field.",
        build=_ungrpc, arguments=_ARGUMENTS, required=1, listed=Kind.BIN,
    ),
)  # fmt: skip
