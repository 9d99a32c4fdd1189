"""Pickers by the hash of a key: shared by `balance source`, `uri`, `url_param`, `hdr` and `rdp-cookie`.

Each strategy's own file finds the key in a request. Requests without a key are given to servers in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zope.interface import implementer

from tcproxy.balance.hashing import hash_key
from tcproxy.balance.ring import RingPicker
from tcproxy.balance.shares import Course, StaticPicker
from tcproxy.interfaces import IPicker, IRequest, IServer
from tcproxy.model.proxy import HashType

Key = Callable[[IRequest], bytes | None]
"""Returns the key of a request; None where it has none."""
Hash = Callable[[HashType, bytes], int]
"""Hashes a key as `hash-type` says."""


@implementer(IPicker)
class MappedPicker(StaticPicker):
    """The key indexes a static map; the server to avoid is chosen all the same."""

    queue_first = False

    def __init__(
        self, servers: Sequence[IServer], hashing: HashType, key: Key, hashed: Hash, course: Course, first_only: bool
    ) -> None:
        super().__init__(servers, course, first_only)
        self._hashing, self._key, self._hashed = hashing, key, hashed

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the request's key."""
        key = self._key(request)
        if key is None:
            return self.shares.in_turn(avoid)
        return self.shares.hashed(self._hashed(self._hashing, key))


@implementer(IPicker)
class ConsistentPicker(RingPicker):
    """The key is a place on a ring; the server to avoid yields to the next one."""

    def __init__(
        self, servers: Sequence[IServer], hashing: HashType, key: Key, hashed: Hash, first_only: bool = False
    ) -> None:
        super().__init__(servers, hashing.balance_factor)
        self._hashing, self._key, self._hashed = hashing, key, hashed
        self._servers = list(servers) if first_only else []
        self._first_only = first_only

    def joined(self, server: IServer) -> None:
        """Take notice of a server that was added; `changed` follows."""
        super().joined(server)
        if self._first_only:
            self._servers.append(server)

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted, and that was not usable any more."""
        super().left(server)
        if self._first_only:
            self._servers.remove(server)

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the request's key."""
        for server in self._servers:
            if server.usable:
                return server
        key = self._key(request)
        if key is None:
            return self.ring.in_turn(avoid)
        return self.ring.nearest(self._hashed(self._hashing, key), avoid)


Picker = MappedPicker | ConsistentPicker


class HashedStrategy:
    """The common part of all strategies that hash. hashed: makes a number of a key."""

    hashed: Hash = staticmethod(hash_key)

    def key(self, options: object) -> Key:
        """Return the function that finds the key in a request: here the options themselves, as `parse` made them."""
        assert callable(options)
        return options

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> Picker:
        """Return a picker over a map or a ring, as `hash-type` says."""
        return self.pickers(servers, (), True, hashing, options)[0]

    def pickers(
        self,
        active: Sequence[IServer],
        backups: Sequence[IServer],
        all_backups: bool,
        hashing: object,
        options: object,
    ) -> tuple[Picker, Picker]:
        """Return two pickers over maps that share their unit of weight, or over two rings."""
        assert isinstance(hashing, HashType)
        key, hashed, first_only = self.key(options), self.hashed, not all_backups
        if hashing.method == "consistent":
            return (
                ConsistentPicker(active, hashing, key, hashed),
                ConsistentPicker(backups, hashing, key, hashed, first_only),
            )
        course = Course((*active, *backups))
        return (
            MappedPicker(active, hashing, key, hashed, course, False),
            MappedPicker(backups, hashing, key, hashed, course, first_only),
        )


class KeyedStrategy(HashedStrategy):
    """The common part of the strategies whose key is in an HTTP request."""

    needs_http = True
    # read where the language is joined: in TCP mode roundrobin takes the place, with a warning
