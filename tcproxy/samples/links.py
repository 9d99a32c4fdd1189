"""Samples of the connection to the server, and of what is wrong with connections (manual 7.3.3: bc_..., fc_err)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.kinds import Kind, Sample, Value, encode
from tcproxy.samples.places import WITH_CLIENT, WITH_LINK
from tcproxy.samples.rows import Fetch

if TYPE_CHECKING:
    from tcproxy.samples.facts import Endpoint, Facts

ERRORS = (
    "Success",
    "Reached configured maxconn value",
    "Too many sockets on the process",
    "Too many sockets on the system",
    "Out of system buffers",
    "Protocol or address family not supported",
    "General socket error",
    "Source port range exhausted",
    "Can't bind to source address",
    "Out of local source ports on the system",
    "Local source address already in use",
    "Connection closed while waiting for PROXY protocol header",
    "Connection error while waiting for PROXY protocol header",
    "Timeout while waiting for PROXY protocol header",
    "Truncated PROXY protocol header received",
    "Received something which does not look like a PROXY protocol header",
    "Received an invalid PROXY protocol header",
    "Received an unhandled protocol in the PROXY protocol header",
    "Connection closed while waiting for NetScaler Client IP header",
    "Connection error while waiting for NetScaler Client IP header",
    "Timeout while waiting for a NetScaler Client IP header",
    "Truncated NetScaler Client IP header received",
    "Received an invalid NetScaler Client IP magic number",
    "Received an unhandled protocol in the NetScaler Client IP header",
)
"""The words that log lines have for what is wrong with a connection, each at its number (manual 7.3.3, fc_err_str)."""


_NUMBERS = {"": 0, **{words: number for number, words in enumerate(ERRORS)}}


def _number(words: str | None) -> Value | None:
    return None if words is None else _NUMBERS.get(words)


def _words(words: str | None) -> Value | None:
    return None if words is None else encode(words or "Success")


def _address_row(name: str, help: str, endpoint: Callable[[Facts], Endpoint | None]) -> Fetch:
    def take(facts: Facts) -> Value | None:
        found = endpoint(facts)
        if found is None or not found[0]:
            return None
        return Sample(Kind.IPV4 if len(found[0]) == 4 else Kind.IPV6, found[0])

    # HAProxy lists an integer, and gives an address
    return Fetch(name, Kind.ANY, WITH_LINK, help, take, listed=Kind.SINT)


def _port_row(name: str, help: str, endpoint: Callable[[Facts], Endpoint | None]) -> Fetch:
    def take(facts: Facts) -> Value | None:
        found = endpoint(facts)
        return found[1] if found is not None and found[0] else None

    return Fetch(name, Kind.SINT, WITH_LINK, help, take)


FETCHES = (
    _address_row("bc_dst", "The address that the server is connected to at.", lambda facts: facts.link_remote),
    _port_row("bc_dst_port", "The port that the server is connected to at.", lambda facts: facts.link_remote),
    Fetch(
        "bc_err", Kind.SINT, WITH_LINK, "The number of what is wrong with the connection to the server, 0 for nothing.",
        lambda facts: _number(facts.link_error),
    ),
    Fetch(
        "bc_err_str", Kind.STR, WITH_LINK, "What is wrong with the connection to the server, 'Success' for nothing.",
        lambda facts: _words(facts.link_error),
    ),
    _address_row("bc_src", "The address that the server is connected to from.", lambda facts: facts.link_local),
    _port_row("bc_src_port", "The port that the server is connected to from.", lambda facts: facts.link_local),
    Fetch(
        "fc_err", Kind.SINT, WITH_CLIENT, "The number of what is wrong with the client's connection, 0 for nothing.",
        lambda facts: _number(facts.client_error),
    ),
    Fetch(
        "fc_err_str", Kind.STR, WITH_CLIENT, "What is wrong with the client's connection, 'Success' for nothing.",
        lambda facts: _words(facts.client_error),
    ),
)  # fmt: skip
