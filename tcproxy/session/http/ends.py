"""What an HTTP session knows of the network: two ends that speak in messages, whatever their protocol.

An end reads messages of its own side and passes their bodies to the other end by itself, with backpressure. The
session is told what begins and ends:

    requested(head)         a request's head; its body may be whole, or follow
    request_began()         the first bytes of a request that is not there yet
    request_ended()         a request's body is whole, which was not with its head
    bad_request(error)      the client's bytes are no request, or no body
    interim(head)           a 1xx response
    responded(head)         a response's head; False: nobody wants it any more
    response_ended()        its body is whole
    bad_response(error)     the server's bytes are no response, or no body

and of the connections, as with every End (session/ends.py), `ended`, `broke` and `emptied`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tcproxy.session.ends import End

if TYPE_CHECKING:
    from tcproxy.wire.http1 import Field, Piece, RequestHead, ResponseHead


class MessageEnd(End, Protocol):
    """One side of an HTTP session.

    moved: bytes of messages read from this side, as logs and statistics count them (see telling.py).
    whole: the message from this side is complete. waiting: bytes for this side that the kernel did not take yet.
    """

    whole: bool

    @property
    def waiting(self) -> int:
        """Return how many bytes for this side are still to be sent."""

    def flush(self) -> None:
        """Send what was gathered, with one write."""

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """Gather what ends a message's body."""


class ClientEnd(MessageEnd, Protocol):
    """The client's side.

    told: the session knows of bytes of a request that is not whole yet.
    """

    told: bool

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

    def drain(self) -> None:
        """Take the rest of the request's body, which no server wants any more, if it comes in one piece."""

    def say(self, data: bytes) -> None:
        """Gather bytes that are a whole response."""

    def hang_up(self) -> None:
        """Send FIN behind all that is to be sent."""

    @property
    def quiet(self) -> bool:
        """True when this side waits for the response, and nothing else is under way on it."""

    def send_now(self, data: bytes) -> None:
        """Send bytes, for which nothing else was gathered."""

    def rest(self) -> None:
        """Wait for the next request, of which nothing is there yet."""

    @property
    def begun(self) -> bool:
        """True when bytes of a request are there, and not its whole head."""


class ServerEnd(MessageEnd, Protocol):
    """The server's side."""

    def ask(self, request: RequestHead, client: ClientEnd, close: bool) -> None:
        """Send a request's head, with what has come of its body; the rest passes by itself."""

    def await_rest(self, length: int) -> None:
        """Pass on so many bytes more, which are the rest of the response's body."""

    def rest(self) -> None:
        """Be idle: the exchange is over."""

    def at_hand(self, head: ResponseHead) -> int:
        """Return how many bytes of a body came with its head, as they are counted."""

    def skip(self, head: ResponseHead) -> bool:
        """Drop a response that is here as a whole, and be idle. False: it is not, and the link of no further use."""

    @property
    def clean(self) -> bool:
        """True when nothing came behind the last response."""


__all__ = ["ClientEnd", "MessageEnd", "ServerEnd"]
