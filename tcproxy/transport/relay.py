"""Bytes from one end of a session to the other, with backpressure: recv and send, or splice for bulk.

The session decides about FINs, timeouts and errors; here bytes are only moved. A SocketEnd is the
protocol of a transport of ours (`Transport` in transports.py) and reads and sends on it directly, not by Twisted's
dataReceived and write: on another transport it cannot stand. Which reactor runs does not matter: ours calls transports
directly, any other with IReactorFDSet knows them as readers and writers (transports.StockPoll).
"""

from __future__ import annotations

import os
from errno import EINVAL
from select import EPOLLIN
from time import monotonic
from typing import Any

from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from tcproxy.transport.pipes import Pipe, PipePool
from tcproxy.transport.socket_options import set_mark, set_type_of_service, silence
from tcproxy.transport.stream_socket import AGAIN, errno_of, pair_of
from tcproxy.transport.transports import Transport

BUFFER_SIZE = 16384
"""Bytes a direction may hold: HAProxy's default of tune.bufsize."""
FULL_READS = 3
"""Full reads in a row after which a direction counts as bulk."""
THIN = 8192
"""Bytes of one splice below which copying is cheaper."""
SPLICE_FLAGS = getattr(os, "SPLICE_F_MOVE", 1) | getattr(os, "SPLICE_F_NONBLOCK", 2)


@implementer(IHalfCloseableProtocol, IPushProducer)
class SocketEnd:
    """One side of a session: reads from its own transport, passes to the other end's (see session.ends.End).

    limit: bytes read at once and held at the most. pipes: where to borrow a pipe, None for no splicing.
    full: full reads in a row. pipe, piped: the pipe in use and the bytes in it.
    """

    __slots__ = (
        "bytes_read",
        "connected",
        "ended",
        "full",
        "held",
        "last_progress",
        "limit",
        "other",
        "pipe",
        "piped",
        "pipes",
        "recv",
        "send",
        "session",
        "transport",
    )  # fmt: skip

    transport: Transport
    recv: Any
    send: Any

    def __init__(self, session: Any, limit: int, pipes: PipePool | None) -> None:
        self.session = session
        self.limit = limit
        self.pipes = pipes
        self.other: SocketEnd | None = None
        self.connected = False
        self.ended = False
        self.held = b""
        self.bytes_read = 0
        self.last_progress = 0.0
        self.full = 0
        self.pipe: Pipe | None = None
        self.piped = 0

    def makeConnection(self, transport: Transport) -> None:
        """Use this transport; nothing is read before `listen`."""
        self.transport = transport
        self.recv = transport.recv
        transport.protocol = self
        transport.doRead = self.hold
        self.connected = True

    # before the other end is there

    def hold(self) -> None:
        """Read, and keep the bytes in `held` until `join` is called."""
        session = self.session
        try:
            try:
                data = self.recv(self.limit - len(self.held))
            except OSError as error:
                return self._failed(self, error)
            self.last_progress = monotonic()
            if not data:
                return self._end()
            self.bytes_read += len(data)
            self.held = held = self.held + data
            if len(held) >= self.limit:
                self.transport.stopReading()
            self.session.heard(self)
            return None
        except Exception as error:
            return self.crash(session, error)

    def join(self, other: SocketEnd) -> None:
        """Pass bytes in both directions from now on; bytes held go first."""
        here, there = self.transport, other.transport
        self.other, other.other = other, self
        self.send, other.send = there.send, here.send
        here.doRead, there.doRead = self.pump, other.pump
        here.producer, there.producer = other, self
        here.streaming = there.streaming = True
        if self.held:
            self._release_held()
        if other.held:
            other._release_held()

    def _release_held(self) -> None:
        data, self.held = self.held, b""
        self._forward(data)
        if not self.transport.interest & EPOLLIN and not self.ended and self.empty:
            self.transport.startReading()

    def hold_back(self) -> None:
        """Keep what comes from this side, though it is joined, until `let_go`; `heard` tells of it."""
        self.transport.doRead = self.hold

    def let_go(self) -> None:
        """Pass what was held back, and all that follows."""
        if self.recv is None:
            return
        self.transport.doRead = self.pump
        if self.held:
            self._release_held()

    # bytes

    def pump(self) -> None:
        """Read once and send that to the other side; every small message passes here."""
        session = self.session
        try:
            try:
                data = self.recv(self.limit)
            except OSError as error:
                return self._failed(self, error)
            size = len(data)
            if not size:
                return self._end()
            self.bytes_read += size
            try:
                sent = self.send(data)
            except OSError as error:
                if error.errno not in AGAIN:
                    return self._failed(self.other, error)
                sent = 0
            self.last_progress = monotonic()
            if sent != size:
                self._wait_for_room(data, sent)
            if size == self.limit:
                self.full += 1
                if self.full >= FULL_READS and self.splices_to(self.other):
                    self.transport.doRead = self.splice
            elif self.full:
                self.full = 0
            return None
        except Exception as error:
            return self.crash(session, error)

    def splices_to(self, other: SocketEnd | None) -> bool:
        """Return whether bytes may go from this side to the other one's without coming into this process."""
        if self.pipes is None or other is None:
            return False
        return self.transport.can_splice and other.transport.can_splice

    def _forward(self, data: bytes) -> None:
        """Send bytes that were read before to the other side."""
        try:
            sent = self.send(data)
        except OSError as error:
            if error.errno not in AGAIN:
                return self._failed(self.other, error)
            sent = 0
        self.last_progress = monotonic()
        if sent != len(data):
            self._wait_for_room(data, sent)
        return None

    def _wait_for_room(self, data: bytes, sent: int) -> None:
        assert self.other is not None
        self.transport.stopReading()
        self.other.transport.keep(data, sent)

    def splice(self) -> None:
        """Move what there is to the other side through a pipe, with no copy in this process; bulk passes here."""
        session = self.session
        try:
            assert self.pipes is not None
            pipe = self.pipes.take()
            if pipe is None:
                return self._copy_again()
            try:
                size = os.splice(self.transport.fileno(), pipe.write, pipe.size, flags=SPLICE_FLAGS)
            except OSError as error:
                self.pipes.give(pipe)
                if error.errno == EINVAL:  # the kernel cannot splice from this kind of socket
                    self.pipes = None
                    return self._copy_again()
                return self._failed(self, error)
            if not size:
                self.pipes.give(pipe)
                return self._end()
            self.bytes_read += size
            self.pipe, self.piped = pipe, size
            if size < THIN:
                self._copy_again()
            self.last_progress = monotonic()
            if self._empty_pipe() is False:
                assert self.other is not None
                self.transport.stopReading()
                self.other.transport.await_room()
            return None
        except Exception as error:
            return self.crash(session, error)

    def _copy_again(self) -> None:
        self.full = 0
        self.transport.doRead = self.pump

    def _empty_pipe(self) -> bool | None:
        """Move bytes from the pipe to the other side. False: some are left. None: the other side broke."""
        assert self.pipe is not None and self.pipes is not None and self.other is not None
        target = self.other.transport.fileno()
        try:
            while self.piped:
                self.piped -= os.splice(self.pipe.read, target, self.piped, flags=SPLICE_FLAGS)
        except OSError as error:
            if error.errno in AGAIN:
                return False
            self._failed(self.other, error)
            return None
        self.pipes.give(self.pipe)
        self.pipe = None
        return True

    def resumeProducing(self) -> None:
        """The other side's queue is empty: empty the pipe, then read on."""
        session = self.session
        try:
            if self.piped and not self._went_on():
                return None
            self.last_progress = monotonic()
            if self.ended:
                self.session.emptied(self)
            else:
                self.transport.startReading()
        except Exception as error:
            return self.crash(session, error)

    def _went_on(self) -> bool:
        """Move more bytes from the pipe; True when it is empty."""
        target, before = self.other, self.piped
        assert target is not None
        done = self._empty_pipe()
        target.transport.spliced(moved=self.piped != before, left=done is False)
        return done is True

    def pauseProducing(self) -> None:
        """Bytes are queued for the other side: read no more for now."""
        self.transport.stopReading()

    def stopProducing(self) -> None:
        """Nothing to do: the session is told of a lost transport by that transport's own end."""

    # ends

    def _end(self) -> None:
        self.ended = True
        self.session.ended(self)
        # behind the call, since most often the session has closed this side by then
        if self.transport.interest:
            self.transport.stopReading()

    def _failed(self, end: SocketEnd | None, error: OSError) -> None:
        if error.errno not in AGAIN:
            self.session.broke(end, error.errno)

    @property
    def empty(self) -> bool:
        """True when everything read from this side went to the other."""
        return not self.held and not self.piped and (self.other is None or not self.other.transport.queue)

    @property
    def reading(self) -> bool:
        """True while bytes of this side are waited for."""
        return bool(self.transport.interest & EPOLLIN)

    @property
    def stalled_since(self) -> float | None:
        """Monotonic seconds since when this side takes no byte that waits for it; None when none waits."""
        if self.transport.queue or (self.other is not None and self.other.piped):
            return self.transport.wrote
        return None

    def look(self) -> None:
        """Read once now, whether or not something is there."""
        self.transport.doRead()

    def listen(self) -> None:
        """Read from this side."""
        self.transport.startReading()

    def mute(self) -> None:
        """Read no more from this side."""
        self.ended = True
        self.transport.stopReading()

    def finish(self) -> None:
        """Send FIN to this side now."""
        self.transport.finish()

    def mark(self, value: int) -> None:
        """Set the firewall's mark of packets to this side, where the system allows that."""
        if self.recv is not None:
            set_mark(self.transport.getHandle(), value)  # type: ignore[attr-defined]  # it is an ISystemHandle, too

    def set_type_of_service(self, value: int) -> None:
        """Set the type of service (8 bits) of packets to this side."""
        if self.recv is not None:
            set_type_of_service(self.transport.getHandle(), value)  # type: ignore[attr-defined]  # as above

    def vanish(self) -> None:
        """Let this side hear nothing of the close that follows: no FIN, no reset, where the system allows that."""
        if self.recv is not None:
            silence(self.transport.getHandle())  # type: ignore[attr-defined]  # it is an ISystemHandle, too

    def close(self, reset: bool = False) -> None:
        """Close this side's connection, with RST if asked, and drop what is held for it."""
        if self.recv is None:
            return
        if self.pipe is not None and self.pipes is not None:
            self.pipes.discard(self.pipe)
            self.pipe, self.piped = None, 0
        self.connected = False
        self.transport.close(reset)
        self.recv = self.send = None
        self.other = None

    # what a loop tells

    def readConnectionLost(self) -> None:
        """The other machine sent FIN; Twisted's own reactors tell it here when the socket is not readable."""
        session = self.session
        try:
            if not self.ended:
                self._end()
        except Exception as error:
            self.crash(session, error)

    def writeConnectionLost(self) -> None:
        """Nothing to do: our FIN was sent, which the session asked for."""

    def connectionLost(self, reason: Failure) -> None:
        """The loop closed the transport, because of an error of its connection, or of the code that it called."""
        session, wrong = self.session, reason.value
        try:
            if isinstance(wrong, Exception) and not isinstance(wrong, (OSError, ConnectionClosed)):
                raise wrong
            session.broke(self, errno_of(reason))
        except Exception as error:
            self.crash(session, error)

    def crash(self, session: Any, error: Exception) -> None:
        """End the session whose code raised an exception when this end called it; close this end if still its own.

        session: whose end it was at the call. Raises the error where there is none.
        """
        if session is None:
            raise error
        session.crashed(error, self)
        if self.transport.protocol is self and self.session in (None, session):
            self.close(reset=True)

    # facts

    def source(self) -> tuple[str, int]:
        """Return the address of the other machine."""
        remote = self.transport.remote  # "" for the client of a UNIX socket
        return pair_of(self.transport.peer_name() if remote is None else remote)

    def destination(self) -> tuple[str, int]:
        """Return the address of our side."""
        return pair_of(self.transport.local_name())

    def tcp_info(self) -> bytes | None:
        """Return what the kernel measured of the connection, None where there is no TCP."""
        return self.transport.tcp_info()


class ByteClient(SocketEnd):
    """A client's end that begins its session when its connection is made. codec: None, for bytes need none."""

    __slots__ = ()

    def __init__(self, session: Any, limit: int, pipes: PipePool | None, codec: object = None) -> None:
        super().__init__(session, limit, pipes)

    def makeConnection(self, transport: Transport) -> None:
        """Use this transport, and begin the session."""
        # inlined SocketEnd.makeConnection (hot path; see docs/performance)
        self.transport = transport
        self.recv = transport.recv
        transport.protocol = self
        transport.doRead = self.hold
        self.connected = True
        session = self.session
        try:
            session.begin(self)
        except Exception as error:
            self.crash(session, error)

    def speak_http(self) -> None:
        """Switch this client to HTTP: an end of messages and its session take over, with the bytes already read."""
        self.session.bind.listener.factory.speak_http(self)
