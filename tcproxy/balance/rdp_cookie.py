"""`balance rdp-cookie`: the cookie in the first packet of a Remote Desktop client chooses its server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import implementer

from tcproxy.balance.keyed import HashedStrategy
from tcproxy.interfaces import IFarmStrategy, IRequest
from tcproxy.wire.rdp import read_rdp_cookie

DEFAULT_NAME = "mstshash"


@dataclass(frozen=True, slots=True)
class RdpCookieKey:
    """The value of the cookie of this name, whatever its case."""

    name: bytes

    def __call__(self, request: IRequest) -> bytes | None:
        """Return the value; None where the bytes so far have none, or an empty one: no pick waits for more."""
        return read_rdp_cookie(request.data(), self.name) or None


@implementer(IFarmStrategy)
class RdpCookieHash(HashedStrategy):
    """The same user of Remote Desktop meets the same server."""

    name = "rdp-cookie"
    manual = "a hash of the cookie of Remote Desktop clients chooses the server, by hash-type"

    def parse(self, words: Sequence[str]) -> RdpCookieKey:
        """Take the cookie's name in parentheses; like HAProxy, ignore further words."""
        name = DEFAULT_NAME
        if words and words[0].startswith("("):
            name, closing, _ = words[0][1:].partition(")")
            if not name or not closing:
                raise ValueError("it needs the name of a cookie in parentheses, as in 'rdp-cookie(msts)'")
        return RdpCookieKey(name.encode("utf-8", "surrogateescape"))
