"""What strategies, rules and log lines ask of a session: where it came from, where it goes, and what it said so far."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from tcproxy.interfaces import IRequest
from tcproxy.wire.proxy_protocol import ProxyHeader

if TYPE_CHECKING:
    from tcproxy.servers.farm import Farm
    from tcproxy.session.backend import Backend
    from tcproxy.session.ends import Address, End
    from tcproxy.session.frontend import Entrance, Frontend
    from tcproxy.session.world import World


@implementer(IRequest)
class Asked:
    """Answers of a session (session.py), which has what they are made of."""

    __slots__ = ("backend", "client", "entrance", "front", "frontend", "greeting")

    backend: Backend | None
    client: End
    entrance: Entrance
    front: Address | None
    frontend: Frontend
    greeting: Any

    @property
    def world(self) -> World:
        """Return the process."""
        return self.frontend.world

    @property
    def farm(self) -> Farm | None:
        """Return the backend's servers, None before it is chosen."""
        return self.backend.farm if self.backend is not None else None

    @property
    def source(self) -> bytes:
        """Return the client's packed address, empty for a UNIX socket."""
        return _packed(self.client_address[0])

    @property
    def source_port(self) -> int:
        """Return the client's port."""
        return self.client_address[1]

    @property
    def destination(self) -> bytes:
        """Return the packed address that the client connected to, empty for a UNIX socket."""
        return _packed(self.front_address[0])

    @property
    def destination_port(self) -> int:
        """Return the port that the client connected to."""
        return self.front_address[1]

    @property
    def proxy_header(self) -> ProxyHeader | None:
        """Return the PROXY header, None without one."""
        return self.greeting if isinstance(self.greeting, ProxyHeader) else None

    @property
    def listener(self) -> Entrance:
        """Return where the client came in."""
        return self.entrance

    def uri(self) -> bytes | None:
        """Return None: in TCP mode nothing is known of a request, nor by the two that follow."""
        return None

    def header(self, name: bytes) -> bytes | None:
        """Return None."""
        return None

    def body(self) -> bytes | None:
        """Return None."""
        return None

    def data(self) -> bytes:
        """Return what the client sent so far, as much of it as has been read."""
        return self.client.held

    @property
    def client_address(self) -> Address:
        """Return the client's address: the PROXY header's, if there was one."""
        header = self.proxy_header
        if header is not None and header.usable and header.source is not None:
            return header.source
        host, port = self.client.source()
        return (host, port) if host != "unix" else (host, self.entrance.bind.id)

    @property
    def front_address(self) -> Address:
        """Return the address the client connected to: the PROXY header's, if there was one."""
        header = self.proxy_header
        if header is not None and header.usable and header.destination is not None:
            return header.destination
        if self.front is None:
            self.front = self.client.destination()
        host, port = self.front
        return (host, port) if host != "unix" else (host, self.entrance.bind.id)


def _packed(host: str) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    except OSError:
        return b""
