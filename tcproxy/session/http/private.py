"""Links that belong to one client for good, and wait for its next request with its session.

So it is with `http-reuse never`, and with servers that authenticate connections instead of requests (NTLM, Negotiate):
whoever else sent a request on such a link would be taken for that client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcproxy.servers.live import LiveServer
    from tcproxy.session.http.reuse import IdleLinks
    from tcproxy.session.http.session import HttpSession
    from tcproxy.wire.http1 import ResponseHead

ASK_WHO = (401, 407)
"""Statuses whose responses may say that their link is the client's own."""


class Told:
    """What idle links tell of themselves to whoever keeps them, who stands in the place of their session."""

    __slots__ = ()

    def forget(self, link: Any) -> None:
        """Close a link that can be trusted no more."""
        raise NotImplementedError

    def heard(self, link: Any) -> None:
        """Bytes came that nobody asked for."""
        self.forget(link)

    def ended(self, link: Any) -> None:
        """The server closed the link."""
        self.forget(link)

    def emptied(self, link: Any) -> None:
        """Nothing to do."""

    def broke(self, link: Any, errno: int) -> None:
        """The link failed."""
        self.forget(link)


class PrivateLinks(Told):
    """A session's own idle links, by their pools.

    prefers: the next request goes to a server that has one, whatever the strategy says.
    """

    __slots__ = ("links", "prefers")

    def __init__(self) -> None:
        self.links: dict[IdleLinks, Any] = {}
        self.prefers = False

    def take(self, pool: IdleLinks, key: Any, sure: float) -> Any:
        """Return the link to a server, None without one. key: what it has to depend on; sure: as of a pool's."""
        link = self.links.get(pool)
        if link is None or link.key != key:
            return None
        del self.links[pool]
        return link if pool.is_sound(link, sure) else None

    def preferred(self, session: HttpSession) -> LiveServer | None:
        """Return the server that this session's request had better go to, None for whichever."""
        http = session.backend.http
        if not (self.prefers or http.prefers) or not session.backend.rotates:
            return None
        for pool in self.links:
            server = pool.server
            if server.farm is not session.backend.farm or not server.usable or server is session.avoid:
                continue
            if self.prefers or http.queue_limit < 0 or not server.saturated or server.queued < http.queue_limit:
                return server
        return None

    def close(self) -> None:
        """Close all of them."""
        for pool, link in self.links.items():
            pool.drop(link)
        self.links.clear()

    def forget(self, link: Any) -> None:
        """Close one that its server gave up."""
        if self.links.pop(link.pool, None) is link:
            link.pool.drop(link)


def keep_private(session: HttpSession, pool: IdleLinks, link: Any) -> None:
    """Let a session keep a link for itself, unless it has as many as it may (`max-session-srv-conns`)."""
    kept = session.kept
    if kept is None:
        kept = session.kept = PrivateLinks()
    if not link.private:
        link.private = kept.prefers = True
    if len(kept.links) >= session.settings.private_links or pool in kept.links:
        pool.drop(link)
        return
    link.session = kept
    kept.links[pool] = link


def asks_who(response: ResponseHead) -> bool:
    """Say whether a 401 or 407 begins to authenticate the connection, so that its link is the client's own."""
    name = b"www-authenticate" if response.status == 401 else b"proxy-authenticate"
    schemes = (scheme.strip()[:4].lower() for value in response.values(name) for scheme in value.split(b","))
    return any(scheme in (b"nego", b"ntlm") for scheme in schemes)
