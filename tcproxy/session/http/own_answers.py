"""Answers that rules give in a server's place and that refuse nothing: `return` and `auth` (manual 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from tcproxy.model.proxy import Proxy
from tcproxy.model.replies import Reply
from tcproxy.rules.actions.rows import Act
from tcproxy.rules.sets import SetKind
from tcproxy.session.http import pages
from tcproxy.session.http.answers import reason
from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.pages import Page
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import LOCAL
from tcproxy.wire.http1 import Field, WholeResponse, compose


def answering(status: int, reply: Reply | None, owner: Proxy, kind: SetKind) -> Act:
    """Return the action that answers: with this reply, or the page of the status."""
    page = pages.compiled(reply, owner.name) if reply is not None else None
    if kind is SetKind.HTTP_RESPONSE:
        return lambda exchange: _respond(exchange, status, page)
    return lambda exchange: intercept(exchange, status, page)


def _respond(exchange: Exchange, status: int, page: Page | None) -> None:
    exchange.decide(LOCAL, "H")
    drop_response(exchange)
    exchange.answer(status, page)


def respond_instead(exchange: Exchange, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
    """Answer in place of a response, which was dropped."""
    fields = [Field(name, value) for name, value in headers]
    fields.append(Field(b"content-length", b"%d" % len(body)))
    exchange.decide(LOCAL, "H")
    exchange.answer(status, pages.FixedPage(compose(status, reason(status), fields, body)))


def intercept(exchange: Exchange, status: int, page: Page | None) -> None:
    """Answer a request: its frontend counts it, unless a backend has it already."""
    exchange.asked_at = exchange.now()
    if exchange.backend is None:
        exchange.frontend.counters.intercepted += 1
    exchange.decide(LOCAL, "R")
    exchange.answer(status, page)


def authenticating(realm: str, front: Proxy, owner: Proxy) -> Act:
    """Return the action that asks for a name and a password of a realm: by default, that of the section's name.

    A request to a proxy is asked for those of the proxy (407), where the frontend has `option http-use-proxy-header`.
    """
    text = b'Basic realm="%b"' % (realm or owner.name).encode("utf-8", "surrogateescape")
    origin, proxy = Challenge(401, b"www-authenticate", text), Challenge(407, b"proxy-authenticate", text)
    if "http-use-proxy-header" not in front.options:
        return lambda exchange: intercept(exchange, origin.status, origin)

    def ask(exchange: Exchange) -> None:
        assert exchange.request is not None
        page = origin if exchange.request.target.startswith((b"/", b"*")) else proxy
        intercept(exchange, page.status, page)

    return ask


class Challenge:
    """The page of a status with a challenge in place of its own. needs: see Page."""

    __slots__ = ("challenge", "status")
    needs: frozenset[str] = frozenset()

    def __init__(self, status: int, name: bytes, text: bytes) -> None:
        self.status = status
        self.challenge = Field(name, text)

    def response(self, exchange: Exchange) -> WholeResponse | None:
        """Return the answer."""
        whole = pages.page_for(exchange, self.status).response(exchange)
        if whole is None:
            return None
        head = whole.head
        fields = [field for field in head.fields if field.name != self.challenge.name]
        answer = compose(head.status, head.reason, [*fields, self.challenge], whole.body)
        answer.keeps = answer.keeps and whole.keeps
        return answer
