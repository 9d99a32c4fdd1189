"""The connections of health checks."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from tcproxy.grammar.addresses import Address
from tcproxy.health.dialling import CheckEvents, CheckTarget
from tcproxy.transport.dial import CheckDial
from tcproxy.wire.proxy_protocol import ProxyHeaderParser
from tests.running import free_port
from tests.transport.running import REACTORS, accept, inet, listener, read_all, running, wait_for, within


class Events(CheckEvents):
    """Notes what happens."""

    def __init__(self, say: bytes = b"") -> None:
        self.say = say
        self.heard: list[Any] = []
        self.data = b""

    def connected(self, write: Callable[[bytes], None]) -> None:
        """Speak."""
        self.heard.append("connected")
        write(self.say)

    def received(self, data: bytes) -> None:
        """Listen."""
        self.data += data

    def ended(self) -> None:
        """Note it."""
        self.heard.append("ended")

    def failed(self, errno: int) -> None:
        """Note it."""
        self.heard.append(errno)


def dial(reactor: Any, address: Address, events: Events, **more: Any) -> Any:
    """Connect in the reactor's thread."""
    return within(reactor, CheckDial(reactor), CheckTarget(address, **more), events)


@pytest.mark.parametrize("name", REACTORS)
def test_a_conversation(name: str) -> None:
    """The check speaks, hears, and is told of the end."""
    with running(name) as reactor, listener() as server:
        events = Events(b"ping")
        dial(reactor, inet(server.getsockname()[1]), events)
        with accept(server) as link:
            assert link.recv(10) == b"ping"
            link.sendall(b"pong")
        wait_for(lambda: events.heard == ["connected", "ended"], "the end")
        assert events.data == b"pong"


@pytest.mark.parametrize("name", REACTORS)
def test_a_refusal(name: str) -> None:
    """A closed port is told with its errno."""
    with running(name) as reactor:
        events = Events()
        dial(reactor, inet(free_port()), events)
        wait_for(lambda: events.heard, "the failure")
        assert events.heard == [errno.ECONNREFUSED]


def test_an_address_that_cannot_be_used_fails_at_once() -> None:
    """`failed` is told before the call returns."""
    with running() as reactor:
        events = Events()
        dial(reactor, inet(80, "255.255.255.255"), events)
        assert len(events.heard) == 1 and isinstance(events.heard[0], int)


@pytest.mark.parametrize("version", [1, 2])
def test_a_proxy_header_for_oneself(version: int) -> None:
    """check-send-proxy speaks for the proxy itself: LOCAL, or in version 1, which has no word for that, its address."""
    with running() as reactor, listener() as server:
        events = Events(b"hello")
        connection = dial(reactor, inet(server.getsockname()[1]), events, send_proxy=version)
        with accept(server) as link:
            parser = ProxyHeaderParser()
            data = b""
            while not data.endswith(b"hello"):
                data += link.recv(200)
            header = parser.feed(data)
            assert header is not None and header.version == version
            assert header.source == (link.getpeername() if version == 1 else None)
            within(reactor, connection.cancel)


def test_cancelled_it_resets_and_is_silent() -> None:
    """No TIME_WAIT is left behind, and no event follows."""
    with running() as reactor, listener() as server:
        events = Events()
        connection = dial(reactor, inet(server.getsockname()[1]), events)
        with accept(server) as link:
            wait_for(lambda: events.heard, "the connection")
            within(reactor, connection.cancel)
            with pytest.raises(ConnectionResetError):
                read_all(link)
        assert events.heard == ["connected"]


def test_through_socks() -> None:
    """The tunnel is asked for first; what comes behind the answer is the server's."""
    with running() as reactor, listener() as server:
        events = Events(b"ping")
        dial(reactor, inet(7, "192.0.2.1"), events, socks4=inet(server.getsockname()[1]))
        with accept(server) as link:
            assert link.recv(100).startswith(b"\x04\x01\x00\x07\xc0\x00\x02\x01")
            link.sendall(b"\0\x5a" + bytes(6) + b"early")
            assert link.recv(10) == b"ping"
        wait_for(lambda: events.heard == ["connected", "ended"], "the end")
        assert events.data == b"early"


@pytest.mark.parametrize("name", REACTORS)
def test_a_check_that_only_connects_is_never_accepted(name: str) -> None:
    """The handshake is not completed: a reset follows the server's SYN-ACK, and its application sees nothing."""
    with running(name) as reactor, listener() as server:
        events = Events()
        connection: list[Any] = []

        def over(write: Callable[[bytes], None]) -> None:
            events.heard.append("connected")
            connection[0].cancel()

        events.connected = over  # type: ignore[method-assign]
        target = CheckTarget(inet(server.getsockname()[1]))
        within(reactor, lambda: connection.append(CheckDial(reactor)(target, events)))
        wait_for(lambda: events.heard, "the connection")
        within(reactor, lambda: None)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
        assert events.heard == ["connected"]


def test_a_check_that_waits_for_the_server_completes_the_handshake() -> None:
    """A server that speaks first is let know at once that the connection stands."""
    with running() as reactor, listener() as server:
        events = Silent()
        connection = dial(reactor, inet(server.getsockname()[1]), events)
        wait_for(lambda: events.heard, "the connection")
        within(reactor, lambda: None)
        server.setblocking(False)
        server.accept()[0].close()
        within(reactor, connection.cancel)


class Silent(Events):
    """Waits for the server's word."""

    def connected(self, write: Callable[[bytes], None]) -> None:
        """Say nothing."""
        self.heard.append("connected")
