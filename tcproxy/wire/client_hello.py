"""The first message of a TLS client or server, as far as it is in the clear (RFC 8446 4.1.2, RFC 6066, RFC 7301).

Bytes go in as they came so far, and one of three answers comes out: what was looked for, NOT_YET (more bytes may bring
it) or NEVER. No function raises. The message is looked for where HAProxy 2.6 looks, behind the header of the first
record. The headers of further records, over which a message may be divided, are taken for bytes of the message.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from tcproxy.wire.unread import NEVER, NOT_YET, Unread

_HANDSHAKE = 0x16
_CLIENT_HELLO = 1
_RECORD_HEADER = 5
_MESSAGE_HEADER = 4
_FIXED = 2 + 32
"""Version and random bytes, which every hello begins with."""
_LEAST = _FIXED + 1 + 4 + 2 + 2 + 2
"""Bytes of the shortest ClientHello that counts: one cipher, one compression method, two bytes of extensions."""
_LONGEST_RECORD = (1 << 14) + 2048
_SERVER_NAME, _GROUPS, _PROTOCOLS, _TICKET = 0, 10, 16, 35
_WANTED = frozenset((_SERVER_NAME, _GROUPS, _PROTOCOLS, _TICKET))
_read_extension = struct.Struct(">HH").unpack_from
"""Reads the kind of an extension, and the bytes of its body."""


class ClientHello(NamedTuple):
    """What the extensions of a ClientHello tell.

    name: the host name (SNI). protocol: the first one of ALPN. Each is None where the client did not send it. groups: a
    list of elliptic curves came. ticket: 0 for no session ticket, 1 for an empty one (it asks for one), 2 for one to
    resume with; None where a malformed extension hides whether there is one.
    """

    name: bytes | None = None
    protocol: bytes | None = None
    groups: bool = False
    ticket: int | None = 0


def _number(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def read_version(data: bytes) -> int | Unread:
    """Return the version of a client that speaks TLS, SSLv3 or SSLv2, once its first message came: major << 16 | minor.

    Of a ClientHello, it is the version that stands in the message, not that of the record.
    """
    if not data:
        return NOT_YET
    if not _is_record(data[0]):
        return _read_version_2(data)
    if len(data) < _RECORD_HEADER + 6:
        return NOT_YET
    length = _number(data, 3)
    if data[1] < 3 or not 6 <= length <= _LONGEST_RECORD:
        return NEVER
    if len(data) < _RECORD_HEADER + length:
        return NOT_YET
    return data[9] << 16 | data[10]


def _read_version_2(data: bytes) -> int | Unread:
    """Read a hello in the form of SSLv2 (RFC 5246 E.2): ciphers of 3 bytes each, a session id or none, a challenge."""
    header = 2 if data[0] & 0x80 else 3
    if len(data) < header + 1:
        return NOT_YET
    length = _number(data, 0) & (0x7FFF if header == 2 else 0x3FFF)
    padding = 0 if header == 2 else data[2]
    if data[header] != _CLIENT_HELLO:
        return NEVER
    if len(data) < header + 9:
        return NOT_YET
    ciphers, session, challenge = (_number(data, header + at) for at in (3, 5, 7))
    if ciphers % 3 or session not in (0, 16) or not 16 <= challenge <= 32:
        return NEVER
    if length != 9 + ciphers + session + challenge:
        return NEVER
    if len(data) < header + length + padding:
        return NOT_YET
    return data[header + 1] << 16 | data[header + 2]


def _is_record(first: int) -> bool:
    """Return whether a record of TLS may begin with this byte, its type."""
    return 0x14 <= first <= 0x17 or first == 0xFF


def read_hello_type(data: bytes) -> int | Unread:
    """Return the type of the handshake message that begins the stream, once all of it came: 1 of a client's hello."""
    if not data:
        return NOT_YET
    if not _is_record(data[0]):
        return NEVER
    if len(data) < _RECORD_HEADER + _MESSAGE_HEADER:
        return NOT_YET
    if data[1] < 3 or _number(data, 3) < _MESSAGE_HEADER:
        return NEVER
    length = data[6] << 16 | _number(data, 7)
    if len(data) < _RECORD_HEADER + _MESSAGE_HEADER + length:
        return NOT_YET
    return data[5]


def _client_hello(data: bytes) -> bytes | Unread:
    """Return the ClientHello that begins the stream, with its type and length, once all of it came."""
    size = len(data)
    if not size:
        return NOT_YET
    if data[0] != _HANDSHAKE:
        return NEVER
    if size < 3:
        return NOT_YET
    if data[1] < 3:
        return NEVER
    if size < _RECORD_HEADER:
        return NOT_YET
    if _number(data, 3) < _LEAST + _MESSAGE_HEADER:
        return NEVER
    return _handshake(data[_RECORD_HEADER:])


def _handshake(data: bytes) -> bytes | Unread:
    if not data:
        return NOT_YET
    if data[0] != _CLIENT_HELLO:
        return NEVER
    if len(data) < _MESSAGE_HEADER:
        return NOT_YET
    length = data[1] << 16 | _number(data, 2)
    if length < _LEAST:
        return NEVER
    if len(data) < _MESSAGE_HEADER + length:
        return NOT_YET
    return data[: _MESSAGE_HEADER + length]


def read_client_hello(data: bytes) -> ClientHello | Unread:
    """Return what the extensions of the ClientHello tell, once all of it came. NEVER: it has no list of extensions.

    Extensions behind one that is malformed do not count.
    """
    message = _client_hello(data)
    if isinstance(message, Unread):
        return message
    if message[4] < 3 or message[5] < 1:
        return NEVER
    at = _extensions(message)
    return NEVER if at is None else _told(message, at)


def _extensions(message: bytes) -> int | None:
    """Return where the list of extensions begins, at its length; None where the message is malformed before it."""
    end = len(message)
    at = _MESSAGE_HEADER + _FIXED
    session = message[at]
    at += 1 + session
    if session > 32 or end - at < 4:
        return None
    ciphers = _number(message, at)
    at += 2 + ciphers
    if ciphers < 2 or end - at < 2:
        return None
    methods = message[at]
    at += 1 + methods
    if methods < 1 or end - at < 2:
        return None
    return at


def _told(message: bytes, at: int) -> ClientHello | Unread:
    size = _number(message, at)
    at += 2
    end = at + size
    if end > len(message):
        return NEVER
    found: dict[int, bytes] = {}
    while end - at >= 4:
        kind, size = _read_extension(message, at)
        at += 4
        if size > end - at:
            return _of_extensions(found, None)
        if kind in _WANTED and kind not in found:
            found[kind] = message[at : at + size]
        at += size
    return _of_extensions(found, 0)


def _of_extensions(found: Mapping[int, bytes], no_ticket: int | None) -> ClientHello:
    """Return what these extensions tell. no_ticket: what it means that none of them is a session ticket."""
    ticket = found.get(_TICKET)
    return ClientHello(
        _host_name(found.get(_SERVER_NAME, b"")),
        _first_protocol(found.get(_PROTOCOLS, b"")),
        _GROUPS in found,
        no_ticket if ticket is None else 2 if ticket else 1,
    )


def _host_name(body: bytes) -> bytes | None:
    """Return the first name of the extension's list, if it is a host name; None where there is none."""
    if len(body) < 6 or not 4 <= _number(body, 0) <= len(body) - 2 or body[2]:
        return None
    return body[5 : 5 + _number(body, 3)]


def _first_protocol(body: bytes) -> bytes | None:
    """Return the first protocol of the extension's list; None where there is none."""
    if len(body) < 3 or not 1 <= body[2] <= len(body) - 3:
        return None
    return body[3 : 3 + body[2]]
