"""`option checkcache`: a response that a cache could keep together with its cookies is not passed on (manual 4.2)."""

from __future__ import annotations

from tcproxy.model.proxy import Proxy
from tcproxy.session.http import cookies
from tcproxy.session.http.answers import PAGES
from tcproxy.session.http.cacheable import BOTH, cacheable
from tcproxy.session.http.cookies import SETTING
from tcproxy.session.http.pages import INTERNAL, page_for
from tcproxy.session.http.state import Exchange, ResponseEdit
from tcproxy.session.stages import PROXY
from tcproxy.wire.http1 import ResponseHead

ALERT = 1


def responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit of a backend's responses: that of its cookie, then this check; None where it has neither."""
    edit = cookies.responses(front, back)
    if "checkcache" not in back.options:
        return edit

    def check(exchange: Exchange, head: ResponseHead) -> None:
        own = any(head.has(name) for name in SETTING)
        if edit is not None:
            edit(exchange, head)
        if own and cacheable(exchange, head) == BOTH:
            block(exchange, head)

    return check


def block(exchange: Exchange, head: ResponseHead) -> None:
    """Answer in the server's place, as HAProxy does: with the page of the response's own status if there is one."""
    backend, server = exchange.backend, exchange.server
    assert backend is not None
    farm = backend.farm
    name = server.name if server is not None else "<dispatch>"
    farm.announce(ALERT, f"Blocking cacheable cookie in response from instance {backend.name}, server {name}.")
    passed = [exchange.frontend.counters, exchange.bind.counters, farm.counters]
    for counters in [*passed, server.counters] if server is not None else passed:
        counters.denied_responses += 1
    exchange.decide(PROXY, "H")
    # the response counts, though the client does not get it
    exchange.link.bytes_read += head.received
    exchange.answer(head.status, page_for(exchange, head.status if head.status in PAGES else INTERNAL))
