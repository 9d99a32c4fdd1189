"""Requests that are refused by rules: at once (`http-request deny`), or after a wait (`tarpit`, manual 4.2).

The wait lasts for `timeout tarpit` of the section whose rule it is, or the `timeout connect` of its servers; without
both there is none. Nothing shortens it but a client that leaves before its request is whole, or falls silent in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tcproxy.session.http import body, captures, cookies, pages
from tcproxy.session.stages import NEVER, PROXY

if TYPE_CHECKING:
    from tcproxy.model.http_requests import RequestRule
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.pages import Page
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.http.session import HttpSession
    from tcproxy.wire.http1 import Field, Piece


class Refusal:
    """What a rule answers with. page: None for that of the status. cookies: what lines tell of the request's."""

    __slots__ = ("cookies", "page", "status")

    def __init__(self, rule: RequestRule, front: Proxy, owner: Proxy) -> None:
        self.status = rule.status
        self.page: Page | None = pages.compiled(rule.reply) if rule.reply is not None else None
        made = captures.request_cookies(front, owner), cookies.requests(front, owner)
        self.cookies: list[Rule] = [one for one in made if one is not None]

    def begin(self, session: HttpSession) -> None:
        """The request is refused: count that, and see what lines tell of it."""
        for read in self.cookies:
            read(session)
        if session.persistence is not None:
            session.previous = session.persistence.server  # as if that one had failed it
        count(session)

    def answer(self, session: HttpSession) -> None:
        """Tell the client."""
        session.answer(self.status, self.page)


def count(session: HttpSession) -> None:
    """Count a request that is refused by a rule of its frontend, or of its backend."""
    session.frontend.counters.denied_requests += 1
    session.entrance.counters.denied_requests += 1
    if session.backend is not None:
        session.backend.farm.counters.denied_requests += 1


def needs_of(proxy: Proxy) -> frozenset[str]:
    """Return the facts that the answers of a section's rules name."""
    replies = [rule.reply for rule in proxy.http_requests if rule.reply is not None]
    return frozenset[str]().union(*(pages.compiled(reply).needs for reply in replies))


def denying(rule: RequestRule, front: Proxy, owner: Proxy) -> Rule:
    """Return what refuses requests at once."""
    refusal = Refusal(rule, front, owner)

    def deny(session: HttpSession) -> bool:
        session.asked_at = session.frontend.world.clock.seconds()
        refusal.begin(session)
        session.decide(PROXY, "R")
        refusal.answer(session)
        return False

    return deny


# tarpit


def tarpitting(rule: RequestRule, front: Proxy, owner: Proxy) -> Rule:
    """Return what refuses requests after a wait."""
    refusal = Refusal(rule, front, owner)
    timeouts = owner.timeouts or {}
    # a frontend connects to nobody
    wait = (timeouts.get("tarpit", 0) or (timeouts.get("connect", 0) if owner.is_backend else 0)) / 1000
    # as the reference: it was not asked, unless it has waited for its body
    asked = body.OPTION in front.options or body.OPTION in owner.options

    def tarpit(session: HttpSession) -> bool:
        if not asked:
            session.asked_at = 0.0
        refusal.begin(session)
        held = Tarpit(session, refusal)
        if session.client_shut:
            held.left()
        elif wait:
            held.hold(wait)
        else:
            held.late()
        return False

    return tarpit


class Tarpit:
    """A request that is held: it stands in the server's place, and drops the body as it comes.

    holds: bytes that are no body do not end it, nor does a command. looks: the end of the client's side ends it, even
    behind a whole request (`option abortonclose`).
    out, chunks, transport, queue: what the client's end asks of the one that takes a body.
    """

    __slots__ = ("chunks", "looks", "out", "queue", "refusal", "session", "transport")

    holds = True

    def __init__(self, session: HttpSession, refusal: Refusal) -> None:
        self.session = session
        self.refusal = refusal
        self.looks = "abortonclose" in session.frontend.model.options
        self.out: list[Piece] = []
        self.chunks = False
        self.transport = self
        self.queue = b"x"  # there is no room for bytes that never come into this process

    def hold(self, seconds: float) -> None:
        """Begin the wait, and drop what is here of the body."""
        session = self.session
        client: Any = session.client
        session.awaited = self
        session.expires = session.frontend.world.clock.seconds() + seconds
        client.pass_to(self, False)
        self.out.clear()

    def flush(self) -> None:
        """Some of the body came."""
        self.out.clear()

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The body is whole."""

    def over(self) -> None:
        """The request is whole, which changes nothing."""

    def late(self) -> None:
        """The wait is over, or the client fell silent within its request."""
        self._end()
        self.refusal.answer(self.session)

    def left(self) -> None:
        """The client left within its request: nobody is there to be told."""
        session = self.session
        self._end()
        session.status = self.refusal.status
        if not session.client_shut:
            session.client.count_request(session.request)
        session.broken = True
        session.abort()

    def _end(self) -> None:
        """Note how long it lasted, and why it ends."""
        session = self.session
        client: Any = session.client
        client.sink = None
        session.awaited = None
        session.expires = NEVER
        session.queued_until = session.frontend.world.clock.seconds()
        session.decide(PROXY, "T")
