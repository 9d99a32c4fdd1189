"""The target of a request against its Host (RFC 9112 sections 3.2 and 3.3), with HAProxy's normal form.

A target with an authority must name the authority of the Host header. Where the target tells the default port of its
scheme, that port is removed from both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ABSOLUTE = re.compile(rb"([A-Za-z][A-Za-z0-9+\-.]*+)://([^/]*+)")
PORT = re.compile(rb":([0-9]*+)\Z")
DEFAULT_PORTS: Mapping[bytes, tuple[bytes, ...]] = {b"http": (b"80", b""), b"https": (b"443", b"")}
CONNECT_PORTS = (b"80", b"443")


class Mismatch(ValueError):
    """The target cannot be used, or names another authority than Host does."""


def agreed(method: bytes, target: bytes, host: bytes | None, lenient: bool) -> tuple[bytes, bytes | None]:
    """Return the target and the Host to forward, for a target that is not in origin form. Raises Mismatch.

    lenient: a target that names another authority than Host is returned as it is.
    """
    connect = method == b"CONNECT"
    if target.startswith(b"*") and not connect:
        return target, host
    try:
        return _agreed(target, host, connect)
    except Mismatch:
        if lenient:
            return target, host
        raise


def _agreed(target: bytes, host: bytes | None, connect: bool) -> tuple[bytes, bytes | None]:
    absolute = ABSOLUTE.match(target)
    if absolute:
        start, end = absolute.span(2)
        ports = CONNECT_PORTS if connect else DEFAULT_PORTS.get(absolute[1].lower(), ())
    else:  # authority form; HAProxy reads any target without another form so, whatever the method
        start, end = 0, _leading(target)
        ports = CONNECT_PORTS if connect else ()
    name, port = _parted(target[start:end].rpartition(b"@")[2])
    if connect and not port:
        raise Mismatch("CONNECT to an authority without a port")
    if host is not None and end > start:
        _check(name, port, host, ports, connect)
    if port is None or port not in ports:
        return target, host
    if not connect:
        return target[: end - len(port) - 1] + target[end:], host and name
    return target, host.removesuffix(b":" + port) if host else host


def _leading(target: bytes) -> int:
    """Return the index behind the authority that the target begins with."""
    slash = target.find(b"/")
    return len(target) if slash < 0 else slash


def _check(name: bytes, port: bytes | None, host: bytes, ports: tuple[bytes, ...], connect: bool) -> None:
    host_name, host_port = _parted(host)
    same = (host_port or b"") == (port or b"")
    if not same and connect:
        same = not host_port and port in ports
    elif not same:
        same = (port or b"") in ports and (host_port or b"") in ports
    if name.lower() != host_name.lower() or not same:
        raise Mismatch("a target of another authority than Host")


def _parted(authority: bytes) -> tuple[bytes, bytes | None]:
    """Return the host name and the port's digits, None without a colon."""
    port = PORT.search(authority)
    if port is None:
        return authority, None
    return authority[: port.start()], port[1]
