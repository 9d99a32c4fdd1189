"""HTTP/1 ends for proxies with `h1-case-adjust` or `http-send-name-header`: they write heads in another form.

The first writes names of headers in another case, the second adds a header with the server's name behind all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from tcproxy.model.proxy import Proxy
from tcproxy.session.frontend import Frontend
from tcproxy.transport.http1.client import HttpClient, codec_of
from tcproxy.transport.http1.server import HttpLink, HttpLinkFactory
from tcproxy.wire.http1 import Adjust, Codec, CodecLimits, Field, RequestHead, ResponseHead
from tcproxy.wire.http1.bodies import last_chunk
from tcproxy.wire.http1.head import adjusted

SERVERS, CLIENTS = "h1-case-adjust-bogus-server", "h1-case-adjust-bogus-client"
"""The options that switch each side of a proxy."""


class AdjustingCodec(Codec):
    """A codec that also knows how heads are written.

    adjust: see Head. name: of the header to leave out. tail: the header line to add behind all others.
    """

    __slots__ = ("adjust", "name", "tail")

    def __init__(self, limits: CodecLimits, adjust: Adjust | None, name: bytes = b"", tail: bytes = b"") -> None:
        super().__init__(limits)
        self.adjust, self.name, self.tail = adjust, name, tail


def adjust_of(proxy: Proxy, option: str) -> Adjust | None:
    """Return the header names that a side of a proxy writes in another case, None for none."""
    if not proxy.header_case or option not in proxy.options:
        return None
    cases: Mapping[str, str] = proxy.header_case
    return {_encoded(name): _encoded(written) for name, written in cases.items()}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# servers


class WrittenRequest(RequestHead):
    """A request whose bytes for the server are known already."""

    __slots__ = ("wire",)

    def __init__(self, request: RequestHead, wire: bytes) -> None:
        super().__init__(
            request.method, request.target, request.version, request.minor, request.fields, request.keep_alive
        )
        self.framing, self.length = request.framing, request.length
        self.received = request.received
        self.upgrade, self.authority = request.upgrade, request.authority
        self.wire = wire

    def forward(self, close: bool = False, adjust: Adjust | None = None) -> bytes:
        """Return the known bytes."""
        return self.wire


class AdjustedLink(HttpLink):
    """A link whose requests are written as its codec says."""

    __slots__ = ()

    def ask(self, request: RequestHead, client: Any, close: bool) -> None:
        """Send a request's head in its own form, with the bytes of its body that are here."""
        codec: Any = self.codec
        wire = written(request, close, codec)
        super().ask(WrittenRequest(request, wire), client, close)
        self.request = request if self.request is not None else None

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """Gather what ends a request's body."""
        codec: Any = self.codec
        if self.chunks:
            self.out.append(last_chunk(trailers, codec.adjust))


def written(request: RequestHead, close: bool, codec: AdjustingCodec) -> bytes:
    """Return the bytes of a request's head."""
    if not codec.name:
        return request.forward(close, codec.adjust)
    sent = copy(request)
    sent.remove(codec.name)
    wire = sent.forward(close, codec.adjust)
    return wire[:-2] + codec.tail + b"\r\n"


class AdjustedLinkFactory(HttpLinkFactory):
    """Makes links whose requests are written as their proxy says."""

    def __init__(self, poll: Any, model: Any, proxy: Any, limit: int, pipes: Any, tune: Any) -> None:
        super().__init__(poll, model, proxy, limit, pipes, tune)
        adjust = adjust_of(proxy, SERVERS)
        field = Field(_encoded(proxy.send_name_header), _encoded(model.name))
        tail = b""
        if field.name and model is not proxy.dispatch:  # the server of `dispatch` has no name
            tail = adjusted(field, adjust or {})
        self.codec = AdjustingCodec(self.codec.limits, adjust, field.name, tail)

    def new_end(self, session: Any) -> AdjustedLink:
        """Return an end for a link of the session."""
        return AdjustedLink(session, self.limit, self.pipes, self.codec)


# clients


class AdjustedClient(HttpClient):
    """A client whose responses are written as its codec says."""

    __slots__ = ()
    quiet = False
    """False: these responses are written in another form, so the fast path cannot forward them."""

    def respond(self, head: ResponseHead, request: RequestHead, keep: bool | None) -> int:
        """Gather a response's head with names in their case; return its size as it is counted."""
        codec: Any = self.codec
        counted = super().respond(head, request, keep)
        self.out[-1] = head.forward(request, keep, codec.adjust)
        return counted

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """Gather what ends a response's body."""
        codec: Any = self.codec
        if self.chunks:
            self.out.append(last_chunk(trailers, codec.adjust))


def adjusting_codec(frontend: Frontend) -> AdjustingCodec:
    """Return the codec of a frontend's clients whose names are written in another case."""
    return AdjustingCodec(codec_of(frontend).limits, adjust_of(frontend.model, CLIENTS))
