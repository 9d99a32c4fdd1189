"""A stream transport that writes at once: TCP over IPv4 and IPv6, and UNIX streams.

It is a Twisted transport (ITCPTransport, IConsumer), so any protocol may stand on it. It differs from Twisted's own in
this: `write` tries to send at once, an error keeps its errno, and an owner who wants no callback (relay.py) may shut
and drop it step by step. What the ends of sessions use of it is `Transport` (transports.py).
What is done with the bytes stands in relay.py; how sockets come to be, in listeners.py and opening.py.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable
from errno import EAGAIN, EINTR
from select import EPOLLIN, EPOLLOUT
from time import monotonic
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    ILoggingContext,
    IReadWriteDescriptor,
    ISystemHandle,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from tcproxy.transport.transports import Poll

READ_SIZE = 16384
AGAIN = (EAGAIN, EINTR)
TCP_INFO_SIZE = 104
"""Bytes of struct tcp_info that are asked for: all that Linux 2.6 had, which every later one begins with."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: close sends RST and drops what was not sent."""


@implementer(ITCPTransport, IReadWriteDescriptor, IHalfCloseableDescriptor, ISystemHandle, ILoggingContext)
class StreamSocket:
    """One connected stream socket as a Twisted transport.

    fd: the descriptor, -1 once closed. interest: events waited for. queue: bytes that the kernel did not take yet.
    wrote: monotonic seconds when the kernel last took queued bytes. splicing: the owner waits for EPOLLOUT itself, to
    continue a splice. remote: the address as accept() gave it, if any. lent: gives back what was taken for this
    connection (a source port) once it is closed, None where nothing was.
    doRead: what a readable event calls. A relay puts its own here.
    """

    __slots__ = (
        "__weakref__",
        "disconnecting",
        "doRead",
        "fd",
        "finished",
        "finishing",
        "interest",
        "lent",
        "poll",
        "producer",
        "protocol",
        "queue",
        "recv",
        "remote",
        "send",
        "socket",
        "splicing",
        "streaming",
        "wrote",
    )  # fmt: skip

    can_splice = True

    def __init__(self, poll: Poll, connection: socket.SocketType, remote: Any = None) -> None:
        """`connection`: a non-blocking stream socket."""
        self.poll = poll
        self.socket = connection
        self.recv = connection.recv
        self.send = connection.send
        self.fd = connection.fileno()
        self.remote = remote
        self.interest = 0
        self.queue = b""
        self.wrote = 0.0
        self.splicing = self.streaming = self.disconnecting = self.finishing = self.finished = False
        self.protocol: Any = None
        self.producer: Any = None
        self.lent: Callable[[], None] | None = None
        self.doRead: Callable[[], Failure | None] = self.read_for_protocol

    # reading

    def startReading(self) -> None:
        """Wait for bytes."""
        if not self.interest & EPOLLIN and self.fd >= 0:
            self.poll.watch(self, self.interest | EPOLLIN)

    def stopReading(self) -> None:
        """Leave what comes in the kernel."""
        if self.interest & EPOLLIN:
            self.poll.watch(self, self.interest & ~EPOLLIN)

    def pauseProducing(self) -> None:
        """Leave what comes in the kernel (IPushProducer)."""
        self.stopReading()

    def resumeProducing(self) -> None:
        """Wait for bytes again, unless the transport is being closed (IPushProducer)."""
        if not self.disconnecting:
            self.startReading()

    def stopProducing(self) -> None:
        """Close when everything queued is sent (IPushProducer)."""
        self.loseConnection()

    def read_for_protocol(self) -> None:
        """Read once, and give the bytes, or the FIN, to the protocol."""
        try:
            data = self.socket.recv(READ_SIZE)
        except OSError as error:
            if error.errno not in AGAIN:
                self.connectionLost(failed(ConnectionLost(error)))
            return
        if data:
            self.protocol.dataReceived(data)
        else:
            self.stopReading()
            self.readConnectionLost(failed(ConnectionDone()))

    def peek(self) -> bytes | None:
        """Return a byte that is there and leave it there, b"" at FIN, None when nothing came. Raises OSError."""
        try:
            return self.socket.recv(1, socket.MSG_PEEK)
        except OSError as error:
            if error.errno in AGAIN:
                return None
            raise

    # writing

    def startWriting(self) -> None:
        """Wait for room to write."""
        if not self.interest & EPOLLOUT and self.fd >= 0:
            self.poll.watch(self, self.interest | EPOLLOUT)

    def stopWriting(self) -> None:
        """Do not wait for room to write."""
        if self.interest & EPOLLOUT:
            self.poll.watch(self, self.interest & ~EPOLLOUT)

    def write(self, data: bytes) -> None:
        """Send what the kernel takes now, and queue the rest. Pauses a streaming producer while bytes are queued."""
        if self.fd < 0 or self.disconnecting or self.finishing or not data:
            return
        if self.queue:
            self.queue += data
            return
        sent = 0
        try:
            sent = self.socket.send(data)
        except OSError as error:
            if error.errno not in AGAIN:
                # the loss is told from the loop, never from within the caller's write
                self.poll.callLater(0, self.connectionLost, failed(ConnectionLost(error)))
                self.disconnecting = True
                return
        if sent != len(data):
            self.keep(data, sent)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write these in one piece."""
        self.write(b"".join(data))

    def keep(self, data: bytes, sent: int) -> None:
        """Queue `data` behind the first `sent` bytes, which the kernel took, and pause a streaming producer."""
        self.queue = data[sent:] if sent else data
        self.wrote = monotonic()
        self.startWriting()
        if self.producer is not None and self.streaming:
            self.producer.pauseProducing()

    def await_room(self) -> None:
        """Pause the producer, and resume it whenever bytes may be sent, until `spliced` says that none are left."""
        self.splicing = True
        self.keep(b"", 0)

    def spliced(self, moved: bool, left: bool) -> None:
        """The producer moved bytes by splice, or could not; `left`: it waits for more room."""
        if moved:
            self.wrote = monotonic()
        self.splicing = left

    def doWrite(self) -> None:
        """Send queued bytes. When none is left, resume the producer, or do the close or the FIN that was asked for."""
        if self.queue:
            try:
                sent = self.socket.send(self.queue)
            except OSError as error:
                if error.errno not in AGAIN:
                    self.connectionLost(failed(ConnectionLost(error)))
                return
            self.wrote = monotonic()
            self.queue = self.queue[sent:]
            if self.queue:
                return
        if self.producer is not None and not (self.disconnecting or self.finishing):
            self.producer.resumeProducing()
            # it may have sent more than the kernel takes: then there is a queue again
            if not (self.queue or self.splicing) and (self.streaming or self.producer is None):
                self.stopWriting()
            return
        self.stopWriting()
        self._drained()

    def _drained(self) -> None:
        if self.disconnecting:
            self.connectionLost(failed(ConnectionDone()))
        elif self.finishing:
            self._finish_queued()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Pause and resume `producer` as the queue fills and empties."""
        if self.producer is not None:
            raise RuntimeError("a producer is registered already")
        if self.fd < 0:
            producer.stopProducing()
            return
        self.producer = producer
        self.streaming = streaming
        if not streaming:
            self.startWriting()

    def unregisterProducer(self) -> None:
        """Forget the producer; then a close or a FIN that was asked for may happen."""
        self.producer = None
        if self.disconnecting or self.finishing:
            self.startWriting()

    # ends

    def loseWriteConnection(self) -> None:
        """Send FIN when everything queued is sent."""
        if self.fd < 0 or self.finishing or self.finished:
            return
        self.finishing = True
        if not self.queue:
            self._finish_queued()

    def _finish_queued(self) -> None:
        self.finishing = False
        self.finish()
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is not None:
            half.writeConnectionLost()

    def finish(self) -> None:
        """Send FIN now; nobody is told."""
        self.finished = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone already, which the next read tells

    def loseConnection(self, reason: object = None) -> None:
        """Close when everything queued is sent; the protocol hears of it from the loop."""
        if self.fd < 0 or self.disconnecting:
            return
        self.disconnecting = True
        self.stopReading()
        if not self.queue:
            self.poll.callLater(0, self.connectionLost, failed(ConnectionDone()))

    def abortConnection(self) -> None:
        """Reset the connection; the protocol hears of it from the loop."""
        if self.fd < 0:
            return
        self.disconnecting = True
        self.queue = b""
        protocol, producer = self.protocol, self.producer
        self.close(reset=True)
        self.poll.callLater(0, tell_lost, protocol, producer, failed(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        """Close at once and tell the protocol. Called by loops and by this class."""
        if self.fd < 0:
            return
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            reason = failed(ConnectionLost(OSError(code, os.strerror(code))))
        protocol, producer = self.protocol, self.producer
        self.close()
        tell_lost(protocol, producer, reason)

    def readConnectionLost(self, reason: Failure) -> None:
        """Tell of the other side's FIN; a protocol that knows no half close loses the connection."""
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is not None:
            half.readConnectionLost()
        else:
            self.connectionLost(reason)

    def writeConnectionLost(self, reason: Failure) -> None:
        """Nothing to do: writing ends in `doWrite`, with its own error."""

    def close(self, reset: bool = False) -> None:
        """Close now, with RST if asked, and forget protocol, producer and reader; nobody is told."""
        # they make a circle: without it memory is freed at once, with no collection of garbage
        self.protocol = self.producer = None
        self.doRead = nothing
        if self.fd < 0:
            return
        self.poll.forget(self)
        if reset:
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            except OSError:
                pass  # a UNIX socket: it has no RST
        self.fd = -1
        self.socket.close()
        if self.lent is not None:
            self.lent()
            self.lent = None

    # facts

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self.fd

    def tcp_info(self) -> bytes | None:
        """Return what the kernel measured (struct tcp_info), None for a UNIX socket, or one that is closed."""
        try:
            return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
        except OSError:
            return None

    def local_name(self) -> Any:
        """Return the socket's own name. Raises OSError."""
        return self.socket.getsockname()

    def peer_name(self) -> Any:
        """Return the name of the other side. Raises OSError."""
        return self.socket.getpeername()

    def logPrefix(self) -> str:
        """Return the name that stands in Twisted's log lines."""
        return type(self.protocol).__name__

    def getHandle(self) -> Any:
        """Return the socket object."""
        return self.socket

    def getPeer(self) -> Any:
        """Return the address of the other side."""
        return twisted_address(self.socket, self.socket.getpeername())

    def getHost(self) -> Any:
        """Return the address of this side."""
        return twisted_address(self.socket, self.socket.getsockname())

    def getTcpNoDelay(self) -> bool:
        """Return whether small pieces are sent at once."""
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Send small pieces at once, or not."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        """Return whether the kernel probes an idle connection."""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Let the kernel probe an idle connection, or not."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)


def failed(error: Exception) -> Failure:
    """Return the error as Twisted passes it on."""
    return Failure(error)  # type: ignore[no-untyped-call]


def tell_lost(protocol: Any, producer: Any, reason: Failure) -> None:
    """Tell a protocol and a producer that their transport is closed."""
    if producer is not None and producer is not protocol:
        producer.stopProducing()
    if protocol is not None:
        protocol.connectionLost(reason)


def errno_of(reason: Failure) -> int:
    """Return the errno that a transport's loss was caused by, 0 where there is none."""
    arguments = reason.value.args if reason.value is not None else ()
    return getattr(arguments[0], "errno", 0) or 0 if arguments else 0


def nothing() -> None:
    """Stand in for the reading of a closed transport."""


def pair_of(name: Any) -> tuple[str, int]:
    """Return a socket's name as (host, port); a UNIX socket's as ("unix", 0)."""
    if isinstance(name, tuple):
        return name[0], name[1]
    return "unix", 0


def twisted_address(connection: Any, name: Any) -> Any:
    """Return a socket's name as an address object of Twisted."""
    if connection.family == socket.AF_INET:
        return IPv4Address("TCP", *name)
    if connection.family == socket.AF_INET6:
        return IPv6Address("TCP", *name)
    return UNIXAddress(name or None)
