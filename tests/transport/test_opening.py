"""Connections to servers being made: each stage, each failure, giving up in each state; no network, a fake clock."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import EPOLLIN, EPOLLOUT
from typing import Any
from unittest import mock

import pytest
from twisted.internet.task import Clock

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.server import SourceAddress
from tcproxy.session.ends import LinkFailure
from tcproxy.transport.opening import (
    CONNECT,
    FirstWords,
    Opening,
    OpeningStage,
    Outgoing,
    ProxyHeaderStage,
    SocksTunnel,
    socket_name,
)
from tcproxy.transport.sources import SourceBinder
from tcproxy.transport.stream_socket import StreamSocket
from tcproxy.transport.transports import Poll

NAME = ("192.0.2.10", 80)
GRANTED = b"\0\x5a" + bytes(6)
REQUEST = b"\x04\x01\x00\x50\xc0\x00\x02\x0aHAProxy\0"


class FakeSocket:
    """A socket whose network is the test.

    answers: what connect() returns, one after the other; the last one again and again. inbox: what recv returns, or
    raises. room: bytes that send takes. sent, options, bound: what was done to it.
    """

    family = socket.AF_INET

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.inbox: list[bytes | OSError] = []
        self.room = 1 << 20
        self.sent = b""
        self.options: list[tuple[Any, ...]] = []
        self.bound: Any = None
        self.closed = False
        self.error = 0
        self.refuses: OSError | None = None

    def fileno(self) -> int:
        """Return some number."""
        return 7

    def connect_ex(self, name: Any) -> int:
        """Answer."""
        assert name == NAME
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def bind(self, name: Any) -> None:
        """Note it, or refuse."""
        if self.refuses is not None:
            raise self.refuses
        self.bound = name

    def setsockopt(self, *option: Any) -> None:
        """Note it."""
        self.options.append(option)

    def getsockopt(self, *option: Any) -> int:
        """Return the error that waits."""
        return self.error

    def recv(self, size: int) -> bytes:
        """Return what fits of the next piece."""
        if not self.inbox:
            raise BlockingIOError(errno.EAGAIN, "nothing yet")
        piece = self.inbox.pop(0)
        if isinstance(piece, OSError):
            raise piece
        if len(piece) > size:
            self.inbox.insert(0, piece[size:])
        return piece[:size]

    def send(self, data: bytes) -> int:
        """Take what there is room for."""
        if self.room < 0:
            raise BrokenPipeError(errno.EPIPE, "broken")
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        taken = data[: self.room]
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def getsockname(self) -> Any:
        """Return an address of ours."""
        return "192.0.2.1", 4000

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Loop(Poll):
    """A Poll whose events the test makes."""

    def __init__(self) -> None:
        self.clock = Clock()

    def watch(self, transport: Any, interest: int) -> None:
        """Note it."""
        transport.interest = interest

    def forget(self, transport: Any) -> None:
        """Note it."""
        transport.interest = 0

    def callLater(self, delay: float, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call later."""
        return self.clock.callLater(delay, call, *arguments)


class Asker:
    """Opens a connection over a fake socket, and notes what it is told."""

    def __init__(self, sock: FakeSocket, *stages: OpeningStage) -> None:
        self.sock = sock
        self.told: list[Any] = []
        self.loop = Loop()
        self.transport = StreamSocket(self.loop, sock, NAME)  # type: ignore[arg-type]
        self.opening = Opening(self.transport, stages, lambda: self.told.append("ready"), self.told.append)
        self.opening.start()

    def writable(self) -> None:
        """Let the loop say that the socket takes bytes."""
        assert self.transport.interest & EPOLLOUT
        self.transport.doWrite()

    def readable(self, *pieces: bytes | OSError) -> None:
        """Let the loop say that something is there."""
        self.sock.inbox += pieces
        assert self.transport.interest & EPOLLIN
        self.transport.doRead()

    def breaks(self, code: int) -> None:
        """Let the loop close the transport for an error."""
        self.sock.error = code
        self.transport.connectionLost(mock.Mock(value=None))

    @property
    def let_go(self) -> bool:
        """Nothing of the opening is left on the transport."""
        transport = self.transport
        return transport.protocol is None and transport.producer is None


@contextmanager
def sockets(*made: FakeSocket) -> Iterator[list[FakeSocket]]:
    """Let an Outgoing make these sockets, one after the other."""
    waiting = list(made)
    with mock.patch("tcproxy.transport.opening.socket.SocketType", lambda *_: waiting.pop(0)):
        yield waiting


def tunnel() -> SocksTunnel:
    """Return the stage that asks for a way to NAME."""
    return SocksTunnel(*NAME)


# stages


def test_without_a_stage_it_is_ready_at_once() -> None:
    """An opening of a connection that stands and wants nothing more."""
    asker = Asker(FakeSocket(errno.EISCONN))
    assert asker.told == ["ready"] and asker.let_go


def test_connecting_is_told_from_the_loop() -> None:
    """Writable, and connect() says that it stands."""
    asker = Asker(FakeSocket(errno.EISCONN), CONNECT)
    assert asker.told == [] and asker.transport.interest == EPOLLOUT
    asker.writable()
    assert asker.told == ["ready"] and asker.let_go and asker.transport.interest == 0


def test_an_event_of_the_socket_before_changes_nothing() -> None:
    """connect() says that it goes on: it is waited for further, and ends later."""
    asker = Asker(FakeSocket(errno.EALREADY, errno.EALREADY, errno.EISCONN), CONNECT)
    asker.writable()
    asker.writable()
    assert asker.told == []
    asker.writable()
    assert asker.told == ["ready"]


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ETIMEDOUT])
def test_connecting_fails(code: int) -> None:
    """The errno of connect() is told, once."""
    asker = Asker(FakeSocket(code), CONNECT, tunnel())
    asker.writable()
    assert asker.told == [code] and asker.let_go and asker.sock.sent == b""


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_tunnel_is_asked_for_and_nothing_behind_the_answer_is_read(cut: int) -> None:
    """SOCKS: the request goes out, the answer comes cut anywhere, and the server's first bytes stay."""
    asker = Asker(FakeSocket(errno.EISCONN), CONNECT, tunnel())
    asker.writable()
    assert asker.sock.sent == REQUEST and asker.told == []
    whole = GRANTED + b"welcome"
    asker.readable(whole[:cut])
    if asker.told == []:
        asker.readable(whole[cut:])
    else:
        asker.sock.inbox.append(whole[cut:])
    assert asker.told == ["ready"] and asker.let_go and asker.transport.interest == 0
    assert b"".join(piece for piece in asker.sock.inbox if isinstance(piece, bytes)) == b"welcome"


@pytest.mark.parametrize(
    ("piece", "code"),
    [
        (b"\0\x5b" + bytes(6), errno.ECONNREFUSED),
        (b"", errno.ECONNRESET),
        (ConnectionResetError(errno.ECONNRESET, "reset"), errno.ECONNRESET),
        (OSError(errno.EHOSTUNREACH, "no way"), errno.EHOSTUNREACH),
    ],
)
def test_a_tunnel_is_refused(piece: bytes | OSError, code: int) -> None:
    """A refusal, FIN and RST instead of the answer."""
    asker = Asker(FakeSocket(errno.EISCONN), tunnel())
    asker.readable(piece)
    assert asker.told == [code] and asker.let_go


def test_a_tunnel_waits_when_nothing_is_there_after_all() -> None:
    """A readable event without bytes."""
    asker = Asker(FakeSocket(errno.EISCONN), tunnel())
    asker.readable()
    assert asker.told == []
    asker.readable(GRANTED)
    assert asker.told == ["ready"]


def test_a_request_for_a_tunnel_that_does_not_fit_goes_on_later() -> None:
    """The rest is sent when there is room, which is then waited for no more."""
    sock = FakeSocket(errno.EISCONN)
    sock.room = 5
    asker = Asker(sock, tunnel())
    assert sock.sent == REQUEST[:5]
    sock.room = 100
    asker.writable()
    assert sock.sent == REQUEST and asker.transport.interest == EPOLLIN
    asker.readable(GRANTED)
    assert asker.told == ["ready"]


def test_a_tunnel_leads_to_ipv4_only() -> None:
    """SOCKS 4 has no IPv6: that is known before anything is done."""
    with pytest.raises(LinkFailure) as caught:
        SocksTunnel("2001:db8::1", 80)
    assert caught.value.errno == errno.EAFNOSUPPORT


def test_a_greeting_is_said_behind_the_tunnel() -> None:
    """All stages, in their order; the header is made for the transport."""
    seen: list[Any] = []

    def header(transport: StreamSocket) -> bytes:
        seen.append(transport.local_name())
        return b"PROXY UNKNOWN\r\n"

    asker = Asker(FakeSocket(errno.EISCONN), CONNECT, tunnel(), ProxyHeaderStage(header))
    asker.writable()
    assert seen == []
    asker.readable(GRANTED)
    assert asker.told == ["ready"] and seen == [("192.0.2.1", 4000)]
    assert asker.sock.sent == REQUEST + b"PROXY UNKNOWN\r\n"


def test_a_stage_serves_many_connections() -> None:
    """What a stage remembers of one connection is no part of it."""
    shared = tunnel()
    one, other = Asker(FakeSocket(errno.EISCONN), shared), Asker(FakeSocket(errno.EISCONN), shared)
    one.readable(GRANTED[:3])
    other.readable(GRANTED)
    one.readable(GRANTED[3:])
    assert one.told == other.told == ["ready"]


# the loop's own failures, and giving up

STATES: dict[str, tuple[Callable[[], tuple[OpeningStage, ...]], Callable[[Asker], None]]] = {
    "connecting": (lambda: (CONNECT,), lambda asker: None),
    "asking for the tunnel": (lambda: (CONNECT, tunnel()), lambda asker: asker.writable()),
    "half an answer": (lambda: (tunnel(),), lambda asker: asker.readable(GRANTED[:3])),
}


@pytest.mark.parametrize("state", STATES)
def test_the_loop_tells_of_an_error(state: str) -> None:
    """A transport that the loop closed is a failure with the socket's errno, in each state."""
    stages, reach = STATES[state]
    asker = Asker(FakeSocket(errno.EISCONN), *stages())
    reach(asker)
    asker.breaks(errno.ENETDOWN)
    assert asker.told == [errno.ENETDOWN] and asker.let_go and asker.sock.closed


@pytest.mark.parametrize("state", STATES)
def test_given_up_it_is_silent(state: str) -> None:
    """Who closes the transport is told nothing, in each state, whatever the loop still has to say."""
    stages, reach = STATES[state]
    asker = Asker(FakeSocket(errno.EISCONN), *stages())
    reach(asker)
    asker.transport.close(reset=True)
    assert asker.sock.closed and asker.transport.interest == 0 and asker.let_go
    asker.transport.doRead()
    asker.transport.connectionLost(mock.Mock(value=None))
    asker.loop.clock.advance(1)
    assert asker.told == []


def test_a_request_that_cannot_be_sent_fails_from_the_loop() -> None:
    """The loss is told after the call that met it, and once."""
    sock = FakeSocket(errno.EISCONN)
    sock.room = -1
    asker = Asker(sock, tunnel())
    assert asker.told == []
    asker.loop.clock.advance(0)
    assert asker.told == [errno.EPIPE] and sock.closed


def test_the_owner_may_close_it_when_it_is_told() -> None:
    """`ready` and `failed` may close the transport."""
    for code in (errno.EISCONN, errno.ECONNREFUSED):
        sock = FakeSocket(code)
        transport = StreamSocket(Loop(), sock, NAME)  # type: ignore[arg-type]
        told: list[object] = []

        def close(code: object = "ready", transport: StreamSocket = transport, told: list[object] = told) -> None:
            told.append(code)
            transport.close()

        Opening(transport, [CONNECT], close, close).start()
        transport.doWrite()
        assert len(told) == 1 and sock.closed


# sockets that connect


def test_the_first_question_is_asked_once_more() -> None:
    """A near network answers at once, and no turn of the loop is spent on it."""
    with sockets(FakeSocket(errno.EINPROGRESS, errno.EISCONN), FakeSocket(errno.EINPROGRESS, errno.EALREADY)):
        near, stands = Outgoing(Loop()).begin(socket.AF_INET, NAME)
        assert stands and near.remote == NAME
        assert not Outgoing(Loop()).begin(socket.AF_INET, NAME)[1]


class Words(FirstWords):
    """What a client has said already."""

    def __init__(self, held: bytes) -> None:
        self.held = held
        self.last_progress = 0.0


def test_first_words_are_the_question() -> None:
    """What is sent says that the connection stands; what did not fit is kept."""
    sock, words = FakeSocket(errno.EINPROGRESS), Words(b"hello")
    sock.room = 3
    with sockets(sock):
        assert Outgoing(Loop()).begin(socket.AF_INET, NAME, first=words)[1]
    assert sock.sent == b"hel" and words.held == b"lo" and words.last_progress > 0


def test_first_words_wait_for_a_connection_that_does_not_stand() -> None:
    """Nothing is lost then."""
    sock, words = FakeSocket(errno.EINPROGRESS), Words(b"hello")
    sock.room = 0
    with sockets(sock):
        assert not Outgoing(Loop()).begin(socket.AF_INET, NAME, first=words)[1]
    assert words.held == b"hello" and words.last_progress == 0


@pytest.mark.parametrize(
    ("answers", "resource", "answered", "code"),
    [
        ((errno.ECONNREFUSED,), False, False, errno.ECONNREFUSED),
        ((errno.EINPROGRESS, errno.ECONNREFUSED), False, True, errno.ECONNREFUSED),
        ((errno.EADDRNOTAVAIL,), True, False, errno.EADDRNOTAVAIL),
        ((errno.ENETUNREACH,), False, False, errno.ENETUNREACH),
        ((errno.ENOBUFS,), True, False, errno.ENOBUFS),
    ],
)
def test_failures_at_once(answers: tuple[int, ...], resource: bool, answered: bool, code: int) -> None:
    """What connect() says at once is raised, with whether the other side or a want of ours is the cause."""
    sock = FakeSocket(*answers)
    with sockets(sock), pytest.raises(LinkFailure) as caught:
        Outgoing(Loop()).begin(socket.AF_INET, NAME, noting=True)
    failure = caught.value
    assert (failure.errno, failure.resource, failure.answered) == (code, resource, answered)
    assert failure.remote == NAME and failure.local == (("192.0.2.1", 4000) if answered else None)
    assert sock.closed


def test_no_socket() -> None:
    """Descriptors have run out."""
    with (
        mock.patch("tcproxy.transport.opening.socket.SocketType", side_effect=OSError(errno.EMFILE, "too many")),
        pytest.raises(LinkFailure) as caught,
    ):
        Outgoing(Loop()).begin(socket.AF_INET, NAME)
    assert caught.value.resource and caught.value.errno == errno.EMFILE


def test_options_are_set_before_connecting() -> None:
    """Those of every connection, and one more of this one."""
    def option(number: int) -> Callable[[Any], None]:
        return lambda sock: sock.setsockopt(number, number, number)

    sock = FakeSocket(errno.EISCONN)
    with sockets(sock):
        Outgoing(Loop(), [option(1), option(2)]).begin(socket.AF_INET, NAME, also=option(3))
    assert sock.options == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def ranged() -> SourceBinder:
    """Return the source of a single port that is lent."""
    binder = SourceBinder(SourceAddress(Address(Family.INET, "127.0.0.9", 4000, 4001)))
    assert binder.ports is not None
    binder.ports.take()
    return binder


def test_a_source_port_comes_back_when_the_transport_is_closed() -> None:
    """Whoever closes it, and once."""
    binder = ranged()
    with sockets(FakeSocket(errno.EISCONN), FakeSocket(errno.EISCONN), FakeSocket(errno.EISCONN)):
        outgoing = Outgoing(Loop(), binder=binder)
        transport, _ = outgoing.begin(socket.AF_INET, NAME)
        with pytest.raises(LinkFailure, match="no free ports") as caught:
            outgoing.begin(socket.AF_INET, NAME)
        assert caught.value.resource
        transport.close()
        transport.close()
        assert outgoing.begin(socket.AF_INET, NAME)[0].socket.bound == ("127.0.0.9", 4001)  # type: ignore[attr-defined]


@pytest.mark.parametrize("failing", [FakeSocket(errno.ECONNREFUSED), FakeSocket(errno.EINPROGRESS, errno.ECONNRESET)])
def test_a_source_port_comes_back_from_a_failure(failing: FakeSocket) -> None:
    """A connection that was refused has lent nothing."""
    with sockets(failing, FakeSocket(errno.EISCONN)):
        outgoing = Outgoing(Loop(), binder=ranged())
        with pytest.raises(LinkFailure):
            outgoing.begin(socket.AF_INET, NAME)
        assert outgoing.begin(socket.AF_INET, NAME)[1]


def test_a_source_that_is_not_ours() -> None:
    """bind() refuses: that is a failure without a question to the server."""
    sock = FakeSocket(errno.EISCONN)
    sock.refuses = OSError(errno.EADDRNOTAVAIL, "not here")
    with sockets(sock), pytest.raises(LinkFailure) as caught:
        Outgoing(Loop(), binder=ranged()).begin(socket.AF_INET, NAME)
    assert (caught.value.errno, caught.value.answered, sock.closed) == (errno.EADDRNOTAVAIL, False, True)


def test_a_pair_that_is_no_socket() -> None:
    """A descriptor that cannot carry others is a failure, not an exception of another kind."""
    with pytest.raises(LinkFailure):
        Outgoing(Loop()).pair(-1)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address(Family.INET, "192.0.2.1"), (socket.AF_INET, ("192.0.2.1", 9))),
        (Address(Family.INET6, "2001:db8::1"), (socket.AF_INET6, ("2001:db8::1", 9))),
        (Address(Family.UNIX, "/run/a"), (socket.AF_UNIX, "/run/a")),
    ],
)
def test_names_of_addresses(address: Address, expected: tuple[int, Any]) -> None:
    """The family of a socket, and what it connects to."""
    assert socket_name(address, 9) == expected
