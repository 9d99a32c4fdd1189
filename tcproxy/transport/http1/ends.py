"""The base of both ends of HTTP/1: bodies pass from one end to the other, and writes are gathered.

An end of messages is an end of bytes, too (relay.py), so a tunnel needs no other ends. Bytes that were read go to the
sink, or are held while there is none, up to the limit of a buffer; a side that takes nothing stops the reading of the
other. Large bodies of a known length move by splice, as a relay's bytes do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from errno import EINVAL
from time import monotonic
from typing import Any

from tcproxy.session.http.messages import Sink
from tcproxy.transport.relay import FULL_READS, SPLICE_FLAGS, SocketEnd
from tcproxy.transport.stream_socket import AGAIN
from tcproxy.wire.http1 import BadMessage, Body, ChunkedBody, Codec, Field, LengthBody, Piece, chunk, last_chunk

FEW_LEFT = 1 << 17
"""Bytes of a body that are left, below which it is copied."""


class HttpEnd(SocketEnd):
    """One side of an exchange, in HTTP/1.

    body: the decoder of the message being read, None between messages. whole: that message is complete.
    sink: takes its body, None while there is none. pieces, size: of the body, held until there is a sink; its bytes.
    out: gathered bytes, to be sent to this side. chunks: the body sent to this side is chunked.
    push: the send of this side's socket.
    """

    __slots__ = ("body", "chunks", "codec", "out", "pieces", "push", "sink", "size", "whole")

    body: Body | None
    chunks: bool
    codec: Codec
    out: list[Piece]
    pieces: list[Piece]
    push: Any
    size: int
    sink: Sink | None
    whole: bool

    def begin_messages(self, codec: Codec) -> None:
        """Set up what messages need."""
        self.codec = codec
        self.body = self.sink = None
        self.out = []
        self.pieces = []
        self.size = 0
        self.chunks = False
        self.whole = True

    # what is read from this side

    def receive(self) -> None:
        """Read the bytes that are there."""
        try:
            data = self.recv(self.limit)
        except OSError as error:
            return self._failed(self, error)
        if not data:
            return self._end()
        self.last_progress = monotonic()
        return self.take_in(data)

    def take_in(self, data: bytes) -> None:
        """Take bytes of this side."""
        raise NotImplementedError

    def body_came(self, data: bytes) -> None:
        """Pass on bytes of a body; when it is whole, tell the owner."""
        body = self.body
        assert body is not None
        try:
            pieces = body.feed(data)
        except BadMessage as error:
            error.data = data
            self.refused(error)
            return
        if pieces:
            self.pass_on(pieces)
        if body.done:
            self._body_ended(body)
        elif len(data) == self.limit and self.pipes is not None:
            self._consider_splice(body)

    def pass_on(self, pieces: Sequence[Piece]) -> None:
        """Pass pieces of a body to the other side, or hold them."""
        size = sum([len(piece) for piece in pieces])
        self.bytes_read += size
        sink = self.sink
        if sink is None:
            self.pieces += pieces
            self.size += size
            if self.size >= self.limit:
                self.transport.stopReading()
            return
        sink.take(pieces)
        if not (self.body is not None and self.body.done):
            sink.flush()

    def _body_ended(self, body: Body) -> None:
        self.whole = True
        self.count_end(body)
        sink = self.sink
        if sink is not None:
            sink.end_message(body.trailers)
            sink.flush()
        self.body_ended()

    def count_end(self, body: Body) -> None:
        """Count the end of a chunked body, and its trailers."""
        if isinstance(body, ChunkedBody):
            self.bytes_read += 1 + sum([len(field.wire) - 4 for field in body.trailers])

    def body_ended(self) -> None:
        """Tell the owner (a connection or an exchange) that the message from this side is whole."""
        raise NotImplementedError

    def refused(self, error: BadMessage) -> None:
        """Tell the owner that the bytes from this side are no message."""
        raise NotImplementedError

    def pass_to(self, sink: Sink) -> None:
        """Let a sink take this side's message from now on. Bytes that are held go first, and are not flushed."""
        self.sink = sink
        if self.piped and not sink.splices:
            self._drop_piped()
        if self.pieces:
            sink.take(self.pieces)
            self.pieces = []
            if self.size >= self.limit and not self.ended:
                self.transport.startReading()
            self.size = 0
        if self.whole and self.body is not None:
            sink.end_message(self.body.trailers)

    def take_back(self, pieces: list[Piece], size: int) -> None:
        """Hold a body again that a sink has taken, since there is no server yet."""
        self.sink = None
        self.pieces = pieces + self.pieces
        self.size = size

    # large bodies

    def _failed(self, end: SocketEnd | None, error: OSError) -> None:
        """Tell the session of the side that failed; one that could not be written to may have said something before."""
        if error.errno in AGAIN or end is None:
            return
        if end is self:
            self.session.broke(end, error.errno)
        elif end.session is not None:
            end.session.unsendable(end, error.errno)

    def _consider_splice(self, body: Body) -> None:
        self.full += 1
        if self.full >= FULL_READS and isinstance(body, LengthBody) and body.left > FEW_LEFT:
            self.full = 0
            sink = self.sink
            if isinstance(sink, HttpEnd) and sink.splices and not sink.congested and self.splices_to(sink):
                self.transport.doRead = self.splice_body

    def splice_body(self) -> None:
        """Pass bytes of a body of known length through a pipe, as many as are there."""
        session = self.session
        try:
            body, sink = self.body, self.sink
            if not isinstance(body, LengthBody) or not isinstance(sink, HttpEnd):
                return self._copy_body()
            pipe = self.pipes.take() if self.pipes is not None else None
            if pipe is None:
                return self._copy_body()
            try:
                size = os.splice(self.transport.fileno(), pipe.write, min(pipe.size, body.left), flags=SPLICE_FLAGS)
            except OSError as error:
                assert self.pipes is not None
                self.pipes.give(pipe)
                if error.errno == EINVAL:
                    self.pipes = None
                    return self._copy_body()
                return self._failed(self, error)
            if not size:
                assert self.pipes is not None
                self.pipes.give(pipe)
                return self._end()
            self.bytes_read += size
            body.left -= size
            self.pipe, self.piped = pipe, size
            self.other = sink
            self.last_progress = monotonic()
            if body.left < FEW_LEFT:
                self.transport.doRead = self.receive
            left = self._empty_pipe() is False
            if left:
                self.transport.stopReading()
                sink.transport.await_room()
            elif not body.left and self.body is body:
                self._spliced(body)
            return None
        except Exception as error:
            return self.crash(session, error)

    def _spliced(self, body: LengthBody) -> None:
        body.done = True
        self._body_ended(body)

    def _copy_body(self) -> None:
        self.full = 0
        self.transport.doRead = self.receive

    def _drop_piped(self) -> None:
        """Drop the pipe with its bytes: the side that they were for takes nothing any more."""
        assert self.pipe is not None and self.pipes is not None
        self.pipes.discard(self.pipe)
        self.pipe, self.piped = None, 0
        body = self.body
        if isinstance(body, LengthBody) and not body.left:
            self.whole = body.done = True

    # what is sent to this side (messages.Sink)

    splices = True

    @property
    def congested(self) -> bool:
        """True while bytes wait for this side."""
        return bool(self.transport.queue)

    def take(self, pieces: Sequence[Piece]) -> None:
        """Gather pieces of a body, in chunks where the message sent to this side is chunked."""
        self.out += chunk(pieces) if self.chunks else pieces

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """Gather the end of a message's body: in chunks the last one, with trailers."""
        if self.chunks:
            self.out.append(last_chunk(trailers))

    def flush(self) -> None:
        """Send what was gathered, with one write."""
        out = self.out
        if not out or not self.connected:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        self.out = []
        self.send_now(data)

    def send_now(self, data: Piece) -> None:
        """Send bytes to this side, for which nothing else was gathered."""
        transport = self.transport
        if transport.queue:
            transport.queue += data
            return
        try:
            sent = self.push(data)
        except OSError as error:
            if error.errno not in AGAIN:
                self.session.unsendable(self, error.errno)
                return
            sent = 0
        if sent != len(data):
            transport.keep(bytes(data), sent)

    @property
    def waiting(self) -> int:
        """Return how many bytes for this side are still to be sent."""
        if not self.connected:
            return 0
        return len(self.transport.queue) + self._piped_here()

    def _piped_here(self) -> int:
        """Return how many bytes for this side are in the pipe of the other one."""
        source = self.session_source()
        return source.piped if source is not None and source is not self else 0

    def close(self, reset: bool = False) -> None:
        """Close this side, and let go of the other one, so that memory is freed without a collection."""
        source = self.session_source()
        if source is not None and source is not self and source.piped:
            source._drop_piped()
        super().close(reset)
        self.sink = None

    # backpressure: the transport's producer is its own end, which stands for the end that sends to it

    def pauseProducing(self) -> None:
        """Bytes for this side wait: stop reading from their source."""
        source = self.session_source()
        if source is None:
            super().pauseProducing()
        else:
            source.transport.stopReading()

    def resumeProducing(self) -> None:
        """All bytes for this side are sent: go on reading."""
        session = self.session
        try:
            source = self.session_source()
            if source is None:
                super().resumeProducing()
                return None
            if source.connected and not source.go_on():
                return None
            if self.session is not None:
                self.session.emptied(self)
        except Exception as error:
            return self.crash(session, error)

    def session_source(self) -> HttpEnd | None:
        """Return the end whose messages are sent to this side; in a tunnel none is."""
        raise NotImplementedError

    def go_on(self) -> bool:
        """The other side took everything: empty the pipe, then read. Return False if the pipe is not empty."""
        if self.piped and not self._went_on():
            return False
        self.last_progress = monotonic()
        body = self.body
        if isinstance(body, LengthBody) and not body.left and not body.done:
            self._spliced(body)
        elif not self.ended:
            self.transport.startReading()
        return True

    # facts

    @property
    def empty(self) -> bool:
        """True when everything read from this side went to the other."""
        if self.sink is None:
            return super().empty
        return not self.piped and not self.sink.congested

    @property
    def stalled_since(self) -> float | None:
        """Monotonic seconds since when this side takes no byte that waits for it; None when none waits."""
        if not self.connected:
            return None
        if self.transport.queue or self._piped_here():
            return self.transport.wrote
        return None if self.session_source() is not None else super().stalled_since
