"""What a codec says of a case of the corpus: the bytes it forwards, and the status of its refusal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tcproxy.wire.http1 import (
    BadMessage,
    Codec,
    CodecLimits,
    Framing,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
    body_of,
    chunk,
    last_chunk,
)
from tcproxy.wire.http1.bodies import Body
from tcproxy.wire.http1.head import Head

from .corpus import REQUESTS


@dataclass
class Verdict:
    """forwarded: bytes for the other side. status: of the refusal, 0 without one."""

    forwarded: bytes = b""
    status: int = 0
    heads: list[Head] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    incomplete: bool = False


def reframed(head: Head, body: Body, pieces: list[bytes]) -> bytes:
    """Return the body's bytes as they are forwarded."""
    if head.framing is not Framing.CHUNKED:
        return b"".join(pieces)
    return b"".join(bytes(piece) for piece in chunk(pieces)) + (last_chunk(body.trailers) if body.done else b"")


class RequestSide:
    """A client's connection, as a session that answers everything with 200 would read it."""

    def __init__(self, limits: CodecLimits | None = None, codec: Codec | None = None) -> None:
        self.codec = codec or Codec(limits)
        self.reader = RequestReader(self.codec)
        self.verdict = Verdict()
        self.head: RequestHead | None = None
        self.body: Body | None = None
        self.pieces: list[bytes] = []
        self.tunnel = self.closed = False

    def feed(self, data: bytes) -> None:
        """Take bytes of the client."""
        try:
            self._feed(data)
        except BadMessage as error:
            self.verdict.status = error.status
            self.closed = True

    def _feed(self, data: bytes) -> None:
        while not self.closed:
            if self.tunnel:
                self.verdict.forwarded += data
                return
            if self.body is None:
                self.head = self.reader.feed(data)
                if self.head is None:
                    return
                self.body = body_of(self.head, self.codec, 400)
                data = self.reader.take()
            self.pieces += [bytes(piece) for piece in self.body.feed(data)]
            if not self.body.done:
                return
            data = self._whole()

    def _whole(self) -> bytes:
        assert self.head is not None and self.body is not None
        body, verdict = self.body, self.verdict
        verdict.heads.append(self.head)
        verdict.bodies.append(b"".join(self.pieces))
        verdict.forwarded += self.head.forward() + reframed(self.head, body, self.pieces)
        self.tunnel = self.head.method == b"CONNECT"
        self.closed = not self.tunnel and not self.head.keep_alive
        self.body, self.pieces = None, []
        return body.surplus

    def ended(self) -> Verdict:
        """Return what was said; a body that is not whole is forwarded as far as it came."""
        if self.body is not None and not self.verdict.status:
            assert self.head is not None
            self.verdict.forwarded += self.head.forward() + reframed(self.head, self.body, self.pieces)
        self.verdict.incomplete = not self.verdict.status and (self.body is not None or self.reader.pending > 0)
        return self.verdict


def request_verdict(pieces: Iterable[bytes], limits: CodecLimits | None = None, codec: Codec | None = None) -> Verdict:
    """Read a client's bytes."""
    side = RequestSide(limits, codec)
    for piece in pieces:
        side.feed(piece)
    return side.ended()


def response_verdict(
    asked: str, pieces: Iterable[bytes], limits: CodecLimits | None = None, codec: Codec | None = None
) -> Verdict:
    """Read a server's bytes that answer a request of REQUESTS, and then its close.

    Nothing is forwarded before all bytes came: so a bad message is refused whole, as when it comes at once.
    """
    codec = codec or Codec(limits)
    request = RequestReader(Codec()).feed(REQUESTS[asked])
    assert request is not None
    verdict = Verdict()
    reader = ResponseReader(codec)
    head: ResponseHead | None = None
    body: Body | None = None
    told: list[bytes] = []
    data = b""
    try:
        for piece in pieces:
            data = piece
            while body is None:
                head = reader.feed(data, request)
                if head is None:
                    break
                verdict.heads.append(head)
                if head.interim:
                    verdict.forwarded += head.forward(request)
                    data = b""
                    continue
                body = body_of(head, codec, 502)
                data = reader.take()
            if body is None:
                continue
            assert head is not None
            if head.tunnels(request):
                told.append(data)
            else:
                told += [bytes(part) for part in body.feed(data)]
    except BadMessage as error:
        return Verdict(status=error.status)
    if body is None or head is None:
        verdict.status = 502
        return verdict
    try:
        body.ended()
    except BadMessage:
        verdict.incomplete = True
    verdict.bodies.append(b"".join(told))
    if head.tunnels(request):
        verdict.forwarded += head.forward(request) + b"".join(told)
    else:
        verdict.forwarded += head.forward(request) + reframed(head, body, told)
    return verdict
