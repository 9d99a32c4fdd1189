"""What the kernel measures of the client's TCP connection as samples (manual 7.3.3; tcp(7), TCP_INFO).

There is no sample for a client of a UNIX socket, or once the connection is closed.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, decode
from tcproxy.samples.places import WITH_CLIENT
from tcproxy.samples.rows import Fetch, Take

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

_UNACKED, _SACKED, _LOST, _RETRANS, _FACKETS, _RTT, _RTTVAR, _REORDERING = 24, 28, 32, 36, 40, 68, 72, 88
"""Where the numbers of 32 bits stand in struct tcp_info."""
_NUMBER = struct.Struct("=I")


def _read(facts: Facts, at: int) -> int | None:
    info = facts.client_tcp_info()
    if info is None or len(info) < at + _NUMBER.size:
        return None
    number: int = _NUMBER.unpack_from(info, at)[0]
    return number


def _time_row(name: str, at: int, help: str) -> Fetch:
    def build(unit: bytes = b"ms") -> Take:
        if unit not in (b"ms", b"us"):
            raise ValueError(f"'{decode(unit)}' is none of ms and us")
        divisor = 1000 if unit == b"ms" else 1

        def take(facts: Facts) -> Value | None:
            microseconds = _read(facts, at)
            return None if microseconds is None else (microseconds + divisor // 2) // divisor

        return take

    return Fetch(name, Kind.SINT, WITH_CLIENT, help, build=build, arguments=(ArgumentType.STRING,))


def _count_row(name: str, at: int, help: str) -> Fetch:
    def build(unit: bytes = b"") -> Take:
        # HAProxy allows an argument here as well, which means nothing
        return lambda facts: _read(facts, at)

    return Fetch(name, Kind.SINT, WITH_CLIENT, help, build=build, arguments=(ArgumentType.STRING,))


FETCHES = (
    _count_row("fc_fackets", _FACKETS, "The kernel's FACK counter."),
    _count_row("fc_lost", _LOST, "Segments to the client that are taken for lost."),
    _count_row("fc_reordering", _REORDERING, "How far the kernel reckons with segments in another order."),
    _count_row("fc_retrans", _RETRANS, "Segments to the client that were sent again and are not acknowledged."),
    _time_row("fc_rtt", _RTT, "The round trip time to the client, in ms or us."),
    _time_row("fc_rttvar", _RTTVAR, "How much the round trip time varies, in ms or us."),
    _count_row("fc_sacked", _SACKED, "Segments to the client that SACK acknowledged."),
    _count_row("fc_unacked", _UNACKED, "Segments to the client that are not acknowledged."),
)
