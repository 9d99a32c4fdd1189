"""Links that belong to one client for good, and wait for its next request with its session.

Links are private with `http-reuse never`, and where a server authenticates connections instead of requests (NTLM,
Negotiate): there a request of another client on the same link would be taken for one of this client.
"""

from __future__ import annotations

from collections.abc import Hashable

from tcproxy.servers.links import IdleLinks, Link, LinkHolder
from tcproxy.servers.state import LiveServer
from tcproxy.session.http.state import Exchange
from tcproxy.wire.http1 import ResponseHead

ASK_WHO = (401, 407)
"""Statuses whose responses may say that their link is the client's own."""


class PrivateLinks(LinkHolder):
    """A session's own idle links, each with its server, by their pools.

    prefers: the next request goes to a server that has one, whatever the strategy says.
    """

    __slots__ = ("links", "prefers")

    def __init__(self) -> None:
        self.links: dict[IdleLinks, tuple[LiveServer, Link]] = {}
        self.prefers = False

    def take(self, pool: IdleLinks, key: Hashable, sure: float) -> Link | None:
        """Return the link of a pool, in use from now on; None without one.

        key: see Stream.link_key. sure: monotonic seconds; a link used since then is trusted without a look.
        """
        _, link = self.links.get(pool, (None, None))
        if link is None or link.key != key:
            return None
        del self.links[pool]
        return link if pool.is_sound(link, sure) else None

    def preferred(self, exchange: Exchange) -> LiveServer | None:
        """Return the server that this session's request should go to, None if any will do."""
        backend = exchange.backend
        if backend is None or backend.http is None or not backend.rotates:
            return None
        http = backend.http
        if not (self.prefers or http.prefers):
            return None
        for server, _ in self.links.values():
            if server.farm is not backend.farm or not server.usable or server is exchange.avoid:
                continue
            if self.prefers or http.queue_limit < 0 or not server.saturated or server.queued < http.queue_limit:
                return server
        return None

    def close(self) -> None:
        """Close all of them."""
        for pool, (_, link) in self.links.items():
            pool.drop(link)
        self.links.clear()

    def forget(self, link: Link) -> None:
        """Close a link that can carry no more requests."""
        pool = link.pool
        if pool is None:
            return
        if self.links.get(pool, (None, None))[1] is link:
            del self.links[pool]
        if link.session is self:
            pool.drop(link)


def keep_private(exchange: Exchange, server: LiveServer, link: Link) -> None:
    """Let a session keep a link for itself, unless it has as many as it may (`max-session-srv-conns`)."""
    pool = server.links
    kept = exchange.kept
    if kept is None:
        kept = exchange.connection.kept = PrivateLinks()
    pool.let_go()
    if not link.private:
        link.private = kept.prefers = True
    if len(kept.links) >= exchange.settings.private_links or pool in kept.links:
        pool.drop(link)
        return
    link.session = kept
    kept.links[pool] = server, link


def asks_who(response: ResponseHead) -> bool:
    """Return whether a 401 or 407 begins to authenticate the connection, so that its link is the client's own."""
    name = b"www-authenticate" if response.status == 401 else b"proxy-authenticate"
    schemes = (scheme.strip()[:4].lower() for value in response.values(name) for scheme in value.split(b","))
    return any(scheme in (b"nego", b"ntlm") for scheme in schemes)
