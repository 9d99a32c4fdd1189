"""A link to a server in HTTP/1: requests are written to it, one at a time, and responses read from it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from tcproxy.session.http.changes import Muted
from tcproxy.session.http.fast import answered
from tcproxy.session.http.response_body import ResponseWait
from tcproxy.transport.http1.ends import HttpEnd
from tcproxy.transport.server_links import ServerLinkFactory
from tcproxy.wire.http1 import (
    BadMessage,
    ChunkedBody,
    Codec,
    CodecLimits,
    Framing,
    LengthBody,
    Piece,
    RequestHead,
    ResponseHead,
    ResponseReader,
    body_of,
)
from tcproxy.wire.http1.learned import BODYLESS
from tcproxy.wire.http1.response import plain_response

if TYPE_CHECKING:
    from tcproxy.transport.http1.client import HttpClient


BUFFERS = 4
"""How many buffers (tune.bufsize) are read from a server at once, so that most pages pass in one piece."""


class HttpLink(HttpEnd):
    """The server's end.

    request: the one it answers, None while it is idle. uses: how many requests it carried before.
    pool, age, private, key: the pool that counts it, and the requests that it may carry (servers/links.py).
    spent: a 1xx response said that the link carries no other request.
    """

    __slots__ = ("age", "key", "pool", "private", "reader", "request", "spent", "tunnelled", "uses")

    def __init__(self, session: Any, limit: int, pipes: Any, codec: Codec) -> None:
        super().__init__(session, BUFFERS * limit, pipes)
        self.begin_messages(codec)
        self.reader = ResponseReader(codec)
        self.request: RequestHead | None = None
        self.uses = self.age = 0
        self.tunnelled = self.private = self.spent = False
        self.pool: Any = None
        self.key: Any = None

    # what is sent

    def ask(self, request: RequestHead, client: HttpClient, close: bool) -> None:
        """Send a request's head, with the bytes of its body that are here; the rest passes by itself."""
        transport = self.transport
        if self.uses == 0:
            self.push = transport.send
            transport.doRead = self.receive
            transport.producer = self
            transport.streaming = True
            transport.startReading()
        self.request = request
        self.body = None
        self.whole = False
        self.bytes_read = 0
        self.sink = client
        client.bytes_read += request.received
        template = request.template
        if template is not None and not close and request.parts[1] is request.target:
            data = template.written % request.parts  # inlined `forward` (hot path; see docs/performance)
        else:
            data = request.forward(close)
        if client.body is None:
            client.sink = self
            self.send_now(data)
            return
        self.out.append(data)
        self.chunks = request.framing is Framing.CHUNKED
        client.pass_to(self)
        self.flush()

    def go_idle(self) -> None:
        """Carry nothing for now: the exchange is over."""
        self.request = None
        self.body = self.sink = None
        if not self.transport.interest & 1:
            self.transport.startReading()

    @property
    def clean(self) -> bool:
        """True when nothing came behind the last response, and the link stands."""
        if self.ended or not self.connected or self.transport.queue or self.held:
            return False
        return not (self.body.surplus if self.body is not None else self.reader.buffer)

    def skip(self, head: ResponseHead) -> bool:
        """Drop a response that is here as a whole, and be idle. False: it is not, and the link of no further use."""
        if not (self.whole and head.keep_alive) or (head.framing is Framing.NONE and self.reader.pending):
            return False
        self.reader.take()
        self.go_idle()
        return self.clean

    def at_rest(self) -> bool:
        """Return whether an idle link has nothing to read: neither bytes nor a FIN."""
        if self.ended or not self.connected:
            return False
        try:
            return self.transport.peek() is None
        except OSError:
            return False

    def close(self, reset: bool = False) -> None:
        """Close the link, and count it no more."""
        super().close(reset)
        if self.pool is not None:
            self.pool.closed(self)

    # what is read

    def receive(self) -> None:
        """Read the bytes that are there; a response of a known template may take the fast path (fast.py)."""
        session = self.session
        try:
            try:
                data = self.recv(self.limit)
            except OSError as error:
                return self._failed(self, error)
            if not data:
                return self._end()
            self.last_progress = monotonic()
            request = self.request
            if request is not None and self.body is None and not self.reader.buffer and session.route.fast_responses:
                plain = plain_response(self.codec.responses, data) if request.method not in BODYLESS else None
                if plain is not None and plain.length >= len(data) - plain.end and answered(session, plain, data):
                    return None
            return self.take_in(data)
        except Exception as error:
            return self.crash(session, error)

    def await_rest(self, length: int) -> None:
        """Pass on so many bytes more, which are the rest of the response's body."""
        self.body = LengthBody(length)
        self.transport.doRead = self.pass_rest

    def pass_rest(self) -> None:
        """Pass on bytes of a body of known length, as many as are there: `receive` with its calls inlined."""
        session = self.session
        try:
            try:
                data = self.recv(self.limit)
            except OSError as error:
                return self._failed(self, error)
            if not data:
                return self._end()
            self.last_progress = monotonic()
            body, sink, size = self.body, self.sink, len(data)
            if not isinstance(body, LengthBody) or not isinstance(sink, HttpEnd) or sink.out or size > body.left:
                self.transport.doRead = self.receive
                return self.take_in(data)
            body.left -= size
            self.bytes_read += size
            sink.send_now(data)
            if not body.left and self.body is body:
                self.transport.doRead = self.receive
                self._spliced(body)
            elif size == self.limit and self.pipes is not None:
                self._consider_splice(body)
            return None
        except Exception as error:
            return self.crash(session, error)

    def take_in(self, data: bytes) -> None:
        """Take bytes of the server."""
        if self.body is not None and not self.whole:
            self.body_came(data)
        elif self.request is None or self.whole:
            self.held += data
            if self.session is not None:
                self.session.heard(self)
        else:
            self._read_response(data)

    def _read_response(self, data: bytes) -> None:
        """Take a response's head. Pass nothing on before all bytes that came with it are known to be valid."""
        request = self.request
        assert request is not None
        interims: list[ResponseHead] = []
        pieces: list[Piece] = []
        before = self.reader.buffer
        try:
            head = self.reader.feed(data, request)
            while head is not None and head.interim:
                interims.append(head)
                if not head.keep_alive:
                    self.spent = True
                    self.transport.doRead = super().receive  # the fast path does not look at `spent`
                head = self.reader.feed(b"", request)
            if head is not None and self.spent:
                head.keep_alive = False
            if head is not None and head.framing is Framing.CHUNKED:
                body = ChunkedBody(self.codec, 502)
                pieces = body.feed(self.reader.take())
                self.body = body
        except BadMessage as error:
            error.data = before + data
            self.session.bad_response(error)
            return
        for interim in interims:
            if request.minor and self.request is request and self.session is not None:
                self.session.interim(interim)
        if head is not None and self.request is request and self.session is not None:
            self._begin_body(head, pieces)

    def _begin_body(self, head: ResponseHead, pieces: list[Piece]) -> None:
        """Pass on a response's head, and the bytes of its body that are here. pieces: of a chunked body."""
        client = self.sink
        assert client is not None
        if head.framing is Framing.NONE:
            self.whole = True
            if self.session.responded(head):
                client.flush()
                self._tell_whole(client)
            return
        if head.framing is Framing.LENGTH and self.reader.pending == head.length:
            self._pass_whole(head)
            return
        body = self.body
        if body is None:
            body = self.body = body_of(head, self.codec, 502)
            data = self.reader.take()
            pieces = body.feed(data) if data else pieces
        self.pieces = pieces
        wanted = self.session.responded(head)
        self.pieces = []
        if not wanted:
            return
        if pieces:
            self.pass_on(pieces)
        if body.done:
            self._body_ended(body)
        else:
            client.flush()

    def _pass_whole(self, head: ResponseHead) -> None:
        """Pass on a response whose whole body came with its head."""
        self.whole = True
        if not self.session.responded(head):
            return
        client = self.sink
        assert client is not None
        data = self.reader.take()
        self.bytes_read += len(data)
        client.take((data,))
        client.flush()
        self._tell_whole(client)

    def at_hand(self, head: ResponseHead) -> int:
        """Return how many bytes of a body came with its head, as they are counted."""
        body, request = self.body, self.request
        if isinstance(self.sink, ResponseWait):
            return 0  # it is counted already
        if body is None:
            tunnels = request is not None and head.tunnels(request)
            return self.reader.pending if tunnels or head.framing is Framing.LENGTH else 0
        size = sum([len(piece) for piece in self.pieces])
        if isinstance(body, ChunkedBody) and body.done:
            size += 1 + sum([len(field.wire) - 4 for field in body.trailers])
        return size

    def body_at_hand(self, head: ResponseHead) -> bytes:
        """Return what came of a body with its head, while the head is looked at."""
        if isinstance(self.sink, ResponseWait):
            return b"".join(self.sink.pieces)
        if self.body is not None:
            return b"".join(self.pieces)
        return self.reader.buffer[: head.length] if head.framing is Framing.LENGTH else b""

    def _tell_whole(self, client: Any) -> None:
        if self.sink is client and self.session is not None:
            self.session.response_ended()

    def body_ended(self) -> None:
        """Tell the exchange that the response is whole."""
        if self.session is not None:
            self.session.response_ended()

    def refused(self, error: BadMessage) -> None:
        """Tell the exchange that these bytes are no body."""
        self.session.bad_response(error)

    def session_source(self) -> HttpEnd | None:
        """Return the client's end, whose requests are sent here."""
        if self.tunnelled:
            return None
        sink = self.sink
        if isinstance(sink, (Muted, ResponseWait)):  # it stands for the client's end
            sink = sink.client
        assert sink is None or isinstance(sink, HttpEnd)
        return self if sink is None else sink

    def tunnel(self) -> None:
        """Be a relay's end from now on."""
        self.held = self.reader.take() + self.held
        self.bytes_read += len(self.held)
        self.sink = None
        self.tunnelled = True


class HttpLinkFactory(ServerLinkFactory):
    """Makes links that speak HTTP/1 to one server."""

    def __init__(self, poll: Any, model: Any, proxy: Any, limit: int, pipes: Any, tune: Any) -> None:
        super().__init__(poll, model, proxy, limit, pipes, tune)
        self.codec = Codec(
            CodecLimits(
                bufsize=limit,
                maxrewrite=tune.get("tune.maxrewrite", 1024),
                max_headers=tune.get("tune.http.maxhdr", 101),
                lenient="accept-invalid-http-response" in proxy.options,
            )
        )

    def new_end(self, session: Any) -> HttpLink:
        """Return an end for a link of the session."""
        return HttpLink(session, self.limit, self.pipes, self.codec)
