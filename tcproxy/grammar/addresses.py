"""Addresses of the language: every family and type prefix, ports, port ranges and offsets (manual 11)."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum


class Family(Enum):
    """Address families, with the prefix that names them in a configuration."""

    ANY = ""  # not said: a host name, or every address
    INET = "ipv4@"
    INET6 = "ipv6@"
    UNIX = "unix@"
    ABNS = "abns@"
    FD = "fd@"
    SOCKPAIR = "sockpair@"


@dataclass(frozen=True, slots=True)
class Address:
    """One address as configured.

    host: numeric text ("" for every address), a path (UNIX), a name (ABNS), a descriptor's number (FD, SOCKPAIR),
        or a host name still to be resolved (`is_name`).
    port: 0 where there is none. Of a server: `relative` ports are added to the client's destination port.
    last_port: end of a range, equal to `port` without one.
    kind: socket.SOCK_STREAM or SOCK_DGRAM.
    """

    family: Family
    host: str
    port: int = 0
    last_port: int = 0
    kind: int = socket.SOCK_STREAM
    is_name: bool = False
    relative: bool = False
    has_port: bool = False
