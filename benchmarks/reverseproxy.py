"""The stock reverse proxy of twisted.web, as a program: PORT of 127.0.0.1 to HOST PORT. One of the measured."""

from __future__ import annotations

import sys
from typing import Any


def main(arguments: list[str]) -> None:
    """Serve until the process is ended. What it would log of each request is left out."""
    from twisted.internet import reactor as installed
    from twisted.web import proxy, server

    reactor: Any = installed  # the default one of the platform: epoll
    web: Any = server
    port, host, target = arguments
    resource: Any = proxy.ReverseProxyResource
    site = web.Site(resource(host, int(target), b""))
    site.noisy = False
    site.log = lambda request: None
    reactor.listenTCP(int(port), site, backlog=4096, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
