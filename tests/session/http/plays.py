"""Actors for plays of exchanges: ends that speak in messages, moved by hand."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from tcproxy.servers.links import IdleLinks, Link
from tcproxy.session.http.connection import HttpConnection
from tcproxy.session.http.messages import ClientEnd, ServerEnd, Sink
from tcproxy.wire.http1 import (
    BadMessage,
    Codec,
    Field,
    Framing,
    Piece,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
)
from tests.clocks import Clock
from tests.session.plays import FakeEnd, StageOf

FORM = "%b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %tsc %rc %{+Q}r"


class FakeMessageEnd(FakeEnd):
    """An end whose messages' bodies are of no interest."""

    splices = False
    congested = False

    def take(self, pieces: Sequence[Piece]) -> None:
        """A body came."""

    def tunnel(self) -> None:
        """Bytes follow."""


class FakeClient(FakeMessageEnd, ClientEnd):
    """A client: `asks` for something, and has `got` bytes."""

    waiting = 0
    begun = False
    quiet = True

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.whole = True
        self.ended = False
        self.announced = False
        self.ready = False
        self.sink: Any = None
        self.pieces: list[Piece] = []
        self.size = 0

    def pass_to(self, sink: Sink) -> None:
        """The body of a request is taken from now on."""
        self.sink = sink

    def take_back(self, pieces: list[Piece], size: int) -> None:
        """The body is held here again."""
        self.sink = None

    @property
    def room(self) -> int:
        """A buffer is never full."""
        return 1 << 20

    def start(self) -> None:
        """Requests are wanted."""
        self.ready = True

    def next(self) -> None:
        """Another one is wanted."""
        self.ready, self.announced = True, False
        self.session.nothing_more()

    def go_idle(self) -> None:
        """Another one is wanted, of which nothing is there."""
        self.ready = True

    def respond(self, head: ResponseHead, request: RequestHead, keep: bool | None) -> int:
        """A response's head."""
        self.got += head.forward(request, keep)
        return 0

    def count_request(self, head: RequestHead) -> None:
        """Nothing is counted."""

    def copied(self, head: RequestHead) -> list[Piece] | None:
        """The body, of which there is none."""
        return [] if self.whole else None

    def put_back(self, pieces: list[Piece], counted: int) -> None:
        """Nothing is held."""

    gathered = False

    def unsay(self) -> None:
        """Nothing is gathered: what is said is here at once."""

    def hang_up(self) -> None:
        """Nothing more will be sent."""

    def say(self, data: bytes) -> None:
        """A page."""
        self.got += data

    def flush(self) -> None:
        """It is here already."""

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The body is over."""

    def send_now(self, data: bytes) -> None:
        """Bytes, without anything before them."""
        self.got += data

    def asks(self, text: bytes, whole: bool = True) -> None:
        """This client sends a request."""
        assert self.ready
        self.ready = False
        self.last_progress = self.clock.seconds()
        head = RequestReader(Codec()).feed(text)
        assert head is not None
        self.whole = whole
        self.session.requested(head)

    def begins(self) -> None:
        """This client sends a first byte."""
        self.begun = self.announced = True
        self.session.request_began()

    def errs(self) -> None:
        """This client sends nonsense."""
        self.session.bad_request(BadMessage(400, "nonsense"))

    def ends(self) -> None:
        """This client sends FIN."""
        self.ended = True
        self.session.ended(self)


class FakeLink(FakeMessageEnd, ServerEnd):
    """A link: it was `asked`, and `answers`."""

    waiting = 0
    clean = True
    ended = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, "192.0.2.10")
        self.asked: list[RequestHead] = []
        self.whole = False
        self.sink = None
        self.uses = self.age = 0
        self.private = False
        self.pool: IdleLinks | None = None
        self.key: Hashable = None
        self.gone = False

    def ask(self, request: RequestHead, client: ClientEnd, close: bool) -> None:
        """A request comes."""
        self.asked.append(request)

    def go_idle(self) -> None:
        """Nothing more for now."""

    def flush(self) -> None:
        """It is here already."""

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The request's body is over."""

    def await_rest(self, length: int) -> None:
        """The rest of a body passes by itself."""

    def at_hand(self, head: ResponseHead) -> int:
        """Nothing came with the head."""
        return 0

    def body_at_hand(self, head: ResponseHead) -> bytes:
        """Return nothing: bodies come behind their heads."""
        return b""

    def skip(self, head: ResponseHead) -> bool:
        """A response is not wanted."""
        return bool(head.keep_alive)

    def at_rest(self) -> bool:
        """Nothing came that was not read yet, unless the play says so."""
        return not self.gone

    def close(self, reset: bool = False) -> None:
        """Close."""
        super().close(reset)
        if self.pool is not None:
            self.pool.closed(self)

    def answers(self, text: bytes) -> None:
        """The server answers with a whole response."""
        self.last_progress = self.clock.seconds()
        head = ResponseReader(Codec()).feed(text, self.asked[-1])
        assert head is not None
        if self.session.responded(head) and head.framing is not Framing.CLOSE:
            self.session.response_ended()

    def errs(self) -> None:
        """The server sends what is no response."""
        self.session.bad_response(BadMessage(502, "nonsense"))

    def hints(self, text: bytes) -> None:
        """The server sends a 1xx response."""
        head = ResponseReader(Codec()).feed(text, self.asked[-1])
        self.session.interim(head)

    def ends(self) -> None:
        """The server sends FIN."""
        self.ended = True
        self.session.ended(self)


def as_pooled(link: FakeLink) -> Link:
    """Return a link as its pool has it: what mypy checks here is that it is one."""
    return link


class HttpStage(StageOf[FakeLink]):
    """One frontend in HTTP mode with its servers."""

    def __init__(self, **more: Any) -> None:
        options = frozenset(more.pop("options", ()))
        super().__init__(mode="http", options=options, form="", **more)
        from tcproxy.report import formats

        self.frontend.log_with(self, formats.compile(FORM, http=True), None, None)  # type: ignore[arg-type]

    def new_link(self) -> FakeLink:
        """Return a link that takes requests."""
        return FakeLink(self.clock)

    def client(self, host: str = "192.0.2.1") -> FakeClient:
        """A client comes in."""
        end = FakeClient(self.clock)
        end.host = host
        end.session = HttpConnection(self.frontend.binds[0])
        end.session.begin(end)
        return end
