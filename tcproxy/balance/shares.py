"""The static table: one seat for each unit of weight, shared out as evenly as can be.

`balance static-rr` walks the table, map-based hashes index it. It is made anew when a server comes or goes;
the weights in it are those of the configuration, so it knows no slow start.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from heapq import heapify, heappop, heappush
from math import gcd

from tcproxy.interfaces import WEIGHT_SCALE, IServer


def seats(weights: Sequence[int], total: int) -> list[int]:
    """Return whose each of `total` seats is, as indices into `weights`, which are above zero.

    HAProxy's rule: before each seat every candidate's score grows by its weight; the seat goes to the one
    with most whole `total`s in its score, the earliest of equals, who pays one `total` for it. That count of
    wholes is `rank` here. It rises at known seats only, so a heap of ranks does instead of a look at
    everybody; an entry whose rank has changed since is stale.
    """
    if total == 1:
        return [0]
    rises: list[list[int]] = [[] for _ in range(total)]
    for index, weight in enumerate(weights):
        for count in range(1, weight + 1):
            rises[-(-count * total // weight) - 1].append(index)
    rank = [1] * len(weights)
    queue = [(-1, index) for index in range(len(weights))]
    heapify(queue)
    table = []
    for risen in rises:
        for index in risen:
            rank[index] += 1
            heappush(queue, (-rank[index], index))
        level, chosen = heappop(queue)
        while rank[chosen] != -level:
            level, chosen = heappop(queue)
        rank[chosen] -= 1
        heappush(queue, (-rank[chosen], chosen))
        table.append(chosen)
    return table


class Course:
    """The numbers that the tables of active servers and backups share: the unit of weight, and the next seat.

    unit: the greatest common divisor of all configured weights. next: the seat whose turn it is.
    """

    __slots__ = ("next", "unit")

    def __init__(self, servers: Sequence[IServer]) -> None:
        self.unit = reduce(gcd, (_whole(server) for server in servers), 0) or 1
        self.next = 0


class Shares:
    """The table of one group of servers, made when it is next looked at.

    first_only: the table has only as many seats as the first usable server has weight. HAProxy means to leave
    all clients to that one, but where weights differ the seats are not all its own; ours are the same.
    """

    def __init__(self, servers: Sequence[IServer], course: Course, first_only: bool) -> None:
        self._servers = list(servers)
        self._course = course
        self._first_only = first_only
        self._usable = {id(server): bool(server.usable) for server in servers}
        self._table: list[IServer] | None = None

    def table(self) -> list[IServer]:
        """Return the server of each seat; empty when none is usable."""
        if self._table is None:
            usable = [server for server in self._servers if self._usable[id(server)]]
            weights = [-(-_whole(server) // self._course.unit) for server in usable]
            total = sum(weights[:1]) if self._first_only else sum(weights)
            self._table = [usable[index] for index in seats(weights, total)] if usable else []
        return self._table

    def changed(self, server: IServer) -> None:
        """Forget the table if the server came or went."""
        usable = bool(server.usable)
        if usable is not self._usable[id(server)]:
            self._usable[id(server)] = usable
            self._table = None

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted, and that was not usable any more: it has no seat."""
        self._servers.remove(server)
        del self._usable[id(server)]

    def in_turn(self, avoid: IServer | None) -> IServer | None:
        """Return the server of the next seat that is free to take a session."""
        table = self.table()
        size = len(table)
        start = self._course.next if self._course.next < size else 0
        refused = None
        for seat in range(start, start + size):
            seat -= size if seat >= size else 0
            server = table[seat]
            if server.saturated:
                continue
            self._course.next = seat + 1
            if server is not avoid:
                return server
            refused = server
        return refused

    def hashed(self, value: int) -> IServer | None:
        """Return the server that a hash selects, be it saturated or not."""
        table = self.table()
        if not table:
            return None
        return table[0 if self._first_only else value % len(table)]


def _whole(server: IServer) -> int:
    """Return the weight without its sixteenths; rounded up, so that no server is lost that should not be."""
    return -(-int(server.weight) // WEIGHT_SCALE)


class StaticPicker:
    """The common part of the pickers over a static table."""

    dynamic = False
    counts_load = False

    def __init__(self, servers: Sequence[IServer], course: Course | None = None, first_only: bool = False) -> None:
        self.shares = Shares(servers, course or Course(servers), first_only)

    def changed(self, server: IServer) -> None:
        """Let the table be made anew if the server came or went."""
        self.shares.changed(server)

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted. None is ever added, because weights are static here."""
        self.shares.left(server)

    def took(self, server: IServer) -> None:
        """Do nothing: the table does not depend on load."""

    dropped = took
