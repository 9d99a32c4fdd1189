"""How an exchange goes on or ends when the connection of its client ends or fails.

A client that leaves while its request is answered is answered all the same, unless `option abortonclose` says
otherwise, as in HAProxy.
"""

from __future__ import annotations

from tcproxy.session.accounting import aborted_by_client
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import CLIENT_ERROR, QUEUED, RELAYING


def client_ended(exchange: Exchange) -> None:
    """FIN came from the client: that is no matter while its request is being answered.

    With `option abortonclose` it is, but HAProxy pays no heed to it within a response that ends with its connection.
    """
    if not exchange.client.whole:
        client_aborted(exchange)
    elif exchange.inner is not None:
        if exchange.inner.looks:
            exchange.inner.late()
    elif aborts_on_close(exchange) and not (exchange.response and exchange.response.ends_by_close):
        client_aborted(exchange)


def client_aborted(exchange: Exchange) -> None:
    """The client left within its exchange."""
    connection = exchange.connection
    if exchange.inner is not None:
        exchange.inner.left()
        return
    if exchange.response is None and exchange.status >= 0:
        _unsent(exchange)
        return
    waits = exchange.response is None and exchange.client.whole
    if waits and exchange.stage < RELAYING:
        assert exchange.request is not None
        if connection.broken and exchange.stage is QUEUED:
            aborted_by_client(exchange)  # of these ends HAProxy counts only a reset in the queue as an abort
        exchange.decide(CLIENT_ERROR)
        exchange.client.count_request(exchange.request)
        exchange.abort()  # HAProxy does not answer it, too
        return
    aborted_by_client(exchange)
    # HAProxy calls it data when a reset came, and when the response has begun
    data = exchange.stage is RELAYING and (connection.broken or not waits)
    exchange.decide(CLIENT_ERROR, "D" if data else "")
    if waits and not connection.broken:
        exchange.answer(400)
    else:
        exchange.abort()


def _unsent(exchange: Exchange) -> None:
    """An answer in the server's place cannot be sent."""
    aborted_by_client(exchange)
    home = exchange.frontend.home
    if exchange.backend is None and home is not None:
        home.counters.aborts_client += 1
    exchange.abort()


def notices(exchange: Exchange) -> bool:
    """Return whether the exchange ends at once when its client's connection fails.

    HAProxy finds out when there is something to send, unless `option abortonclose` or a tarpit looks for it.
    """
    client = exchange.client
    looks = aborts_on_close(exchange) if exchange.inner is None else exchange.inner.looks
    return not client.whole or bool(client.waiting) or looks


def aborts_on_close(exchange: Exchange) -> bool:
    """Return whether `option abortonclose` holds for the exchange."""
    return exchange.backend is not None and exchange.backend.abort_on_close
