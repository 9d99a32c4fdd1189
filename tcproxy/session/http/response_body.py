"""Responses that wait for their body: `http-response wait-for-body` (manual 4.2).

The link passes the body to a ResponseWait, which stands in the client's place, until that is whole, or long enough, or
fills a buffer. Then the rules behind the wait go on, and the client is sent what they leave of the response.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tcproxy.rules.actions.rows import Act
from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.messages import ClientEnd
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import NEVER, PROXY, SERVER_TIMEOUT
from tcproxy.wire.http1 import Field, Piece, ResponseHead
from tcproxy.wire.http1.limits import FIELD_OVERHEAD

Edits = Iterator[None]
"""What is done to a response, in order: it yields where the response has to wait, and ends when all is done."""


class ResponseWait:
    """Takes a response's body while it waits (messages.Sink).

    enough: bytes at which the wait ends. pieces, size: what came of the body, and its bytes. ended: it is whole.
    over: nothing is waited for: the rules go on, or are done.
    """

    __slots__ = ("client", "edits", "ended", "enough", "exchange", "over", "pieces", "size", "trailers")

    splices = False
    congested = False

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.client: ClientEnd = exchange.client
        self.edits: Edits = iter(())
        self.enough = self.size = 0
        self.over = self.ended = False
        self.pieces: list[Piece] = []
        self.trailers: Sequence[Field] = ()

    def take(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of the body."""
        self.pieces += pieces
        self.size += sum([len(piece) for piece in pieces])

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The body is whole: `response_ended` of the exchange is called next."""
        self.ended = True
        self.trailers = trailers

    def flush(self) -> None:
        """Some of the body came: go on if that is enough."""
        if not (self.ended or self.over) and self.size >= self.enough:
            self.go_on()

    def go_on(self) -> bool:
        """Let the rules go on, and send what they leave. Return False if they wait again, or answered."""
        exchange, head = self.exchange, self.exchange.response
        assert head is not None
        self.over = True
        exchange.expires = NEVER
        for _ in self.edits:
            if not self.over:
                return False
        if exchange.connection.exchange is not exchange or exchange.link is None:
            return False
        exchange.link.sink = self.client
        if not exchange.forward(head):
            return False
        sink = exchange.link.sink
        sink.take(self.pieces)
        if self.ended:
            sink.end_message(self.trailers)
        sink.flush()
        return exchange.connection.exchange is exchange and exchange.link is not None

    def late(self) -> None:
        """The body did not come in time: answer in the server's place. As in HAProxy the log line says `sR`."""
        self._fail(SERVER_TIMEOUT, "R", 504)

    def bad(self) -> None:
        """The server's bytes are no body: answer in its place."""
        self._fail(PROXY, "H", 502)

    def _fail(self, error: str, phase: str, status: int) -> None:
        exchange = self.exchange
        self.over = True
        exchange.expires = NEVER
        exchange.decide(error, phase)
        drop_response(exchange)
        exchange.response = None
        exchange.answer(status)


def held(exchange: Exchange) -> ResponseWait | None:
    """Return the wait of a response for its body, None without one."""
    link = exchange.link
    sink = link.sink if link is not None else None
    return sink if isinstance(sink, ResponseWait) else None


def begin(exchange: Exchange, head: ResponseHead) -> bool:
    """Edit a response whose rules may wait. Return False if its body is not to be passed on."""
    edits = _edits(exchange, head)
    for _ in edits:
        wait = held(exchange)
        assert wait is not None
        wait.edits = edits
        return True
    return exchange.connection.exchange is exchange and exchange.forward(head)


def _edits(exchange: Exchange, head: ResponseHead) -> Edits:
    for edit in exchange.route.responses:
        if isinstance(edit, WaitingRules):
            yield from edit.run(exchange)
        else:
            edit(exchange, head)
        if exchange.connection.exchange is not exchange:
            return


class WaitingRules:
    """The `http-response` rules of a backend and its frontend, of which one may wait. sets: the steps of each."""

    __slots__ = ("sets",)

    def __init__(self, sets: Sequence[Sequence[Rule]]) -> None:
        self.sets = sets

    def __call__(self, exchange: Exchange, head: object) -> None:
        """Not called: `begin` takes these rules step by step."""
        raise NotImplementedError

    def run(self, exchange: Exchange) -> Edits:
        """Take the steps, and wait behind those that ask for it."""
        for steps in self.sets:
            at = 0
            while at < len(steps):
                exchange.next_step = 0
                done = steps[at](exchange)
                at += 1 + exchange.next_step  # `allow` leaves steps out
                if done:
                    continue
                wait = held(exchange)
                if wait is None or wait.over:
                    return
                yield


def waiting_by_rule(seconds: float, least: int) -> Act:
    """Return what waits for a response's body, for so many seconds; `least`: bytes that are enough, 0 for all."""

    def wait(exchange: Exchange) -> bool:
        head, link = exchange.response, exchange.link
        if head is None or link is None or not head.has_body:
            return True
        full = exchange.client.room - _size(head)
        enough = min(least, full) if least else full
        sink = held(exchange)
        if sink.ended if sink is not None else link.whole:
            return True
        if (sink.size if sink is not None else len(link.body_at_hand(head))) >= enough:
            return True
        if sink is None:
            sink = link.sink = ResponseWait(exchange)
        sink.enough, sink.over = enough, False
        if seconds:
            exchange.expires = exchange.now() + seconds
            exchange.connection.soonest = 0.0
            exchange.settle()
        return False

    return wait


def _size(head: ResponseHead) -> int:
    """Return the bytes of a buffer that a head takes."""
    return 11 + len(head.reason) + sum([len(field.wire) + FIELD_OVERHEAD for field in head.fields])
