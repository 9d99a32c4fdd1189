"""What the words of a section mean for HTTP exchanges, ready for use: times in seconds, options as plain booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session.http import rules
from tcproxy.session.http.cookies import shows_letters
from tcproxy.session.http.pages import BUILT_IN, pages_of
from tcproxy.session.http.ways import Way
from tcproxy.session.stages import NEVER

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.backend import Backend


class HttpFrontend:
    """A frontend's settings.

    shortest: of all its timeouts in seconds, NEVER without any.
    request, keep_alive: seconds to wait for a request's head, and for the beginning of another request.
    probes: connections that end without a byte are ignored (`option http-ignore-probes`).
    pages: what is told in a server's place, by status.
    private_links: how many idle links of its own a client's session keeps.
    shows_cookie: requests that never came to a backend are told with letters of a cookie.
    rules: what is done with a request before its backend is chosen (rules.py). plain: the way of all requests, where
    there is only one and that is plain.
    """

    __slots__ = (
        "_ways", "closes", "keep_alive", "model", "pages", "plain", "private_links", "probes", "request", "rules",
        "server_closes", "shortest", "shows_cookie",
    )  # fmt: skip

    def __init__(self, model: Proxy) -> None:
        self.model = model
        self.pages = {**BUILT_IN, **pages_of(model)}
        self._ways: dict[Backend, Way] = {}
        self.plain: Way | None = None
        self.rules = tuple(filter(None, (make(model) for make in rules.FRONT)))
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

    def route(self, only: Backend | None) -> None:
        """Take the backend that all requests go to, None where it is chosen for each."""
        way = self.way(only) if only is not None and only.http is not None and not self.rules else None
        self.plain = way if way is not None and way.plain else None

    @property
    def needs(self) -> frozenset[str]:
        """The facts that the answers of the frontend, and of its backends so far, name."""
        every = [self.pages, *(way.pages for way in self._ways.values())]
        return frozenset[str]().union(*(page.needs for pages in every for page in pages.values()))

    def way(self, backend: Backend) -> Way:
        """Return the way to a backend."""
        found = self._ways.get(backend)
        if found is None:
            found = self._ways[backend] = Way(self, backend)
        return found
