"""The consistent-hash ring: servers own many points on a circle of 32 bits; a hash belongs to the nearest.

Shared by hashes with `hash-type consistent` and by `balance random`. The points of a server follow from its id
and weight only. So every proxy with the same ids gives a client to the same server, and when a server goes away, the
clients of all others keep theirs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tcproxy.interfaces import WEIGHT_SCALE, IServer
from tcproxy.wire.hashes import MASK, avalanche

POINTS = 256 * WEIGHT_SCALE
"""The most points a server can own: one for each sixteenth of its weight."""

BITS = 32
NOWHERE = -1


class Ring:
    """Points of one group of servers. A point is one integer: its place in the high bits, its owner in the low.

    factor: `hash-balance-factor`, percent of the average load that a server may have; 0 for no bound.
    """

    def __init__(self, servers: Sequence[IServer], factor: int = 0) -> None:
        self._servers: list[IServer | None] = list(servers)
        self._index = {id(server): index for index, server in enumerate(servers)}
        self._weights = [0] * len(servers)
        self._most = [server.weight for server in servers]
        self._total = 0
        self._points: list[int] = []
        self._last = NOWHERE
        self._stale = set(range(len(servers)))
        self._renew()
        self._factor = factor
        self._served = sum(server.served for server in servers)
        # as in HAProxy, these are not counted again when weights change later
        self._before = [sum(self._weights[:index]) if w else 0 for index, w in enumerate(self._weights)]

    def joined(self, server: IServer) -> None:
        """Give a server that was added a number among the owners: one that is free, or a new one."""
        if None in self._servers:
            index = self._servers.index(None)
            self._servers[index] = server
        else:
            index = len(self._servers)
            self._servers.append(server)
            self._weights.append(0)
            self._most.append(0)
            self._before.append(0)
        self._weights[index], self._most[index], self._before[index] = 0, server.weight, 0
        self._index[id(server)] = index

    def left(self, server: IServer) -> None:
        """Take the last points of a server that was deleted, and free its number."""
        self._stale.add(self._index[id(server)])
        self._renew()
        self._servers[self._index.pop(id(server))] = None

    def changed(self, server: IServer) -> None:
        """Give the server as many points as its weight now has sixteenths, before the next pick."""
        self._stale.add(self._index[id(server)])
        if self._last != NOWHERE:
            self._renew()

    def count(self, sessions: int) -> None:
        """Count sessions that the group serves more (or fewer), for the bound on loads."""
        self._served += sessions

    def _renew(self) -> None:
        """Apply the changes since the last pick: a burst of them costs one sort."""
        for index in self._stale:
            self._resize(index)
        self._stale.clear()
        self._points.sort()

    def _resize(self, index: int) -> None:
        server = self._servers[index]
        if server is None:
            return  # deleted: its points went before
        weight = server.weight if server.usable else 0
        before, self._weights[index] = self._weights[index], weight
        self._total += weight - before
        numbers = range(min(before, weight), max(before, weight))
        points = [avalanche(server.id * POINTS + number & MASK) << BITS | index for number in numbers]
        if weight > self._most[index]:
            self._most[index] = weight
            self._step_on({point for point in self._points if point & MASK == index})
        if weight > before:
            self._points += points
        elif points:
            gone = set(points)
            self._step_on(gone)
            self._points = [point for point in self._points if point not in gone]

    def _step_on(self, gone: set[int]) -> None:
        """Move the last turn to the next point that stays, if its own point goes away."""
        if self._last in gone:
            beyond = (point for point in self._points if point > self._last and point not in gone)
            self._last = min(beyond, default=NOWHERE)

    def nearest(self, value: int, avoid: IServer | None) -> IServer | None:
        """Return the owner of the point nearest to a hash, or the next on the ring that may take a session."""
        if self._stale:
            self._renew()
        points = self._points
        if not points:
            return None
        after = bisect_left(points, value << BITS)
        if after == len(points):
            after = 0
        place = after - 1 if after else len(points) - 1
        if value - (points[place] >> BITS) & MASK > (points[after] >> BITS) - value & MASK:
            place = after
        server = self._owner(points[place])
        if server is not avoid and not (self._factor and self._loaded(server)):
            return server
        return self._beyond(place + 1, avoid)

    def _owner(self, point: int) -> IServer:
        """Return the server that owns a point; one that was deleted owns none."""
        server = self._servers[point & MASK]
        assert server is not None
        return server

    def _beyond(self, start: int, avoid: IServer | None) -> IServer:
        """Return the next owner on the ring that is neither to be avoided nor loaded beyond the bound.

        Where there is no such owner, return the owner of the last point: HAProxy goes once around, and on to the end.
        """
        points = self._points
        refused = {avoid and self._index.get(id(avoid))}
        for place in range(start - len(points), len(points)):
            index = points[place] & MASK
            if index in refused:
                continue
            server = self._owner(index)
            if not (self._factor and self._loaded(server)):
                return server
            refused.add(index)
        return self._owner(points[-1])

    def _loaded(self, server: IServer) -> bool:
        """Return whether the server has its share of sessions already: the factor's part of all, by weight.

        The slots, one more session included, are dealt out whole for each unit of weight; the remainder is spread along
        the farm. Every server has one slot at least.
        """
        index = self._index[id(server)]
        each, rest = divmod(((self._served + 1) * self._factor + 99) // 100, self._total)
        weight, before = self._weights[index], self._before[index]
        slots = weight * each + (before + weight) * rest // self._total - before * rest // self._total
        return bool(server.served >= max(slots, 1))

    def in_turn(self, avoid: IServer | None) -> IServer | None:
        """Return the owner of the next point on the ring with a free slot: for clients that have no hash."""
        if self._stale:
            self._renew()
        points = self._points
        refused, refused_at = None, NOWHERE
        start = bisect_right(points, self._last)
        for place in range(start - len(points), start):
            server = self._owner(points[place])
            if server.saturated:
                continue
            if server is not avoid:
                self._last = points[place]
                return server
            refused, refused_at = server, points[place]
        self._last = refused_at
        return refused


class RingPicker:
    """The common part of the pickers over a ring."""

    dynamic = True
    queue_first = False

    def __init__(self, servers: Sequence[IServer], factor: int) -> None:
        self.ring = Ring(servers, factor)

    def joined(self, server: IServer) -> None:
        """Take notice of a server that was added; `changed` follows."""
        self.ring.joined(server)

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted, and that was not usable any more."""
        self.ring.left(server)

    def changed(self, server: IServer) -> None:
        """Let the ring follow the server's weight."""
        self.ring.changed(server)

    def took(self, server: IServer) -> None:
        """Count the session, for the bound on loads."""
        self.ring.count(1)

    def dropped(self, server: IServer) -> None:
        """Count the session no more."""
        self.ring.count(-1)
