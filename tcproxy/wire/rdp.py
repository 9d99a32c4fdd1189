"""The cookie in the first packet of a Remote Desktop client, which names its server or its user.

The packet is TPKT and X.224: 11 bytes, then `Cookie: NAME=VALUE` and CR LF (manual 4.2, `persist rdp-cookie`).
"""

from __future__ import annotations

import re

DEFAULT_NAME = "msts"
_HEADER = 11
_COOKIE = re.compile(rb"cookie: *([^=\r\n]*)=([^\r]*)\r\n", re.IGNORECASE)
_NUMBER = rb"([ \t\n\v\f\r]*[+-]?[0-9]+)?\."
_SERVER = re.compile(_NUMBER + _NUMBER)


def read_rdp_cookie(data: bytes, name: bytes = b"") -> bytes | None:
    """Return the value of the cookie of this name, or of any name if none is given; None while none has come."""
    found = _COOKIE.match(data, _HEADER)
    if found is None or (name and found[1].lower() != name.lower()):
        return None
    return found[2]


def read_rdp_server(value: bytes) -> tuple[str, int] | None:
    """Return the IPv4 address and port that a cookie names (`ADDRESS.PORT.`, numbers in network order), or None."""
    found = _SERVER.match(value)
    if found is None:
        return None
    address, port = int(found[1] or 0), int(found[2] or 0)  # HAProxy, too, reads a number without digits as 0
    packed = (address & 0xFFFFFFFF).to_bytes(4, "little")
    return ".".join(map(str, packed)), int.from_bytes((port & 0xFFFF).to_bytes(2, "little"), "big")
