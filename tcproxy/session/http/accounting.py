"""The counters that an exchange adds to: those of its process, frontend, listening address, backend and server.

Bytes are counted as HAProxy does, which counts its own form of a head: 20 bytes, then the start line's words,
names and values, and 1 for the end; behind a chunked body 1 more.
"""

from __future__ import annotations

from tcproxy.report.counters import Counters
from tcproxy.session.accounting import awaited
from tcproxy.session.http.state import Exchange


def account(exchange: Exchange) -> None:
    """Add the exchange's bytes and times to the counters of all it passed through."""
    backend, client = exchange.backend, exchange.client
    received, sent = client.bytes_read, _sent(exchange)
    client.bytes_read = 0
    exchange.byte_counts = (received, sent)
    place = exchange.status // 100
    exchange.frontend.counters.answered[place] += 1
    for counters in exchange.connection.bind.passed:
        counters.bytes_in += received
        counters.bytes_out += sent
    if backend is None:
        home = exchange.frontend.home
        if home is not None:
            passed = [home.counters]
            if exchange.previous is not None:
                passed.append(exchange.previous.counters)
            for counters in passed:
                counters.bytes_in += received
                counters.bytes_out += sent
        return
    farm = backend.farm.counters
    farm.bytes_in += received
    farm.bytes_out += sent
    farm.answered[place] += 1
    live = exchange.server or awaited(exchange)
    server = live.counters if live is not None else None
    if server is not None:
        server.bytes_in += received
        server.bytes_out += sent
    if exchange.answered_at:
        _time(exchange, farm, server)


def _time(exchange: Exchange, farm: Counters, server: Counters | None) -> None:
    # inlined `milliseconds` (hot path; see docs/performance)
    connected_at, queued_until = exchange.connected_at, exchange.queued_until
    connected = int(connected_at * 1000 + 0.001)
    queued = connecting = 0
    if queued_until != connected_at or exchange.asked_at != connected_at:
        until = int(queued_until * 1000 + 0.001)
        queued = until - int(exchange.asked_at * 1000 + 0.001)
        connecting = connected - until
    answered_at = int(exchange.answered_at * 1000 + 0.001)
    answered = answered_at - connected
    # the wait for the request belongs to it
    idle, now = int(exchange.idle_from * 1000 + 0.001), int(exchange.now() * 1000 + 0.001)
    lasted = now - idle
    exchange.times_ms = (idle, connected, answered_at, now)
    farm.timed(queued, connecting, lasted, answered)
    if server is not None:
        server.timed(queued, connecting, lasted, answered)


def account_fast(exchange: Exchange, farm: Counters, server: Counters, now: float) -> None:
    """Do what `account` does, for an exchange that took the fast path (fast.py) and ended at `now`."""
    client, link = exchange.client, exchange.link
    received, sent = client.bytes_read, link.bytes_read
    client.bytes_read = 0
    exchange.byte_counts = (received, sent)
    place = exchange.status // 100
    exchange.frontend.counters.answered[place] += 1
    for counters in exchange.connection.bind.passed:
        counters.bytes_in += received
        counters.bytes_out += sent
    farm.bytes_in += received
    farm.bytes_out += sent
    farm.answered[place] += 1
    server.bytes_in += received
    server.bytes_out += sent
    idle, connected = int(exchange.idle_from * 1000 + 0.001), int(exchange.connected_at * 1000 + 0.001)
    answered_at = exchange.answered_at
    answered = over = int(now * 1000 + 0.001)
    if answered_at != now:
        answered = int(answered_at * 1000 + 0.001)
    exchange.times_ms = (idle, connected, answered, over)
    lasted, waited = over - idle, answered - connected
    farm.timed(0, 0, lasted, waited)
    server.timed(0, 0, lasted, waited)


def _sent(exchange: Exchange) -> int:
    return exchange.sent or (exchange.link.bytes_read if exchange.link is not None else 0)
