"""Services of plugins: they answer requests in a server's place (`http-request use-service`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from tcproxy.guards import GuardedCalls
from tcproxy.interfaces import Answer, IServiceRequest
from tcproxy.rules.actions.rows import Act
from tcproxy.samples.plugged import FactsView
from tcproxy.session.http.plugged import answer_with
from tcproxy.session.http.plugin_waits import PluginWait, failure_of, is_deferred
from tcproxy.session.http.request_body import AnsweredBody, full_at, tell_to_continue
from tcproxy.session.http.state import Exchange


@implementer(IServiceRequest)
class ServiceRequest(FactsView):
    """The request that a service answers."""

    __slots__ = ("_headers", "body", "body_is_whole", "uri")

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        request, client = exchange.request, exchange.client
        assert request is not None
        self.uri = request.target
        self.body = b"".join(client.pieces)
        self.body_is_whole = client.whole
        self._headers = tuple((field.name, field.value) for field in request.fields)

    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Return names and values of all headers."""
        return self._headers


def serving(plugin: GuardedCalls, seconds: float) -> Act:
    """Return what lets the service of a plugin answer. seconds: for which a body is waited for; 0: without a limit."""
    title = f"<{plugin.name}>"
    wants_body = bool(plugin.plugin.wants_body)

    def goes(exchange: Exchange, result: Any) -> bool:
        wrong = failure_of(result)
        if wrong is not None:
            raise plugin.failed("serve", wrong, exchange.world) from wrong
        if not isinstance(result, Answer):
            raise plugin.returned("serve", result, exchange.world)
        answer_with(exchange, result, plugin, "serve", title)
        return False

    def ask(exchange: Exchange) -> None:
        result = plugin.call("serve", exchange.world, ServiceRequest(exchange))
        if is_deferred(result):
            PluginWait(exchange, result, goes, plugin, "serve").begin()
        else:
            goes(exchange, result)

    def serve(exchange: Exchange) -> None:
        request, client = exchange.request, exchange.client
        assert request is not None
        if wants_body and request.has_body and not exchange.connection.client_shut:
            tell_to_continue(exchange, request)
            if not client.whole and client.size < full_at(exchange):
                exchange.inner = AnsweredBody(exchange, ask)
                if seconds:
                    exchange.expires = exchange.now() + seconds
                return
        ask(exchange)

    return serve
