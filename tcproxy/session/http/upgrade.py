"""Clients of a frontend in TCP mode whose backend speaks HTTP: their connection is one of HTTP from then on.

The session becomes an HttpSession, which goes on with what was read and with the backend that was chosen; each
further request chooses its backend anew. As in the reference a connection without a first request that can be read
counts against the backend, though its line does not name it.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from tcproxy.session import attempts
from tcproxy.session.http.connection import HttpConnection
from tcproxy.session.http.endings import client_ended
from tcproxy.session.http.steps import await_request, deliver, take_way
from tcproxy.session.http.telling import tell_client
from tcproxy.session.stages import CLOSED, PROXY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcproxy.session.frontend import Entrance
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.session import Session

TAKEN_OVER = (
    "accepted", "backend", "began", "client_done", "client_limit", "front", "greeting", "handshake", "number",
    "server_limit", "told", "unique",
)  # fmt: skip


def speak_http(session: Session) -> bool:
    """Go on in HTTP if the backend does: a step behind the choice of the backend."""
    assert session.backend is not None
    if session.backend.http is None:
        return True
    client: Any = session.client
    if session.client_shut:
        _lose(session)
    else:
        client.speak_http()
    return False


def _lose(session: Session) -> None:
    """End a session whose client was lost before it could speak."""
    counters = session.frontend.counters
    counters.upgrades += 1
    counters.requests += 1
    counters.request_errors += 1
    _leave_backend(session)
    session.error, session.phase = PROXY, "R"
    session.end()


def _leave_backend(session: Session) -> None:
    backend, session.backend = session.backend, None
    if backend is not None:
        session.frontend.counters.request_errors += 1
        backend.farm.counters.aborts_client += 1
        backend.farm.leave()


class UpgradedSession(HttpConnection):
    """An HTTP session that has been one of TCP."""

    __slots__ = ()

    def __init__(self, session: Session) -> None:
        """`session`: which this one takes the place of."""
        entrance = session.entrance.upgraded
        assert entrance is not None
        super().__init__(entrance)
        for name in TAKEN_OVER:
            setattr(self, name, getattr(session, name))
        world = self.frontend.world
        self.frontend.counters.upgrades += 1
        if session.alarm is not None:
            world.deadlines.cancel(session.alarm)
            session.alarm = None
        session.stage = CLOSED
        world.sessions[self.number] = self

    def go_on(self, client: Any) -> None:
        """The client's connection is one of messages now."""
        self.client = client
        self.run()
        if client.ended and self.stage is not CLOSED:
            client_ended(self)

    def refuse(self, status: int, silent: bool = False) -> None:
        """Tell that there is no request; a backend that waits for it counts that, and has no part in what is told."""
        if not silent:
            self.error, self.phase = PROXY, "R"
            _leave_backend(self)
        super().refuse(status, silent)


def steps_of(entrance: Entrance, choose: Callable[[Any], bool]) -> Entrance:
    """Return the same entrance with the steps of those that speak HTTP. choose: the step that chooses a backend."""

    def choose_again(session: Any) -> bool:
        return session.backend is not None or choose(session)

    http = entrance.frontend.http
    assert http is not None
    upgraded = copy(entrance)
    # of its first request the frontend in TCP mode has told already
    rules = [_unless_first(rule) if rule is tell_client else rule for rule in http.rules]
    steps: list[Any] = [await_request, *rules, choose_again]
    upgraded.steps = (*steps, take_way, attempts.find_server, attempts.connect, deliver)
    upgraded.upgraded = None
    return upgraded


def _unless_first(rule: Rule) -> Rule:
    return lambda session: session.first or rule(session)
