"""Which server each value of a backend's persistence cookie names, and the dynamic cookies of servers without a value.

The value of a `cookie` word is the server's own for good; others have one only while the backend's are dynamic
(`cookie ... dynamic`, and the key of `dynamic-cookie-key`), made from key, address and port.
"""

from __future__ import annotations

from collections.abc import Sequence

from tcproxy.model.persistence import dynamic_cookie
from tcproxy.model.proxy import Proxy
from tcproxy.servers.state import LiveServer


class ServerCookies:
    """The cookies of one backend's servers. dynamic: a server without a cookie gets one, if there is a key."""

    __slots__ = ("_named", "dynamic", "key", "servers")

    def __init__(self, model: Proxy, servers: Sequence[LiveServer]) -> None:
        self.servers = servers
        self.dynamic = model.cookie is not None and model.cookie.dynamic
        self.key = model.dynamic_cookie_key
        self._named: dict[bytes, tuple[LiveServer, ...]] = {}
        for server in servers:
            server.cookie = server.model.cookie.encode("utf-8", "surrogateescape")
        self.renew()

    def named(self, value: bytes) -> tuple[LiveServer, ...]:
        """Return the servers of this value, in the order of the configuration: several may share it."""
        return self._named.get(value, ())

    @property
    def shared(self) -> bool:
        """True when two servers in service were given the same cookie: they have the same address and port."""
        return any(
            sum(not server.model.cookie and not server.model.disabled for server in servers) > 1
            for servers in self._named.values()
        )

    def renew(self) -> None:
        """Make dynamic cookies again, after a change of an address, of the key, or of `dynamic`.

        A server whose address has no number keeps the cookie it had, and so do all servers when there is no key;
        HAProxy leaves them the same way.
        """
        for server in self.servers:
            if self.dynamic and self.key and not server.model.cookie:
                server.cookie = dynamic_cookie(self.key, server.address, server.port) or server.cookie
        self._index()

    def disable(self) -> None:
        """Take dynamic cookies away."""
        self.dynamic = False
        for server in self.servers:
            if not server.model.cookie:
                server.cookie = b""
        self._index()

    def _index(self) -> None:
        self._named = {}
        for server in self.servers:
            if server.cookie:
                self._named[server.cookie] = (*self.named(server.cookie), server)
