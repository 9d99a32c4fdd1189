"""Clients of a frontend in TCP mode whose backend speaks HTTP: their connection is one of HTTP from then on.

The TCP session is replaced by an HTTP connection, which goes on with what was read and with the backend that was
chosen, if one was (`tcp-request content switch-mode http` comes before); each further request chooses its backend anew.
As in HAProxy, a connection without a first request that can be read counts against the backend, though its line does
not name it.
"""

from __future__ import annotations

from typing import Any

from tcproxy.session.http.connection import HttpConnection
from tcproxy.session.http.exchange import HttpExchange
from tcproxy.session.http.state import Exchange
from tcproxy.session.session import TcpSession
from tcproxy.session.settings import BackendSettings, FrontendSettings
from tcproxy.session.stages import CLOSED, PROXY

TAKEN_OVER = (
    "accepted", "began", "client_done", "client_limit", "front", "greeting", "handshake", "moved", "number",
)  # fmt: skip


def speak_http(session: TcpSession) -> bool:
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


def _lose(session: TcpSession) -> None:
    """End a session whose client was lost before its first request."""
    counters = session.frontend.counters
    counters.upgrades += 1
    counters.requests += 1
    counters.request_errors += 1
    _leave_backend(session.frontend, session.backend)
    session.backend = None
    session.error, session.phase = PROXY, "R"
    session.end()


def _leave_backend(frontend: FrontendSettings, backend: BackendSettings | None) -> None:
    frontend.counters.request_errors += 1
    if backend is not None:
        backend.farm.counters.aborts_client += 1
        backend.farm.leave()


class UpgradedConnection(HttpConnection):
    """An HTTP connection that has been a TCP session.

    chosen: the backend that was chosen for its first request, None behind that. was: the TCP session.
    """

    __slots__ = ("chosen", "was")

    def __init__(self, session: TcpSession) -> None:
        """Take the place of a TCP session."""
        super().__init__(session.bind)
        for name in TAKEN_OVER:
            setattr(self, name, getattr(session, name))
        world = self.frontend.world
        self.frontend.counters.upgrades += 1
        session.cancel_alarm()
        session.stage = CLOSED
        self.chosen = session.backend
        self.was: TcpSession | None = session
        self.client = session.client  # type: ignore[assignment]  # until there is an end of messages
        world.sessions[self.number] = self

    def go_on(self, client: Any) -> None:
        """The client's connection is one of messages now."""
        self.client = client
        self.greeted()
        if client.ended and not self.closed:
            self.ended(client)

    def new_exchange(self) -> HttpExchange:
        """Return the exchange of a request; the first one has the backend and the unique id of the TCP session."""
        exchange = super().new_exchange()
        session, self.was = self.was, None
        if session is not None:
            exchange.backend, self.chosen = self.chosen, None
            if exchange.backend is not None:  # None: a rule has switched to HTTP before it was chosen
                exchange.server_limit = exchange.backend.server
            exchange.logged, exchange.unique = session.logged, session.unique
        return exchange

    def refuse(self, exchange: Exchange, status: int, silent: bool = False) -> None:
        """Refuse a connection whose first request is unreadable: the chosen backend counts the failure, the log line
        does not name it.
        """
        if not silent:
            exchange.error, exchange.phase = PROXY, "R"
            if exchange.first:  # of later ones no backend is chosen yet
                _leave_backend(self.frontend, exchange.backend)
            exchange.backend = None
        super().refuse(exchange, status, silent)
