"""The cookie in the first packet of a Remote Desktop client, which names its server or its user.

The packet is TPKT and X.224: 11 bytes, then `Cookie: NAME=VALUE` and CR LF (manual 4.2, `persist rdp-cookie`).
"""

from __future__ import annotations

import re

from tcproxy.wire.unread import NEVER, NOT_YET, Unread

DEFAULT_NAME = "msts"
_HEADER = 11
_LABEL = b"cookie:"
_NAME_END = re.compile(rb"[=\r\n]")
_NUMBER = rb"([ \t\n\v\f\r]*[+-]?[0-9]+)?\."
_SERVER = re.compile(_NUMBER + _NUMBER)


def read_rdp_cookie(data: bytes, name: bytes = b"") -> bytes | None:
    """Return the value of the cookie of this name, or of any name if none is given; None while none has come."""
    found = find_rdp_cookie(data, name)
    return None if isinstance(found, Unread) else found


def find_rdp_cookie(data: bytes, name: bytes = b"") -> bytes | Unread:
    """Return the value of the cookie of this name, or of any name if none is given; letters of both cases are alike.

    Only the first cookie is looked at. NEVER: the first packet has no such cookie.
    """
    if len(data) <= _HEADER + len(_LABEL):
        return NOT_YET
    if data[_HEADER : _HEADER + len(_LABEL)].lower() != _LABEL:
        return NEVER
    value = _behind_name(data[_HEADER + len(_LABEL) :].lstrip(b" "), name.lower())
    if isinstance(value, Unread):
        return value
    end = value.find(b"\r")
    if end < 0 or end + 1 == len(value):
        return NOT_YET
    return value[:end] if value[end + 1] == 0x0A else NEVER


def _behind_name(cookie: bytes, name: bytes) -> bytes | Unread:
    """Return what follows `NAME=`."""
    size = len(name)
    if name:
        if len(cookie) <= size:
            return NOT_YET
        return cookie[size + 1 :] if cookie[: size + 1].lower() == name + b"=" else NEVER
    end = _NAME_END.search(cookie)
    if end is None:
        return NOT_YET
    return cookie[end.end() :] if end[0] == b"=" else NEVER


def read_rdp_server(value: bytes) -> tuple[str, int] | None:
    """Return the IPv4 address and port that a cookie names (`ADDRESS.PORT.`, numbers in network order), or None."""
    found = _SERVER.match(value)
    if found is None:
        return None
    address, port = int(found[1] or 0), int(found[2] or 0)  # HAProxy, too, reads a number without digits as 0
    packed = (address & 0xFFFFFFFF).to_bytes(4, "little")
    return ".".join(map(str, packed)), int.from_bytes((port & 0xFFFF).to_bytes(2, "little"), "big")
