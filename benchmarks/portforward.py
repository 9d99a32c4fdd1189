"""The stock Twisted port forwarder, as a program: PORT of 127.0.0.1 to HOST PORT. One of the measured."""

from __future__ import annotations

import sys
from typing import Any


def main(arguments: list[str]) -> None:
    """Forward until the process is ended."""
    from twisted.internet import reactor as installed
    from twisted.protocols.portforward import ProxyFactory

    reactor: Any = installed  # the default one of the platform: epoll
    port, host, target = arguments
    factory: Any = ProxyFactory(host, int(target))
    factory.noisy = False
    reactor.listenTCP(int(port), factory, backlog=4096, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
