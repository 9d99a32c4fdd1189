"""Requests that wait for their body: `option http-buffer-request`, and strategies that look into what is posted.

The wait ends when the body is whole or fills a buffer, and is bounded by `timeout http-request` and `timeout client`.
Who asks first whether to send a body (Expect: 100-continue) is told to do so, and no server is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tcproxy.session.http.steps import go_on
from tcproxy.session.stages import CLIENT_TIMEOUT, NEVER
from tcproxy.session.steps import left_early
from tcproxy.wire.http1 import Framing
from tcproxy.wire.http1.limits import FIELD_OVERHEAD

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.rules import ResponseEdit, Rule
    from tcproxy.session.http.session import HttpSession
    from tcproxy.wire.http1 import Field, Piece, RequestHead, ResponseHead

OPTION = "http-buffer-request"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CONTINUE_COUNTED = 40
"""Bytes of the same as they are counted (telling.py)."""


class Wait:
    """A request's wait for its body: it stands in the server's place, and takes what comes.

    rule: which of the way's rules waits, None for one of the frontend. full: bytes at which the wait ends.
    out, chunks, transport: what the client's end asks of the one that takes its body. holds, looks: see Tarpit.
    """

    holds = looks = False

    __slots__ = ("chunks", "full", "out", "queue", "rule", "session", "size", "transport")

    def __init__(self, session: HttpSession, rule: Rule | None, full: int) -> None:
        client: Any = session.client
        self.session = session
        self.rule = rule
        self.full = full
        self.out: list[Piece] = client.pieces
        self.size: int = client.size
        self.chunks = False
        self.transport = self
        self.queue = b""
        client.pieces = []
        client.size = 0
        client.sink = self

    def flush(self) -> None:
        """Some of the body came."""
        self.size = sum([len(piece) for piece in self.out])
        if self.size >= self.full:
            self.over()

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The body is whole, which the session is told next."""

    def _give_back(self) -> None:
        """Hold the body where it is held while there is no server."""
        client: Any = self.session.client
        self.session.awaited = None
        client.sink = None
        client.pieces = self.out + client.pieces
        client.size = self.size

    def over(self) -> None:
        """Enough is here: the request is asked now, and goes on."""
        session = self.session
        self.size = sum([len(piece) for piece in self.out])
        self._give_back()
        session.expires = NEVER
        session.asked_at = session.client.stamp
        go_on(session, self.rule)

    def late(self) -> None:
        """The body did not come in time."""
        session = self.session
        self._give_back()
        session.frontend.counters.request_errors += 1
        session.decide(CLIENT_TIMEOUT, "R")
        session.answer(408)

    def left(self) -> None:
        """The client left within its body: rules see the request all the same, and a backend that counts it."""
        session = self.session
        self._give_back()
        session.asked_at = session.frontend.world.clock.seconds()
        session.client.count_request(session.request)
        session.broken = True
        session.close_client()
        if self.rule is None:
            session.run()
        elif all(other(session) for other in session.way.behind(self.rule)):
            left_early(session)


def waiting(proxy: Proxy, rule: Callable[[], Rule | None]) -> Rule:
    """Return what waits for a body, for as long as a proxy allows. rule: returns the rule that this is part of.

    Until the body is there, the request counts as not yet asked.
    """
    timeout = (proxy.timeouts or {}).get("http-request", 0) / 1000

    def wait(session: HttpSession) -> bool:
        request, client = session.request, session.client
        assert request is not None
        if request.framing is Framing.NONE or session.client_shut:
            return True
        _tell_to_continue(session, request)
        if client.whole:
            return True
        full = client.codec.limits.room - _size(request)
        if client.size >= full:
            return True
        session.awaited = Wait(session, rule(), full)
        session.asked_at = 0.0
        if timeout:
            session.expires = session.frontend.world.clock.seconds() + timeout
        return False

    return wait


def _size(request: RequestHead) -> int:
    """Return the bytes of a buffer that a head takes."""
    fields = sum([len(field.wire) + FIELD_OVERHEAD for field in request.fields])
    return len(request.method) + len(request.target) + len(request.version) + fields


def _tell_to_continue(session: HttpSession, request: RequestHead) -> None:
    """Answer an Expect header in the server's place."""
    if not request.minor:
        return
    expected = request.values(b"expect")
    if not expected or expected[0].lower() != b"100-continue":
        return
    client = session.client
    session.ahead = CONTINUE_COUNTED  # what it is answered counts with the response
    others = iter([None, *expected[1:]])
    request.replace((b"expect",), lambda name, value: next(others))
    client.say(CONTINUE)
    client.flush()


def of_frontend(front: Proxy) -> Rule | None:
    """Return what waits for the body before anything else is done with a request."""
    return waiting(front, lambda: None) if OPTION in front.options else None


def of_backend(front: Proxy, back: Proxy) -> Rule | None:
    """Return what waits for the body as soon as the backend is known."""
    if OPTION not in back.options or front is back:
        return None
    rule = waiting(back, lambda: rule)
    return rule


def of_strategy(front: Proxy, back: Proxy) -> Rule | None:
    """Return what waits for a posted body, since the strategy looks into it."""
    if not getattr(back.balance.options, "wants_body", False) or back.dispatch is not None:
        return None
    wait = waiting(back, lambda: rule)

    def rule(session: HttpSession) -> bool:
        assert session.request is not None
        tie = session.persistence
        if session.request.method != b"POST" or (tie is not None and tie.server is not None):
            return True  # a cookie names the server: nobody looks
        asked_at = session.asked_at
        done = wait(session)
        session.asked_at = asked_at  # here all else is done, so it has been asked
        return done

    return rule


def told_to_continue(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return what counts the answers to Expect headers of a way."""
    if not any(make(front, back) for make in (of_backend, of_strategy)) and of_frontend(front) is None:
        return None

    def count(session: HttpSession, head: ResponseHead) -> None:
        session.link.moved += session.ahead
        session.ahead = 0

    return count
