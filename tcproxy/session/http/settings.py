"""What the words of a section mean for HTTP exchanges, ready for use: times in seconds, options as plain booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.report.formats import Moment
from tcproxy.session.http import rules
from tcproxy.session.http.blocking import needs_of
from tcproxy.session.http.cookies import shows_letters
from tcproxy.session.http.facts import FIRST_IDENTITY, IDENTITY
from tcproxy.session.http.lines import Line, Lines, compiled, number, recorder
from tcproxy.session.http.pages import BUILT_IN, pages_of
from tcproxy.session.http.telling import tell_client, tell_request
from tcproxy.session.http.ways import Way
from tcproxy.session.stages import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcproxy.model.proxy import Proxy
    from tcproxy.report.record import Record
    from tcproxy.session.backend import Backend
    from tcproxy.session.frontend import Frontend
    from tcproxy.session.http.session import HttpSession


MORE = frozenset({"local", "remote", "unique_id"})
"""What lines may name that plain exchanges do not note."""
NUMBER = "r.number"


class HttpFrontend:
    """A frontend's settings.

    shortest: of all its timeouts in seconds, NEVER without any.
    request, keep_alive: seconds to wait for a request's head, and for the beginning of another request.
    probes: connections that end without a byte are ignored (`option http-ignore-probes`).
    pages: what is told in a server's place, by status.
    private_links: how many idle links of its own a client's session keeps.
    shows_cookie: requests that never came to a backend are told with letters of a cookie.
    lines: what writes log lines, None without any; early: some are written before the exchange ends.
    identify_first: makes the id of a request that is about to look for a server.
    rules: what is done with a request before its backend is chosen (rules.py). plain: the way of all requests, where
    there is only one and that is plain.
    """

    __slots__ = (
        "_recorders", "_rules", "_ways", "closes", "early", "identify_first", "keep_alive", "lines", "model", "only",
        "pages", "plain", "private_links", "probes", "request", "rules", "server_closes", "shortest", "shows_cookie",
    )  # fmt: skip

    def __init__(self, model: Proxy) -> None:
        self.model = model
        self.pages = {**BUILT_IN, **pages_of(model)}
        self._ways: dict[Backend, Way] = {}
        self.only: Backend | None = None
        self.plain: Way | None = None
        self.lines: Lines | None = None
        self.early = False
        self._recorders: dict[frozenset[str], Callable[[HttpSession], Record]] = {}
        self.identify_first: Line | None = None
        self._rules = self.rules = tuple(filter(None, (make(model) for make in rules.FRONT)))
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
        self.only = only
        self._find_plain()

    def _find_plain(self, needs: frozenset[str] = frozenset()) -> None:
        """Find out whether all exchanges may be plain. needs: what lines name, which may be more than those tell."""
        only, way = self.only, None
        if only is not None and only.http is not None and not (self.rules or needs & MORE):
            way = self.way(only)
        self.plain = way if way is not None and way.plain else None

    def identify(self, frontend: Frontend) -> Line:
        """Return what makes the unique ids of a frontend's requests."""
        form = frontend.id_form
        if form is None:
            return lambda session: ""
        self.identify_first = compiled(form, frontend, FIRST_IDENTITY)
        return compiled(form, frontend, IDENTITY)

    def record(self, session: HttpSession, needs: frozenset[str]) -> Record:
        """Return the facts of an exchange, of addresses and the unique id those that are needed."""
        make = self._recorders.get(needs)
        if make is None:
            make = self._recorders[needs] = recorder(session.frontend, needs)
        return make(session)

    def log_with(self, frontend: Frontend) -> None:
        """Take the forms of the frontend's lines."""
        form, data, identity = frontend.form, frontend.data_form, frontend.id_form
        self.lines, self.rules = None, self._rules
        if frontend.outlet is not None and form is not None:
            if form.moment is Moment.ACCEPT:
                self.rules = (tell_client, *self.rules)
            else:
                self.lines = Lines(frontend, form, data, self.only)
            if self.lines is not None and self.lines.twice:
                self.rules = (tell_request, *self.rules)
        if any(NUMBER in one.expressions for one in (form, data, identity) if one is not None):
            self.rules = (number, *self.rules)
        self.early = self.lines is not None and self.lines.early is not None
        for way in self._ways.values():
            way.quick = way.quick and not self.early
        self._find_plain(MORE if self.early else frontend.needs)

    @property
    def needs(self) -> frozenset[str]:
        """The facts that the answers of the frontend, and of its backends so far, name."""
        every = [self.pages, *(way.pages for way in self._ways.values())]
        of_pages = (page.needs for pages in every for page in pages.values())
        proxies = [self.model, *(backend.model for backend in self._ways)]
        return frozenset[str]().union(*of_pages, *map(needs_of, proxies))

    def way(self, backend: Backend) -> Way:
        """Return the way to a backend."""
        found = self._ways.get(backend)
        if found is None:
            found = self._ways[backend] = Way(self, backend)
        return found
