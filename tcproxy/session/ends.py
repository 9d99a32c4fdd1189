"""What a session knows of the network: two ends. The real ones stand in transport; tests have their own."""

from __future__ import annotations

from typing import Any, Protocol

Address = tuple[str, int]
"""Host as numeric text and port; of a UNIX socket ("unix", id of the listener)."""


class EndEvents(Protocol):
    """What an end tells: the session or exchange it belongs to, the relay that joined it, or a pool of idle links."""

    def heard(self, end: Any) -> None:
        """Bytes came that nobody takes yet."""

    def ended(self, end: Any) -> None:
        """FIN came from this side."""

    def emptied(self, end: Any) -> None:
        """Everything that waited for this side, or was read from it before its FIN, is passed."""

    def broke(self, end: Any, errno: int) -> None:
        """The connection failed. A link that is being established tells by `connect_failed` instead."""

    def crashed(self, error: BaseException, end: Any = None) -> None:
        """One of the calls above raised an exception: end whatever the end belongs to. Raises nothing."""


class End(Protocol):
    """One side of a session: the client's connection, or the link to the server.

    An end reads from its own side and, once joined, passes everything to the other end. What happens on its own
    side it tells `session`, never what the session itself did.

    moved: bytes read from this side. stamp: monotonic seconds of the last progress of this direction.
    connected: false while a link is being established. held: bytes read that nobody took yet.
    session: the receiver of its events (EndEvents); the session takes itself out when it has ended.
    """

    session: Any
    moved: int
    stamp: float
    connected: bool
    held: bytes

    @property
    def empty(self) -> bool:
        """True when everything read from this side went to the other."""

    @property
    def reading(self) -> bool:
        """True while bytes of this side are waited for."""

    @property
    def stalled_since(self) -> float | None:
        """Monotonic seconds since when this side takes no byte that waits for it; None when none waits."""

    def join(self, other: Any) -> None:
        """Pass bytes in both directions from now on; bytes held go first. other: an end of the same transport."""

    def mute(self) -> None:
        """Read no more from this side."""

    def look(self) -> None:
        """Read what is there already, or learn that nothing is."""

    def listen(self) -> None:
        """Read from this side."""

    def finish(self) -> None:
        """Send FIN to this side now."""

    def close(self, reset: bool = False) -> None:
        """Close this side's connection, with RST if asked, and drop what is held for it."""

    def source(self) -> Address:
        """Return the address of the other machine (of a client's end: the client)."""

    def destination(self) -> Address:
        """Return the address of our side."""


class LinkFailure(Exception):
    """A link could not be made.

    local, remote: addresses of the two sides, where known.
    cause: a few words. resource: whether something of our own ran out. answered: the other side has refused it,
    however quickly; otherwise the attempt could not even begin.
    """

    def __init__(self, errno: int, cause: str, resource: bool = False, answered: bool = False) -> None:
        super().__init__(cause)
        self.errno = errno
        self.cause = cause
        self.resource = resource
        self.answered = answered
        self.local: Address | None = None
        self.remote: Address | None = None
