"""Clients that get no answer: `reject` closes their connection, `silent-drop` does so unheard (manual 4.2)."""

from __future__ import annotations

from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import PROXY


def reject(exchange: Exchange) -> None:
    """Close the client's connection without an answer to its request."""
    _count(exchange)
    exchange.abort()


def _count(exchange: Exchange) -> None:
    """Count a request that is refused; as in HAProxy, its log line has no time of it."""
    assert exchange.request is not None
    exchange.asked_at = 0.0
    exchange.client.count_request(exchange.request)
    _count_denied(exchange)


def _count_denied(exchange: Exchange) -> None:
    exchange.decide(PROXY, "R")
    exchange.frontend.counters.denied_requests += 1
    exchange.bind.counters.denied_requests += 1
    if exchange.backend is not None:
        exchange.backend.farm.counters.denied_requests += 1


def drop(exchange: Exchange) -> None:
    """Forget the client's connection: no FIN, no reset tells of it, where the system allows that."""
    _count(exchange)
    exchange.client.vanish()
    exchange.abort()


def drop_at_response(exchange: Exchange) -> None:
    """Do the same when the response is here, which counts as if the client had it."""
    _count_denied(exchange)
    drop_response(exchange)
    exchange.sent += exchange.bytes_ahead
    exchange.bytes_ahead = 0
    exchange.client.vanish()
    exchange.abort()
