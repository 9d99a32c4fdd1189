"""Rules that change how an exchange goes on, and not its messages: timeouts, the log's level, hints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.rules.actions.rows import Act, Text
from tcproxy.session.http.changes import changes_of
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import PROXY
from tcproxy.wire.http1 import Field, ResponseHead

HINTS = (103, b"Early Hints")


def log_level(level: int) -> Act:
    """Return what sets the level of an exchange's log line; -1: write none."""

    def set_level(exchange: Exchange) -> None:
        changes_of(exchange).level = level

    return set_level


def mark(value: int) -> Act:
    """Return what sets the firewall's mark of packets to the client."""
    return lambda exchange: exchange.client.mark(value)


def type_of_service(value: int) -> Act:
    """Return what sets the type of service of packets to the client."""
    return lambda exchange: exchange.client.set_type_of_service(value)


def set_timeout(name: str, take: Callable[[Any], Any]) -> Act:
    """Return what sets `timeout server` or `timeout tunnel` of an exchange. take: gives milliseconds."""

    def set_limit(exchange: Exchange) -> None:
        value = take(exchange)
        if value is None or value <= 0:
            return
        if name == "tunnel":
            changes_of(exchange).tunnel = value / 1000
        else:
            changes_of(exchange).server_limit = exchange.server_limit = value / 1000
            exchange.connection.soonest = 0.0

    return set_limit


def keep_timeout(exchange: Exchange) -> bool:
    """A rule once the backend is known: the timeout that a rule of the frontend has set takes its place."""
    if exchange.changes is not None and exchange.changes.server_limit:
        exchange.server_limit = exchange.changes.server_limit
    return True


def set_priority(offset: bool) -> Callable[[Exchange, int], None]:
    """Return what sets the class of an exchange in queues, or the milliseconds by which it counts as come later."""

    def set_class(exchange: Exchange, value: int) -> None:
        changes = changes_of(exchange)
        changes.priority = (value, changes.priority[1])

    def set_offset(exchange: Exchange, value: int) -> None:
        changes = changes_of(exchange)
        changes.priority = (changes.priority[0], value)

    return set_offset if offset else set_class


def early_hint(name: bytes, text: Text, last: bool) -> Act:
    """Return what adds a header to a response 103. last: it is sent with this one."""

    def hint(exchange: Exchange) -> None:
        request = exchange.request
        if request is None or not request.takes_interim:
            return
        hints = changes_of(exchange).hints
        hints.append(Field(name, text(exchange)))
        if last:
            _send_hints(exchange, hints)

    return hint


def _send_hints(exchange: Exchange, hints: list[Field]) -> None:
    status, reason = HINTS
    head = ResponseHead(b"HTTP/1.1", 1, status, reason, list(hints))
    hints.clear()
    request, client = exchange.request, exchange.client
    assert request is not None
    client.respond(head, request, None)
    client.flush()
    exchange.bytes_ahead += 24 + len(head.version) + len(reason) + sum([len(field.wire) - 4 for field in head.fields])


def malformed(exchange: Exchange) -> None:
    """Answer that a request is malformed, as a rule has found."""
    exchange.connection.count_request_error()
    exchange.asked_at = 0.0
    exchange.decide(PROXY, "R")
    exchange.answer(400)
