"""Links kept idle for the next request (`http-reuse`): which of them may carry it, and how many are kept.

What HAProxy calls idle and safe: a safe link has carried a second request already, so that its server is known to
keep connections. Only a request that the client would repeat by itself, since it is not its connection's first, may
meet a link that its server has just closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcproxy.session.stages import NEVER

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.servers.live import LiveServer

DEFAULT_REUSE = "safe"
PURGE_DELAY = 5.0
"""Seconds: the default of `pool-purge-delay`."""


class HttpBackend:
    """A backend's settings and its idle links.

    reuse: never, safe, aggressive or always. pools: by server. closes: each link carries one request. shortest:
    seconds of its shortest timeout once a link stands, NEVER without one.
    """

    __slots__ = ("closes", "pools", "pretends", "reuse", "shortest")

    def __init__(self, model: Proxy) -> None:
        self.reuse = getattr(model, "http_reuse", "") or DEFAULT_REUSE
        self.closes = "httpclose" in model.options or "http-server-close" in model.options
        self.pretends = "http-pretend-keepalive" in model.options
        self.shortest = (model.timeouts or {}).get("server", 0) / 1000 or NEVER
        self.pools: dict[LiveServer, IdleLinks] = {}

    def take(self, server: LiveServer, first: bool) -> Any:
        """Return an idle link for a request, None without one. first: of its client's connection."""
        pool = self.pools.get(server)
        if pool is None or self.reuse == "never":
            return None
        if pool.address is not server.address or pool.port != server.port:
            pool.close()  # they lead where the server no longer is
            return None
        if not first:
            return pool.take(pool.idle, pool.safe)
        if self.reuse == "aggressive":
            return pool.take(pool.safe)
        return pool.take(pool.safe, pool.idle) if self.reuse == "always" else None

    def keep(self, server: LiveServer, link: Any, deadlines: Any) -> None:
        """Keep a link that has nothing to do."""
        pool = self.pools.get(server)
        if pool is None:
            pool = self.pools[server] = IdleLinks(deadlines)
        if pool.address is not server.address or pool.port != server.port:
            pool.close()
            pool.address, pool.port = server.address, server.port
        pool.add(link)

    def private(self, server: LiveServer) -> bool:
        """Say whether links to a server are made for one client: they tell who it is, or depend on it."""
        if self.reuse == "never":
            return True
        source = server.source
        if server.model.send_proxy or (source is not None and source.usesrc in ("client", "clientip")):
            return True
        address = server.address
        return address is not None and (address.relative or address.host in ("", "0.0.0.0", "::"))

    def close(self) -> None:
        """Close all idle links."""
        for pool in self.pools.values():
            pool.close()


class IdleLinks:
    """The idle links of one server; they tell it, as their session, when the server closes one.

    idle, safe: the last that came is the first that goes. used: links taken from here that are in use now;
    address, port: where they lead to. most: the highest number of links in use since the last purge.
    """

    __slots__ = ("address", "alarm", "deadlines", "delay", "idle", "limit", "most", "port", "safe", "used")

    def __init__(self, deadlines: Any, limit: int = -1, delay: float = PURGE_DELAY) -> None:
        self.deadlines = deadlines
        self.limit = limit
        self.delay = delay
        self.idle: list[Any] = []
        self.safe: list[Any] = []
        self.used = self.most = 0
        self.address: Any = None
        self.port = 0
        self.alarm: Any = None

    def __len__(self) -> int:
        return len(self.idle) + len(self.safe)

    def take(self, *lists: list[Any]) -> Any:
        """Return a link out of the first list that has one."""
        for links in lists:
            if links:
                self.used += 1
                if self.used > self.most:
                    self.most = self.used
                link = links.pop()
                link.uses += 1
                return link
        return None

    def add(self, link: Any) -> None:
        """Keep a link, or close it when there are enough."""
        if link.uses:
            self.used = max(0, self.used - 1)
        if 0 <= self.limit <= len(self):
            link.close()
            return
        link.session = self
        (self.safe if link.uses else self.idle).append(link)
        if self.alarm is None:
            self.alarm = self.deadlines.set(self.deadlines.clock.seconds() + self.delay, self)

    def alarmed(self) -> None:
        """Close half of the links that were not needed since the last time."""
        self.alarm = None
        spare = len(self) + self.used - max(self.most, self.used)
        for _ in range((spare + 1) // 2):
            links = self.idle or self.safe
            if not links:
                break
            self._drop(links.pop(0))
        self.most = self.used
        if len(self):
            self.alarm = self.deadlines.set(self.deadlines.clock.seconds() + self.delay, self)

    def _drop(self, link: Any) -> None:
        link.session = None
        link.close()

    def close(self) -> None:
        """Close all of them."""
        for link in self.idle + self.safe:
            self._drop(link)
        self.idle.clear()
        self.safe.clear()
        if self.alarm is not None:
            self.deadlines.cancel(self.alarm)
            self.alarm = None

    # what an idle link tells

    def heard(self, link: Any) -> None:
        """Bytes came that nobody asked for: the link can be trusted no more."""
        self._forget(link)

    def ended(self, link: Any) -> None:
        """The server closed the link."""
        self._forget(link)

    def emptied(self, link: Any) -> None:
        """Nothing to do."""

    def broke(self, link: Any, errno: int) -> None:
        """The link failed."""
        self._forget(link)

    def _forget(self, link: Any) -> None:
        for links in (self.idle, self.safe):
            if link in links:
                links.remove(link)
        self._drop(link)
