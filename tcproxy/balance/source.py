"""`balance source`: a client's address chooses its server, by the backend's `hash-type`."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.balance.hashing import hash_address
from tcproxy.balance.ring import RingPicker
from tcproxy.balance.shares import Course, StaticPicker
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import IFarmStrategy, IPicker, IRequest, IServer
from tcproxy.model.proxy import HashType


@implementer(IPicker)
class MappedSourcePicker(StaticPicker):
    """The address indexes a static map; the server to avoid is chosen all the same."""

    queue_first = False

    def __init__(
        self,
        servers: Sequence[IServer],
        hashing: HashType,
        course: Course | None = None,
        first_only: bool = False,
    ) -> None:
        super().__init__(servers, course, first_only)
        self._hashing = hashing

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the client's address; a client without one takes its turn."""
        if request.source:
            return self.shares.hashed(hash_address(self._hashing, request.source))
        return self.shares.in_turn(avoid)


@implementer(IPicker)
class ConsistentSourcePicker(RingPicker):
    """The address is a place on a ring; the server to avoid yields to the next one."""

    def __init__(self, servers: Sequence[IServer], hashing: HashType, first_only: bool = False) -> None:
        super().__init__(servers, hashing.balance_factor)
        self._hashing = hashing
        self._servers = servers if first_only else ()

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the client's address; a client without one takes its turn."""
        for server in self._servers:
            if server.usable:
                return server
        if request.source:
            return self.ring.nearest(hash_address(self._hashing, request.source), avoid)
        return self.ring.in_turn(avoid)


@implementer(IFarmStrategy)
class Source:
    """The same client meets the same server, as long as the farm stays as it is."""

    name = "source"
    manual = "a hash of the client's address chooses the server, by hash-type"

    def parse(self, words: Sequence[str]) -> None:
        """Take no arguments; like HAProxy, do not mind words that follow."""
        refuse_parentheses(self.name, words)

    def picker(
        self, servers: Sequence[IServer], hashing: object, options: object
    ) -> MappedSourcePicker | ConsistentSourcePicker:
        """Return a picker over a map or a ring, as `hash-type` says."""
        return self.pickers(servers, (), True, hashing, options)[0]

    def pickers(
        self,
        active: Sequence[IServer],
        backups: Sequence[IServer],
        all_backups: bool,
        hashing: object,
        options: object,
    ) -> tuple[MappedSourcePicker | ConsistentSourcePicker, MappedSourcePicker | ConsistentSourcePicker]:
        """Return two pickers over maps that share their unit of weight, or over two rings."""
        assert isinstance(hashing, HashType)
        first_only = not all_backups
        if hashing.method == "consistent":
            return (
                ConsistentSourcePicker(active, hashing),
                ConsistentSourcePicker(backups, hashing, first_only),
            )
        course = Course((*active, *backups))
        return (
            MappedSourcePicker(active, hashing, course),
            MappedSourcePicker(backups, hashing, course, first_only),
        )
