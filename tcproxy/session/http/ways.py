"""A way: what holds for all requests of one frontend that go to one backend, found out once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session.http import rules
from tcproxy.session.http.pages import pages_of
from tcproxy.session.http.retries import causes_of

if TYPE_CHECKING:
    from tcproxy.session.backend import Backend
    from tcproxy.session.http.settings import HttpFrontend


class Way:
    """A frontend's way to a backend.

    closes: each link carries one request; says_close: and its server is told so. soonest: seconds of the shortest
    timeout that may begin once a request is sent, NEVER without one. requests, sending, responses: see rules.py.
    observes: see HttpBackend. retries: what requests are sent again for, None for nothing (retries.py).
    pages: what is told in the server's place, by status. plain: nothing is done with its requests, quick: and with its
    responses, so that they may go the short way (plain.py).
    """

    __slots__ = (
        "backend", "closes", "observes", "pages", "plain", "quick", "requests", "responses", "retries", "says_close",
        "sending", "soonest",
    )  # fmt: skip

    def __init__(self, front: HttpFrontend, backend: Backend) -> None:
        http = backend.http
        assert http is not None
        pair = front.model, backend.model
        self.backend = backend
        self.closes = front.closes or front.server_closes or http.closes
        self.says_close = self.closes and not http.pretends
        self.soonest = min(front.shortest, http.shortest)
        self.pages = {**front.pages, **pages_of(backend.model)}
        self.requests = tuple(filter(None, (make(*pair) for make in rules.BACK)))
        self.sending = tuple(filter(None, (make(*pair) for make in rules.SENDING)))
        self.responses = tuple(filter(None, (make(*pair) for make in rules.RESPONSES)))
        self.retries = causes_of(backend.model)
        sends_away = any(server.redir for server in backend.model.servers)
        self.observes = http.observes
        written = bool(self.retries or self.observes or front.model.header_case)
        self.plain = not (self.requests or self.sending or self.closes or backend.dispatch or sends_away or written)
        self.quick = not (self.responses or self.closes or front.closes or front.early or written)

    def behind(self, rule: rules.Rule) -> tuple[rules.Rule, ...]:
        """Return the rules for requests behind one that has been waited for."""
        return self.requests[self.requests.index(rule) + 1 :]
