"""What a health check asks of the network: one short connection, told by four events.

tcproxy/transport/dial.py does it for real; tests do it by hand. The time limit is not here: the watch cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tcproxy.grammar.addresses import Address
from tcproxy.model.server import Source


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """Where a check connects to.

    address: numeric, its port is the one to use. source: the server's or the proxy's `source`, None for any.
    send_proxy: version of the PROXY header to send first (0 none; v1 says UNKNOWN, v2 says LOCAL).
    socks4: the SOCKS4 proxy to go through, or None.
    """

    address: Address
    source: Source | None = None
    send_proxy: int = 0
    socks4: Address | None = None


class CheckEvents(Protocol):
    """What happens on the connection of a check. After `ended` or `failed`, or a cancel, nothing more happens."""

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
        """It could not be made, or broke: the errno of the operating system."""
        ...


class Cancellable(Protocol):
    """A connection made or being made."""

    def cancel(self) -> None:
        """Drop it at once (with a reset, so that no TIME_WAIT is left), wherever it stands; no event follows."""
        ...


Dial = Callable[[CheckTarget, CheckEvents], Cancellable]
"""Connects. May call `failed` before it returns when the address cannot be used at all."""
