"""Timeouts of an exchange: when each is due, and how the exchange goes on or ends when one has passed.

The wait for a request has no exchange yet, and stands in waits.py.
"""

from __future__ import annotations

from tcproxy.session import attempts
from tcproxy.session.accounting import aborted_by_client, aborted_by_server
from tcproxy.session.http import observing
from tcproxy.session.http.response_body import held
from tcproxy.session.http.retries import SILENT, again
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import CLIENT_TIMEOUT, NEVER, RELAYING, SERVER_TIMEOUT


def expired(exchange: Exchange) -> None:
    """`expires` has passed: the wait for a body, a queue place or a connection is over."""
    exchange.expires = NEVER
    wait = held(exchange)
    if wait is not None:
        wait.late()
    elif exchange.inner is None:
        attempts.expired(exchange)
    else:
        exchange.inner.late()


def _silences(exchange: Exchange) -> tuple[float, float, float, float]:
    """Return when the client is silent or stalled, and when the server is; NEVER where that is not in force."""
    client, link = exchange.client, exchange.link
    last = client.last_progress if link is None else max(client.last_progress, link.last_progress)
    late = [NEVER] * 4
    limit = exchange.connection.client_limit
    if limit:
        # while the client waits for its answer, only the server can be late
        waits = exchange.response is not None or exchange.inner is not None
        if waits and not client.whole and client.reading:
            late[0] = last + limit
        if (since := client.stalled_since) is not None:
            late[1] = since + limit
    limit = exchange.server_limit
    if limit and link is not None and exchange.stage is RELAYING:
        if not exchange.response_whole and link.reading:
            late[2] = last + limit
        if (since := link.stalled_since) is not None:
            late[3] = since + limit
    return late[0], late[1], late[2], late[3]


def next_deadline(exchange: Exchange, now: float) -> float:
    """Return when the next thing may be due, monotonic seconds."""
    at = min(exchange.expires, *_silences(exchange))
    limit = min(exchange.connection.client_limit or NEVER, exchange.server_limit or NEVER)
    return min(at if at > now else NEVER, now + limit, exchange.expires)


def check(exchange: Exchange, now: float) -> None:
    """End the exchange if a side is silent, or takes nothing, too long."""
    client_silent, client_stalled, server_silent, server_stalled = _silences(exchange)
    if now >= server_silent or now >= server_stalled:
        _server_late(exchange, now >= server_stalled)
    elif now >= client_silent and exchange.inner is not None:
        exchange.inner.late()
    elif now >= client_silent or now >= client_stalled:
        exchange.decide(CLIENT_TIMEOUT)
        aborted_by_client(exchange)
        exchange.abort()


def _server_late(exchange: Exchange, stalled: bool) -> None:
    """The server was silent for too long, or stalled: it takes no more of the request."""
    wait = held(exchange)
    if wait is not None:
        wait.late()
        return
    if exchange.response is None and exchange.replay is not None and again(exchange, SILENT):
        return
    if stalled and not exchange.client.whole:
        exchange.decide(SERVER_TIMEOUT, "D")
        aborted_by_server(exchange)
        exchange.abort()
        return
    exchange.decide(SERVER_TIMEOUT)
    if exchange.response is None:
        exchange.count_response_error()
        if exchange.route.observes:
            observing.failed(exchange, observing.SILENT)
    else:
        aborted_by_server(exchange)
    exchange.fail_response(504)
