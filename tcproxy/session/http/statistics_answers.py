"""Requests for the statistics page of a section, which are answered here: who may see it, and in which form.

HAProxy looks at them behind `http-request` rules and before `redirect` rules. What changes servers is
statistics_changes.py, the page itself report/page.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from tcproxy.model.proxy import Proxy
from tcproxy.model.statistics_page import StatisticsPage
from tcproxy.model.userlists import User, UserList
from tcproxy.report import page, statistics
from tcproxy.report.info import ProcessFacts
from tcproxy.report.json_schema import SCHEMA
from tcproxy.report.statistics import RowSelection
from tcproxy.rules.actions.rows import Act
from tcproxy.rules.sets import SetKind
from tcproxy.samples.credentials import credentials_of
from tcproxy.session.http import own_answers
from tcproxy.session.http.rule_sets import HttpAssembly
from tcproxy.session.http.sliced_answers import intercept
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.http.statistics_changes import Changes
from tcproxy.session.http.statistics_requests import StatisticsRequest, asked

REALM = "HAProxy Statistics"
"""The realm of pages that name none: clients have saved passwords by this name."""
TITLE = "<STATS>"
"""The server's name in log lines."""
METHODS = (b"GET", b"HEAD", b"POST")
NO_CACHE = (b"cache-control", b"no-cache")
TYPES = {
    "csv": b"text/plain", "typed": b"text/plain", "json": b"application/json", "json-schema": b"application/json",
    "html": b"text/html",
}  # fmt: skip


class PageRules(HttpAssembly):
    """What makes the actions of `stats http-request`: the realm has a name of its own."""

    def authenticate(self, realm: str) -> Act:
        """Return what asks the client for a name and a password."""
        return super().authenticate(realm or REALM)


def answering(model: StatisticsPage, front: Proxy, owner: Proxy) -> Rule:
    """Return the rule that answers requests for a page, and lets others pass."""
    uri = _bytes(model.uri)
    is_path = uri.startswith(b"/")
    admits = _admitting(model, front, owner)
    administers = [condition.holds for condition in model.admin]
    changes, show = Changes(uri), Show(model, owner, uri)

    def answer(exchange: Exchange) -> bool:
        request = exchange.request
        assert request is not None
        text = request.path if is_path else request.target
        if not text.startswith(uri) or request.method not in METHODS:
            return True
        wish = asked(text[len(uri) :], model.refresh > 0)
        if not admits(exchange):
            return False
        admin = any(holds(exchange) for holds in administers)
        if request.method == b"POST":
            changes.begin(exchange, wish, admin)
        else:
            show.begin(exchange, wish, admin)
        return False

    return answer


def _admitting(model: StatisticsPage, front: Proxy, owner: Proxy) -> Callable[[Exchange], bool]:
    """Return what says whether a client may see a page; a client that may not has its answer then."""
    if model.rules:
        from tcproxy.rules.compiling import compile_rules

        (step,) = compile_rules(model.rules, PageRules(SetKind.HTTP_REQUEST, front, owner))
        return step
    if not model.accounts:
        return lambda exchange: True
    users = UserList("", [User(name, _bytes(password)) for name, password in model.accounts], ())
    ask = own_answers.authenticating(model.realm or REALM, front, owner)

    def admits(exchange: Exchange) -> bool:
        found = credentials_of(exchange)
        if found is not None and found.scheme == b"Basic" and users.admits(found.user, found.password):
            return True
        ask(exchange)
        return False

    return admits


class Show:
    """Answers with a page in one of its forms."""

    def __init__(self, model: StatisticsPage, owner: Proxy, uri: bytes) -> None:
        self.model, self.owner, self.uri = model, owner, uri

    def begin(self, exchange: Exchange, wish: StatisticsRequest, admin: bool) -> None:
        """Answer a request. admin: servers may be changed."""
        headers = [NO_CACHE, (b"content-type", TYPES[wish.form])]
        refresh = 0 if wish.no_refresh else self.model.refresh
        if wish.form == "html":
            headers += page.SAFE_FRAMED if not admin else page.SAFE
        elif refresh:
            headers.append((b"refresh", b"%d" % refresh))
        intercept(exchange, 200, headers, self._pieces(exchange, wish, refresh, admin), TITLE)

    def _pieces(self, exchange: Exchange, wish: StatisticsRequest, refresh: int, admin: bool) -> Iterator[bytes]:
        world = exchange.world
        if wish.form == "json-schema":
            return iter((SCHEMA.encode(),))
        world.load.read(world.clock.seconds(), time.process_time(), world.counters.bytes_out)
        less = wish.form == "html" and not self.model.modules
        rows = statistics.rows(world, self._selection(exchange, wish), page.READER if less else statistics.EVERY_COLUMN)
        lines: Iterable[str]
        if wish.form == "html":
            title = page.PageFacts(
                self.model, self.uri.decode("utf-8", "surrogateescape"), wish.options(), wish.code,
                wish.scope.decode("utf-8", "surrogateescape"), refresh, admin,
            )  # fmt: skip
            lines = page.html(ProcessFacts(world, world.load, world.sinks.dropped), title, rows)
        else:
            forms = {"csv": statistics.csv, "typed": statistics.typed, "json": statistics.in_json}
            lines = forms[wish.form](rows)
        return (line.encode("utf-8", "surrogateescape") for line in lines)

    def _selection(self, exchange: Exchange, wish: StatisticsRequest) -> RowSelection:
        scope, part = self.model.scope, wish.scope.decode("utf-8", "surrogateescape").lower()
        here = exchange.backend.name if exchange.backend is not None else exchange.frontend.name

        def shows(proxy: Proxy) -> bool:
            named = not scope or proxy.name in scope or ("." in scope and proxy.name == here)
            return named and part in proxy.name.lower()

        return RowSelection(up=wish.up, maintained=not wish.no_maintenance, private=self.model.legends, shows=shows)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
