"""Actions of plugins in HTTP, and the answers that plugins give in a server's place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tcproxy.guards import GuardedCalls, World
from tcproxy.interfaces import Answer, Outcome
from tcproxy.rules.actions.rows import Act
from tcproxy.rules.sets import SetKind
from tcproxy.session.http.changes import drop_response
from tcproxy.session.http.inner import InnerServer
from tcproxy.session.http.own_answers import respond_instead
from tcproxy.session.http.plugin_waits import PluginWait, failure_of, forget, is_deferred
from tcproxy.session.http.sliced_answers import intercept
from tcproxy.session.http.state import Exchange
from tcproxy.session.plugged import Fits, called, header_of

FRAMING = (b"connection", b"content-length", b"transfer-encoding", b"upgrade")
"""Headers of an answer that tcproxy writes itself."""


def acting(plugin: GuardedCalls, parsed: object, kind: SetKind, reject: Act | None, fits: Fits) -> Act:
    """Return what does the action of a plugin in a rule set.

    reject: what closes a connection, None where none may. fits: says whether a message has room for so many bytes more.
    """
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
        forget(result)
        raise plugin.returned("act", result, exchange.world)

    def run(exchange: Exchange) -> bool:
        result = called(plugin, parsed, kind, exchange, fits)
        if waits and is_deferred(result):
            return PluginWait(exchange, result, goes, plugin, "act").begin()
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
        intercept(exchange, answer.status, headers, GuardedPieces(body, plugin, method, exchange.world), title)


def _replace_response(exchange: Exchange, answer: Answer, plugin: GuardedCalls) -> None:
    """Answer with what a plugin returned in place of a server's response."""
    headers = _headers_of(exchange, answer, plugin, "act")
    if not isinstance(answer.body, bytes):
        GuardedPieces(answer.body, plugin, "act", exchange.world).close()
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
        own = next((name for name, _ in headers if name in FRAMING), None)
        if own is not None:
            raise ValueError(f"the header '{own.decode()}' is written by tcproxy itself")
        if not isinstance(body, bytes) and not hasattr(body, "__next__"):
            raise ValueError(f"{body!r} is no body of an answer")
    except Exception as wrong:
        GuardedPieces(body, plugin, method, exchange.world).close()
        raise plugin.failed(method, wrong, exchange.world) from wrong
    return headers


class GuardedPieces(Iterator[bytes]):
    """The pieces of a plugin's body; what it raises is told as its own."""

    __slots__ = ("_method", "_pieces", "_plugin", "_world")

    def __init__(self, pieces: Any, plugin: GuardedCalls, method: str, world: World) -> None:
        self._pieces, self._plugin, self._method, self._world = pieces, plugin, method, world

    def __next__(self) -> bytes:
        """Return the next piece. Raises PluginFailed."""
        try:
            piece = next(self._pieces)
        except (StopIteration, KeyboardInterrupt):
            raise
        except BaseException as wrong:
            raise self._plugin.failed(self._method, wrong, self._world) from wrong
        if type(piece) is not bytes:
            raise self._plugin.returned(self._method, piece, self._world)
        return piece

    def close(self) -> None:
        """Ask for no more. The body may have been asked for nothing yet."""
        try:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            self._plugin.failed(self._method, wrong, self._world)
