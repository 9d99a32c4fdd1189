"""The NetScaler Client IP header, in front of a client's bytes: a copy of the client's IP and TCP headers.

Two forms exist, both behind a magic number that the two sides agree on: the legacy form has a length of 32 bits behind
it, the standard form two lengths, a type, and the length of the copy. As HAProxy 2.6 does, the copy's IP version says
where the addresses stand. Unlike HAProxy, the header may come in pieces.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

LEGACY, STANDARD = 8, 12
"""Bytes in front of the copy."""
IPV4, IPV6 = 40, 60
"""The least bytes of the copy: an IP header and a TCP header."""
TCP = 6


class BadMagic(ValueError):
    """The bytes do not begin with the magic number."""


class Unhandled(ValueError):
    """The header is of a form that is not known, or is not about TCP."""


class ClientIp(NamedTuple):
    """A header: the two ends of the client's connection, and the bytes of the header."""

    source: tuple[str, int]
    destination: tuple[str, int]
    size: int


def read_client_ip(data: bytes, magic: int) -> ClientIp | None:
    """Read a header. Return None while it is not whole. Raises BadMagic and Unhandled."""
    if len(data) < STANDARD:
        if data[:4] != magic.to_bytes(4, "big")[: len(data)]:
            raise BadMagic
        return None
    if int.from_bytes(data[:4], "big") != magic:
        raise BadMagic
    if data[8] & 0xD0 == 0x40:
        start, size = LEGACY, int.from_bytes(data[4:8], "big")
    elif data[8] == 0:
        start, size = STANDARD, int.from_bytes(data[10:12], "big")
    else:
        raise Unhandled
    if len(data) <= start:
        return None
    return _read_copy(data, start, size)


def _read_copy(data: bytes, start: int, size: int) -> ClientIp | None:
    """Read the copy of the client's headers. size: its bytes, as the header says."""
    version = data[start] >> 4
    if version not in (4, 6):
        raise Unhandled
    if len(data) - start < max(size, IPV4 if version == 4 else IPV6):
        return None
    copy = data[start:]
    if version == 4:
        protocol, hosts, ports = copy[9], (copy[12:16], copy[16:20]), (copy[0] & 0x0F) * 4
    else:
        protocol, hosts, ports = copy[6], (copy[8:24], copy[24:40]), 40
    if protocol != TCP or len(copy) < ports + 4:
        raise Unhandled
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    source, destination = (socket.inet_ntop(family, host) for host in hosts)
    first, second = (int.from_bytes(copy[at : at + 2], "big") for at in (ports, ports + 2))
    return ClientIp((source, first), (destination, second), start + size)
