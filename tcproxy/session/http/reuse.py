"""What sessions have to do with links kept idle (`http-reuse`): a backend's settings, and what a link depends on.

The pool of a server, which keeps the links, stands in servers/links.py; links of one client in private.py.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from tcproxy.session.http.cookies import shows_letters
from tcproxy.session.http.private import ASK_WHO, asks_who, keep_private
from tcproxy.session.stages import NEVER
from tcproxy.session.telling import unique_id

if TYPE_CHECKING:
    from tcproxy.servers.farm import Farm
    from tcproxy.servers.links import Link
    from tcproxy.servers.state import LiveServer
    from tcproxy.session.http.session import HttpSession


class HttpBackend:
    """A backend's settings of HTTP mode.

    closes: each link carries one request. shortest: seconds of its shortest timeout once a link stands, NEVER without
    one. prefers: a client's next request goes to the server that has a link of its own (`option prefer-last-server`),
    unless as many as queue_limit wait there (`max-keep-alive-queue`, -1 for no limit). observes: servers are watched by
    their answers (`observe layer7`). shows_cookie: log lines have the letters of the persistence cookie.
    """

    __slots__ = ("closes", "observes", "prefers", "pretends", "queue_limit", "shortest", "shows_cookie")

    def __init__(self, farm: Farm) -> None:
        model = farm.model
        self.closes = "httpclose" in model.options or "http-server-close" in model.options
        self.shows_cookie = shows_letters(model)
        self.pretends = "http-pretend-keepalive" in model.options
        self.prefers = "prefer-last-server" in model.options
        self.observes = any(server.observe == "layer7" for server in model.servers)
        self.queue_limit = model.max_keep_alive_queue
        self.shortest = (model.timeouts or {}).get("server", 0) / 1000 or NEVER


def link_key(session: HttpSession) -> Hashable:
    """Return what a link to the session's server tells the server about the client, or depends on."""
    server = session.server
    assert server is not None
    model = server.model
    named = model.send_proxy and "unique-id" in model.proxy_v2_options
    return (
        session.client_address if model.send_proxy or server.comes_from_client else None,
        session.front_address if model.send_proxy or server.follows_client else None,
        unique_id(session) if named else None,
    )


def give_back(session: HttpSession, server: LiveServer, link: Link) -> None:
    """Put back a link whose exchange is over: to its client's session if it is private, else to its server's pool."""
    response = session.response
    if link.private or (response is not None and response.status in ASK_WHO and asks_who(response)):
        keep_private(session, server, link)
    else:
        server.links.put(link)
