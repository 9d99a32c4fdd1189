"""Answers that send a client elsewhere: `redirect` rules, and servers with `redir` (manual 4.2 and 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tcproxy.model.proxy import Proxy
from tcproxy.model.redirects import Redirect
from tcproxy.rules.actions.rows import Act, Text
from tcproxy.rules.sets import SetKind
from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import LOCAL
from tcproxy.wire.http1 import Field, WholeResponse, compose
from tcproxy.wire.messages import RequestHead

REASONS = {
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
}
NO_CACHE = Field(b"cache-control", b"no-cache")
EMPTY = Field(b"content-length", b"0")
CLOSE = Field(b"connection", b"close")
REMEMBERED = 256
"""Redirections that a rule remembers, by their Location."""
LONGEST_REMEMBERED = 512
"""Bytes of a Location that is remembered, at the most."""
TEMPORARY = (302, 303, 307)
"""Statuses of redirections that clients may not cache."""

Target = Callable[[Exchange, RequestHead], bytes]


class Redirection:
    """A compiled rule, as a page. needs: see Page. begins: writes what its format says, None for a fixed text.

    known: redirections of requests without a body, by their Location.
    """

    __slots__ = ("cookie", "known", "status", "target")
    needs: frozenset[str] = frozenset()

    def __init__(self, rule: Redirect, begins: Text | None = None) -> None:
        self.status = rule.status
        self.target = _target(rule, begins or _fixed(rule))
        self.cookie = [Field(b"set-cookie", _bytes(rule.cookie))] if rule.cookie else []
        self.known: dict[bytes, WholeResponse] = {}

    def response(self, exchange: Exchange) -> WholeResponse:
        """Return the redirection. A request with a body is the last one of its connection."""
        request = exchange.request
        assert request is not None
        location = self.target(exchange, request)
        if request.has_body:
            return self._to(location, CLOSE)
        known = self.known.get(location)
        if known is None:
            known = self._to(location)
            if len(location) <= LONGEST_REMEMBERED:
                if len(self.known) >= REMEMBERED:
                    self.known.clear()
                self.known[location] = known
        return known

    def _to(self, location: bytes, *more: Field) -> WholeResponse:
        fields = [EMPTY, Field(b"location", location)]
        if self.status in TEMPORARY:
            fields.append(NO_CACHE)
        return compose(self.status, REASONS[self.status], [*fields, *self.cookie, *more])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _fixed(rule: Redirect) -> Text:
    to = b"" if rule.kind == "prefix" and rule.to == "/" else _bytes(rule.to)
    return lambda exchange: to


def _target(rule: Redirect, begins: Text) -> Target:
    """Return the function that makes the Location of a request. begins: writes what the rule says of it."""
    if rule.kind == "location":
        return lambda exchange, request: begins(exchange)
    tail = _tail(rule.flags)
    if rule.kind == "prefix":
        return lambda exchange, request: begins(exchange) + tail(request)
    return lambda exchange, request: b"%b://%b%b" % (begins(exchange), _host(request), tail(request))


def _host(request: RequestHead) -> bytes:
    return (request.value(b"host") or b"").partition(b",")[0].strip(b" \t")


def _tail(flags: frozenset[str]) -> Callable[[RequestHead], bytes]:
    """Return the function that takes the path of a request, and its query."""
    drop, slash = "drop-query" in flags, "append-slash" in flags

    def tail(request: RequestHead) -> bytes:
        path = request.path or b"/"
        if drop:
            path = path.partition(b"?")[0]
        return path + b"/" if slash and not path.endswith(b"/") else path

    return tail


def redirecting(rule: Redirect, text: Text | None, kind: SetKind) -> Act:
    """Return the action of `http-request redirect` or `http-response redirect`. text: writes its format."""
    redirection = Redirection(rule, text)
    skips = rule.kind == "location" and "ignore-empty" in rule.flags
    of_response = kind is SetKind.HTTP_RESPONSE

    def redirect(exchange: Exchange) -> bool:
        if skips and text is not None and not text(exchange):
            return True
        if of_response:
            exchange.decide(LOCAL, "H")
            drop_response(exchange)
        elif exchange.backend is None:
            exchange.frontend.counters.intercepted += 1
        return _answer(exchange, redirection)

    return redirect


def front_redirects(front: Proxy) -> Rule | None:
    """Return the rule that takes the redirections of a frontend; None when it has none."""
    if not front.redirects:
        return None
    first = _first_of(front.redirects)

    def redirect(exchange: Exchange) -> bool:
        found = first(exchange)
        if found is None:
            return True
        exchange.frontend.counters.intercepted += 1
        return _answer(exchange, found)

    return redirect


def back_redirects(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that takes the redirections of a backend; a `listen` section has them as a frontend."""
    if not back.redirects or (back.is_frontend and back.name == front.name):
        return None
    first = _first_of(back.redirects)

    def redirect(exchange: Exchange) -> bool:
        found = first(exchange)
        return found is None or _answer(exchange, found)

    return redirect


def _first_of(rules: Iterable[Redirect]) -> Callable[[Exchange], Redirection | None]:
    """Return the function that finds the first redirection whose condition holds."""
    from tcproxy.rules.compiling import compile_choice  # a configuration without rules needs none of it

    return compile_choice([(rule.condition, Redirection(rule)) for rule in rules], None)


def _answer(exchange: Exchange, redirection: Redirection) -> bool:
    exchange.decide(LOCAL, "R")
    exchange.answer(redirection.status, redirection)
    return False


# servers with `redir`


class ServerRedirection:
    """The answer to clients of a server with `redir`, as a page."""

    needs: frozenset[str] = frozenset()

    def response(self, exchange: Exchange) -> WholeResponse:
        """Return the redirection to the server; the connection ends."""
        server, request = exchange.server, exchange.request
        assert server is not None and request is not None
        location = Field(b"location", _bytes(server.model.redir) + request.path)
        return compose(302, REASONS[302], [NO_CACHE, EMPTY, location, CLOSE])


SERVER = ServerRedirection()


def redirect_to_server(exchange: Exchange) -> bool:
    """A step once the server is known: if it has `redir`, send clients there that ask by GET or HEAD."""
    server, request = exchange.server, exchange.request
    assert request is not None
    if server is None or not server.model.redir or request.method not in (b"GET", b"HEAD") or not request.path:
        return True
    exchange.decide(LOCAL, "C")
    exchange.answer(302, SERVER)
    return False
