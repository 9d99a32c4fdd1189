"""Captures for log lines: headers in their slots, and one cookie (manual 8.7 and 8.8).

A header is kept as it came, before any rule sees it; a cookie as it stood before its backend's own one is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcproxy.model.captures import Capture
from tcproxy.model.proxy import Proxy
from tcproxy.session.http.state import Exchange, ResponseEdit, Rule
from tcproxy.wire.cookies import (
    Crumb,
    concerns,
    read_cookies,
    read_set_cookie,
    read_set_cookies,
    rejoined,
    rejoined_set_cookies,
)
from tcproxy.wire.messages import Head, ResponseHead
from tcproxy.wire.templates import Template

COOKIE = (b"cookie",)
SETTING = (b"set-cookie", b"set-cookie2")


class Captured:
    """What was captured of one exchange. request, response: a value for each slot, None for what is not there.

    request_cookie, response_cookie: as text, None for none.
    """

    __slots__ = ("request", "request_cookie", "response", "response_cookie")

    def __init__(self, request: list[bytes | None], response: list[bytes | None]) -> None:
        self.request, self.response = request, response
        self.request_cookie: str | None = None
        self.response_cookie: str | None = None


def nothing_captured(front: Proxy) -> Captured | None:
    """Return the empty slots of a frontend; None of one that captures nothing."""
    if not front.captured:
        return None
    return Captured([None] * len(front.request_captures), [None] * len(front.response_captures))


MOST_PLANS = 256
"""Templates whose slots are remembered. A full store begins anew, so that nobody can make it grow."""


class _Headers:
    """The slots of one direction, by the names of the headers that they are for.

    plans: for heads of a template, (slot, place of the value in `parts`, length) of each header that is there.
    """

    __slots__ = ("count", "plans", "slots")

    def __init__(self, captures: Sequence[Capture]) -> None:
        self.count = len(captures)
        self.plans: dict[Template, list[tuple[int, int, int]]] = {}
        self.slots: dict[bytes, list[tuple[int, int]]] = {}
        for index, capture in enumerate(captures):
            if capture.name:
                name = capture.name.encode("utf-8", "surrogateescape")
                self.slots.setdefault(name, []).append((index, capture.length))

    def take(self, head: Head, into: list[bytes | None]) -> None:
        """Put the values of headers into their slots: the last one of each name."""
        template = head.template
        if template is not None:
            plan = self.plans.get(template)
            if plan is None:
                plan = self._plan_of(template)
            parts = head.parts
            for index, place, length in plan:
                into[index] = parts[place][:length]
            return
        for name, slots in self.slots.items():
            values = head.values(name)
            if values:
                for index, length in slots:
                    into[index] = values[-1][:length]

    def _plan_of(self, template: Template) -> list[tuple[int, int, int]]:
        """Work out where the values of a template's heads stand."""
        if len(self.plans) >= MOST_PLANS:
            self.plans.clear()
        found = self.plans[template] = [
            (index, template.places[name][-1], length)
            for name, slots in self.slots.items()
            if name in template.places
            for index, length in slots
        ]
        return found


def requests(front: Proxy) -> Rule | None:
    """Return the rule that captures headers of a frontend's requests; None where it captures nothing at all."""
    if not front.captured:
        return None
    headers, answers = _Headers(front.request_captures), len(front.response_captures)

    def capture(exchange: Exchange) -> bool:
        captured = exchange.captured  # rules about contents may have captured something before
        if captured is None:
            captured = exchange.captured = Captured([None] * headers.count, [None] * answers)
        if headers.slots:
            headers.take(exchange.request, captured.request)  # type: ignore[arg-type]  # there is one
        return True

    return capture


def responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that captures headers of responses; None where none is captured."""
    headers = _Headers(front.response_captures)
    if not headers.slots:
        return None

    def capture(exchange: Exchange, head: ResponseHead) -> None:
        headers.take(head, exchange.captured.response)  # `requests` made it

    return capture


class _Cookie:
    """The cookie that is captured: the first whose text, NAME=VALUE, begins with some bytes."""

    __slots__ = ("begin", "length")

    def __init__(self, capture: Capture) -> None:
        self.begin = capture.name.encode("utf-8", "surrogateescape")
        self.length = capture.length

    def of(self, crumbs: Sequence[Crumb]) -> str | None:
        """Return the cookie's text, None for none."""
        for crumb in crumbs:
            if crumb.value is not None:
                text = b"%b=%b" % (crumb.name, crumb.value)
                if text.startswith(self.begin):
                    return text[: self.length].decode("utf-8", "surrogateescape")
        return None


def request_cookies(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that captures a cookie of requests; None where none is captured."""
    if front.cookie_capture is None:
        return None
    cookie = _Cookie(front.cookie_capture)

    def capture(exchange: Exchange) -> bool:
        request, captured = exchange.request, exchange.captured
        assert request is not None and captured is not None
        request.replace(COOKIE, lambda name, value: take(captured, value))
        return True

    def take(captured: Captured, value: bytes) -> bytes:
        if not concerns(value, cookie.begin):
            return value
        crumbs = read_cookies(value)
        if captured.request_cookie is None:
            captured.request_cookie = cookie.of(crumbs)
        return rejoined(crumbs, _never)  # HAProxy takes out the blanks around equals signs, and so does this

    return capture


def response_cookies(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that captures a cookie of responses; None where none is captured."""
    if front.cookie_capture is None:
        return None
    cookie = _Cookie(front.cookie_capture)

    def capture(exchange: Exchange, head: ResponseHead) -> None:
        captured = exchange.captured
        assert captured is not None
        head.replace(SETTING, lambda name, value: take(captured, name, value))

    def take(captured: Captured, name: bytes, value: bytes) -> bytes:
        if not concerns(value, cookie.begin):
            return value
        crumbs = read_set_cookies(value) if name == b"set-cookie2" else [read_set_cookie(value)]
        if captured.response_cookie is None:
            captured.response_cookie = cookie.of(crumbs)
        return rejoined_set_cookies(crumbs, _never)

    return capture


_never: Callable[[Crumb], bool] = lambda crumb: False  # noqa: E731  # a name of its own for what never happens
