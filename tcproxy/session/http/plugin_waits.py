"""The wait of a request for a Deferred that a plugin returned: nothing else waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.guards import GuardedCalls
from tcproxy.session.accounting import aborted_by_client
from tcproxy.session.http.inner import InnerServer
from tcproxy.session.http.state import Exchange
from tcproxy.session.stages import CLIENT_ERROR, CLIENT_TIMEOUT, NEVER

Goes = Callable[[Exchange, Any], bool]
"""Takes what a plugin returned: True when the next rule follows."""


class PluginWait(InnerServer):
    """The wait of a request for a Deferred of a plugin. It is cancelled when the client leaves, or the session ends.

    goes: see Goes. It is looked up when the Deferred fires, so that `tcproxy explain` can put itself between.
    """

    __slots__ = ("_deferred", "_method", "_over", "_plugin", "goes", "looks")

    def __init__(self, exchange: Exchange, deferred: Any, goes: Goes, plugin: GuardedCalls, method: str) -> None:
        super().__init__(exchange)
        self.looks = "abortonclose" in exchange.frontend.model.options
        self._deferred = deferred
        self.goes = goes
        self._plugin, self._method = plugin, method
        self._over = False

    def begin(self) -> bool:
        """Wait; return True where the Deferred has fired already and the next rule follows."""
        exchange = self.exchange
        exchange.inner = self
        exchange.expires = NEVER
        now: list[Any] = []
        waits = False

        def fired(result: Any) -> None:
            if waits:
                self._fired(result)
            else:
                now.append(result)

        try:
            self._deferred.addBoth(fired).addErrback(self._crashed)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:  # it only looks like a Deferred
            raise self._plugin.failed(self._method, wrong, exchange.world) from wrong
        if now:
            self._end()
            return self.goes(exchange, now[0])
        waits = True
        return False

    def _fired(self, result: Any) -> None:
        """Go on, from outside of the session's own code."""
        exchange = self.exchange
        if self._over:
            return
        self._end()
        exchange.asked_at = exchange.asked_at or exchange.now()
        if self.goes(exchange, result):
            exchange.run()

    def _crashed(self, failure: Any) -> None:
        """What follows the Deferred has failed."""
        self.exchange.connection.crashed(failure.value)

    def _end(self) -> None:
        self._over = True
        self.exchange.inner = None

    def late(self) -> None:
        """The client was silent for too long within its request, or its FIN ends the wait."""
        connection = self.exchange.connection
        if connection.client_done:
            self.left()
            return
        self.given_up()
        self.exchange.inner = None
        self.exchange.decide(CLIENT_TIMEOUT, "R")
        self.exchange.answer(408)

    def left(self) -> None:
        """The client left."""
        exchange = self.exchange
        self.given_up()
        exchange.inner = None
        assert exchange.request is not None
        if not exchange.connection.client_shut:
            exchange.client.count_request(exchange.request)
        aborted_by_client(exchange)
        exchange.decide(CLIENT_ERROR, "R")
        exchange.abort()

    def given_up(self) -> None:
        """The exchange is over: the plugin need not go on."""
        if not self._over:
            self._over = True
            try:
                self._deferred.cancel()
            except KeyboardInterrupt:
                raise
            except BaseException as wrong:  # of the function that the plugin gave it for that
                self._plugin.failed(self._method, wrong, self.exchange.world)


def is_deferred(result: object) -> bool:
    """Return whether a plugin returned a Deferred: this room knows Twisted by its methods alone."""
    return callable(getattr(result, "addBoth", None)) and callable(getattr(result, "cancel", None))


def forget(result: object) -> None:
    """Cancel what a plugin returned where it may return no Deferred, if it is one: nobody hears how it ends."""
    if is_deferred(result):
        deferred: Any = result
        try:
            deferred.addErrback(_silent)
            deferred.cancel()
        except KeyboardInterrupt:
            raise
        except BaseException:  # it only looks like a Deferred, or fails to be cancelled; that it came is told anyway
            return


def _silent(failure: object) -> None:
    """Take a failure."""


def failure_of(result: object) -> BaseException | None:
    """Return the exception of a Failure that a Deferred fired with, None for anything else."""
    wrong = getattr(result, "value", None) if hasattr(result, "getTraceback") else None
    return wrong if isinstance(wrong, BaseException) else None
