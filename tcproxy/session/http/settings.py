"""What the words of a section mean for exchanges, ready for use: times in seconds, options as plain booleans.

    HttpSettings   a frontend's
    Route          all that holds for requests of one frontend to one backend, worked out once

assembly.py makes rules, pages and lines of sections; here are only the fields that hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tcproxy.model.proxy import Proxy
from tcproxy.report.record import Record
from tcproxy.session.settings import BackendSettings, Step, shows_letters
from tcproxy.session.stages import NEVER

Line = Callable[[Any], str]
"""Writes a log line, or an id, of an exchange (state.py, which stands above)."""


class HttpSettings:
    """A frontend's settings.

    shortest: of all its timeouts in seconds, NEVER without any.
    request, keep_alive: seconds to wait for a request's head, and for the beginning of another request.
    probes: connections that end without a byte are ignored (`option http-ignore-probes`).
    pages: the answers in a server's place, by status (pages.py). after: the edit of all responses that its rules make
    (rule_sets.py), None without any.
    private_links: how many idle links of its own a client's connection keeps.
    shows_cookie: requests that never came to a backend are told with letters of a cookie.
    lines: the functions that write log lines, None without any; early: some are written before the exchange ends.
    identify_first: makes the id of a request that is about to look for a server.
    steps: of an exchange, up to the choice of its route. rules: those of them that are rules of the frontend.
    fast: the routes to all backends that requests may go to, where exchanges may take the fast path on each (fast.py);
    empty where they may not.
    """

    __slots__ = (
        "after", "closes", "early", "fast", "identify_first", "keep_alive", "lines", "model", "pages", "private_links",
        "probes", "request", "rules", "server_closes", "shortest", "shows_cookie", "steps",
    )  # fmt: skip

    def __init__(self, model: Proxy) -> None:
        self.model = model
        self.pages: Mapping[int, Any] = {}
        self.after: Any = None
        self.steps: Any = None
        self.rules: tuple[Step, ...] = ()
        self.fast: Mapping[Any, Route] = {}
        self.lines: Any = None
        self.early = False
        self.identify_first: Line | None = None
        timeouts = model.timeouts or {}
        client = timeouts.get("client", 0)
        request = timeouts.get("http-request", 0) or client
        self.request = request / 1000
        self.keep_alive = (timeouts.get("http-keep-alive", 0) or request) / 1000
        self.shortest = min(filter(None, (self.request, self.keep_alive, client / 1000)), default=NEVER)
        self.closes = "httpclose" in model.options
        self.server_closes = "http-server-close" in model.options
        self.private_links = model.max_session_srv_conns
        self.shows_cookie = model.is_backend and shows_letters(model)
        self.probes = "http-ignore-probes" in model.options

    def record(self, exchange: Any, needs: frozenset[str]) -> Record:
        """Return the facts of an exchange. needs: which addresses, and whether the unique id, are asked for."""
        raise NotImplementedError

    def route(self, backend: BackendSettings) -> Route:
        """Return the route to a backend."""
        raise NotImplementedError


class Route:
    """A frontend's route to a backend.

    closes: each link carries one request; says_close: and its server is told so. soonest: seconds of the shortest
    timeout that may begin once a request is sent, NEVER without one. responses: edits of responses (rule_table.py).
    observes: see HttpBackend. retries: causes for which requests are sent again, None for none (retries.py).
    pages: the answers in the server's place, by status. after: the edit of all responses.
    requests: the backend's rules (rule_table.py). steps: of an
    exchange, these rules and what follows.
    fast_requests, fast_responses: whether requests, and responses, may take the fast path (fast.py).
    holds: rules may hold a response until its body is here (response_body.py).
    """

    __slots__ = (
        "after", "backend", "closes", "fast_requests", "fast_responses", "holds", "observes", "pages", "requests",
        "responses", "retries", "says_close", "soonest", "steps",
    )  # fmt: skip

    after: Any
    backend: BackendSettings
    closes: bool
    fast_requests: bool
    fast_responses: bool
    holds: bool
    observes: bool
    pages: Mapping[int, Any]
    requests: tuple[Step, ...]
    responses: tuple[Callable[[Any, Any], None], ...]
    retries: frozenset[Any] | None
    says_close: bool
    soonest: float
    steps: Any
