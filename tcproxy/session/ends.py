"""What a session knows of the network: two ends, and the way to a server. The real ones stand in transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tcproxy.session.session import Session

Address = tuple[str, int]
"""Host as numeric text and port; of a UNIX socket ("unix", id of the listener)."""


class End(Protocol):
    """One side of a session: the client's connection, or the link to the server.

    An end reads from its own side and, once joined, passes everything to the other end. It tells the session
    `ended(end)` at its side's FIN, `emptied(end)` when all it read is passed after that, and
    `broke(end, errno)` at an error. Nothing is told of what the session itself did.

    moved: bytes read from this side. stamp: monotonic seconds of the last progress of this direction.
    connected: false while a link is being established. held: bytes read that nobody took yet.
    session: whom it tells; the session takes itself out when it has ended.
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

    def join(self, other: End) -> None:
        """Pass bytes in both directions from now on; bytes held go first."""

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


class Dial(Protocol):
    """The way to a server."""

    def __call__(self, session: Session, server: Any) -> End:
        """Begin to connect, and return the link, which may be connected already.

        Later the session is told `connected()` or `connect_failed(errno, cause)`. Raises LinkFailure when the
        attempt fails at once.
        """


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
