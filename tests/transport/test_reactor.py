"""The reactor: stock behaviour on a shorter way."""

from __future__ import annotations

import socket
import threading
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from time import monotonic, time
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorFDSet, IReactorTCP, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tcproxy.transport.reactor import DirectTransport, Reactor, _dispatch
from tcproxy.transport.stream_socket import StreamSocket
from tcproxy.transport.transports import poll_of
from tests.running import PATIENCE
from tests.transport.running import connect, running, wait_for, within


def test_it_provides_what_the_stock_one_does() -> None:
    """All interfaces that applications ask a reactor for."""
    reactor = Reactor()
    for interface in (IReactorTCP, IReactorTime, IReactorFDSet):
        assert verifyObject(interface, reactor)


def test_delayed_calls_come_in_order_and_may_be_cancelled() -> None:
    """callLater, cancel and reset work, from within calls too."""
    with running() as reactor:
        heard: list[int] = []
        done = threading.Event()

        def arrange() -> None:
            # what a stall could turn around is half a minute apart
            sooner = reactor.callLater(PATIENCE, heard.append, 3)
            later = reactor.callLater(0.01, heard.append, 2)
            later.reset(0.04)
            reactor.callLater(0.02, heard.append, 1)
            reactor.callLater(0.02, reactor.callLater(PATIENCE, heard.append, 99).cancel)
            reactor.callLater(0.06, sooner.reset, 0)
            reactor.callLater(0.06, reactor.callLater, 0.01, done.set)

        within(reactor, arrange)
        assert done.wait(PATIENCE)
        assert heard == [1, 2, 3]


def test_calls_at_the_end_of_a_turn() -> None:
    """Such a call is made before the reactor waits again, behind all that the turn has yet to do."""
    with running() as reactor:
        heard: list[str] = []

        def turn() -> None:
            reactor.at_end_of_turn(lambda: heard.append("end"))
            heard.append("turn")

        within(reactor, turn)
        wait_for(lambda: heard == ["turn", "end"])


def test_seconds_never_jump_and_look_like_the_wall_clock() -> None:
    """Timers follow monotonic time; dates made of it are right."""
    reactor = Reactor()
    assert abs(reactor.seconds() - time()) < 1
    begin, one = monotonic(), reactor.seconds()
    two, end = reactor.seconds(), monotonic()
    # a sum with the seconds since 1970 is exact to a microsecond
    assert 0 <= two - one <= end - begin + 1e-6


def test_stock_protocols_work_on_it() -> None:
    """listenTCP and connectTCP of Twisted go their usual way."""

    class Echo(Protocol):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(data)

    with running() as reactor:
        port = within(reactor, reactor.listenTCP, 0, Factory.forProtocol(Echo), 50, "127.0.0.1")
        with connect(("127.0.0.1", port.getHost().port)) as client:
            client.sendall(b"hello")
            assert client.recv(10) == b"hello"
        within(reactor, port.stopListening)


class Failing(Protocol):
    """Raises at the first byte."""

    lost: Any = None

    def dataReceived(self, data: bytes) -> None:
        """Fail."""
        raise ValueError("a fault of the protocol's own")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note it."""
        self.lost = reason


def test_a_protocol_that_raises_loses_its_connection_only() -> None:
    """The error is logged, that transport is closed and told, and everything else goes on."""
    logged: list[Any] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        with running() as reactor:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            protocol = Failing()

            def stand() -> None:
                transport = StreamSocket(poll_of(reactor), ours)
                transport.protocol = protocol
                protocol.makeConnection(transport)
                transport.startReading()

            within(reactor, stand)
            theirs.sendall(b"x")
            wait_for(lambda: protocol.lost, "the protocol to be told")
            assert theirs.recv(1) == b""
            assert within(reactor, lambda: "still there") == "still there"
            theirs.close()
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert any("log_failure" in event and event["log_failure"].check(ValueError) for event in logged)


def test_readers_and_writers_are_listed_and_removed() -> None:
    """Transports of ours stand in getReaders and getWriters, and removeAll returns them."""
    with running() as reactor:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)

        def look() -> tuple[bool, bool, bool]:
            transport = StreamSocket(poll_of(reactor), ours)
            transport.startReading()
            listed = transport in reactor.getReaders(), transport in reactor.getWriters()
            transport.startWriting()
            both = transport in reactor.getReaders() and transport in reactor.getWriters()
            transport.close()
            return *listed, both

        assert within(reactor, look) == (True, False, True)
        theirs.close()


def test_an_event_is_not_given_to_the_next_owner_of_its_number() -> None:
    """A descriptor that is closed and used anew while events are at hand hears nothing of its predecessor's."""
    reactor = Reactor()
    poll = poll_of(reactor)
    pairs = [socket.socketpair() for _ in range(2)]
    heard: list[str] = []
    made: list[Any] = []

    def replace() -> None:
        """Close the other transport, whose event is at hand, and take its number."""
        victim = transports[1 - transports.index(reading[0])]
        number = victim.fd
        victim.close()
        ours, theirs = socket.socketpair()
        assert number in (ours.fileno(), theirs.fileno())
        newcomer = StreamSocket(poll, ours if ours.fileno() == number else theirs)
        newcomer.doRead = lambda: heard.append("newcomer")
        newcomer.startReading()
        made.extend((ours, theirs, newcomer))

    transports, reading = [], []
    for ours, theirs in pairs:
        transport = StreamSocket(poll, ours)

        def first(transport: StreamSocket = transport) -> None:
            heard.append("first")
            transport.stopReading()
            reading.append(transport)
            replace()

        transport.doRead = first
        transport.startReading()
        transports.append(transport)
        theirs.sendall(b"x")
    reactor.doPoll(1)
    assert heard == ["first"]
    for one in (*made[:2], *(end for pair in pairs for end in pair)):
        one.close()


class Half(DirectTransport):
    """A transport that reads and has something to write; `done` tells in which order it was called."""

    def __init__(self) -> None:
        self.fd, self.interest = 3, EPOLLIN | EPOLLOUT
        self.done: list[str] = []

    def doRead(self) -> None:
        """Note it."""
        self.done.append("read")

    def doWrite(self) -> None:
        """Note it."""
        self.done.append("write")

    def connectionLost(self, reason: Failure) -> None:
        """Note it."""
        self.done.append("lost")


@pytest.mark.parametrize(
    ("event", "done"),
    [
        (EPOLLIN | EPOLLOUT, ["write", "read"]),
        (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP, ["read"]),
        (EPOLLIN | EPOLLOUT | EPOLLHUP, ["read"]),
        (EPOLLERR, ["read"]),
    ],
)
def test_what_came_before_a_reset_is_read(event: int, done: list[str]) -> None:
    """An error is left to the reading, since a write would fail and close what is still to be read."""
    transport = Half()
    _dispatch(transport, event)
    assert transport.done == done


def test_a_writer_that_does_not_read_finds_the_error() -> None:
    """A transport that only waits to write is told of an error by that."""
    transport = Half()
    transport.interest = EPOLLOUT
    _dispatch(transport, EPOLLERR | EPOLLHUP)
    assert transport.done == ["write"]
