"""The answer to a client whose exchange raised an exception: 500, unless something of a response is with it already."""

from __future__ import annotations

from tcproxy.session.http import answers, pages
from tcproxy.session.http.state import NOT_COUNTED, Exchange
from tcproxy.wire.http1 import WholeResponse

INTERNAL_ERROR = 500


def answer(exchange: Exchange) -> None:
    """Answer 500, with the page of the section where that can be made, and let the connection be closed then."""
    request, client, connection = exchange.request, exchange.client, exchange.connection
    if request is None or connection.relay is not None or connection.client_shut or connection.broken:
        return
    if not _unheard(exchange):
        return
    client.unsay()
    exchange.status = INTERNAL_ERROR
    exchange.keep = False
    try:
        whole = pages.page_for(exchange, INTERNAL_ERROR).response(exchange)
    except Exception:  # it may be what failed
        whole = answers.PAGES[INTERNAL_ERROR]
    if whole is None:
        return
    if not exchange.connected_at:
        client.count_request(request)
    _send(exchange, whole)


def _send(exchange: Exchange, whole: WholeResponse) -> None:
    request, client = exchange.request, exchange.client
    assert request is not None
    client.respond(whole.head, request, False)
    exchange.sent = exchange.bytes_ahead + whole.size
    if whole.body and request.method != b"HEAD":
        exchange.sent += len(whole.body)
        client.say(whole.body)
    client.flush()


def _unheard(exchange: Exchange) -> bool:
    """Return whether nothing of the response is with the client; 1xx answers are none."""
    if exchange.byte_counts is not NOT_COUNTED:
        return False  # it was over
    if exchange.response is None:
        # an answer of ours is gathered as a whole before any of it is sent
        return not exchange.sent or exchange.client.gathered
    link = exchange.link
    return not exchange.sent and link is not None and not link.bytes_read
