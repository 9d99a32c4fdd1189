"""Where connections to servers come from: source addresses, port ranges, interfaces, the client's own address.

(Manual 4.2 and 5.2, `source` and `usesrc`.)
"""

from __future__ import annotations

import errno
import socket
from collections import deque

from tcproxy.grammar.addresses import Address
from tcproxy.model.server import SourceAddress
from tcproxy.session.ends import LinkFailure
from tcproxy.transport.binding import IP_FREEBIND, IP_TRANSPARENT, IPV6_TRANSPARENT

IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h: choose the port at connect(), where many connections may share one."""
PORTS_TRIED = 10
"""Ports of a range tried for one connection: some may be in use by others."""
NO_PORTS = "no free ports"


class PortRange:
    """The free ports of a range: each is lent to one connection at a time."""

    def __init__(self, first: int, last: int) -> None:
        self._free = deque(range(first, last + 1))

    def take(self) -> int:
        """Return a free port; raises LinkFailure when all are lent."""
        if not self._free:
            raise LinkFailure(errno.EADDRINUSE, NO_PORTS, resource=True)
        return self._free.popleft()

    def give(self, port: int) -> None:
        """Take a port back."""
        self._free.append(port)


class SourceBinder:
    """Binds sockets as one `source` says. Ports of a range are given back with `release`."""

    def __init__(self, source: SourceAddress) -> None:
        self.source = source
        address = source.address
        self.ports = PortRange(address.port, address.last_port) if address.last_port > address.port else None
        self.wants_client = source.usesrc in ("client", "clientip")

    def bind(self, sock: socket.SocketType, client: tuple[str, int] | None) -> int:
        """Bind before connect(); return the port taken from the range, 0 without one. Raises OSError, LinkFailure."""
        if self.source.interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.source.interface.encode() + b"\0")
        spoofed = self._spoofed(client)
        if spoofed is not None:
            _allow_foreign(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(spoofed)
            return 0
        address = self.source.address
        if not address.host and not address.port:
            return 0
        return self._bind_own(sock, address)

    def _spoofed(self, client: tuple[str, int] | None) -> tuple[str, int] | None:
        if not self.source.usesrc:
            return None
        if not self.wants_client:
            host, _, port = self.source.usesrc.rpartition(":")
            return (host, int(port)) if host and port.isdigit() else (self.source.usesrc, 0)
        if client is None or client[0] == "unix":
            return None
        return (client[0], client[1] if self.source.usesrc == "client" else 0)

    def _bind_own(self, sock: socket.SocketType, address: Address) -> int:
        host = address.host or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0")
        if self.ports is None:
            if not address.port:
                sock.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            else:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, address.port))
            return 0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(PORTS_TRIED):
            port = self.ports.take()
            try:
                sock.bind((host, port))
                return port
            except OSError as error:
                self.ports.give(port)
                if error.errno != errno.EADDRINUSE:
                    raise
        raise LinkFailure(errno.EADDRINUSE, NO_PORTS, resource=True)

    def release(self, port: int) -> None:
        """The connection that `port` was taken for is closed."""
        if self.ports is not None and port:
            self.ports.give(port)


def _allow_foreign(sock: socket.SocketType) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        return
    try:
        sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    except OSError:
        sock.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
