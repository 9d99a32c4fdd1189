"""The last step of a request: send it to its server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcproxy.servers.state import LiveServer
from tcproxy.session.http import retries
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import NEVER, RELAYING


def deliver(exchange: Exchange) -> bool:
    """The link stands: send the request."""
    link, client, route = exchange.link, exchange.client, exchange.route
    assert link is not None and exchange.request is not None
    exchange.stage = RELAYING
    exchange.connected_at = link.last_progress = exchange.now()
    exchange.expires = NEVER
    server = exchange.server
    if not link.uses and server is not None and server.watch is not None:
        _observe(server)
    exchange.connection.soonest = route.soonest
    if route.retries is None:
        link.ask(exchange.request, client, route.says_close)
    else:
        retries.ask(exchange)
    return False


def inspected(rules: Sequence[Rule]) -> Rule:
    """Return the last step where `tcp-response content` rules decide as soon as the request goes to its server.

    As they see no response and cannot wait for one, conditions on it belong to `http-response` rules.
    """

    def send(exchange: Exchange) -> bool:
        deliver(exchange)
        for rule in rules:
            if exchange.connection.exchange is exchange and exchange.response is None and not rule(exchange):
                break
        return False

    return send


def _observe(server: LiveServer) -> None:
    """Tell the watch that a connection stands (`observe layer4`)."""
    if server.model.observe == "layer4":
        watch: Any = server.watch
        watch.observed(True)
