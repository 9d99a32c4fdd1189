"""A client's connection in HTTP/1: requests are read from it, one at a time, and responses written to it."""

from __future__ import annotations

from select import EPOLLIN
from time import monotonic
from typing import Any

from tcproxy.session.frontend import Frontend
from tcproxy.transport.http1.ends import HttpEnd
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.relay import SocketEnd
from tcproxy.wire.http1 import (
    BadMessage,
    Codec,
    CodecLimits,
    Framing,
    Piece,
    RequestHead,
    RequestReader,
    ResponseHead,
    body_of,
)
from tcproxy.wire.http1.framing import NO_BODY
from tcproxy.wire.http1.request import plain_request

KEPT_OVERHEAD, BLOCK, MORE_BLOCKS = 48, 8, 3
"""Bytes that a kept request takes besides its own: once, for each header, and as many blocks more, as measured."""


class HttpClient(HttpEnd):
    """The client's end.

    answering: a request is being answered; bytes behind it wait in `held`. tunnelled: it passes bytes, no messages.
    """

    __slots__ = ("announced", "answering", "lenient", "looping", "reader", "tunnelled")

    def __init__(self, session: Any, limit: int, pipes: PipePool | None, codec: Codec) -> None:
        super().__init__(session, limit, pipes)
        self.begin_messages(codec)
        self.reader = RequestReader(codec)
        self.lenient = codec.limits.lenient
        self.answering = self.looping = self.announced = self.tunnelled = False

    def makeConnection(self, transport: Any) -> None:
        """Take this transport, and let the connection begin."""
        super().makeConnection(transport)
        self.push = transport.send
        transport.producer = self
        transport.streaming = True
        session = self.session
        try:
            session.begin(self)
        except Exception as error:
            self.crash(session, error)

    def take_over(self, other: SocketEnd) -> None:
        """Take the transport of an end of bytes, and the bytes that it has read (session/http/upgrade.py)."""
        super().makeConnection(other.transport)
        self.push = self.transport.send
        self.transport.producer = self
        self.transport.streaming = True
        self.held, self.last_progress, self.ended = other.held, other.last_progress, other.ended

    def start(self) -> None:
        """Read requests from now on: of bytes that are here already, and of those that come."""
        self.transport.doRead = self.receive
        if self.held:
            data, self.held = self.held, b""
            self.bytes_read = 0
            self.take_in(data)
        else:
            self.receive()

    def receive(self) -> None:
        """Read the bytes that are there; a whole request of a known template is parsed at once."""
        session = self.session
        try:
            try:
                data = self.recv(self.limit)
            except OSError as error:
                return self._failed(self, error)
            if not data:
                return self._end()
            self.last_progress = monotonic()
            if not (self.answering or self.looping or self.reader.buffer or self.lenient):
                found = plain_request(self.codec.requests, data)
                if found is not None:
                    head, end = found
                    if end == len(data) and head.framing is NO_BODY:
                        self.answering = True
                        self.bytes_read = 0
                        self.session.requested(head)
                        return None
            return self.take_in(data)
        except Exception as error:
            return self.crash(session, error)

    def take_in(self, data: bytes) -> None:
        """Take bytes of the client."""
        if not self.answering:
            if self.looping:
                self.held += data
            else:
                self._read_request(data)
        elif self.body is not None and not self.body.done:
            self.body_came(data)
        else:
            self.held += data
            if len(self.held) >= self.limit:
                self.transport.stopReading()

    def _read_request(self, data: bytes) -> None:
        before = self.reader.buffer
        try:
            head = self.reader.feed(data)
            if head is None:
                if not self.announced:
                    self.announced = True
                    self.session.request_began()
                return
            self.answering = True
            self._begin_body(head)
        except BadMessage as error:
            error.data = before + data
            self.answering = True
            self.session.bad_request(error)
            return
        self.session.requested(head)

    def _begin_body(self, head: RequestHead) -> None:
        self.bytes_read = 0
        if head.framing is Framing.NONE:
            self.body = None
            self.whole = True
            return
        body = self.body = body_of(head, self.codec, 400)
        self.whole = False
        data = self.reader.take()
        if data:
            pieces = body.feed(data)
            if body.done:
                self.whole = True
                self.count_end(body)
            if pieces:
                self.pass_on(pieces)

    def body_ended(self) -> None:
        """Tell the connection that the request is whole."""
        if self.session is not None:  # the link may have failed at the last bytes
            self.session.request_ended()

    def refused(self, error: BadMessage) -> None:
        """Tell the connection that these bytes are no body."""
        self.session.bad_request(error)

    def hang_up(self) -> None:
        """Send FIN behind all that is to be sent, after the last response."""
        self.transport.loseWriteConnection()

    def writeConnectionLost(self) -> None:
        """The FIN of `hang_up` is sent."""
        session = self.session
        try:
            if self.session is not None:
                self.session.emptied(self)
        except Exception as error:
            self.crash(session, error)

    def next(self) -> None:
        """Read the next request: the last one is answered."""
        self.answering = self.announced = self.chunks = False
        self.sink = None
        if self.body is not None:
            self.held = self.body.surplus + self.held
            self.body = None
        if not self.looping:
            self._read_on()

    def _read_on(self) -> None:
        """Read requests that are here already, as long as the client takes its answers; then wait for more."""
        transport = self.transport
        self.looping = True
        try:
            while self._may_read and (self.held or self.reader.pending) and not self.announced:
                data, self.held = self.held, b""
                self._read_request(data)
        finally:
            self.looping = False
        if self.answering and self.ended and not self.whole and self.session is not None:
            self.session.ended(self)  # FIN came while the request before was answered: this one never gets its body
        if self.answering or not self.connected:
            return
        if transport.queue:
            transport.stopReading()
        elif not self.ended:
            transport.startReading()
        self.session.nothing_more()

    @property
    def _may_read(self) -> bool:
        return not self.answering and self.connected and not self.transport.queue

    def go_on(self) -> bool:
        """The other side took everything, or the client its answers: read on."""
        done = super().go_on()
        if done and self._may_read and not self.looping and (self.held or self.reader.pending):
            self._read_on()
        return done

    @property
    def quiet(self) -> bool:
        """True when this side waits for the response, and nothing else is under way on it."""
        transport = self.transport
        return (
            self.body is None and self.whole and not self.held and not self.ended and not self.reader.buffer
            and transport.interest == EPOLLIN and not transport.queue
        )  # fmt: skip

    def go_idle(self) -> None:
        """Wait for the next request, of which nothing is there yet."""
        self.answering = self.announced = self.chunks = False
        self.sink = None

    @property
    def begun(self) -> bool:
        """True when bytes of a request came, and not its whole head; empty lines before it are such."""
        return self.announced or bool(self.reader.pending)

    # what is sent

    def respond(self, head: ResponseHead, request: RequestHead, keep: bool | None) -> int:
        """Gather a response's head; return its size as it is counted (session/http/accounting.py)."""
        self.chunks = head.framing is Framing.CHUNKED
        self.out.append(head.forward(request, keep))
        return head.received

    def count_request(self, head: RequestHead) -> None:
        """Count a request's head."""
        self.bytes_read += head.received

    def copied(self, head: RequestHead) -> list[Piece] | None:
        """Return the body of a request; None unless it is all here and fits a buffer with its head."""
        limits = self.codec.limits
        room = limits.bufsize - limits.maxrewrite - KEPT_OVERHEAD
        if not self.whole or self.bytes_read + head.received + BLOCK * (head.size + MORE_BLOCKS) > room:
            return None
        return list(self.pieces)

    @property
    def room(self) -> int:
        """Return how many bytes of a message a buffer holds."""
        return self.codec.limits.room

    def put_back(self, pieces: list[Piece], counted: int) -> None:
        """Hold a body anew that was sent already, and count it as if it was not."""
        self.pieces = list(pieces)
        self.size = sum([len(piece) for piece in pieces])
        self.bytes_read = counted

    def say(self, data: bytes) -> None:
        """Gather bytes that are a whole response."""
        self.out.append(data)

    @property
    def gathered(self) -> bool:
        """True while something was gathered for the client and not sent yet."""
        return bool(self.out)

    def unsay(self) -> None:
        """Drop what was gathered and not sent."""
        self.out = []
        self.chunks = False

    def session_source(self) -> HttpEnd | None:
        """Return the link; before there is one, this end, for requests wait until answers are taken."""
        if self.tunnelled:
            return None
        exchange = self.session.exchange if self.session is not None else None
        link = exchange.link if exchange is not None else None
        return link if link is not None else self

    def tunnel(self) -> None:
        """Be a relay's end from now on."""
        self.held = self.reader.take() + self.held
        self.bytes_read += len(self.held)
        self.sink = None
        self.tunnelled = True


def codec_of(frontend: Frontend) -> Codec:
    """Return the codec of a frontend's clients."""
    process = frontend.world.configuration.process
    tune = process.tune
    return Codec(
        CodecLimits(
            bufsize=tune.get("tune.bufsize", 16384),
            maxrewrite=tune.get("tune.maxrewrite", 1024),
            max_headers=tune.get("tune.http.maxhdr", 101),
            lenient="accept-invalid-http-request" in frontend.model.options,
            any_payload=process.any_payload,
        )
    )
