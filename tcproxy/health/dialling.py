"""The connection of a health check, as health sees it: it is asked for with a target, and answers with four events.

transport makes the real ones (dial.py), tests have fakes. Time limits are run.py's, which cancels a connection.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import CheckStatus, Verdict
from tcproxy.model.server import SourceAddress


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """Where a check connects to.

    address: numeric, its port is the one to use. source: the server's or the proxy's `source`, None for any.
    send_proxy: version of the PROXY header to send first (0 none; v1 tells the check's own addresses, v2 says LOCAL).
    socks4: the SOCKS4 proxy to go through, or None.
    """

    address: Address
    source: SourceAddress | None = None
    send_proxy: int = 0
    socks4: Address | None = None


class CheckEvents(Protocol):
    """What happens on a check's connection. After `ended`, `failed` or a cancel, nothing more happens."""

    def connected(self, write: Callable[[bytes], None]) -> None:
        """The connection stands; `write` sends bytes on it."""
        ...

    def received(self, data: bytes) -> None:
        """The server sent these bytes."""
        ...

    def ended(self) -> None:
        """The server closed its side."""
        ...

    def failed(self, errno: int) -> None:
        """The connection could not be made, or broke. errno: of the operating system."""
        ...


class Cancellable(Protocol):
    """A connection made or being made."""

    def cancel(self) -> None:
        """Reset the connection at once, whether or not it stands yet. No event follows, and no TIME_WAIT is left."""
        ...


CheckDialler = Callable[[CheckTarget, CheckEvents], Cancellable]
"""Begins to connect to a target, and returns what cancels it. May call `failed` before it returns."""

_FROM_THE_NETWORK = frozenset(
    {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EPIPE, errno.ECONNABORTED}
)
"""Errors that the other machine or a router caused; all other errors come from this machine."""

_LOCAL_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE})


def why_not_connected(number: int, target: CheckTarget) -> Verdict:
    """Return the verdict for a connection that could not be made: an errno in HAProxy's words."""
    words = os.strerror(number)
    if target.address.family in (Family.UNIX, Family.ABNS):
        return Verdict(CheckStatus.SOCKET_ERROR, f"General socket error ({words})")
    if number in _FROM_THE_NETWORK:
        return Verdict(CheckStatus.L4_CONNECTION, words)
    if number in _LOCAL_ADDRESS and target.source is not None:
        return Verdict(CheckStatus.L4_CONNECTION, f"Can't bind to source address ({words})")
    return Verdict(CheckStatus.L4_CONNECTION, f"General socket error ({words})")
