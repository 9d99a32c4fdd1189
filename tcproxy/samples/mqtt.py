"""Converters of MQTT packets: whether one is valid, and what stands in it.

HAProxy looks only into CONNECT and CONNACK, the first packets of either side, of MQTT 3.1, 3.1.1 and 5.0: every other
packet is invalid to it. A packet whose end has not come gives no sample. Sections are those of MQTT 5.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter

Fields = dict[str, bytes | int]
"""What stands in a packet: by the name of a field, or by the number of a property (as text)."""

_PACKETS = (
    "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe",
    "unsuback", "pingreq", "pingresp", "disconnect", "auth",
)  # fmt: skip
"""The types of packets, the first of which has the number 1."""
_CONNECT, _CONNACK = 1, 2
_FLAGS: Mapping[int, int] = MappingProxyType({3: 0xF, 6: 2, 8: 2, 10: 2})
"""The flags of each type of packets that has some: those of PUBLISH stand for several, of which HAProxy takes none."""
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "connect": "flags protocol_name protocol_version client_identifier will_topic will_payload username password "
        "keepalive 1 2 3 8 9 17 21 22 23 24 25 33 34 38 39",
        "connack": "flags protocol_version reason_code 17 18 19 21 22 26 28 31 33 34 36 37 38 39 40 41 42",
        "publish": "1 2 3 8 9 11 35 38",
        **dict.fromkeys(("puback", "pubrec", "pubrel", "pubcomp"), "reason_code 31 38"),
        "subscribe": "11 38",
        **dict.fromkeys(("suback", "unsuback"), "31 38"),
        "unsubscribe": "38",
        "disconnect": "reason_code 17 28 31 38",
        "auth": "21 22 31 38",
    }
)
"""What may be asked of a packet of each type."""
_VERSION_5 = 5
_USER_NAME, _PASSWORD, _WILL, _RESERVED = 0x80, 0x40, 0x04, 0x01
_OF_WILL_FLAGS, _NO_WILL = 0x3C, 0x18
"""Bits of the flags of CONNECT (section 3.1.2.3); of those about the will, HAProxy refuses this combination alone."""


class MalformedError(Exception):
    """The packet is not what it should be."""


class IncompleteError(Exception):
    """More of the packet must come, or so HAProxy takes it."""


class _Reader:
    """Bytes that are read from the front. Each read raises MalformedError where they do not suffice."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        """Return how many bytes are left."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if self.left < size:
            raise MalformedError
        self.at += size
        return self.data[self.at - size : self.at]

    def integer(self, size: int) -> int:
        """Return an integer of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def string(self) -> bytes:
        """Return a text, or binary data, behind its length of two bytes."""
        return self.take(self.integer(2))

    def varint(self) -> int:
        """Return an integer of one to four bytes (section 1.5.5); where the data ends first, what they say so far."""
        value = 0
        for shift in (0, 7, 14, 21):
            if not self.left:
                return value
            byte = self.integer(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise MalformedError


def _any_integer(size: int) -> Callable[[_Reader], int]:
    return lambda reader: reader.integer(size)


def _positive(size: int) -> Callable[[_Reader], int]:
    def read(reader: _Reader) -> int:
        number = reader.integer(size)
        if not number:
            raise MalformedError
        return number

    return read


def _flag(reader: _Reader) -> int:
    number = reader.integer(1)
    if number > 1:
        raise MalformedError
    return number


def _not_empty(reader: _Reader) -> bytes:
    text = reader.string()
    if not text:
        raise MalformedError
    return text


def _pair(reader: _Reader) -> bytes:
    reader.string()
    return reader.string()


_READERS: Mapping[int, Callable[[_Reader], bytes | int]] = MappingProxyType(
    {
        **dict.fromkeys((1, 23, 25, 36, 37, 40, 41, 42), _flag),
        **dict.fromkeys((19, 34), _any_integer(2)),
        33: _positive(2),
        **dict.fromkeys((2, 17, 24), _any_integer(4)),
        39: _positive(4),
        **dict.fromkeys((3, 8, 9, 21, 22, 26, 28, 31), _Reader.string),
        18: _not_empty,
        38: _pair,
    }
)
"""What reads each property (section 2.2.2.2)."""
_TEXTS = frozenset((3, 8, 9, 18, 21, 22, 26, 28, 31, 38))
_USER_PROPERTY, _AUTHENTICATION_DATA, _AUTHENTICATION_METHOD = 38, "22", "21"
_OF_CONNECT = frozenset((17, 21, 22, 23, 25, 33, 34, 38, 39))
_OF_WILL = frozenset((1, 2, 3, 8, 9, 24, 38))
_OF_CONNACK = frozenset((17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42))


def _properties(reader: _Reader, allowed: frozenset[int], method_needed: bool = False) -> Fields:
    """Read properties behind their length; return those that came, and 0 for each absent one that is a number.

    method_needed: authentication data is malformed where no method stands in front of it.
    """
    inner = _Reader(reader.take(reader.varint()))
    fields: Fields = {str(number): 0 for number in allowed if number not in _TEXTS}
    seen = set()
    while inner.left:
        number = inner.integer(1)
        if number not in allowed:
            raise IncompleteError
        if number in seen:
            raise MalformedError
        value = _READERS[number](inner)
        if number != _USER_PROPERTY:
            seen.add(number)
            fields[str(number)] = value
    if method_needed and fields.get(_AUTHENTICATION_DATA) and not fields.get(_AUTHENTICATION_METHOD):
        raise MalformedError
    return fields


def _connect(reader: _Reader) -> Fields:
    """Read the variable header and the payload of CONNECT (section 3.1)."""
    fields: Fields = {"protocol_name": reader.string()}
    if bytes(reader.data[2 : reader.at]).lower() not in (b"mqtt", b"mqisdp"):
        raise MalformedError
    version, flags = reader.integer(1), reader.integer(1)
    fields |= {"protocol_version": version, "flags": flags, "keepalive": reader.integer(2)}
    if version not in (3, 4, _VERSION_5) or flags & _RESERVED or flags & _OF_WILL_FLAGS == _NO_WILL:
        raise MalformedError
    try:
        if version == _VERSION_5:
            fields |= _properties(reader, _OF_CONNECT, method_needed=True)
        fields["client_identifier"] = reader.string()
        if flags & _WILL:
            if version == _VERSION_5:
                fields |= _properties(reader, _OF_WILL)
            fields |= {"will_topic": reader.string(), "will_payload": reader.string()}
    except IncompleteError:
        raise MalformedError from None
    if flags & _USER_NAME:
        fields["username"] = reader.string()
    if flags & _PASSWORD:
        fields["password"] = reader.string()
    return fields


def _connack(reader: _Reader) -> Fields:
    """Read the variable header of CONNACK (section 3.2), that of MQTT 5.0 if there is more than two bytes."""
    flags, reason = reader.integer(1), reader.integer(1)
    if flags > 1:
        raise MalformedError
    fields: Fields = {"flags": flags, "reason_code": reason, "protocol_version": _VERSION_5 if reader.left else 4}
    if reader.left:
        fields |= _properties(reader, _OF_CONNACK)
    return fields


def packet(data: bytes) -> tuple[int, Fields]:
    """Return the type and the fields of the packet at the front. Raises MalformedError, IncompleteError."""
    if len(data) < 2:
        raise IncompleteError
    kind, flags = data[0] >> 4, data[0] & 0xF
    if not kind or flags != _FLAGS.get(kind, 0):
        raise MalformedError
    reader = _Reader(data)
    reader.at = 1
    length = reader.varint()
    if reader.left < length:
        raise IncompleteError
    if kind not in (_CONNECT, _CONNACK):
        raise MalformedError
    body = _Reader(data[reader.at :])
    fields = _connect(body) if kind == _CONNECT else _connack(body)
    if body.at != length:
        raise MalformedError
    return kind, fields


def _mqtt_is_valid(value: Value) -> Value | None:
    try:
        packet(bytes_of(value))
    except MalformedError:
        return False
    except IncompleteError:
        return None
    return True


def _mqtt_field_value(kind: bytes, name: bytes) -> Convert:
    wanted, field = _packet_number(decode(kind)), decode(name).lower()
    if field not in _FIELDS.get(_PACKETS[wanted - 1], "").split():
        raise ValueError(f"'{decode(name)}' is no field of the packet '{decode(kind)}' of MQTT")

    def convert(value: Value) -> Value | None:
        try:
            found, fields = packet(bytes_of(value))
        except (MalformedError, IncompleteError):
            return None
        content = fields.get(field) if found == wanted else None
        if isinstance(content, int):
            return b"%d" % content
        return content or None

    return convert


def _packet_number(word: str) -> int:
    """Return the number of a type of packets, which is named or numbered. Raises ValueError."""
    if word.lower() in _PACKETS:
        return _PACKETS.index(word.lower()) + 1
    number = int(word[-20:]) & 0xFFFFFFFF if word.isascii() and word.isdigit() else 0
    if not 1 <= number <= len(_PACKETS):
        raise ValueError(f"'{word}' is no packet of MQTT")
    return number


CONVERTERS = (
    Converter(
        "mqtt_field_value", Kind.BIN, Kind.BIN,
        "A field, or a property by its number, of an MQTT packet CONNECT (1) or CONNACK (2).",
        build=_mqtt_field_value, arguments=(ArgumentType.STRING, ArgumentType.STRING), required=2,
        listed=Kind.STR, keeps=True,
    ),
    Converter(
        "mqtt_is_valid", Kind.BIN, Kind.BOOL, "Whether the data begins with a valid MQTT packet.", _mqtt_is_valid
    ),
)  # fmt: skip
