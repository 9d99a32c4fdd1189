"""`balance source`: a client's address chooses its server, by the backend's `hash-type`."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.balance.hashing import hash_address
from tcproxy.balance.keyed import HashedStrategy, Key
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import IFarmStrategy, IRequest


def _address(request: IRequest) -> bytes | None:
    """Return the client's packed address; one of a UNIX socket has none."""
    return request.source or None


@implementer(IFarmStrategy)
class SourceHash(HashedStrategy):
    """The same client meets the same server, as long as the farm stays as it is."""

    name = "source"
    manual = "a hash of the client's address chooses the server, by hash-type"
    hashed = staticmethod(hash_address)

    def parse(self, words: Sequence[str]) -> None:
        """Take no arguments; like HAProxy, do not mind words that follow."""
        refuse_parentheses(self.name, words)

    def key(self, options: object) -> Key:
        """Return the function that finds the client's address."""
        return _address
