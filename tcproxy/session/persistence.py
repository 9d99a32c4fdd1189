"""What leads a stream to a server before balancing: `force-persist`, `ignore-persist` and `persist rdp-cookie`.

A stream has a Persistence (state.py) only where its backend asks for one. The cookies of HTTP stand in
http/cookies.py; the farm takes a stream to a given server, or to its queue (servers/farm.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.interfaces import ServerState
from tcproxy.model.persistence import PersistRule
from tcproxy.model.proxy import Proxy
from tcproxy.servers.state import LiveServer, Ticket
from tcproxy.session.state import Persistence, Stream
from tcproxy.wire.rdp import read_rdp_cookie, read_rdp_server

NONE = "NN"
"""The two letters of an exchange without cookies, where the backend has a cookie."""


PersistenceStep = Callable[[Any], bool]
"""A step of a stream once its backend is known. It returns True always: it answers no request, and never waits."""


def persistence_of(stream: Stream) -> Persistence:
    """Return the stream's Persistence, a new one where it has none yet."""
    found = stream.persistence
    if found is None:
        found = stream.persistence = Persistence()
    return found


def cookie_letters(stream: Stream) -> str:
    """Return the two letters of cookies for an exchange in a backend that has a cookie."""
    lead, ticket = stream.persistence, stream.ticket
    if lead is None:
        return NONE
    moved = stream.redispatched or (ticket is not None and ticket.redispatched)
    return ("D" if moved and lead.asked == "V" else lead.asked) + lead.answered


def take_slot(stream: Stream, server: LiveServer) -> LiveServer | Ticket | None:
    """Take a slot of the server that the stream is led to, or a place in its queue; None when that is full.

    With `option redispatch` a stream that the client led to a server whose queue is full is balanced instead.
    """
    backend, lead = stream.backend, stream.persistence
    assert backend is not None and lead is not None
    farm = backend.farm
    if lead.direct and backend.redispatches and farm.refuses(server):
        lead.release()
        stream.previous = stream.avoid = server
        return farm.assign(stream, server)
    return farm.take(stream, server, stays=lead.forced)


def rules_of(backend: Proxy) -> PersistenceStep | None:
    """Return the step that takes the `force-persist` and `ignore-persist` rules of a backend; None without any."""
    rules = backend.persist_rules
    if not rules:
        return None

    def apply(stream: Stream) -> bool:
        rule = _first(rules, stream)
        if rule is not None:
            lead = persistence_of(stream)
            lead.forced, lead.ignored = rule.force, not rule.force
        return True

    return apply


def _first(rules: tuple[PersistRule, ...], stream: Stream) -> PersistRule | None:
    return next((rule for rule in rules if rule.condition is None or rule.condition.holds(stream)), None)


def rdp_of(backend: Proxy) -> PersistenceStep | None:
    """Return the step of `persist rdp-cookie`, which reads what is there of a stream's first bytes; None without it.

    As in HAProxy nothing is waited for, `force-persist` and `ignore-persist` play no part, and the cookie means the
    server that has its address and port.
    """
    if not backend.rdp_cookie:
        return None
    name = backend.rdp_cookie.encode("utf-8", "surrogateescape")
    persists = "persist" in backend.options

    def apply(stream: Stream) -> bool:
        if stream.persistence is not None and stream.persistence.server is not None:
            return True
        value = read_rdp_cookie(stream.client.held, name)
        meant = read_rdp_server(value) if value else None
        if meant is None or stream.backend is None:
            return True
        for server in stream.backend.farm.servers:
            if _is_at(server, meant) and (persists or server.state is not ServerState.STOPPED):
                persistence_of(stream).lead(server)
                break
        return True

    return apply


def _is_at(server: LiveServer, meant: tuple[str, int]) -> bool:
    return server.address is not None and (server.address.host, server.port) == meant


def steps_of(backend: Proxy, use_servers: PersistenceStep | None = None) -> tuple[PersistenceStep, ...]:
    """Return the persistence steps of a backend in TCP mode, in order. use_servers: takes its `use-server` rules."""
    return tuple(filter(None, (rules_of(backend), use_servers, rdp_of(backend))))
