"""What ties a session to a server before balancing: rules of persistence, and what cookies of any kind have said.

A session has a Persistence only where its backend asks for one. The cookies of HTTP stand in http/cookies.py; the
farm takes a session to a given server, or to its queue (servers/farm.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tcproxy.interfaces import ServerState
from tcproxy.wire.rdp import read_rdp_cookie, read_rdp_server

if TYPE_CHECKING:
    from tcproxy.model.persistence import PersistRule
    from tcproxy.model.proxy import Proxy
    from tcproxy.servers.state import LiveServer, Ticket
    from tcproxy.session.session import Session

NONE = "NN"
"""The two letters of an exchange that cookies had no part in, in a backend that has one."""


class Persistence:
    """How one session, or one exchange of HTTP, is tied to a server.

    server: which one it goes to without balancing, None for whichever. direct: something of the client's led there
    (and `option redispatch` may lead elsewhere). forced: it goes there even if the server is down, and stays.
    ignored: nothing of the client's counts (`force-persist`, `ignore-persist`).
    asked, answered: letters of the request's cookie and of the response's (manual 8.5). last, first: dates of the
    request's cookie, in seconds since 1970, 0 for none.
    """

    __slots__ = ("answered", "asked", "direct", "first", "forced", "ignored", "last", "server")

    def __init__(self) -> None:
        self.server: LiveServer | None = None
        self.direct = self.forced = self.ignored = False
        self.asked = self.answered = "N"
        self.last = self.first = 0

    def tie(self, server: LiveServer) -> None:
        """Lead to a server, as the client asks."""
        self.server = server
        self.direct = True

    def loose(self) -> None:
        """The server is given up: balance from now on."""
        self.server = None
        self.direct = False


Tie = Callable[[Any], bool]
"""Done with a session once its backend is known; always true, since it never answers a request nor waits."""


def of(session: Session) -> Persistence:
    """Return the session's Persistence, a new one where it has none yet."""
    found = session.persistence
    if found is None:
        found = session.persistence = Persistence()
    return found


def is_led(session: Session) -> bool:
    """Say whether the session's server is still the one that the client asked for."""
    tie, ticket = session.persistence, session.ticket
    return tie is not None and tie.direct and (ticket is None or not ticket.redispatched)


def letters(session: Session) -> str:
    """Return the two letters of cookies for an exchange in a backend that has a cookie."""
    tie, ticket = session.persistence, session.ticket
    if tie is None:
        return NONE
    moved = session.redispatched or (ticket is not None and ticket.redispatched)
    return ("D" if moved and tie.asked == "V" else tie.asked) + tie.answered


def take(session: Session, server: LiveServer) -> LiveServer | Ticket | None:
    """Take a slot of the server that the session is tied to, or a place in its queue; None when that is full.

    A queue that is full sends whom the client's wish led there elsewhere, where `option redispatch` stands.
    """
    backend, tie = session.backend, session.persistence
    assert backend is not None and tie is not None
    farm = backend.farm
    if tie.direct and backend.redispatches and farm.refuses(server):
        tie.loose()
        session.previous = session.avoid = server
        return farm.assign(session, server)
    return farm.take(session, server, stays=tie.forced)


def rules_of(backend: Proxy) -> Tie | None:
    """Return what the `force-persist` and `ignore-persist` rules of a backend do; None without any."""
    rules = backend.persist_rules
    if not rules:
        return None

    def apply(session: Session) -> bool:
        rule = _first(rules, session)
        if rule is not None:
            tie = of(session)
            tie.forced, tie.ignored = rule.force, not rule.force
        return True

    return apply


def _first(rules: tuple[PersistRule, ...], session: Session) -> PersistRule | None:
    return next((rule for rule in rules if rule.condition is None or rule.condition.holds(session)), None)


def rdp_of(backend: Proxy) -> Tie | None:
    """Return what `persist rdp-cookie` does with what is there of a session's first bytes; None without it.

    As in the reference nothing is waited for, `force-persist` and `ignore-persist` play no part, and a server is meant
    that has the cookie's address and port.
    """
    if not backend.rdp_cookie:
        return None
    name = backend.rdp_cookie.encode("utf-8", "surrogateescape")
    persists = "persist" in backend.options

    def apply(session: Session) -> bool:
        value = read_rdp_cookie(session.client.held, name)
        meant = read_rdp_server(value) if value else None
        if meant is None or session.backend is None:
            return True
        for server in session.backend.farm.servers:
            if _is_at(server, meant) and (persists or server.state is not ServerState.STOPPED):
                of(session).tie(server)
                break
        return True

    return apply


def _is_at(server: LiveServer, meant: tuple[str, int]) -> bool:
    return server.address is not None and (server.address.host, server.port) == meant


def ties(backend: Proxy) -> tuple[Tie, ...]:
    """Return what is done with each session of a backend in TCP mode, in order."""
    return tuple(filter(None, (rules_of(backend), rdp_of(backend))))
