"""What the words of a section mean for HTTP exchanges, ready for use: times in seconds, options as plain booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session.stages import NEVER

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy


class HttpFrontend:
    """A frontend's settings.

    shortest: of all its timeouts in seconds, NEVER without any.
    request, keep_alive: seconds to wait for a request's head, and for the beginning of another request.
    probes: connections that end without a byte are ignored (`option http-ignore-probes`).
    """

    __slots__ = ("closes", "keep_alive", "probes", "request", "server_closes", "shortest")

    def __init__(self, model: Proxy) -> None:
        timeouts = model.timeouts or {}
        client = timeouts.get("client", 0)
        request = timeouts.get("http-request", 0) or client
        self.request = request / 1000
        self.keep_alive = (timeouts.get("http-keep-alive", 0) or request) / 1000
        self.shortest = min(filter(None, (self.request, self.keep_alive, client / 1000)), default=NEVER)
        self.closes = "httpclose" in model.options
        self.server_closes = "http-server-close" in model.options
        self.probes = "http-ignore-probes" in model.options
