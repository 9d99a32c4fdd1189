"""`balance first`: the server with the lowest id that has a free slot, so that the others may sleep."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import IBalancingStrategy, IPicker, IRequest, IServer


@implementer(IPicker)
class FirstPicker:
    """One group of servers in the order of their ids; weights do not matter."""

    dynamic = True
    queue_first = True
    counts_load = False

    def __init__(self, servers: Sequence[IServer]) -> None:
        self._servers = sorted(servers, key=lambda server: server.id)

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the first usable server that has a free slot."""
        refused = None
        for server in self._servers:
            if server.usable and not server.saturated:
                if server is not avoid:
                    return server
                refused = server
        return refused

    def joined(self, server: IServer) -> None:
        """Give a server that was added its place."""
        insort(self._servers, server, key=lambda other: other.id)

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted."""
        self._servers.remove(server)

    def changed(self, server: IServer) -> None:
        """Do nothing: each pick looks for itself."""

    took = dropped = changed


@implementer(IBalancingStrategy)
class First:
    """Fills one server after the other; makes sense with `maxconn` on each."""

    name = "first"
    manual = "the server with the lowest id that has a free connection slot"

    def parse(self, words: Sequence[str]) -> None:
        """Take no arguments; like HAProxy, do not mind words that follow."""
        refuse_parentheses(self.name, words)

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> FirstPicker:
        """Return a picker over these servers."""
        return FirstPicker(servers)
