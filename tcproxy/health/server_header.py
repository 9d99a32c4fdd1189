"""The value of X-Haproxy-Server-State, which tells a server its own state (manual 4.2, `http-check send-state`)."""

from __future__ import annotations

import socket
from typing import Any, Protocol

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import WEIGHT_SCALE, ServerState


class Described(Protocol):
    """The facts of a server that its header tells."""

    name: str
    state: ServerState
    address: Address | None
    port: int
    effective: int
    user_weight: int
    queued: int
    counters: Any
    farm: Any
    watch: Any


def server_header(server: Described, node: str) -> str:
    """Return the value. node: of the global section, "" for the name of the machine."""
    farm = server.farm
    host, port = _place(server.address, server.port)
    parts = [
        _word(server),
        f"address={host}",
        f"port={port}",
        f"name={farm.name}/{server.name}",
        f"node={node or socket.gethostname()}",
        f"weight={_users(server.effective)}/{_users(farm.weight)}",
        f"scur={server.counters.current}/{farm.served}",
        f"qcur={server.queued}",
    ]
    if server.state is ServerState.STARTING and server.user_weight:
        parts.append(f"throttle={max(1, 100 * server.effective // (WEIGHT_SCALE * server.user_weight))}%")
    return "; ".join(parts)


def _word(server: Described) -> str:
    """Return the state, with the count of checks towards the next one where there is such a count."""
    tally = server.watch.tally
    if server.state is ServerState.STOPPED:
        return f"DOWN {tally.health}/{tally.rise}" if tally.health else "DOWN"
    word = "NOLB" if server.state is ServerState.STOPPING else "UP"
    if tally.health == tally.top:
        return word
    return f"{word} {tally.health - tally.rise + 1}/{tally.fall}"


def _place(address: Address | None, port: int) -> tuple[str, str]:
    if address is None:
        return "", ""
    if address.family in (Family.UNIX, Family.ABNS):
        return "unix", ""
    return address.host, str(port)


def _users(weight: int) -> int:
    return -(-weight // WEIGHT_SCALE)
