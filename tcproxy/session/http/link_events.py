"""How an exchange goes on or ends when its link ends or fails. Timeouts stand in timeouts.py."""

from __future__ import annotations

from tcproxy.session.accounting import aborted_by_server, broken_by_server
from tcproxy.session.http import observing
from tcproxy.session.http.inner import Drain
from tcproxy.session.http.response_body import held
from tcproxy.session.http.retries import EMPTY, again
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import CONNECTING, SERVER_ERROR


def server_ended(exchange: Exchange) -> None:
    """FIN came from the server: the end of a response, or the want of one."""
    response, wait = exchange.response, held(exchange) if exchange.route.holds else None
    if response is None:
        server_failed(exchange, observing.CLOSED)
    elif response.ends_by_close:
        sink = exchange.client if wait is None else wait
        sink.end_message()
        sink.flush()
        exchange.response_ended()
    elif wait is not None:
        if wait.go_on():
            server_ended(exchange)
    elif not exchange.response_whole:
        server_failed(exchange, observing.CLOSED)


def server_failed(exchange: Exchange, cause: str) -> None:
    """The server gave no whole response. cause: told to its health watch (observing.py)."""
    if exchange.response is None and exchange.replay is not None and again(exchange, EMPTY):
        return
    exchange.decide(SERVER_ERROR)
    if exchange.response is None and exchange.first and exchange.route.observes:
        observing.failed(exchange, cause)
    _unanswered(exchange)


def _unanswered(exchange: Exchange) -> None:
    """End an exchange whose response will not come, or not as a whole."""
    if exchange.response is None and not exchange.first:
        exchange.stay_silent()
        return
    if exchange.response is not None:
        aborted_by_server(exchange)
    exchange.count_response_error()
    exchange.fail_response(502)


def server_reset(exchange: Exchange) -> None:
    """The link was reset or could not be read (not a FIN)."""
    wait = held(exchange) if exchange.route.holds else None
    if wait is not None and not wait.go_on():
        return
    if exchange.client.whole:
        if exchange.response is None:
            # HAProxy counts this error twice
            exchange.count_response_error()
            if not exchange.first:
                aborted_by_server(exchange)
        server_failed(exchange, observing.READING)
        return
    broken_by_server(exchange)
    if exchange.response_whole:
        # the client may still be sending, and would lose its answer if the connection was closed
        exchange.close_own_link()
        Drain(exchange).begin()
        return
    exchange.decide(SERVER_ERROR, "D")
    exchange.abort()


def server_deaf(exchange: Exchange) -> None:
    """Bytes of the request could not be sent to the server. Behind a whole response that ends the exchange at once."""
    if not exchange.response_whole or exchange.client.whole:
        server_reset(exchange)
        return
    broken_by_server(exchange)
    exchange.decide(SERVER_ERROR, "D")
    exchange.abort()


def shut(exchange: Exchange, cause: str) -> None:
    """End on command, or because of the server's state: the client sees what it sees when a server closes."""
    request = exchange.request
    if exchange.inner is not None and exchange.inner.holds:
        exchange.decide(cause, "T")  # as in HAProxy, the tarpit goes on until its time is over
    elif request is None or exchange.stage < CONNECTING:
        exchange.decide(cause)
        exchange.end()
    elif exchange.stage is CONNECTING:
        exchange.decide(cause, "-")
        exchange.client.count_request(request)
        exchange.end()
    elif exchange.response is not None:
        exchange.decide(cause)
        aborted_by_server(exchange)
        exchange.abort()
    elif exchange.client.whole:
        exchange.decide(cause)
        _unanswered(exchange)
    else:
        exchange.decide(cause, "-")
        exchange.abort()
