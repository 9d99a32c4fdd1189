"""Makes a frontend's settings for exchanges, and its routes, of sections: rules, pages, lines, steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tcproxy.model.proxy import Proxy
from tcproxy.report.formats import Moment
from tcproxy.report.record import Record
from tcproxy.session.attempts import choose_backend, connect, find_server
from tcproxy.session.http import rule_table
from tcproxy.session.http.deliver import deliver, inspected
from tcproxy.session.http.line_facts import FIRST_IDENTITY, IDENTITY
from tcproxy.session.http.line_functions import Lines, compiled, number, recorder
from tcproxy.session.http.log_lines import log_client, log_request
from tcproxy.session.http.pages import BUILT_IN, pages_of
from tcproxy.session.http.redirects import redirect_to_server
from tcproxy.session.http.refusals import needs_of
from tcproxy.session.http.request_body import still_there
from tcproxy.session.http.response_body import WaitingRules
from tcproxy.session.http.retries import causes_of
from tcproxy.session.http.rule_sets import (
    after_responses,
    answers_responses,
    changes_methods,
    may_wait,
    of_servers,
    takes_bodies,
)
from tcproxy.session.http.settings import HttpSettings, Line, Route
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.log_lines import ID_LENGTH, cut
from tcproxy.session.settings import BackendSettings, FrontendSettings
from tcproxy.session.steps import Steps

NUMBER = "r.number"


class HttpFrontend(HttpSettings):
    """The settings of one frontend at work."""

    __slots__ = ("_recorders", "_routes", "_rules", "_targets", "_waits")

    def __init__(self, model: Proxy) -> None:
        super().__init__(model)
        self.pages = {**BUILT_IN, **pages_of(model)}
        self.after = after_responses(model, model)
        self._routes: dict[BackendSettings, Route] = {}
        self._targets: set[BackendSettings | None] = set()
        self._recorders: dict[frozenset[str], Callable[[Exchange], Record]] = {}
        self._rules, self._waits = made_of(rule_table.FRONT, model)
        self._take_rules(self._rules)

    def _take_rules(self, made: tuple[Rule, ...]) -> None:
        """Take these rules as the first steps of each exchange, before its backend is chosen."""
        choose = choose_backend if self.model.mode == "http" else _choose_again
        if self.model.mode != "http":
            made = tuple(_unless_first(rule) if rule is log_client else rule for rule in made)
        self.rules = made
        self.steps = Steps([*made, choose, choose_route])

    def set_targets(self, targets: Iterable[BackendSettings | None]) -> None:
        """Note the backends that requests may go to. None among them: some requests may have no backend."""
        self._targets = set(targets)
        for backend in self._targets:
            if backend is not None and backend.http is not None:
                self.route(backend)
        self._find_fast()

    def _find_fast(self) -> None:
        """Set `fast`: the routes of the fast path, if all requests may take it."""
        self.fast = {}
        if self._waits or self.model.mode != "http" or not self._targets:
            return
        routes = {backend: self.route(backend) for backend in self._targets if backend is not None and backend.http}
        if len(routes) == len(self._targets) and all(route.fast_requests for route in routes.values()):
            self.fast = routes

    def route(self, backend: BackendSettings) -> Route:
        """Return the route to a backend."""
        found = self._routes.get(backend)
        if found is None:
            found = self._routes[backend] = route_between(self, backend)
        return found

    # lines

    def identify(self, frontend: FrontendSettings) -> Line:
        """Return the function that makes the unique ids of a frontend's requests."""
        form = frontend.id_form
        if form is None:
            return lambda exchange: ""
        self.identify_first = shortened(compiled(form, frontend, FIRST_IDENTITY))
        return shortened(compiled(form, frontend, IDENTITY))

    def record(self, exchange: Exchange, needs: frozenset[str]) -> Record:
        """Return the facts of an exchange. needs: which addresses, and whether the unique id, are asked for."""
        make = self._recorders.get(needs)
        if make is None:
            make = self._recorders[needs] = recorder(exchange.frontend, needs)
        return make(exchange)

    def log_with(self, frontend: FrontendSettings) -> None:
        """Make the functions that write the frontend's log lines."""
        form, data, identity = frontend.form, frontend.data_form, frontend.id_form
        made: tuple[Rule, ...] = self._rules
        self.lines = None
        if frontend.outlet is not None and form is not None:
            if form.moment is Moment.ACCEPT:
                made = (log_client, *made)
            else:
                only = next(iter(self._targets)) if len(self._targets) == 1 else None
                self.lines = Lines(frontend, form, data, only)
            if self.lines is not None and self.lines.twice:
                made = (log_request, *made)
        if any(NUMBER in one.expressions for one in (form, data, identity) if one is not None):
            made = (number, *made)
        self.early = self.lines is not None and self.lines.early is not None
        for route in self._routes.values():
            route.fast_responses = route.fast_responses and not self.early
        self._take_rules(made)
        self._find_fast()

    @property
    def needs(self) -> frozenset[str]:
        """The facts that answers of the frontend, and of the backends with a route so far, name."""
        every = [self.pages, *(route.pages for route in self._routes.values())]
        of_pages = (page.needs for pages in every for page in pages.values())
        proxies = [self.model, *(backend.model for backend in self._routes)]
        return frozenset[str]().union(*of_pages, *map(needs_of, proxies))


def made_of(table: Iterable[Callable[..., Any]], *sections: Proxy) -> tuple[tuple[Any, ...], bool]:
    """Return the rules that a table makes of sections, and whether one of them may wait."""
    found: list[Any] = []
    waits = any(map(may_wait, sections[-1:]))
    for make in table:
        made = make(*sections)
        if made is not None:
            found += made if isinstance(made, tuple) else (made,)
            waits = waits or make in rule_table.WAITING
    return tuple(found), waits


def route_between(front: HttpSettings, backend: BackendSettings) -> Route:
    """Return the route of a frontend to a backend."""
    http = backend.http
    assert http is not None
    pair = front.model, backend.model
    route = Route()
    route.backend = backend
    route.closes = front.closes or front.server_closes or http.closes
    route.says_close = route.closes and not http.pretends
    route.soonest = min(front.shortest, http.shortest)
    route.after = after_responses(*pair)
    route.pages = {**front.pages, **pages_of(backend.model)}
    route.requests, waits = made_of(rule_table.BACK, *pair)
    route.responses, _ = made_of(rule_table.RESPONSES, *pair)
    route.holds = any(isinstance(edit, WaitingRules) for edit in route.responses)
    route.retries = causes_of(backend.model)
    route.observes = http.observes
    sends_away = any(server.redir for server in backend.model.servers)
    front_waits = any(make(front.model) is not None for make in rule_table.FRONT if make in rule_table.WAITING)
    front_waits = front_waits or may_wait(front.model)
    looks = [still_there] if waits or front_waits else []
    away = [redirect_to_server] if sends_away else []
    inspections = of_servers(*pair)
    last = inspected(inspections) if inspections else deliver
    route.steps = Steps([*route.requests, *looks, find_server, *away, connect, last])
    written = bool(route.retries or route.observes or front.model.header_case or inspections)
    route.fast_requests = not (waits or route.closes or backend.dispatch or sends_away or written)
    # a client that asks by HEAD may be sent no body of another method's response; some statuses have none
    muted = changes_methods(*pair) or takes_bodies(*pair) or answers_responses(*pair)
    route.fast_responses = not (route.holds or route.closes or front.closes or front.early or written or muted)
    return route


def shortened(identify: Line) -> Line:
    """Return what makes unique ids that are no longer than HAProxy's."""

    def made(exchange: Exchange) -> str:
        unique = identify(exchange)
        return unique if len(unique) <= ID_LENGTH and unique.isascii() else cut(unique)

    return made


# steps


def choose_route(exchange: Exchange) -> bool:
    """Go on with the steps of the route to the chosen backend."""
    assert exchange.backend is not None
    route = exchange.route = exchange.settings.route(exchange.backend)
    exchange.steps = route.steps
    exchange.next_step = 0
    return True


def _choose_again(exchange: Exchange) -> bool:
    """Choose the backend of a client that came in TCP mode: for its first request that is done already."""
    return exchange.backend is not None or choose_backend(exchange)


def _unless_first(rule: Rule) -> Rule:
    """Return a rule that leaves out a client's first request: the frontend in TCP mode has logged that already."""
    return lambda exchange: exchange.first or rule(exchange)
