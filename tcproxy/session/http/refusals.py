"""Requests that are refused by rules: at once (`http-request deny`), or after a wait (`tarpit`, manual 4.2).

The wait lasts for `timeout tarpit` of the section whose rule it is, or the `timeout connect` of its servers; without
both there is none. Nothing shortens it but a client that leaves before its request is whole, or falls silent in it.
"""

from __future__ import annotations

from tcproxy.model.proxy import Proxy
from tcproxy.model.replies import Reply
from tcproxy.rules.actions.rows import Act
from tcproxy.rules.sets import HTTP
from tcproxy.session.http import captures, cookies, pages, request_body
from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.inner import InnerServer
from tcproxy.session.http.pages import Page
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import NEVER, PROXY


class Refusal:
    """The answer of one rule. page: None for the page of the status. cookies: reads the request's for its log line."""

    __slots__ = ("cookies", "page", "status")

    def __init__(self, status: int, reply: Reply | None, front: Proxy, owner: Proxy) -> None:
        self.status = status
        self.page: Page | None = pages.compiled(reply, owner.name) if reply is not None else None
        made = captures.request_cookies(front, owner), cookies.requests(front, owner)
        self.cookies: list[Rule] = [one for one in made if one is not None]

    def begin(self, exchange: Exchange) -> None:
        """Begin to refuse a request: count it, and read the cookie that its log line names."""
        for read in self.cookies:
            read(exchange)
        if exchange.persistence is not None:
            exchange.previous = exchange.persistence.server  # the log line names this server, as if it had failed
        count(exchange)

    def answer(self, exchange: Exchange) -> None:
        """Answer the client."""
        exchange.answer(self.status, self.page)


def count(exchange: Exchange) -> None:
    """Count a request that is refused by a rule of its frontend, or of its backend."""
    exchange.frontend.counters.denied_requests += 1
    exchange.bind.counters.denied_requests += 1
    if exchange.backend is not None:
        exchange.backend.farm.counters.denied_requests += 1


def needs_of(proxy: Proxy) -> frozenset[str]:
    """Return the facts that the answers of a section's rules name."""
    replies = [rule.reply for kind in HTTP for rule in proxy.rules_of(kind) if rule.reply is not None]
    return frozenset[str]().union(*(pages.compiled(reply, proxy.name).needs for reply in replies))


def denying(status: int, reply: Reply | None, front: Proxy, owner: Proxy) -> Act:
    """Return the action that refuses requests at once."""
    refusal = Refusal(status, reply, front, owner)

    def deny(exchange: Exchange) -> None:
        exchange.asked_at = exchange.now()
        refusal.begin(exchange)
        exchange.decide(PROXY, "R")
        refusal.answer(exchange)

    return deny


def denying_responses(status: int, reply: Reply | None, owner: Proxy) -> Act:
    """Return the action that refuses responses of servers."""
    page = pages.compiled(reply, owner.name) if reply is not None else None

    def deny(exchange: Exchange) -> None:
        count_response(exchange)
        exchange.decide(PROXY, "H")
        drop_response(exchange)
        exchange.answer(status, page)

    return deny


def count_response(exchange: Exchange) -> None:
    """Count a response that is refused by a rule."""
    backend, server = exchange.backend, exchange.server
    exchange.frontend.counters.denied_responses += 1
    exchange.bind.counters.denied_responses += 1
    if backend is not None:
        backend.farm.counters.denied_responses += 1
    if server is not None:
        server.counters.denied_responses += 1


# tarpit


def tarpitting(status: int, reply: Reply | None, front: Proxy, owner: Proxy) -> Act:
    """Return the action that refuses requests after a wait."""
    refusal = Refusal(status, reply, front, owner)
    timeouts = owner.timeouts or {}
    # a frontend has no `timeout connect`
    wait = (timeouts.get("tarpit", 0) or (timeouts.get("connect", 0) if owner.is_backend else 0)) / 1000
    # as in HAProxy the request counts as not asked, unless it has waited for its body
    asked = request_body.OPTION in front.options or request_body.OPTION in owner.options

    def tarpit(exchange: Exchange) -> None:
        if not asked:
            exchange.asked_at = 0.0
        refusal.begin(exchange)
        held = Tarpit(exchange, refusal)
        if exchange.connection.client_shut:
            held.left()
        elif wait:
            held.hold(wait)
        else:
            held.late()

    return tarpit


class Tarpit(InnerServer):
    """A request that is held. Its body is dropped as it comes.

    It holds: bytes that are no body do not end it, nor does a command. With `option abortonclose` it looks for the end
    of the client's side.
    """

    __slots__ = ("looks", "refusal")

    holds = True

    def __init__(self, exchange: Exchange, refusal: Refusal) -> None:
        super().__init__(exchange)
        self.refusal = refusal
        self.looks = "abortonclose" in exchange.frontend.model.options

    def hold(self, seconds: float) -> None:
        """Begin the wait."""
        exchange = self.exchange
        exchange.inner = self
        exchange.expires = exchange.now() + seconds
        exchange.client.pass_to(self)

    def late(self) -> None:
        """The wait is over, or the client fell silent within its request."""
        self._end()
        self.refusal.answer(self.exchange)

    def left(self) -> None:
        """The client left within its request: end without an answer."""
        exchange = self.exchange
        self._end()
        exchange.status = self.refusal.status
        assert exchange.request is not None
        if not exchange.connection.client_shut:
            exchange.client.count_request(exchange.request)
        exchange.connection.broken = True
        exchange.abort()

    def _end(self) -> None:
        """Note how long it lasted, and why it ends."""
        exchange = self.exchange
        exchange.client.sink = None
        exchange.inner = None
        exchange.expires = NEVER
        exchange.queued_until = exchange.now()
        exchange.decide(PROXY, "T")
