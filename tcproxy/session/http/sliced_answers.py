"""Answers that are made while they are sent: statistics pages, exporters, services of plugins.

A body is an iterator of pieces. It is asked for the next piece only when the client has taken those before, and for no
more than some milliseconds in one turn of the loop, so that a large answer neither fills the memory nor delays traffic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tcproxy.session.accounting import aborted_by_client
from tcproxy.session.http import answers
from tcproxy.session.http.inner import InnerServer, edited, respond
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import LOCAL, NEVER
from tcproxy.wire.http1 import Field, Framing, Piece, ResponseHead, WholeResponse
from tcproxy.wire.http1.whole import BODYLESS

SLICE = 0.003
"""Seconds for which one turn of the loop makes pieces."""
GATHERED = 16384
"""Bytes that are gathered before they are sent."""


class SlicedAnswer(InnerServer):
    """The server of one answer. pieces: the rest of its body. title: its name in log lines."""

    __slots__ = ("_later", "_over", "_pieces", "title")

    def __init__(self, exchange: Exchange, pieces: Iterator[bytes], title: str) -> None:
        super().__init__(exchange)
        self.title = title
        self._pieces = pieces
        self._later: Any = None
        self._over = False

    def begin(self, head: ResponseHead) -> None:
        """Send the head, and as much of the body as the client takes now."""
        exchange, client = self.exchange, self.exchange.client
        request = exchange.request
        assert request is not None
        exchange.inner = self
        exchange.expires = NEVER
        exchange.status = head.status
        if not (exchange.connected_at or exchange.connection.client_shut):
            client.count_request(request)
        # as HAProxy does, for which this is a server that was there at once
        exchange.queued_until = exchange.connected_at = exchange.answered_at = exchange.asked_at
        exchange.begin_responding()
        whole = self._after_rules(WholeResponse(head, b""))
        if whole.body or whole.exceeds:  # rules have failed, and there is another answer
            self.given_up()
            respond(exchange, whole)
            exchange.client.flush()
            exchange.finish()
            return
        exchange.keep = (
            client.whole and request.keep_alive and not head.ends_by_close and not exchange.settings.closes
            and not exchange.world.stopping
        )  # fmt: skip
        bare = request.method == b"HEAD" or whole.head.status in BODYLESS
        if bare and whole.head.framing is Framing.CHUNKED:
            whole.head.remove(b"transfer-encoding")
            whole.head.framing = Framing.NONE
            whole = WholeResponse(whole.head, b"")
        client.respond(whole.head, request, exchange.keep)
        exchange.sent = whole.size
        if not client.whole:
            client.pass_to(self)
        if bare:
            self._finish(bare=True)
        else:
            self._go_on()

    def _after_rules(self, whole: WholeResponse) -> WholeResponse:
        """Return the head as the rules of `http-after-response` make it."""
        exchange = self.exchange
        settings = exchange.settings
        after = settings.after if exchange.backend is None else settings.route(exchange.backend).after
        return edited(exchange, whole, after) if after is not None else whole

    def take(self, pieces: Sequence[Piece]) -> None:
        """Drop pieces of the request's body."""

    def room(self) -> None:
        """The client has taken what was sent: go on."""
        if self._later is None:
            self._go_on()

    def _go_on(self) -> None:
        """Make and send pieces until the client takes no more, or other work has to be done."""
        exchange, client = self.exchange, self.exchange.client
        until = exchange.now() + SLICE
        gathered: list[bytes] = []
        size = 0
        while not (self._over or client.congested):
            piece = next(self._pieces, None)
            if piece is not None:
                gathered.append(piece)
                size += len(piece)
            if size >= GATHERED or (size and (piece is None or exchange.now() >= until)):
                self._send(b"".join(gathered))
                gathered, size = [], 0
            if piece is None:
                self._finish()
                return
            if not size and exchange.now() >= until and not self._over:
                self._later = exchange.world.clock.callLater(0, self._resume)
                return

    def _send(self, data: bytes) -> None:
        exchange, client = self.exchange, self.exchange.client
        exchange.sent += len(data)
        client.take([data])
        client.flush()

    def _resume(self) -> None:
        """Go on in another turn of the loop."""
        self._later = None
        if self._over:
            return
        try:
            self._go_on()
        except Exception as error:
            self.exchange.connection.crashed(error)

    def _finish(self, bare: bool = False) -> None:
        """The body is sent, or the client wants none (`bare`)."""
        exchange, client = self.exchange, self.exchange.client
        if self._over:
            return
        if bare:
            self.given_up()
        else:
            client.end_message()
        client.flush()
        if exchange.connection.closed or exchange.connection.exchange is not exchange:
            return  # the client is lost
        if not client.whole:
            exchange.keep = False
        exchange.finish()

    def late(self) -> None:
        """The client was silent for too long within its request."""
        self.left()

    def left(self) -> None:
        """The client left: end."""
        exchange = self.exchange
        self.given_up()
        aborted_by_client(exchange)
        exchange.abort()

    def given_up(self) -> None:
        """The exchange is over: make no more pieces."""
        if self._over:
            return
        self._over = True
        if self._later is not None:
            self._later.cancel()
            self._later = None
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()


def intercept(
    exchange: Exchange, status: int, headers: Sequence[tuple[bytes, bytes]], pieces: Iterator[bytes], title: str,
    length: int = -1,
) -> None:  # fmt: skip
    """Answer a request in the server's place. length: bytes of the body, -1 where that is not known before.

    Its frontend counts the request, unless a backend has it already.
    """
    exchange.asked_at = exchange.now()
    if exchange.backend is None:
        exchange.frontend.counters.intercepted += 1
    exchange.decide(LOCAL, "R")
    SlicedAnswer(exchange, pieces, title).begin(_head(exchange, status, headers, length))


def _head(exchange: Exchange, status: int, headers: Sequence[tuple[bytes, bytes]], length: int) -> ResponseHead:
    """Return the head of an answer: a body of unknown length is sent in chunks, or up to the end of the connection."""
    request = exchange.request
    assert request is not None
    fields = [Field(name, value) for name, value in headers]
    head = ResponseHead(b"HTTP/1.1", 1, status, answers.reason(status), fields)
    if status in BODYLESS:
        head.framing = Framing.NONE
    elif length >= 0:
        fields.insert(0, Field(b"content-length", b"%d" % length))
        head.length, head.framing = length, Framing.LENGTH if length else Framing.NONE
    elif request.takes_interim:
        fields.append(Field(b"transfer-encoding", b"chunked"))
        head.framing = Framing.CHUNKED
    return head
