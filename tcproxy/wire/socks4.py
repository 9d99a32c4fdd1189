"""SOCKS 4 for clients: the request for a tunnel is written, and the reply is read (`socks4` of a server).

Only CONNECT to an IPv4 address exists in this version of the protocol; it has no host names and no IPv6.
"""

from __future__ import annotations

import socket

VERSION = 4
CONNECT = 1
GRANTED = 90
REPLY = 8
"""Bytes of a reply."""
USER = b"HAProxy"
"""The user id in our requests: the same as HAProxy sends, since a SOCKS server may have rules about it."""

REASONS = {
    91: "request rejected or failed",
    92: "rejected: the SOCKS server cannot reach identd on the client",
    93: "rejected: identd on the client reports another user id",
}
"""Reply codes other than GRANTED, and their meaning."""


class SocksRefused(ValueError):
    """The tunnel was refused; the text says why. code: of the reply, 0 without a reply."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


def encode_request(host: str, port: int, user: bytes = USER) -> bytes:
    """Return the request for a tunnel to the IPv4 address `host`. Raises SocksRefused for any other."""
    try:
        packed = socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        raise SocksRefused(f"SOCKS 4 reaches IPv4 addresses only, not {host!r}") from None
    return bytes((VERSION, CONNECT)) + port.to_bytes(2, "big") + packed + user + b"\0"


class SocksReplyParser:
    """Reads one reply, in pieces of any size.

    `rest` holds the bytes behind it once `feed` has returned True.
    """

    __slots__ = ("_buffer", "rest")

    def __init__(self) -> None:
        self._buffer = b""
        self.rest = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes; return True when the tunnel stands, False while the reply is incomplete.

        Raises SocksRefused. The version byte is not looked at: servers send 0 or 4, and HAProxy takes any.
        """
        self._buffer += data
        if len(self._buffer) < REPLY:
            return False
        code = self._buffer[1]
        if code != GRANTED:
            raise SocksRefused(REASONS.get(code, f"unknown answer {code}"), code)
        self.rest = self._buffer[REPLY:]
        return True
