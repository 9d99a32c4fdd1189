"""`option checkcache`: a response that a cache could keep together with its cookies is not passed on (manual 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session.http import cookies
from tcproxy.session.http.answers import PAGES
from tcproxy.session.http.cacheable import BOTH, cacheable
from tcproxy.session.http.cookies import SETTING
from tcproxy.session.http.pages import INTERNAL, page_for
from tcproxy.session.stages import PROXY

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.rules import ResponseEdit
    from tcproxy.session.http.session import HttpSession
    from tcproxy.wire.http1 import ResponseHead

ALERT = 1


def responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return what a backend's cookie asks of its responses, and the check behind it; None for neither."""
    edit = cookies.responses(front, back)
    if "checkcache" not in back.options:
        return edit

    def check(session: HttpSession, head: ResponseHead) -> None:
        own = any(head.has(name) for name in SETTING)
        if edit is not None:
            edit(session, head)
        if own and cacheable(session, head) == BOTH:
            block(session, head)

    return check


def block(session: HttpSession, head: ResponseHead) -> None:
    """Answer in the server's place: with the page of the response's own status if there is one, as the reference."""
    backend, server = session.backend, session.server
    farm = backend.farm
    name = server.name if server is not None else "<dispatch>"
    farm.announce(ALERT, f"Blocking cacheable cookie in response from instance {backend.name}, server {name}.")
    passed = [session.frontend.counters, session.entrance.counters, farm.counters]
    for counters in [*passed, server.counters] if server is not None else passed:
        counters.denied_responses += 1
    session.decide(PROXY, "H")
    # the response counts, though nobody gets it
    session.link.moved += head.received
    session.answer(head.status, page_for(session, head.status if head.status in PAGES else INTERNAL))
