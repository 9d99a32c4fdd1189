"""A server inside the process: it stands in a link's place, takes a request's body, and answers.

Requests that wait for their body (request_body.py), that are held in a tarpit (refusals.py), or whose link failed
before they were whole (Drain) have one. Answers of ours go to the client from here, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from tcproxy.session.http import changes
from tcproxy.session.http.answers import PAGES
from tcproxy.session.http.state import Exchange, ResponseEdit
from tcproxy.session.stages import LOCAL, PROXY, SERVER_ERROR
from tcproxy.wire.http1 import Field, Piece, WholeResponse


class InnerServer:
    """A sink of one exchange's request (messages.Sink). The connection tells it when the client leaves or is late.

    holds: bytes that are no body do not end it, nor does a command. looks: the end of the client's side ends it, even
    behind a whole request. wait_over: conditions are known, whatever comes. title: what stands in log lines in place of
    a server's name.
    """

    __slots__ = ("exchange",)

    splices = False
    congested = False
    holds = False
    looks = False
    wait_over = True
    title = "<NOSRV>"

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def take(self, pieces: Sequence[Piece]) -> None:
        """Drop pieces of the body."""

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The body is whole. Nothing to do: `over` is called next."""

    def flush(self) -> None:
        """Some of the body came. Nothing to do."""

    def over(self) -> None:
        """The request is whole."""

    def late(self) -> None:
        """The wait is over, or the client was silent for too long within its request."""

    def left(self) -> None:
        """The client left within its request."""

    def room(self) -> None:
        """The client has taken all that was sent to it."""

    def given_up(self) -> None:
        """The exchange is over, however it ended; this may be told more than once."""


class Drain(InnerServer):
    """Takes the rest of a request whose link failed after the response, if that rest comes at once."""

    __slots__ = ()

    def begin(self) -> None:
        """Take the body from now on, and drop it."""
        client = self.exchange.client
        client.pass_to(self)
        if client.whole:
            self.flush()
            self.exchange.abort()
        elif not client.ended:
            client.listen()

    def flush(self) -> None:
        """More of the body came. If it is still not whole, close both connections."""
        exchange = self.exchange
        exchange.decide(SERVER_ERROR, "D")
        if not exchange.client.whole:
            exchange.abort()


def respond(exchange: Exchange, whole: WholeResponse | None) -> None:
    """Gather a response that comes from no server. None: send nothing, and close the connection."""
    request, client = exchange.request, exchange.client
    assert request is not None
    exchange.begin_responding()
    if whole is None:
        exchange.keep = False
        return
    settings = exchange.settings
    after = settings.after if exchange.backend is None else settings.route(exchange.backend).after
    if after is not None:
        whole = edited(exchange, whole, after)
        if whole.exceeds:
            # rules have made its length less than it is: as in HAProxy, nothing of it is sent
            exchange.keep = False
            exchange.sent = whole.size + len(whole.body)
            return
    exchange.keep = (
        whole.keeps
        and client.whole
        and not whole.head.tunnels(request)
        and request.keep_alive
        and not exchange.settings.closes
        and not exchange.world.stopping
    )
    client.respond(whole.head, request, exchange.keep)
    exchange.sent = whole.size
    if whole.body and request.method != b"HEAD":
        exchange.sent += len(whole.body)
        client.say(whole.body)


def edited(exchange: Exchange, whole: WholeResponse, edit: ResponseEdit) -> WholeResponse:
    """Return an answer of ours as `http-after-response` rules make it.

    Where they cannot, it is one of status 500 as they make it; where they cannot make that either, it stays as it is.
    """
    error = PAGES[changes.INTERNAL]
    response = exchange.response
    try:
        for one in (whole,) if exchange.status == changes.INTERNAL else (whole, error):
            head = exchange.response = one.head.copy()
            try:
                edit(exchange, head)
                return one.with_head(head)
            except changes.Unwritable:
                _unwritable(exchange)
    finally:
        exchange.response = response
    return error


def _unwritable(exchange: Exchange) -> None:
    """Note that an answer could not be changed: the log tells of an error of this proxy."""
    exchange.status = changes.INTERNAL
    if exchange.error == LOCAL and exchange.phase == "R":
        exchange.asked_at = 0.0
        if exchange.backend is None:
            exchange.frontend.counters.intercepted -= 1
    exchange.error = PROXY
