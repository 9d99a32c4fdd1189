"""Facts of the client's connection as samples (manual 7.3.3): addresses, ports, listener, PROXY header."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tcproxy.grammar.networks import packed_address
from tcproxy.samples.kinds import Kind, Value, encode, text_of_address
from tcproxy.samples.places import IN_SESSION, WITH_CLIENT
from tcproxy.samples.rows import Fetch

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts


def _source(facts: Facts) -> Value | None:
    return facts.source or None


def _source_port(facts: Facts) -> Value | None:
    return facts.source_port if facts.source else None


def _destination(facts: Facts) -> Value | None:
    return facts.destination or None


def _destination_port(facts: Facts) -> Value | None:
    return facts.destination_port if facts.destination else None


def _connection_source(facts: Facts) -> Value | None:
    return packed_address(facts.connection_source[0]) or None


def _connection_source_port(facts: Facts) -> Value | None:
    host, port = facts.connection_source
    return port if packed_address(host) else None


def _connection_destination(facts: Facts) -> Value | None:
    return packed_address(facts.connection_destination[0]) or None


def _connection_destination_port(facts: Facts) -> Value | None:
    host, port = facts.connection_destination
    return port if packed_address(host) else None


def is_local(packed: bytes) -> bool:
    """Return whether an address is one of this machine: whether a socket can be bound to it."""
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((text_of_address(packed), 0))
        except OSError:
            return False
        return True


def _connection_source_is_local(facts: Facts) -> Value | None:
    packed = packed_address(facts.connection_source[0])
    return is_local(packed) if packed else None


def _connection_destination_is_local(facts: Facts) -> Value | None:
    packed = packed_address(facts.connection_destination[0])
    return is_local(packed) if packed else None


def _source_is_local(facts: Facts) -> Value | None:
    return is_local(facts.source) if facts.source else None


def _destination_is_local(facts: Facts) -> Value | None:
    return is_local(facts.destination) if facts.destination else None


def _listener_id(facts: Facts) -> Value | None:
    return facts.bind.model.id


def _listener_name(facts: Facts) -> Value | None:
    return encode(facts.bind.model.name) or None


def _listener_connections(facts: Facts) -> Value | None:
    return facts.bind.counters.current


def _received_proxy(facts: Facts) -> Value | None:
    if facts.proxy_header is None and facts.bind.model.accept_proxy:
        return None  # a header is due, and none was read
    return facts.proxy_header is not None


def _proxy_authority(facts: Facts) -> Value | None:
    return None if facts.proxy_header is None else facts.proxy_header.authority


def _proxy_unique_id(facts: Facts) -> Value | None:
    return None if facts.proxy_header is None else facts.proxy_header.unique_id


# rules change dst and src (reads); that a connection has the same ones for all of its requests (fixed) is true where no
# rule about contents or requests does so
FETCHES = (
    Fetch("dst", Kind.IPV4, WITH_CLIENT, "The address that the client connected to.", _destination, fixed=True,
          reads="connection destination"),
    Fetch("dst_conn", Kind.SINT, IN_SESSION, "Connections now on the listener.", _listener_connections),
    Fetch("dst_is_local", Kind.BOOL, WITH_CLIENT, "True if dst is of this machine.", _destination_is_local, fixed=True,
          reads="connection destination"),
    Fetch("dst_port", Kind.SINT, WITH_CLIENT, "The port that the client connected to.", _destination_port, fixed=True,
          reads="connection destination"),
    Fetch("fc_dst", Kind.IPV4, WITH_CLIENT, "The connection's destination address.",
          _connection_destination, fixed=True),
    Fetch("fc_dst_is_local", Kind.BOOL, WITH_CLIENT, "True if fc_dst is local.",
          _connection_destination_is_local, fixed=True),
    Fetch("fc_dst_port", Kind.SINT, WITH_CLIENT, "The connection's destination port.",
          _connection_destination_port, fixed=True),
    Fetch(
        "fc_pp_authority", Kind.STR, WITH_CLIENT, "The host name in the client's PROXY header.",
        _proxy_authority, fixed=True,
    ),
    Fetch(
        "fc_pp_unique_id", Kind.STR, WITH_CLIENT, "The unique id in the client's PROXY header.",
        _proxy_unique_id, fixed=True,
    ),
    Fetch("fc_rcvd_proxy", Kind.BOOL, WITH_CLIENT, "True if a PROXY header came.", _received_proxy, fixed=True),
    Fetch("fc_src", Kind.IPV4, WITH_CLIENT, "The connection's source address.",
          _connection_source, fixed=True),
    Fetch("fc_src_is_local", Kind.BOOL, WITH_CLIENT, "True if fc_src is local.",
          _connection_source_is_local, fixed=True),
    Fetch("fc_src_port", Kind.SINT, WITH_CLIENT, "The connection's source port.",
          _connection_source_port, fixed=True),
    Fetch("so_id", Kind.SINT, IN_SESSION, "The number of the listening address.", _listener_id, fixed=True),
    Fetch("so_name", Kind.STR, IN_SESSION, "The name of the listening address.", _listener_name, fixed=True),
    Fetch("src", Kind.IPV4, WITH_CLIENT, "The client's address.", _source, fixed=True,
          reads="connection source"),
    Fetch("src_is_local", Kind.BOOL, WITH_CLIENT, "True if src is of this machine.", _source_is_local, fixed=True,
          reads="connection source"),
    Fetch("src_port", Kind.SINT, WITH_CLIENT, "The client's port.", _source_port, fixed=True,
          reads="connection source"),
)  # fmt: skip
