"""Log targets that a process cannot reach when it starts.

A `log /dev/log` is opened inside the root directory of `chroot`, where nobody may listen: lines are dropped then, and
nothing would tell. What is sent later is report/sinks.py's.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.process import Configuration
from tcproxy.report.sinks import DatagramSink, Sinks


def unreachable(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Yield each datagram target that cannot be connected to, once, and the system's reason.

    Nothing is sent: a UDP port of a reachable host counts as reached, whether or not anyone listens there.
    """
    sinks = Sinks()
    lines = [configuration.process.log_targets, *(proxy.log_targets for proxy in configuration.proxies)]
    for address in dict.fromkeys(target.address for targets in lines for target in targets):
        if address is not None:
            reason = _refusal(sinks, address)
            if reason:
                yield _named(address), reason


def _refusal(sinks: Sinks, address: Address) -> str:
    """Return why the system refuses the address; "" if it does not, or if the target is no socket."""
    try:
        sink = sinks.sink(address)
    except ValueError as wrong:
        return str(wrong)
    if not isinstance(sink, DatagramSink):
        return ""
    with socket.socket(sink.family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(sink.destination)
        except OSError as wrong:
            return wrong.strerror or str(wrong)
    return ""


def _named(address: Address) -> str:
    """Return the address as the configuration names it."""
    if address.family in (Family.UNIX, Family.ABNS):
        return address.host if address.family is Family.UNIX else f"abns@{address.host}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port or 514}"
