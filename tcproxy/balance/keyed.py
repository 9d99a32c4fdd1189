"""Hashes of what a client asks for: the picker that `balance uri`, `url_param` and `hdr` share.

A request without a key takes its turn. Which bytes are the key is each strategy's own file.
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
"""Returns what is hashed of a request; None where it has none."""


@implementer(IPicker)
class MappedKeyPicker(StaticPicker):
    """The key indexes a static map; the server to avoid is chosen all the same."""

    queue_first = False

    def __init__(
        self, servers: Sequence[IServer], hashing: HashType, key: Key, course: Course, first_only: bool = False
    ) -> None:
        super().__init__(servers, course, first_only)
        self._hashing, self._key = hashing, key

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the request's key."""
        key = self._key(request)
        if key is None:
            return self.shares.in_turn(avoid)
        return self.shares.hashed(hash_key(self._hashing, key))


@implementer(IPicker)
class ConsistentKeyPicker(RingPicker):
    """The key is a place on a ring; the server to avoid yields to the next one."""

    def __init__(self, servers: Sequence[IServer], hashing: HashType, key: Key, first_only: bool = False) -> None:
        super().__init__(servers, hashing.balance_factor)
        self._hashing, self._key = hashing, key
        self._servers = servers if first_only else ()

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the request's key."""
        for server in self._servers:
            if server.usable:
                return server
        key = self._key(request)
        if key is None:
            return self.ring.in_turn(avoid)
        return self.ring.nearest(hash_key(self._hashing, key), avoid)


Picker = MappedKeyPicker | ConsistentKeyPicker


class KeyedStrategy:
    """What the strategies with a key have in common: `options`, as `parse` returns them, are the Key itself."""

    needs_http = True
    # read where the language is joined: in TCP mode roundrobin takes the place, with a warning

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
        assert isinstance(hashing, HashType) and callable(options)
        if hashing.method == "consistent":
            return (
                ConsistentKeyPicker(active, hashing, options),
                ConsistentKeyPicker(backups, hashing, options, not all_backups),
            )
        course = Course((*active, *backups))
        return (
            MappedKeyPicker(active, hashing, options, course),
            MappedKeyPicker(backups, hashing, options, course, not all_backups),
        )
