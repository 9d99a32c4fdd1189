"""Answers in a server's place: the built-in pages, those that a section has instead, and how any of them is sent.

A section's answers (model/replies.py) are compiled once. A page is asked for its response each time, since log formats
may be part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tcproxy.model.proxy import Proxy
from tcproxy.model.replies import BUFSIZE, Reply
from tcproxy.samples.formats import Format, read_again, read_format
from tcproxy.session.http import answers, texts
from tcproxy.session.http.settings import HttpSettings
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import PROXY
from tcproxy.wire.http1 import Field, WholeResponse, compose, read_whole

INTERNAL = 500
REMEMBERED = 64
"""Heads that a page remembers, by the length of the body and the values of its headers."""


class Page(Protocol):
    """An answer. needs: the facts of a Record that it names."""

    needs: frozenset[str]

    def response(self, exchange: Exchange) -> WholeResponse | None:
        """Return the response to send; None: send nothing, and close the connection."""
        ...


class FixedPage:
    """An answer that never changes."""

    __slots__ = ("whole",)
    needs: frozenset[str] = frozenset()

    def __init__(self, whole: WholeResponse | None) -> None:
        self.whole = whole

    def response(self, exchange: Exchange) -> WholeResponse | None:
        """Return it."""
        return self.whole


class ComposedPage:
    """An answer whose payload, or headers, are formats. section: the name of the section that has it.

    known: answers that were composed before, by the length of their body and the values of their headers.
    """

    __slots__ = ("headers", "known", "needs", "payload", "reply")

    def __init__(self, reply: Reply, section: str) -> None:
        text = reply.payload.decode("utf-8", "surrogateescape")
        self.reply = reply
        self.known: dict[tuple[object, ...], WholeResponse] = {}
        payload = _form(reply, text, section) if reply.formatted else None
        self.payload = texts.written(payload) if payload is not None else None
        headers = [
            (name.lower().encode(), _form(reply, text, section)) for name, text in reply.headers
        ]
        self.headers = [(name, texts.written(form)) for name, form in headers]
        every = [payload, *(form for _, form in headers)]
        self.needs = frozenset[str]().union(*(texts.needs_of(form) for form in every if form is not None))

    def response(self, exchange: Exchange) -> WholeResponse | None:
        """Return it, as it is at this moment."""
        reply = self.reply
        values = [text(exchange) for _, text in self.headers]
        body = reply.payload if self.payload is None else self.payload(exchange)
        key = (len(body), *values)
        known = self.known.get(key)
        if known is not None:
            return known.with_body(body)
        # HAProxy leaves out headers whose value is empty
        headers = [(name, value) for (name, _), value in zip(self.headers, values, strict=True) if value]
        if len(self.known) >= REMEMBERED:
            self.known.clear()
        whole = self.known[key] = _composed(reply, headers, body)
        return whole


def _form(reply: Reply, text: str, section: str) -> Format:
    known = reply.forms.get(text)
    return read_format(text, section) if known is None else read_again(known, section)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _composed(reply: Reply, headers: list[tuple[bytes, bytes]], body: bytes) -> WholeResponse:
    fields = [Field(name, value) for name, value in headers]
    fields.append(Field(b"content-length", b"%d" % len(body)))
    if body:
        fields.append(Field(b"content-type", _bytes(reply.content_type)))
    return compose(reply.status, answers.reason(reply.status), fields, body)


def compiled(reply: Reply, section: str) -> Page:
    """Return the page that a reply of a section describes."""
    if reply.whole is not None:
        return FixedPage(read_whole(reply.whole) if reply.whole else None)
    if reply.formatted or reply.headers:
        return ComposedPage(reply, section)
    return FixedPage(_composed(reply, [], reply.payload))


def pages_of(model: Proxy) -> dict[int, Page]:
    """Return the pages that a section has itself, by status."""
    return {status: compiled(reply, model.name) for status, reply in (model.replies or {}).items()}


BUILT_IN: Mapping[int, Page] = {status: FixedPage(whole) for status, whole in answers.PAGES.items()}


def page_for(exchange: Exchange, status: int) -> Page:
    """Return the page of a status: the backend's, else the frontend's, else the built-in one."""
    settings, backend = exchange.settings, exchange.backend
    pages = settings.pages if backend is None else settings.route(backend).pages
    page: Page = pages[status]
    return page


def response_of(exchange: Exchange, page: Page, status: int) -> WholeResponse | None:
    """Return the answer for the client; None: it gets none, and its connection is closed."""
    exchange.status = status
    whole = page.response(exchange)
    tune = exchange.frontend.world.configuration.process.tune
    if whole is not None and whole.room > tune.get("tune.bufsize", BUFSIZE):
        exchange.error = PROXY
        exchange.status = INTERNAL
        whole = answers.PAGES[INTERNAL]
    return whole


def early(settings: HttpSettings, status: int) -> bytes:
    """Return the answer to bytes that are no request: a built-in page, or b"" where the frontend's page is empty."""
    page = settings.pages[status]
    return b"" if isinstance(page, FixedPage) and page.whole is None else answers.EARLY[status]
