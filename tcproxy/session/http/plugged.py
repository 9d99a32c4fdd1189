"""Actions of plugins in HTTP, and the answers that plugins give in a server's place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tcproxy.guards import GuardedCalls
from tcproxy.interfaces import Answer, Outcome
from tcproxy.rules.actions.rows import Act
from tcproxy.rules.sets import SetKind
from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.inner import InnerServer
from tcproxy.session.http.own_answers import respond_instead
from tcproxy.session.http.plugin_waits import PluginWait, failure_of, is_deferred
from tcproxy.session.http.sliced_answers import intercept
from tcproxy.session.http.state import Exchange
from tcproxy.session.plugged import called, header_of

FRAMING = ("connection", "content-length", "transfer-encoding", "upgrade")
"""Headers of an answer that tcproxy writes itself."""


def acting(plugin: GuardedCalls, parsed: object, kind: SetKind, reject: Act | None) -> Act:
    """Return what does the action of a plugin in a rule set. reject: what closes a connection, None where none may."""
    waits = bool(plugin.plugin.waits) and kind is SetKind.HTTP_REQUEST

    def goes(exchange: Exchange, result: Any) -> bool:
        wrong = failure_of(result)
        if wrong is not None:
            raise plugin.failed("act", wrong, exchange.world) from wrong
        if result is None:
            return True
        if result is Outcome.REJECT and reject is not None:
            reject(exchange)
            return False
        if isinstance(result, Answer) and kind is SetKind.HTTP_REQUEST:
            answer_with(exchange, result, plugin, "act")
            return False
        if isinstance(result, Answer) and kind is SetKind.HTTP_RESPONSE:
            _replace_response(exchange, result, plugin)
            return False
        raise plugin.returned("act", result, exchange.world)

    def run(exchange: Exchange) -> bool:
        result = called(plugin, parsed, kind, exchange)
        if waits and is_deferred(result):
            return PluginWait(exchange, result, goes).begin()
        return goes(exchange, result)

    return run


def answer_with(
    exchange: Exchange, answer: Answer, plugin: GuardedCalls, method: str, title: str = InnerServer.title
) -> None:
    """Answer a request with what a plugin returned. title: the server's name in log lines."""
    headers = _headers_of(exchange, answer, plugin, method)
    body = answer.body
    if isinstance(body, bytes):
        intercept(exchange, answer.status, headers, iter((body,)), title, len(body))
    else:
        intercept(exchange, answer.status, headers, _guarded(body, plugin, method, exchange), title)


def _replace_response(exchange: Exchange, answer: Answer, plugin: GuardedCalls) -> None:
    """Answer with what a plugin returned in place of a server's response."""
    headers = _headers_of(exchange, answer, plugin, "act")
    if not isinstance(answer.body, bytes):
        raise plugin.returned("act", answer, exchange.world)
    drop_response(exchange)
    respond_instead(exchange, answer.status, headers, answer.body)


def _headers_of(exchange: Exchange, answer: Answer, plugin: GuardedCalls, method: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer, which is sound. Raises PluginFailed."""
    status, body = answer.status, answer.body
    try:
        if type(status) is not int or not 200 <= status < 600:
            raise ValueError(f"{status!r} is no status of an answer")
        headers = [header_of(name, value) for name, value in answer.headers]
        own = [name for name, _ in answer.headers if name.lower() in FRAMING]
        if own:
            raise ValueError(f"the header '{own[0]}' is written by tcproxy itself")
        if not isinstance(body, bytes) and not hasattr(body, "__next__"):
            raise ValueError(f"{body!r} is no body of an answer")
    except Exception as wrong:
        raise plugin.failed(method, wrong, exchange.world) from wrong
    return headers


def _guarded(pieces: Iterator[bytes], plugin: GuardedCalls, method: str, exchange: Exchange) -> Iterator[bytes]:
    """Give the pieces of a plugin's body; what it raises is told as its own."""
    try:
        while True:
            try:
                piece = next(pieces)
            except StopIteration:
                return
            except Exception as wrong:
                raise plugin.failed(method, wrong, exchange.world) from wrong
            if type(piece) is not bytes:
                raise plugin.returned(method, piece, exchange.world)
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
