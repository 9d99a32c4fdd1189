"""What a session knows of the network: two ends. The real ones stand in transport; tests have their own."""

from __future__ import annotations

from typing import Any, Protocol

Address = tuple[str, int]
"""Host as numeric text and port; of a UNIX socket ("unix", id of the listener)."""


class EndEvents(Protocol):
    """The events of an end. Receivers: a session or an exchange, the relay that joined it, or a pool of idle links."""

    def heard(self, end: Any) -> None:
        """Bytes came from this side, and no other end takes them yet."""

    def ended(self, end: Any) -> None:
        """FIN came from this side."""

    def emptied(self, end: Any) -> None:
        """Everything is passed that waited for this side, or that was read from it before its FIN."""

    def broke(self, end: Any, errno: int) -> None:
        """The connection failed. A link that is being established tells by `connect_failed` instead."""

    def crashed(self, error: BaseException, end: Any = None) -> None:
        """One of the calls above raised an exception: end whatever the end belongs to. Raises nothing."""


class End(Protocol):
    """One side of a session: the client's connection, or the link to the server.

    An end reads from its own side and, once joined, passes everything to the other end. It tells `session` what
    happens on its own side, never what the session itself has done.

    bytes_read: bytes read from this side. last_progress: monotonic seconds of the last progress of this direction.
    connected: false while a link is being established. held: bytes read that no end has taken yet.
    session: the receiver of its events (EndEvents); the session takes itself out when it has ended.
    """

    session: Any
    bytes_read: int
    last_progress: float
    connected: bool
    held: bytes

    @property
    def empty(self) -> bool:
        """True when everything read from this side went to the other."""

    @property
    def reading(self) -> bool:
        """True while the end waits for bytes from this side."""

    @property
    def stalled_since(self) -> float | None:
        """Monotonic seconds since when this side takes no byte that waits for it; None when none waits."""

    def join(self, other: Any) -> None:
        """Pass bytes in both directions from now on; bytes held go first. other: an end of the same transport."""

    def hold_back(self) -> None:
        """Keep what comes from this side, though it is joined, until `let_go`; `heard` tells of it."""

    def let_go(self) -> None:
        """Pass what was held back, and all that follows."""

    def mute(self) -> None:
        """Read no more from this side."""

    def look(self) -> None:
        """Read once, without waiting: what is there already, or nothing."""

    def listen(self) -> None:
        """Read from this side."""

    def finish(self) -> None:
        """Send FIN to this side now."""

    def mark(self, value: int) -> None:
        """Set the firewall's mark of packets to this side, where the system allows that."""

    def set_type_of_service(self, value: int) -> None:
        """Set the type of service (8 bits) of packets to this side."""

    def vanish(self) -> None:
        """Let this side hear nothing of the close that follows: no FIN, no reset, where the system allows that."""

    def close(self, reset: bool = False) -> None:
        """Close this side's connection, with RST if asked, and drop what is held for it."""

    def source(self) -> Address:
        """Return the address of the other machine (of a client's end: the client)."""

    def destination(self) -> Address:
        """Return the address of our side."""

    def tcp_info(self) -> bytes | None:
        """Return what the kernel measured of the connection (struct tcp_info), None where there is no TCP."""


class LinkFailure(Exception):
    """A link could not be made.

    local, remote: addresses of the two sides, where known.
    cause: a few words. resource: whether this process ran out of something (ports, descriptors). answered: the other
    side refused the connection; False: the attempt could not even begin.
    """

    def __init__(self, errno: int, cause: str, resource: bool = False, answered: bool = False) -> None:
        super().__init__(cause)
        self.errno = errno
        self.cause = cause
        self.resource = resource
        self.answered = answered
        self.local: Address | None = None
        self.remote: Address | None = None
