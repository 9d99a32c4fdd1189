"""`balance leastconn`: the server with the fewest sessions for its weight; equals take turns."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.balance.ladder import Ladder
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import WEIGHT_SCALE, IBalancingStrategy, IPicker, IRequest, IServer

HEAVIEST = 256 * WEIGHT_SCALE

Rung = tuple[int, int, IServer]


@implementer(IPicker)
class LeastConnPicker:
    """One group of servers in the order of their load.

    A server that is taken or released goes behind those of equal load: hence the turns among equals. Its place is
    worked out when the next server is picked, which a cookie may spare; but where sessions may queue, at once, since
    the length of the queue at that moment counts.
    """

    dynamic = True
    queue_first = False

    def __init__(self, servers: Sequence[IServer]) -> None:
        self._ladder: Ladder[IServer] = Ladder()
        self._rungs: dict[int, Rung] = {}
        self._weights: dict[int, int] = {}
        self._moved: dict[int, IServer] = {}
        for server in servers:
            if server.usable:
                self._enter(server)

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the least loaded server that has a free slot, or room in a queue limited by `maxqueue`."""
        if self._moved:
            self._move_all()
        refused = None
        for _, _, server in self._ladder.rungs:
            if not server.full:
                if server is not avoid:
                    return server
                refused = server
        return refused

    def _enter(self, server: IServer) -> None:
        self._weights[id(server)] = server.weight
        self._rungs[id(server)] = self._ladder.add(_load(server), server)

    def changed(self, server: IServer) -> None:
        """Take the server in or out, or to the place that its new weight gives it."""
        self._move_all()
        key = id(server)
        weight = server.weight if server.usable else 0
        if weight == self._weights.get(key, 0):
            return
        rung = self._rungs.pop(key, None)
        self._weights.pop(key, None)
        if rung is not None:
            self._ladder.remove(rung)
        if weight:
            self._enter(server)

    def joined(self, server: IServer) -> None:
        """Do nothing: `changed` takes the server in."""

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted, and that was not usable any more."""
        self._moved.pop(id(server), None)

    def took(self, server: IServer) -> None:
        """Note that the load of the server changed."""
        if server.maxconn:
            self._move_all()  # these moved before
            self._move(server)
            return
        moved, key = self._moved, id(server)
        moved.pop(key, None)  # it goes behind those that moved before
        moved[key] = server

    dropped = took

    def _move_all(self) -> None:
        """Give all servers whose load changed their places, in the order of their last changes."""
        for server in self._moved.values():
            self._move(server)
        self._moved.clear()

    def _move(self, server: IServer) -> None:
        """Put the server behind those of its load; not one that is just being taken out."""
        key = id(server)
        rung = self._rungs.get(key)
        if rung is None or not server.weight:
            return
        self._rungs[key] = self._ladder.move(rung, _load(server))


def _load(server: IServer) -> int:
    """Return the key: the load with one session more; an idle server's is 0, whatever its weight."""
    sessions = server.served + server.queued
    return (sessions + 1) * HEAVIEST // server.weight if sessions else 0


@implementer(IBalancingStrategy)
class LeastConn:
    """For long sessions: SQL, LDAP, desktops."""

    name = "leastconn"
    manual = "the server with the fewest sessions for its weight, in turn among equals"

    def parse(self, words: Sequence[str]) -> None:
        """Take no arguments; like HAProxy, do not mind words that follow."""
        refuse_parentheses(self.name, words)

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> LeastConnPicker:
        """Return a picker over these servers; those of equal load stand in the order of the configuration."""
        return LeastConnPicker(servers)
