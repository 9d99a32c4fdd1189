"""Links kept idle for the next request (`http-reuse`): which of them may carry it, and how many are kept.

The rules are the reference's (manual, `http-reuse`). A link is safe once it has carried a second request, so that its
server is known to keep connections; the one that is idle longest is used first. A server keeps as many links as
were in use at the same time lately; every `pool-purge-delay` half of what is beyond that is closed. Links that tell the
server something of the client (a PROXY header, its address) carry requests of the same client only; those that belong
to one client for good stand in private.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tcproxy.grammar.addresses import Family
from tcproxy.session.http.cookies import shows_letters
from tcproxy.session.http.private import ASK_WHO, Told, asks_who, keep_private
from tcproxy.session.stages import NEVER
from tcproxy.session.telling import unique_id

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.servers.farm import Farm
    from tcproxy.servers.live import LiveServer
    from tcproxy.session.http.session import HttpSession

DOUBT = 0.05
"""Seconds of rest after which a link is looked at before it is used: its end may be here, and not be read yet."""
NONE: deque[Any] = deque(maxlen=0)
"""A list that stays empty."""
REPEATED = frozenset({"conn-failure", "empty-response", "response-timeout"})
"""Causes of `retry-on`: all that a link which its server gave up can do to a request."""


@dataclass(slots=True)
class LinkBudget:
    """How many descriptors idle links may take. links: those that stand, of all servers, in use or idle.

    low, high: descriptors of clients and links, above which links are kept only where there is none, and not at all.
    """

    links: int = 0
    low: float = NEVER
    high: float = NEVER


class HttpBackend:
    """A backend's settings; the idle links of its servers are made with it.

    closes: each link carries one request. shortest: seconds of its shortest timeout once a link stands, NEVER without
    one. prefers: a client's next request goes to the server that has a link of its own (`option prefer-last-server`),
    unless as many as queue_limit wait there (`max-keep-alive-queue`, -1 for no limit). observes: servers are watched by
    their answers (`observe layer7`). shows_cookie: log lines have the letters of the persistence cookie.
    """

    __slots__ = ("closes", "farm", "observes", "prefers", "pretends", "queue_limit", "shortest", "shows_cookie")

    def __init__(self, farm: Farm) -> None:
        model = farm.model
        self.farm = farm
        self.closes = "httpclose" in model.options or "http-server-close" in model.options
        self.shows_cookie = shows_letters(model)
        self.pretends = "http-pretend-keepalive" in model.options
        self.prefers = "prefer-last-server" in model.options
        self.observes = any(server.observe == "layer7" for server in model.servers)
        self.queue_limit = model.max_keep_alive_queue
        self.shortest = (model.timeouts or {}).get("server", 0) / 1000 or NEVER
        for server in farm.servers:
            server.links = IdleLinks(server, model)

    def close(self) -> None:
        """Close all idle links."""
        for server in self.farm.servers:
            server.links.close()


class IdleLinks(Told):
    """The links of one server.

    idle, safe: in the order in which they came to rest. used: links in use; most: the highest number of these since the
    last purge; need: how many seem to be needed. limit: `pool-max-conn`, -1 for none; spare: `pool-low-conn`;
    delay: seconds of `pool-purge-delay`, 0 to keep none; free: nothing but the need limits them.
    keyed: links depend on the client. private: they belong to it. first_safe, first_idle: a client's first request may
    use such a link; repeats: all requests may. age: how often the server's address changed.
    """

    __slots__ = (
        "age", "alarm", "delay", "first_idle", "first_safe", "free", "idle", "keyed", "limit", "most", "need",
        "private", "repeats", "safe", "server", "spare", "used", "world",
    )  # fmt: skip

    def __init__(self, server: LiveServer, proxy: Proxy) -> None:
        model = server.model
        self.server = server
        self.limit = model.pool_max_conn
        self.spare = model.pool_low_conn
        self.delay = model.pool_purge_delay / 1000
        self.free = self.delay > 0 and self.limit < 0
        self.private = proxy.http_reuse == "never"
        self.first_idle = proxy.http_reuse == "always"
        self.first_safe = proxy.http_reuse in ("aggressive", "always")
        self.repeats = not self.private and proxy.retry_on >= REPEATED
        self.keyed = _is_keyed(server)
        self.idle: deque[Any] = deque()
        self.safe: deque[Any] = deque()
        self.used = self.most = self.need = self.age = 0
        self.alarm: Any = None
        self.world: Any = None

    def __len__(self) -> int:
        return len(self.idle) + len(self.safe)

    # in use

    def opened(self, session: HttpSession, link: Any) -> None:
        """A new link is being made for a session."""
        world = self.world = session.frontend.world
        budget = world.budget
        if world.counters.current + budget.links > budget.high and len(self):
            self.drop((self.idle or self.safe).popleft())
        budget.links += 1
        link.pool = self
        link.age = self.age
        link.private = self.private
        if self.keyed:
            link.key = self.key(session)
        self._use()

    def _use(self) -> None:
        used = self.used = self.used + 1
        if used > self.most:
            self._use_more(used)

    def _use_more(self, used: int) -> None:
        self.most = used
        if used > self.need:
            self.need = used

    def missed(self) -> None:
        """A new link failed at once: it was in use for a moment."""
        self._use()
        self.used -= 1

    def closed(self, link: Any) -> None:
        """A link that was in use is closed."""
        link.pool = None
        self.used -= 1
        self.world.budget.links -= 1

    def key(self, session: HttpSession) -> Any:
        """Return what a link tells of a session's client, or depends on."""
        server = self.server
        model = server.model
        named = model.send_proxy and "unique-id" in model.proxy_v2_options
        return (
            session.client_address if model.send_proxy or _is_from_client(server) else None,
            session.front_address if model.send_proxy or _follows_client(server) else None,
            unique_id(session) if named else None,
        )

    def take(self, session: HttpSession) -> Any:
        """Return a link that stands for a session's request, None without one."""
        if self.keyed or session.kept is not None:
            return self._take_own(session)
        if self.repeats or not session.first:
            links, others = self.idle, self.safe
        elif self.first_safe:
            links, others = self.safe, self.idle if self.first_idle else NONE
        else:
            return None
        while links or others:
            link = (links or others).popleft()
            if link.stamp >= session.client.stamp - DOUBT or link.at_rest():
                # `_use` without the call: most requests pass here
                link.uses += 1
                used = self.used = self.used + 1
                if used > self.most:
                    self._use_more(used)
                return link
            self.drop(link)
        return None

    def _take_own(self, session: HttpSession) -> Any:
        """Return a link that depends on the session's client as a new one would, or is its own."""
        key = self.key(session) if self.keyed else None
        if session.kept is not None:
            link = session.kept.take(self, key, session.client.stamp - DOUBT)
            if link is not None:
                return link
        for links in self._lists(session):
            for link in [link for link in links if link.key == key]:
                links.remove(link)
                if self.is_sound(link, session.client.stamp - DOUBT):
                    return link
        return None

    def _lists(self, session: HttpSession) -> tuple[deque[Any], ...]:
        """Return the lists that a request may be sent over, in order; `take` has them written out."""
        if self.repeats or not session.first:
            return self.idle, self.safe
        if self.first_idle:
            return self.safe, self.idle
        return (self.safe,) if self.first_safe else ()

    def is_sound(self, link: Any, sure: float) -> bool:
        """Take a link into use, or close it if its end is there. sure: links used since then are not looked at."""
        if link.stamp < sure and not link.at_rest():
            self.drop(link)
            return False
        link.uses += 1
        self._use()
        return True

    # idle

    def keep(self, session: HttpSession, link: Any) -> None:
        """Keep a link whose exchange is over, for this session or for all; or close it, when there are enough."""
        response = session.response
        self.used -= 1
        if link.private or (response is not None and response.status in ASK_WHO and asks_who(response)):
            keep_private(session, self, link)
        elif link.age == self.age and self._has_room(link.uses):
            link.session = self
            (self.safe if link.uses else self.idle).append(link)
            if self.alarm is None:
                self.alarm = self.world.deadlines.set(link.stamp + self.delay, self)
        else:
            self.drop(link)

    def _has_room(self, uses: int) -> bool:
        """Say whether one more idle link is wanted, that carried so many requests more than one."""
        idle, safe, budget = self.idle, self.safe, self.world.budget
        if not self.free and (not self.delay or 0 <= self.limit <= len(idle) + len(safe)):
            return False
        taken = self.world.counters.current + budget.links
        if not safe and (uses or not idle):
            return bool(taken < budget.high)
        room = self.need + self.spare - self.used
        return bool(taken < budget.low and taken < budget.high and len(idle) + len(safe) < room)

    def alarmed(self) -> None:
        """Close half of the links that were not needed lately."""
        self.alarm = None
        if not len(self):
            return
        beyond = self.used + len(self) - max(self.most, self.need)
        self.need = max((self.need + self.most) // 2, self.most)
        self.most = self.used
        if beyond > 0:
            for _ in range((beyond + 1) // 2 + 1):  # one more than half, as the reference has it
                if links := self.idle or self.safe:
                    self.drop(links.popleft())
        if len(self):
            self.alarm = self.world.deadlines.set(self.world.clock.seconds() + self.delay, self)

    def drop(self, link: Any) -> None:
        """Close a link that is not in use, and in no list any more."""
        link.pool = link.session = None
        self.world.budget.links -= 1
        link.close(not link.ended)

    def renew(self) -> None:
        """The server is elsewhere now: no link that stands may carry another request."""
        self.age += 1
        self.keyed = _is_keyed(self.server)
        self.close()

    def close(self) -> None:
        """Close all that are idle."""
        for links in (self.idle, self.safe):
            while links:
                self.drop(links.popleft())
        if self.alarm is not None:
            self.world.deadlines.cancel(self.alarm)
            self.alarm = None

    def forget(self, link: Any) -> None:
        """Close a link that its server gave up."""
        for links in (self.idle, self.safe):
            if link in links:
                links.remove(link)
                self.drop(link)


def _is_keyed(server: LiveServer) -> bool:
    """Say whether links to a server depend on the client."""
    return bool(server.model.send_proxy) or _is_from_client(server) or _follows_client(server)


def _is_from_client(server: LiveServer) -> bool:
    source = server.source
    return source is not None and source.usesrc in ("client", "clientip")


def _follows_client(server: LiveServer) -> bool:
    """Say whether the server's address or port is that which the client connected to."""
    address = server.address
    if address is None or address.family not in (Family.INET, Family.INET6):
        return False
    return address.relative or not server.port or address.host in ("", "0.0.0.0", "::")
