"""What a transport is here: what ends of sessions ask of one, and what watches it.

stream_socket.py is the transport of plain sockets; a TLS transport will be another. Twisted's own transports are none:
ends read and send by themselves. Any reactor with IReactorFDSet will do: ours is a Poll, others stand behind StockPoll.
"""

from __future__ import annotations

from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT
from typing import Any, Protocol

from twisted.python.failure import Failure


class Transport(Protocol):
    """What the ends of sessions ask of a connection: everything they may use, and what they may rely on.

    recv, send: read at most so many bytes; send what can be sent now, and return how much that was. Both raise
    BlockingIOError where nothing can be done at the moment, and OSError with its errno where the connection broke. recv
    returns b"" at the end of what the other side sends (FIN, close_notify). Ends take these two once and keep them.
    doRead: called when there is something to read and EPOLLIN is waited for; the owner puts its own function here. A
    transport that has bytes of its own which no EPOLLIN will announce (decrypted ones) calls it for these by itself.
    interest: the events waited for, EPOLLIN and EPOLLOUT. queue: bytes that could not be sent yet; not empty means that
    nobody may `send`. wrote: monotonic seconds when bytes that waited for room last went out.
    protocol: hears `connectionLost` and `writeConnectionLost`. producer, streaming: whom to pause while something is
    queued and to resume when nothing is; all of ours are streaming (push) producers.
    can_splice: os.splice may read from `fileno()` and write to it; then what passes is what recv and send would pass.
    remote: the name of the other side as accept() or connect() had it, None where that is to be asked.
    """

    doRead: Callable[[], Failure | None]
    queue: bytes
    protocol: Any
    producer: Any
    streaming: bool

    @property
    def recv(self) -> Callable[[int], bytes]:
        """Read what there is; see above."""

    @property
    def send(self) -> Callable[[Any], int]:
        """Send what can be sent now; see above."""

    @property
    def interest(self) -> int:
        """Return the events waited for."""

    @property
    def wrote(self) -> float:
        """Return when bytes that waited last went out."""

    @property
    def can_splice(self) -> bool:
        """Return whether bytes may pass without coming into this process."""

    @property
    def remote(self) -> Any:
        """Return the name of the other side, if it is known."""

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""

    def startReading(self) -> None:
        """Wait for bytes."""

    def stopReading(self) -> None:
        """Leave what comes where it is."""

    def peek(self) -> bytes | None:
        """Return a byte that is there and leave it there, b"" at the end, None when nothing came. Raises OSError."""

    def keep(self, data: bytes, sent: int) -> None:
        """Queue `data` behind the first `sent` bytes, and pause the producer."""

    def await_room(self) -> None:
        """Pause the producer, and resume it whenever bytes may be sent, until `spliced` says that none are left."""

    def spliced(self, moved: bool, left: bool) -> None:
        """The producer moved bytes by splice, or could not; `left`: it waits for more room."""

    def write(self, data: bytes) -> None:
        """Send these bytes, now or when there is room."""

    def loseWriteConnection(self) -> None:
        """Say behind everything queued that nothing more comes; `writeConnectionLost` follows."""

    def finish(self) -> None:
        """Say now that nothing more comes (FIN, close_notify); nobody is told."""

    def close(self, reset: bool = False) -> None:
        """Close now, with RST if asked, and forget protocol, producer and reader; nobody is told."""

    def tcp_info(self) -> bytes | None:
        """Return what the kernel measured (struct tcp_info), None where this is no TCP connection, or closed."""

    def local_name(self) -> Any:
        """Return the name of our side as getsockname() does. Raises OSError."""

    def peer_name(self) -> Any:
        """Return the name of the other side as getpeername() does. Raises OSError."""


class Poll(Protocol):
    """What watches transports for events: our reactor itself, or another reactor behind StockPoll."""

    def watch(self, transport: Any, interest: int) -> None:
        """Wait for these events of the transport, 0 for none; sets its `interest`."""

    def forget(self, transport: Any) -> None:
        """Stop waiting: the transport's descriptor is about to be closed."""

    def callLater(self, delay: float, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call after `delay` seconds."""


class StockPoll:
    """Any reactor with IReactorFDSet, seen as a Poll."""

    __slots__ = ("callLater", "reactor")

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.callLater = reactor.callLater

    def watch(self, transport: Any, interest: int) -> None:
        """Wait for these events of the transport, 0 for none."""
        changed = transport.interest ^ interest
        transport.interest = interest
        if changed & EPOLLIN:
            (self.reactor.addReader if interest & EPOLLIN else self.reactor.removeReader)(transport)
        if changed & EPOLLOUT:
            (self.reactor.addWriter if interest & EPOLLOUT else self.reactor.removeWriter)(transport)

    def forget(self, transport: Any) -> None:
        """Stop waiting."""
        self.watch(transport, 0)


def poll_of(reactor: Any) -> Poll:
    """Return the reactor itself if it is ours, else a StockPoll over it."""
    poll: Poll = reactor if hasattr(reactor, "watch") else StockPoll(reactor)
    return poll
