"""Links that a server's pool keeps idle for the next request (`http-reuse`): which may carry it, and how many are kept.

The rules are HAProxy's (manual, `http-reuse`). A link is safe once it has carried a second request, because its
server is then known to keep connections. Of a list, the link that is idle longest is used first. A server keeps as
many links as were in use at the same time lately; every `pool-purge-delay` half of what is beyond that is closed.
Links that tell the server something about the client (a PROXY header, the client's address) carry requests of that
client only. Links that belong to one client for good stay with its session, which has its own list of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol, TypeVar

from tcproxy.interfaces import IClock
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.report.counters import Counters

DOUBT = 0.05
"""Seconds of rest after which a link is looked at before it is used: the server may have closed it, unread so far."""
REPEATED = frozenset({"conn-failure", "empty-response", "response-timeout"})
"""Causes of `retry-on`: all that can happen to a request on a link that the server closed."""


@dataclass(slots=True)
class LinkBudget:
    """How many descriptors idle links may take. links: all that stand, of all servers, in use or idle.

    low, high: numbers of descriptors of clients and links. Above low, a server keeps an idle link only where it has
    none; above high, it keeps none at all.
    """

    links: int = 0
    low: float = inf
    high: float = inf


AlarmT = TypeVar("AlarmT")


class Alarms(Protocol[AlarmT]):
    """The process's deadlines, as far as a pool sets one."""

    def set(self, at: float, owner: IdleLinks, /) -> AlarmT:
        """Call `owner.alarmed()` at `at`, monotonic seconds; return what `cancel` takes."""

    def cancel(self, alarm: AlarmT, /) -> None:
        """Do not call for this alarm any more."""


class PoolWorld(Protocol):
    """The process, as far as a pool needs it. counters: `current` is the number of clients."""

    budget: LinkBudget
    clock: IClock

    def tell_error(self, error: BaseException, where: str) -> None:
        """Tell that code of this program raised an exception, and in what."""

    @property
    def counters(self) -> Counters:
        """Return the process-wide counters."""

    @property
    def deadlines(self) -> Alarms[Any]:
        """Return the process's deadlines; a pool only hands back the alarm that `set` returned."""


class PoolFrontend(Protocol):
    """The frontend of a session."""

    @property
    def world(self) -> PoolWorld:
        """Return the process."""


class PoolClient(Protocol):
    """The client's end of a session. last_progress: monotonic seconds of its last progress."""

    last_progress: float


class LinkHolder:
    """The events of an idle link, received by the pool that holds it: the pool is the link's `session` meanwhile."""

    __slots__ = ()

    def forget(self, link: Link) -> None:
        """Close a link that can carry no more requests."""
        raise NotImplementedError

    def heard(self, link: Link) -> None:
        """Drop the link: it brought bytes that no request asked for."""
        self.forget(link)

    def ended(self, link: Link) -> None:
        """Drop the link: the server closed it."""
        self.forget(link)

    def emptied(self, link: Link) -> None:
        """Do nothing: an idle link has nothing to pass on."""

    def broke(self, link: Link, errno: int) -> None:
        """Drop the link: it failed."""
        self.forget(link)

    def crashed(self, error: BaseException, link: Link | None = None) -> None:
        """Tell that code of the pool, or of this link of it, raised an exception; drop the link. Raises nothing."""
        if link is None:
            return
        if link.pool is not None:
            link.pool.world.tell_error(error, "an idle link")
        self.forget(link)


class Link(Protocol):
    """A connection to a server, as far as a pool handles it.

    session: what receives its events; the pool while it is idle. pool: whose it is, None once it is closed.
    uses: requests it carried after its first. age: the pool's `age` when it was made. key: what it depends on.
    private: it carries requests of one client only. last_progress: monotonic seconds of its last progress.
    """

    session: object
    pool: IdleLinks | None
    uses: int
    age: int
    key: Hashable
    private: bool
    last_progress: float

    @property
    def ended(self) -> bool:
        """True when the server sent its FIN."""

    def at_rest(self) -> bool:
        """Return whether the server has neither closed the link nor sent anything."""

    def close(self, reset: bool = False) -> None:
        """Close the connection, with RST if asked."""


class OwnLinks(Protocol):
    """The links that belong to one session's client."""

    def take(self, pool: IdleLinks, key: Hashable, sure: float) -> Link | None:
        """Return the one of this pool, in use from now on; None without one."""


class LinkUser(Protocol):
    """An HTTP session, as far as a pool looks at it. first: no request of its client came before this one.

    kept: the links that belong to its client, None without any.
    """

    first: bool

    @property
    def client(self) -> PoolClient:
        """Return the client's end."""

    @property
    def frontend(self) -> PoolFrontend:
        """Return the frontend."""

    @property
    def kept(self) -> OwnLinks | None:
        """Return the links that belong to its client."""

    def link_key(self) -> Hashable:
        """Return what a link to this session's server tells the server about the client, or depends on."""


NONE: deque[Link] = deque(maxlen=0)
"""A list that stays empty."""


class IdleLinks(LinkHolder):
    """The links of one server: its pool.

    idle: links that have carried one request; safe: links that have carried more. Both in the order in which they came
    to rest. used: links in use. most: the highest number of these since the last purge. need: how many seem to be
    needed. limit: `pool-max-conn`, -1 for none. spare: `pool-low-conn`. delay: seconds of `pool-purge-delay`, 0 to keep
    none. free: nothing but the need limits them.
    keyed: links depend on the client (`LinkUser.link_key`).
    private: each link belongs to one client (`http-reuse never`). first_safe, first_idle: a client's first request may
    use a link of that list. repeats: all requests may use both. age: how often the server's address changed.
    """

    __slots__ = (
        "age", "alarm", "delay", "first_idle", "first_safe", "free", "idle", "keyed", "limit", "most", "need",
        "private", "repeats", "safe", "spare", "used", "world",
    )  # fmt: skip

    world: PoolWorld

    def __init__(self, model: Server, proxy: Proxy, keyed: bool) -> None:
        self.limit = model.pool_max_conn
        self.spare = model.pool_low_conn
        self.delay = model.pool_purge_delay / 1000
        self.free = self.delay > 0 and self.limit < 0
        self.private = proxy.http_reuse == "never"
        self.first_idle = proxy.http_reuse == "always"
        self.first_safe = proxy.http_reuse in ("aggressive", "always")
        self.repeats = not self.private and proxy.retry_on >= REPEATED
        self.keyed = keyed
        self.idle: deque[Link] = deque()
        self.safe: deque[Link] = deque()
        self.used = self.most = self.need = self.age = 0
        self.alarm: object = None

    def __len__(self) -> int:
        return len(self.idle) + len(self.safe)

    # in use

    def opened(self, session: LinkUser, link: Link) -> None:
        """Count a new link, which is being made for a session; close an idle one if there are too many."""
        key = session.link_key() if self.keyed else None
        world = self.world = session.frontend.world
        budget = world.budget
        if world.counters.current + budget.links > budget.high and len(self):
            self.drop((self.idle or self.safe).popleft())
        self._use()
        budget.links += 1
        link.pool = self
        link.age = self.age
        link.private = self.private
        link.key = key

    def _use(self) -> None:
        used = self.used = self.used + 1
        if used > self.most:
            self._use_more(used)

    def _use_more(self, used: int) -> None:
        self.most = used
        if used > self.need:
            self.need = used

    def missed(self) -> None:
        """Count a new link that failed at once: it was in use for a moment."""
        self._use()
        self.used -= 1

    def closed(self, link: Link) -> None:
        """Count the end of a link that was in use."""
        link.pool = None
        self.used -= 1
        self.world.budget.links -= 1

    def take(self, session: LinkUser) -> Link | None:
        """Return a link that stands, for a session's request; None without one."""
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
            if link.last_progress >= session.client.last_progress - DOUBT or link.at_rest():
                # inlined `_use` (hot path; see docs/performance)
                link.uses += 1
                used = self.used = self.used + 1
                if used > self.most:
                    self._use_more(used)
                return link
            self.drop(link)
        return None

    def _take_own(self, session: LinkUser) -> Link | None:
        """Return a link that is the client's own, or depends on the same of the client as a new one would."""
        key = session.link_key() if self.keyed else None
        if session.kept is not None:
            own = session.kept.take(self, key, session.client.last_progress - DOUBT)
            if own is not None:
                return own
        for links in self._lists(session):
            for link in [link for link in links if link.key == key]:
                links.remove(link)
                if self.is_sound(link, session.client.last_progress - DOUBT):
                    return link
        return None

    def _lists(self, session: LinkUser) -> tuple[deque[Link], ...]:
        """Return the lists that a request may be sent over, in order; `take` has the same written out."""
        if self.repeats or not session.first:
            return self.idle, self.safe
        if self.first_idle:
            return self.safe, self.idle
        return (self.safe,) if self.first_safe else ()

    def is_sound(self, link: Link, sure: float) -> bool:
        """Take a link into use and return True, or close it if the server has closed it.

        sure: monotonic seconds; links used since then are not looked at.
        """
        if link.last_progress < sure and not link.at_rest():
            self.drop(link)
            return False
        link.uses += 1
        self._use()
        return True

    def let_go(self) -> None:
        """Count a link that is not in use any more, and stays with the session of its client."""
        self.used -= 1

    # idle

    def put(self, link: Link) -> None:
        """Keep a link whose exchange is over for the next request of any client; close it when there are enough."""
        self.used -= 1
        try:
            if not (link.age == self.age and self._has_room(link.uses)):
                self.drop(link)
                return
        except BaseException:
            self.used += 1  # it is in use still: who ends its session closes it
            raise
        link.session = self
        (self.safe if link.uses else self.idle).append(link)
        if self.alarm is None:
            self.alarm = self.world.deadlines.set(link.last_progress + self.delay, self)

    def _has_room(self, uses: int) -> bool:
        """Return whether to keep one more idle link. uses: requests it carried after its first."""
        idle, safe, budget = self.idle, self.safe, self.world.budget
        if not self.free and (not self.delay or 0 <= self.limit <= len(idle) + len(safe)):
            return False
        taken = self.world.counters.current + budget.links
        if not safe and (uses or not idle):
            return taken < budget.high
        room = self.need + self.spare - self.used
        return taken < budget.low and taken < budget.high and len(idle) + len(safe) < room

    def alarmed(self) -> None:
        """Close half of the links that were not needed lately."""
        self.alarm = None
        if not len(self):
            return
        beyond = self.used + len(self) - max(self.most, self.need)
        self.need = max((self.need + self.most) // 2, self.most)
        self.most = self.used
        if beyond > 0:
            for _ in range((beyond + 1) // 2 + 1):  # HAProxy closes one more than half, too
                if links := self.idle or self.safe:
                    self.drop(links.popleft())
        if len(self):
            self.alarm = self.world.deadlines.set(self.world.clock.seconds() + self.delay, self)

    def drop(self, link: Link) -> None:
        """Close a link that is neither in use nor in a list."""
        link.pool = None
        link.session = None
        self.world.budget.links -= 1
        link.close(not link.ended)

    def renew(self, keyed: bool) -> None:
        """Close idle links, and let no link that stands carry another request: the server's address changed."""
        self.age += 1
        self.keyed = keyed
        self.close()

    def close(self) -> None:
        """Close all that are idle."""
        for links in (self.idle, self.safe):
            while links:
                self.drop(links.popleft())
        if self.alarm is not None:
            self.world.deadlines.cancel(self.alarm)
            self.alarm = None

    def crashed(self, error: BaseException, link: Link | None = None) -> None:
        """Tell that code of this pool raised an exception; drop the link that it was about, if any."""
        if link is None:
            self.world.tell_error(error, "a pool of idle links")
        super().crashed(error, link)

    def forget(self, link: Link) -> None:
        """Close an idle link that can carry no more requests."""
        for links in (self.idle, self.safe):
            if link in links:
                links.remove(link)
        if link.session is self:
            self.drop(link)
