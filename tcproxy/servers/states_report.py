"""The report of all servers' states that SIGHUP asks for: lines for the log (management 4)."""

from __future__ import annotations

from tcproxy.interfaces import ServerState
from tcproxy.report.counters import Counters
from tcproxy.servers.state import FarmState

ANNOUNCEMENT = "SIGHUP received, dumping servers states"
"""Printed on stderr with a full stop; in logs each proxy's lines are preceded by it and the proxy's name."""


def states_report(farm: FarmState, front: Counters | None = None) -> list[str]:
    """Return one line for each server and one for the proxy; level notice. `front`: of its frontend, if any."""
    if not farm.servers:
        return [proxy_without_servers(farm.name, front, farm)]
    lines = [
        f"SIGHUP: Server {server.label} is {'DOWN' if server.state is ServerState.STOPPED else 'UP'}. "
        f"Conn: {server.counters.current} act, {server.queued} pend, {server.counters.total} tot."
        for server in farm.servers
    ]
    if farm.active:
        has = f"has {farm.active} active servers and {farm.backups} backup servers available."
    else:
        has = "is running on backup servers !" if farm.backups else "has no server available !"
    return [*lines, f"SIGHUP: Proxy {farm.name} {has} {_connections(front, farm)}"]


def proxy_without_servers(name: str, front: Counters | None = None, farm: FarmState | None = None) -> str:
    """Return the line of a proxy that only listens."""
    return f"SIGHUP: Proxy {name} has no servers. {_connections(front, farm)}"


def _connections(front: Counters | None, farm: FarmState | None) -> str:
    here = front or Counters()
    there = farm.counters if farm is not None else Counters()
    waiting = len(farm.queue) if farm is not None else 0
    pending = waiting + sum(server.queued for server in farm.servers) if farm is not None else 0
    return (
        f"Conn: act(FE+BE): {here.current}+{there.current}, {pending} pend ({waiting} unass), "
        f"tot(FE+BE): {here.total}+{there.total}."
    )
