"""The last step of a request: send it to its server."""

from __future__ import annotations

from typing import Any

from tcproxy.servers.state import LiveServer
from tcproxy.session.http import retries
from tcproxy.session.http.state import Exchange
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


def _observe(server: LiveServer) -> None:
    """Tell the watch that a connection stands (`observe layer4`)."""
    if server.model.observe == "layer4":
        watch: Any = server.watch
        watch.observed(True)
