"""What rules have changed of an exchange, where its own fields do not tell: most exchanges have none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tcproxy.model.replies import BUFSIZE
from tcproxy.rules.sets import SetKind
from tcproxy.session.http.messages import ClientEnd
from tcproxy.session.http.reuse import give_back
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import PROXY
from tcproxy.wire.http1 import Field, Piece
from tcproxy.wire.http1.limits import FIELD_OVERHEAD, OVERHEAD
from tcproxy.wire.messages import RequestHead

INTERNAL = 500


class Unwritable(Exception):  # it is no error of this program
    """A rule of `http-after-response` could not change a response, in strict mode."""


class Muted:
    """Takes the place of a client that asked by HEAD, when rules made another method of it (messages.Sink)."""

    __slots__ = ("client",)

    splices = False
    congested = False

    def __init__(self, client: ClientEnd) -> None:
        self.client = client

    def take(self, pieces: Sequence[Piece]) -> None:
        """Drop pieces of the body."""

    def end_message(self, trailers: Sequence[Field] = ()) -> None:
        """The body is whole. Nothing to do."""

    def flush(self) -> None:
        """Send what was gathered for the client: the head."""
        self.client.flush()


class Changes:
    """What was changed of one exchange.

    line: method, target and version of the request as it came, None while they are as they came. lenient: the rule set
    in which a change that cannot be made is passed over from now on (`strict-mode off`), None for none. level: of the
    log line, -1 for no line, None for the usual one. priority: in queues, the class and the milliseconds to add.
    server_limit, tunnel: seconds of `timeout server` and `timeout tunnel`, 0 for what the backend says. hints: headers
    of a response 103 that is not sent yet.
    """

    __slots__ = ("hints", "lenient", "level", "line", "priority", "server_limit", "tunnel")

    def __init__(self) -> None:
        self.line: tuple[bytes, bytes, bytes] | None = None
        self.lenient: object = None
        self.level: int | None = None
        self.priority = (0, 0)
        self.server_limit = self.tunnel = 0.0
        self.hints: list[Field] = []

    def mutes(self, request: RequestHead) -> bool:
        """Return whether the client asked by HEAD, and the server did not hear of that."""
        return self.line is not None and self.line[0] == b"HEAD" != request.method

    def line_of(self, request: RequestHead) -> tuple[bytes, bytes, bytes]:
        """Return method, target and version of a request as it came."""
        return self.line or (request.method, request.target, request.version)


def changes_of(exchange: Exchange) -> Changes:
    """Return the changes of an exchange, to add to them."""
    changes: Changes | None = exchange.changes
    if changes is None:
        changes = exchange.changes = Changes()
    return changes


def note_line(exchange: Exchange) -> None:
    """Keep the request line as it came."""
    changes, request = changes_of(exchange), exchange.request
    assert request is not None
    if changes.line is None:
        changes.line = request.method, request.target, request.version


def drop_response(exchange: Exchange) -> None:
    """Count what is here of a server's response, in whose place another one goes to the client."""
    head, link, server = exchange.response, exchange.link, exchange.server
    assert head is not None
    counted = head.received + link.at_hand(head)
    exchange.answered_at = 0.0
    if server is not None and not exchange.route.closes and link.skip(head):
        exchange.bytes_ahead += link.bytes_read + counted
        exchange.link = link.session = None
        give_back(exchange, server, link)
    else:
        link.bytes_read += counted


def fitting(kind: SetKind) -> Callable[[Exchange, int], bool]:
    """Return what says whether a message has room in a buffer for so many bytes more."""

    def request_fits(exchange: Exchange, more: int) -> bool:
        request = exchange.request
        assert request is not None
        start = len(request.method) + len(request.target) + 8
        return _fits(exchange, start + _size(request.fields) + exchange.client.size + more)

    def response_fits(exchange: Exchange, more: int) -> bool:
        response = exchange.response
        assert response is not None
        body = exchange.link.at_hand(response) if exchange.link is not None else 0
        return _fits(exchange, 11 + len(response.reason) + _size(response.fields) + body + more)

    return request_fits if kind is SetKind.HTTP_REQUEST else response_fits


def _size(fields: Sequence[Any]) -> int:
    return sum([len(field.wire) + FIELD_OVERHEAD for field in fields])


def _fits(exchange: Exchange, size: int) -> bool:
    tune = exchange.frontend.world.configuration.process.tune
    return size + OVERHEAD + 2 * FIELD_OVERHEAD <= tune.get("tune.bufsize", BUFSIZE)


def failing(kind: SetKind, rules: object) -> Callable[[Exchange], bool]:
    """Return what counts a change that could not be made, and answers in strict mode; it says whether to go on.

    rules: stands for the rule set.
    """
    of_request = kind is SetKind.HTTP_REQUEST
    after = kind is SetKind.HTTP_AFTER

    def failed(exchange: Exchange) -> bool:
        changes = exchange.changes
        _count(exchange)
        if changes is not None and changes.lenient is rules:
            return True
        if after:
            raise Unwritable
        if of_request:
            exchange.asked_at = 0.0  # as in HAProxy, the log line has no time of the request
        exchange.decide(PROXY, "R" if of_request else "H")
        if kind is SetKind.HTTP_RESPONSE:
            drop_response(exchange)
        exchange.answer(INTERNAL)
        return False

    return failed


def _count(exchange: Exchange) -> None:
    exchange.frontend.counters.failed_rewrites += 1
    exchange.bind.counters.failed_rewrites += 1
    if exchange.backend is not None:
        exchange.backend.farm.counters.failed_rewrites += 1
    if exchange.server is not None:
        exchange.server.counters.failed_rewrites += 1


def of_strictness(rules: object, strict: bool) -> Callable[[Exchange], None]:
    """Return what begins, or ends, the strict mode of a rule set."""
    lenient = None if strict else rules

    def set_mode(exchange: Exchange) -> None:
        changes_of(exchange).lenient = lenient

    return set_mode
