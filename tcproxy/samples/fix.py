"""Converters of FIX, the Financial Information eXchange protocol: fields `TAG=VALUE`, each ended by the byte 1.

A message begins with BeginString (8), BodyLength (9) and MsgType (35), and ends with CheckSum (10).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter

_SHORTEST = 26
"""How many bytes the shortest message has: HAProxy waits for them."""
_END = b"\1"
_BEGIN_STRING, _BODY_LENGTH, _MESSAGE_TYPE, _CHECK_SUM = 8, 9, 35, 10
_TAGS: Mapping[str, int] = MappingProxyType(
    {
        "beginstring": _BEGIN_STRING, "bodylength": _BODY_LENGTH, "msgtype": _MESSAGE_TYPE, "checksum": _CHECK_SUM,
        "sendercompid": 49, "targetcompid": 56,
    }
)  # fmt: skip
_LAST_TAGS: Mapping[bytes, int] = MappingProxyType(
    {b"FIX.4.0": 140, b"FIX.4.1": 211, b"FIX.4.2": 446, b"FIX.4.3": 659, b"FIX.4.4": 956, b"FIXT.1.1": 1621}
)
"""The highest tag of each version."""
_PRIVATE_TAGS = range(10_000, 20_000)
_DIGITS = re.compile(rb"[0-9]+")


def _number(digits: bytes) -> int:
    """Return the number that digits say, in 32 bits; 0 for anything else."""
    return int(digits[-32:]) & 0xFFFFFFFF if _DIGITS.fullmatch(digits) else 0


def _fields(message: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield each whole field: its tag, its value, and where the next one begins. A tag that is no number is 0."""
    at = 0
    while True:
        equals = message.find(b"=", at)
        end = message.find(_END, equals + 1)
        if equals < 0 or end < 0:
            return
        tag, value = _number(message[at:equals]), message[equals + 1 : end]
        at = end + 1
        yield tag, value, at


def _fix_is_valid(value: Value) -> Value | None:
    """Return whether the data begins with a valid message; None while its end has not come."""
    data = bytes_of(value)
    if len(data) < _SHORTEST:
        return None
    body, before, length, last = 0, 0, -1, 0
    for number, (tag, text, end) in enumerate(_fields(data)):
        if number == 0:
            sound = tag == _BEGIN_STRING and text in _LAST_TAGS
            last = _LAST_TAGS.get(text, 0)
        elif number == 1:
            sound = tag == _BODY_LENGTH and _DIGITS.fullmatch(text) is not None
            body, length = end, _number(text)
        elif number == 2:
            sound = tag == _MESSAGE_TYPE
        else:
            sound = 0 < tag <= last or tag in _PRIVATE_TAGS
        if not sound:
            return False
        if tag == _CHECK_SUM:
            return length == before - body and text == b"%03d" % (sum(data[:before]) & 0xFF)
        before = end
    return None


def _fix_tag_value(word: bytes = b"") -> Convert:
    name = decode(word)
    wanted = _TAGS.get(name.lower()) or _number(word)
    if not wanted:
        raise ValueError(f"'{name}' is neither the number of a tag nor one of the names that are known")

    def convert(value: Value) -> Value | None:
        for tag, text, _ in _fields(bytes_of(value)):
            if tag == wanted:
                return text or None
            if tag in (0, _CHECK_SUM):
                return None
        return None

    return convert


CONVERTERS = (
    Converter(
        "fix_is_valid", Kind.BIN, Kind.BOOL, "Whether the data begins with a valid message of FIX.", _fix_is_valid
    ),
    Converter(
        "fix_tag_value", Kind.BIN, Kind.BIN, "The value of this tag, a number or a name, in a message of FIX.",
        build=_fix_tag_value, arguments=(ArgumentType.STRING,), required=1, keeps=True,
    ),
)  # fmt: skip
