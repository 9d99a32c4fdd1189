"""The transport as any Twisted protocol sees it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tcproxy.transport.stream_socket import StreamSocket
from tcproxy.transport.transports import poll_of
from tests.running import PATIENCE
from tests.transport.running import REACTORS, accept, connect, listener, read_all, reset, running, wait_for, within


class Recorder(Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: Any = None

    def dataReceived(self, data: bytes) -> None:
        """Note bytes."""
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note the end."""
        self.lost = reason


@implementer(IHalfCloseableProtocol)
class Halves(Recorder):
    """One that knows half closes."""

    halves = ""

    def readConnectionLost(self) -> None:
        """Note the other side's FIN."""
        self.halves += "read "

    def writeConnectionLost(self) -> None:
        """Note our own."""
        self.halves += "write "


class Pair:
    """A protocol on a transport of ours, and its peer."""

    def __init__(self, reactor: Any, kind: type[Recorder] = Recorder) -> None:
        self.reactor = reactor
        with listener() as server:
            self.peer = connect(server.getsockname())
            self.ours = accept(server)
        self.ours.setblocking(False)
        self.protocol = kind()
        within(reactor, self._stand)

    def _stand(self) -> None:
        self.transport = StreamSocket(poll_of(self.reactor), self.ours)
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)
        self.transport.startReading()

    def do(self, call: Any, *arguments: Any) -> Any:
        """Call in the reactor's thread."""
        return within(self.reactor, call, *arguments)


@pytest.fixture(params=REACTORS)
def reactor(request: pytest.FixtureRequest) -> Any:
    """Each reactor, running."""
    with running(request.param) as made:
        yield made


def test_it_is_a_tcp_transport(reactor: Any) -> None:
    """It provides ITCPTransport and tells addresses and options."""
    pair = Pair(reactor)
    assert verifyObject(ITCPTransport, pair.transport)
    assert pair.transport.getPeer().port == pair.peer.getsockname()[1]
    assert pair.transport.getHost().port == pair.peer.getpeername()[1]
    pair.transport.setTcpKeepAlive(True)
    assert pair.transport.getTcpKeepAlive() and not pair.transport.getTcpNoDelay()
    pair.do(pair.transport.abortConnection)
    pair.peer.close()


def test_what_was_written_arrives_before_the_close(reactor: Any) -> None:
    """loseConnection waits for the queue, however long the peer takes."""
    pair = Pair(reactor)
    data = bytes(range(256)) * 40_000

    def write() -> None:
        pair.transport.write(data[:100])
        pair.transport.writeSequence([data[100:200], data[200:]])
        pair.transport.loseConnection()
        pair.transport.write(b"never")

    pair.do(write)
    assert read_all(pair.peer) == data
    wait_for(lambda: pair.protocol.lost, "the protocol to be told")
    assert pair.transport.fileno() == -1
    pair.peer.close()


def test_abort_resets_and_tells(reactor: Any) -> None:
    """abortConnection drops the queue; the peer sees a reset, the protocol a ConnectionAborted."""
    pair = Pair(reactor)
    pair.do(pair.transport.write, bytes(20_000_000))
    pair.do(pair.transport.abortConnection)
    with pytest.raises(ConnectionResetError):
        read_all(pair.peer)
    wait_for(lambda: pair.protocol.lost, "the protocol to be told")
    assert pair.protocol.lost.type.__name__ == "ConnectionAborted"
    pair.peer.close()


def test_a_fin_loses_a_plain_protocol_and_half_closes_another(reactor: Any) -> None:
    """A protocol that knows half closes goes on writing after the peer's FIN, and may send its own."""
    plain = Pair(reactor)
    plain.peer.shutdown(socket.SHUT_WR)
    wait_for(lambda: plain.protocol.lost, "the protocol to be told")
    assert plain.peer.recv(1) == b""
    plain.peer.close()
    pair = Pair(reactor, Halves)
    pair.peer.sendall(b"question")
    pair.peer.shutdown(socket.SHUT_WR)
    wait_for(lambda: "read" in pair.protocol.halves, "the FIN")  # type: ignore[attr-defined]
    assert pair.protocol.data == b"question" and pair.protocol.lost is None
    pair.do(pair.transport.write, b"answer")
    pair.do(pair.transport.loseWriteConnection)
    assert read_all(pair.peer) == b"answer"
    assert pair.protocol.halves == "read write "  # type: ignore[attr-defined]
    pair.do(pair.transport.loseConnection)
    wait_for(lambda: pair.protocol.lost, "the protocol to be told")
    pair.peer.close()


def test_a_reset_is_told_with_its_errno(reactor: Any) -> None:
    """The loss carries the operating system's error."""
    pair = Pair(reactor)
    reset(pair.peer)
    wait_for(lambda: pair.protocol.lost, "the protocol to be told")
    assert isinstance(pair.protocol.lost.value.args[0], ConnectionResetError)


def test_a_streaming_producer_is_paused_and_resumed(reactor: Any) -> None:
    """A producer is paused while the peer does not read, and resumed when the queue is empty."""
    pair = Pair(reactor)
    heard: list[str] = []
    resumed = threading.Event()

    class Producer:
        def pauseProducing(self) -> None:
            heard.append("pause")

        def resumeProducing(self) -> None:
            heard.append("resume")
            resumed.set()

        def stopProducing(self) -> None:
            heard.append("stop")

    def write() -> None:
        pair.transport.registerProducer(Producer(), True)
        pair.transport.write(bytes(20_000_000))

    pair.do(write)
    assert heard == ["pause"]
    left = 20_000_000
    while left:
        left -= len(pair.peer.recv(1 << 20))
    assert resumed.wait(PATIENCE) and heard == ["pause", "resume"]
    pair.do(pair.transport.unregisterProducer)
    pair.do(pair.transport.abortConnection)
    pair.peer.close()


def test_what_a_resumed_producer_sends_at_once_arrives(reactor: Any) -> None:
    """A producer that is resumed, and sends more than the kernel takes before it returns, is not forgotten."""
    pair = Pair(reactor)
    size = 20_000_000

    class Again:
        def pauseProducing(self) -> None:
            pass

        def resumeProducing(self) -> None:
            if not self.done:
                self.done = True
                pair.transport.write(bytes(size))

        def stopProducing(self) -> None:
            pass

        done = False

    def write() -> None:
        pair.transport.registerProducer(Again(), True)
        pair.transport.write(bytes(size))

    pair.do(write)
    left = 2 * size
    while left:
        left -= len(pair.peer.recv(1 << 20))
    pair.do(pair.transport.unregisterProducer)
    pair.do(pair.transport.abortConnection)
    pair.peer.close()


def test_a_pull_producer_is_asked_for_more(reactor: Any) -> None:
    """A pull producer writes once for each call, until it unregisters."""
    pair = Pair(reactor)

    class Three:
        left = 3

        def resumeProducing(self) -> None:
            self.left -= 1
            pair.transport.write(b"piece")
            if not self.left:
                pair.transport.unregisterProducer()
                pair.transport.loseConnection()

        def stopProducing(self) -> None:
            pass

    pair.do(pair.transport.registerProducer, Three(), False)
    assert read_all(pair.peer) == b"piece" * 3
    pair.peer.close()
