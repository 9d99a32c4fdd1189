"""A connection that waits: for a request, or until its client has taken the last answer.

When each wait is over, and what becomes of a client that leaves or stays silent meanwhile.
"""

from __future__ import annotations

from tcproxy.session.http.state import ClientConnection, Exchange
from tcproxy.session.stages import CLIENT_ERROR, CLIENT_TIMEOUT, NEVER


def waits_until(connection: ClientConnection) -> float:
    """Return when the wait for a request ends, monotonic seconds: by its own timeout, or by `timeout client`."""
    limit = connection.client_limit
    if not limit:
        return connection.expires
    return min(connection.expires, max(connection.client.last_progress, connection.idle_from) + limit)


def alarmed(connection: ClientConnection, now: float) -> None:
    """The deadline of the wait for a request struck: end the wait if it is due, or strike again."""
    at = waits_until(connection)
    if now >= at:
        _waited_long_enough(connection)
    else:
        connection.strike_by(at)


def _waited_long_enough(connection: ClientConnection) -> None:
    connection.expires = NEVER
    begun = connection.client.begun
    exchange = connection.without_request()
    if not connection.first and not begun:
        exchange.logged = True
        connection.refuse(exchange, 0, silent=True)
        return
    exchange.decide(CLIENT_TIMEOUT)
    _refuse_unbegun(connection, exchange, 408, begun)


def client_left(connection: ClientConnection) -> None:
    """The client left instead of sending a request, or within one."""
    begun = connection.client.begun
    if not connection.first and not begun:
        connection.leaving = True
        connection.end()
        return
    exchange = connection.without_request()
    exchange.decide(CLIENT_ERROR)
    _refuse_unbegun(connection, exchange, 400, begun)


def _refuse_unbegun(connection: ClientConnection, exchange: Exchange, status: int, begun: bool) -> None:
    """Refuse a client that left, or was silent; one that sent not a byte may be ignored, or not logged."""
    ignored = connection.settings.probes and not begun
    exchange.logged = ignored or (connection.frontend.skip_null and not begun)
    if not ignored:
        connection.count_request_error()
        connection.frontend.counters.unbegun += not begun
    connection.refuse(exchange, status, silent=ignored)


def alarmed_leaving(connection: ClientConnection, now: float) -> None:
    """End a connection whose client takes nothing of its last answer, or sends nothing of its request."""
    client, limit = connection.client, connection.client_limit
    since = client.stalled_since
    due = [since + limit] if since is not None and limit else []
    if connection.unread and not client.whole and client.reading and limit:
        due.append(client.last_progress + limit)
    if due and now >= min(due):
        connection.frontend.counters.aborts_client += 1
        connection.end()
    elif limit:
        connection.strike_by(min([at for at in due if at > now], default=now + limit))
