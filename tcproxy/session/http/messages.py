"""The network as an exchange sees it: two ends that speak in messages, of any protocol.

An end reads messages of its own side, decodes them, and passes their bodies to a Sink by itself, with backpressure;
a sink encodes what it is given. The client's end tells its connection (ClientEvents), a link its exchange
(LinkEvents). The ends of HTTP/1 stand in transport/http1; a server inside the process is a sink, too (inner.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tcproxy.session.ends import End, EndEvents
from tcproxy.wire.http1 import BadMessage, Field, Piece, RequestHead, ResponseHead


class Sink(Protocol):
    """Takes the body of a message.

    congested: it takes no more for the moment. splices: bytes may go to it without coming into this process.
    """

    splices: bool

    @property
    def congested(self) -> bool:
        """True while bytes wait for it."""

    def take(self, pieces: Sequence[Piece]) -> None:
        """Gather pieces of the body, encoded as this side needs them."""

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """Gather the end of the body: in chunks the last one, with trailers."""

    def flush(self) -> None:
        """Send what was gathered, with one write."""


class MessageEnd(End, Sink, Protocol):
    """One side of an exchange.

    bytes_read: bytes of messages read from this side, as logs and statistics count them (see accounting.py).
    whole: the message from this side is complete. ended: its FIN came.
    """

    whole: bool
    ended: bool

    @property
    def waiting(self) -> int:
        """Return how many bytes for this side are still to be sent."""

    def tunnel(self) -> None:
        """Leave HTTP: be an end of bytes from now on."""


class ClientEnd(MessageEnd, Protocol):
    """The client's side.

    announced: the connection knows of bytes of a request that is not whole yet. pieces: of a request's body,
    held until there is a server; size: their bytes. sink: takes the body, None while there is none.
    """

    announced: bool
    pieces: list[Piece]
    size: int
    sink: Sink | None

    def start(self) -> None:
        """Read requests from now on."""

    def next(self) -> None:
        """Read the next request: the last one is answered."""

    def respond(self, head: ResponseHead, request: RequestHead, keep: bool | None) -> int:
        """Gather a response's head; return its size as it is counted."""

    def count_request(self, head: RequestHead) -> None:
        """Count a request's head that went to no server."""

    def copied(self, head: RequestHead) -> list[Piece] | None:
        """Return the body of a request; None unless it is all here and fits a buffer with its head."""

    def put_back(self, pieces: list[Piece], counted: int) -> None:
        """Hold a body anew that was sent already, and count it as if it was not."""

    def pass_to(self, sink: Sink) -> None:
        """Let a sink take the request's body from now on. Bytes that are held go first, and are not flushed."""

    def take_back(self, pieces: list[Piece], size: int) -> None:
        """Hold a body again that a sink has taken, since there is no server yet."""

    @property
    def room(self) -> int:
        """Return how many bytes of a message a buffer holds."""

    def say(self, data: bytes) -> None:
        """Gather bytes that are a whole response, or its body."""

    @property
    def gathered(self) -> bool:
        """True while something was gathered for the client and not sent yet."""

    def unsay(self) -> None:
        """Drop what was gathered and not sent."""

    def hang_up(self) -> None:
        """Send FIN behind all that is to be sent."""

    @property
    def quiet(self) -> bool:
        """True when this side waits for the response, and nothing else is under way on it."""

    def send_now(self, data: bytes) -> None:
        """Send bytes, for which nothing else was gathered."""

    def go_idle(self) -> None:
        """Wait for the next request, of which nothing is there yet."""

    @property
    def begun(self) -> bool:
        """True when bytes of a request are there, and not its whole head."""


class ServerEnd(MessageEnd, Protocol):
    """The server's side: a link. uses: requests that it carried before (0: it is new). sink: takes the response."""

    sink: Sink | None
    uses: int

    def ask(self, request: RequestHead, client: ClientEnd, close: bool) -> None:
        """Send a request's head, with the bytes of its body that are here; the rest passes by itself.

        close: tell the server that the link carries no other request (Connection: close).
        """

    def await_rest(self, length: int) -> None:
        """Pass on so many bytes more, which are the rest of the response's body."""

    def go_idle(self) -> None:
        """Carry nothing for now: the exchange is over."""

    def at_hand(self, head: ResponseHead) -> int:
        """Return how many bytes of a body came with its head, as they are counted."""

    def body_at_hand(self, head: ResponseHead) -> bytes:
        """Return what came of a body with its head, while the head is looked at."""

    def skip(self, head: ResponseHead) -> bool:
        """Drop a response that is here as a whole, and go idle. False: it is not, and the link of no further use."""

    @property
    def clean(self) -> bool:
        """True when nothing came behind the last response."""


class ClientEvents(EndEvents, Protocol):
    """The events of a client's end, which a connection receives (connection.py)."""

    def requested(self, head: RequestHead) -> None:
        """A request's head came; its body may be whole, or follow."""

    def request_began(self) -> None:
        """The first bytes of a request came that is not there yet."""

    def request_ended(self) -> None:
        """A request's body is whole, which was not with its head."""

    def bad_request(self, error: BadMessage) -> None:
        """The client's bytes are no request, or no body of one."""

    def nothing_more(self) -> None:
        """The client's next request is not there yet."""

    def unsendable(self, end: Any, errno: int) -> None:
        """Bytes could not be sent to this side."""


class LinkEvents(EndEvents, Protocol):
    """The events of a link, which an exchange receives (exchange.py)."""

    def interim(self, head: ResponseHead) -> None:
        """A 1xx response came."""

    def responded(self, head: ResponseHead) -> bool:
        """A response's head came. Return False if its body is not to be passed on."""

    def response_ended(self) -> None:
        """The response's body is whole."""

    def bad_response(self, error: BadMessage) -> None:
        """The server's bytes are no response, or no body."""

    def unsendable(self, end: Any, errno: int) -> None:
        """Bytes could not be sent to this side."""
