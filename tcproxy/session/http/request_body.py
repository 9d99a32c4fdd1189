"""Requests that wait for their body: `option http-buffer-request`, and strategies that look into what is posted.

The wait ends when the body is whole or fills a buffer, and is bounded by `timeout http-request` and `timeout client`.
A client that asks first whether to send a body (Expect: 100-continue) is told to send it; the server sees no Expect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcproxy.model.proxy import Proxy
from tcproxy.rules.sets import SetKind
from tcproxy.session.accounting import aborted_by_client
from tcproxy.session.attempts import left_early
from tcproxy.session.http.inner import InnerServer
from tcproxy.session.http.state import Exchange, ResponseEdit, Rule
from tcproxy.session.stages import CLIENT_ERROR, CLIENT_TIMEOUT, NEVER
from tcproxy.wire.http1 import Piece, RequestHead, ResponseHead
from tcproxy.wire.http1.limits import FIELD_OVERHEAD

OPTION = "http-buffer-request"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CONTINUE_COUNTED = 40
"""Bytes of the same as accounting.py counts them."""


class BodyWait(InnerServer):
    """The wait of a request for its body, which is kept as it comes.

    full_at: bytes at which the wait ends. pieces, size: what came of the body, and its bytes.
    """

    __slots__ = ("full_at", "pieces", "size")

    def __init__(self, exchange: Exchange, full_at: int) -> None:
        super().__init__(exchange)
        self.full_at = full_at
        self.pieces: list[Piece] = []
        self.size = 0
        exchange.client.pass_to(self)

    def take(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of the body."""
        self.pieces += pieces
        self.size += sum([len(piece) for piece in pieces])

    def flush(self) -> None:
        """Some of the body came: see whether that is enough."""
        if self.size >= self.full_at:
            self.over()

    def _give_back(self) -> None:
        """Let the client's end hold the body, as it does while there is no server."""
        self.exchange.inner = None
        self.exchange.client.take_back(self.pieces, self.size)

    def over(self) -> None:
        """Enough of the body is buffered: stop waiting and take the remaining steps."""
        exchange = self.exchange
        self._give_back()
        exchange.expires = NEVER
        exchange.asked_at = exchange.client.last_progress
        exchange.run()

    def late(self) -> None:
        """The body did not come in time."""
        exchange = self.exchange
        self._give_back()
        exchange.frontend.counters.request_errors += 1
        exchange.decide(CLIENT_TIMEOUT, "R")
        exchange.answer(408)

    def left(self) -> None:
        """The client left within its body: take the remaining rules, so that a backend counts the abort."""
        exchange = self.exchange
        self._give_back()
        exchange.asked_at = exchange.now()
        assert exchange.request is not None
        exchange.client.count_request(exchange.request)
        exchange.connection.broken = True
        exchange.connection.close_client()
        exchange.run()


class AnsweredBody(BodyWait):
    """The wait for the body of a request that is answered here: then `answer` is called with the exchange."""

    __slots__ = ("answer",)

    def __init__(self, exchange: Exchange, answer: Callable[[Exchange], object]) -> None:
        super().__init__(exchange, full_at(exchange))
        self.answer = answer

    def over(self) -> None:
        """Enough of the body is there: answer."""
        self._give_back()
        self.exchange.expires = NEVER
        self.answer(self.exchange)

    def left(self) -> None:
        """The client left within its body."""
        exchange = self.exchange
        self._give_back()
        assert exchange.request is not None
        exchange.client.count_request(exchange.request)
        exchange.connection.broken = True
        aborted_by_client(exchange)
        exchange.decide(CLIENT_ERROR, "R")
        exchange.abort()


def still_there(exchange: Exchange) -> bool:
    """End an exchange whose client left during the wait for its body. A step before `find_server`."""
    if exchange.connection.client_shut:
        left_early(exchange)
        return False
    return True


def waiting(proxy: Proxy) -> Rule:
    """Return the rule that waits for a body, for as long as `timeout http-request` of a proxy allows.

    Until the body is there, the request counts as not yet asked.
    """
    timeout = (proxy.timeouts or {}).get("http-request", 0) / 1000

    def wait(exchange: Exchange) -> bool:
        request, client = exchange.request, exchange.client
        assert request is not None
        if not request.has_body or exchange.connection.client_shut:
            return True
        tell_to_continue(exchange, request)
        if client.whole:
            return True
        full = full_at(exchange)
        if client.size >= full:
            return True
        exchange.inner = BodyWait(exchange, full)
        exchange.asked_at = 0.0
        if timeout:
            exchange.expires = exchange.now() + timeout
        return False

    return wait


def waiting_by_rule(seconds: float, least: int) -> Rule:
    """Return what waits for a body, for so many seconds; for all of it, or for so many bytes (`least` above 0)."""

    def wait(exchange: Exchange) -> bool:
        request, client = exchange.request, exchange.client
        assert request is not None
        if not request.has_body or exchange.connection.client_shut:
            return True
        tell_to_continue(exchange, request)
        full = full_at(exchange)
        full = min(least, full) if least else full
        if client.whole or client.size >= full:
            return True
        exchange.inner = BodyWait(exchange, full)
        exchange.asked_at = 0.0
        if seconds:
            exchange.expires = exchange.now() + seconds
        return False

    return wait


def full_at(exchange: Exchange) -> int:
    """Return the bytes of a body that fill a buffer, behind the head of the request."""
    assert exchange.request is not None
    return exchange.client.room - _size(exchange.request)


def _size(request: RequestHead) -> int:
    """Return the bytes of a buffer that a head takes."""
    fields = sum([len(field.wire) + FIELD_OVERHEAD for field in request.fields])
    return len(request.method) + len(request.target) + len(request.version) + fields


def tell_to_continue(exchange: Exchange, request: RequestHead) -> None:
    """Answer an Expect header in the server's place."""
    if not request.takes_interim:
        return
    expected = request.values(b"expect")
    if not expected or expected[0].lower() != b"100-continue":
        return
    client = exchange.client
    exchange.bytes_ahead = CONTINUE_COUNTED  # the 100 counts with the response
    others = iter([None, *expected[1:]])
    request.replace((b"expect",), lambda name, value: next(others))
    client.say(CONTINUE)
    client.flush()


def of_frontend(front: Proxy) -> Rule | None:
    """Return the rule of a frontend that waits for the body first of all; None without the option."""
    return waiting(front) if OPTION in front.options else None


def of_backend(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that waits for the body as soon as the backend is known; None without the option."""
    if OPTION not in back.options or front is back:
        return None
    return waiting(back)


def of_strategy(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that waits for a posted body, since the strategy looks into it; None for other strategies."""
    if not getattr(back.balance.options, "wants_body", False) or back.dispatch is not None:
        return None
    wait = waiting(back)

    def rule(exchange: Exchange) -> bool:
        assert exchange.request is not None
        tie = exchange.persistence
        if exchange.request.method != b"POST" or (tie is not None and tie.server is not None):
            return True  # a cookie names the server: no strategy looks
        asked_at = exchange.asked_at
        done = wait(exchange)
        exchange.asked_at = asked_at  # all other rules are done, so the request counts as asked
        return done

    return rule


SAYING = ("early-hint", "wait-for-body")
"""Actions that send the client something ahead of its response."""


def told_to_continue(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that counts our 100 Continue with the response; None where no rule waits for bodies."""
    waits = any(make(front, back) for make in (of_backend, of_strategy)) or of_frontend(front) is not None
    said = any(
        rule.action.name in SAYING for one in (front, back) for rule in one.rules_of(SetKind.HTTP_REQUEST)
    )
    if not waits and not said:
        return None

    def count(exchange: Exchange, head: ResponseHead) -> None:
        exchange.link.bytes_read += exchange.bytes_ahead
        exchange.bytes_ahead = 0

    return count
