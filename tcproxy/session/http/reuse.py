"""Links whose exchange is over (`http-reuse`): where each of them waits for the next exchange.

The pool of a server, which keeps the links for all clients, stands in servers/links.py; links of one client in
private.py.
"""

from __future__ import annotations

from typing import Any

from tcproxy.servers.state import LiveServer
from tcproxy.session.http.private import ASK_WHO, asks_who, keep_private
from tcproxy.session.http.state import Exchange


def give_back(exchange: Exchange, server: LiveServer, link: Any) -> None:
    """Put back a link whose exchange is over: to its client if it is private, else to its server's pool."""
    response = exchange.response
    if link.private or (response is not None and response.status in ASK_WHO and asks_who(response)):
        keep_private(exchange, server, link)
    else:
        server.links.put(link)
