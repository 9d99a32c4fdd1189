"""Opens connections to servers: source address, connect, SOCKS 4, PROXY header; later TLS.

Links of sessions (server_links.py) and health checks (dial.py) use it; peers, resolvers and agents will. An Outgoing
makes a socket that connects. An Opening takes it through the stages that follow, and calls one of two callbacks at the
end. Time limits, and what a failure means, are the caller's.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Protocol

from twisted.python.failure import Failure

from tcproxy.grammar.addresses import Address, Family, abstract_name
from tcproxy.session.ends import LinkFailure
from tcproxy.transport.pairs import connect_pair
from tcproxy.transport.socket_options import Tune
from tcproxy.transport.sources import NO_PORTS, SourceBinder
from tcproxy.transport.stream_socket import AGAIN, StreamSocket, errno_of, nothing, pair_of
from tcproxy.transport.transports import Poll
from tcproxy.wire.socks4 import REPLY, SocksRefused, SocksReplyParser, encode_request

STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
IN_PROGRESS, STANDS = errno.EINPROGRESS, errno.EISCONN
PENDING = (IN_PROGRESS, errno.EALREADY)
NO_PORT_LEFT = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAGAIN)
OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NO_PLACE = "can't connect to destination unix socket, check backlog size on the server side"
"""In HAProxy's words, which monitoring may look for."""


class FirstWords(Protocol):
    """A client's end, whose bytes may go to the server before the session knows of the connection.

    held: the bytes that are left to send. last_progress: monotonic seconds of the last progress.
    """

    held: bytes
    last_progress: float


class Outgoing:
    """Makes sockets that connect to one server.

    tunes: what is set on each new socket. binder: gives it a source address, None for any.
    """

    __slots__ = ("binder", "poll", "tunes")

    def __init__(self, poll: Poll, tunes: Sequence[Tune] = (), binder: SourceBinder | None = None) -> None:
        self.poll = poll
        self.tunes = tunes
        self.binder = binder

    def begin(
        self, family: int, name: Any, client: tuple[str, int] | None = None, first: FirstWords | None = None,
        also: Tune | None = None, noting: bool = False,
    ) -> tuple[StreamSocket, bool]:  # fmt: skip
        """Begin to connect; return the transport, and whether its connection stands already. Raises LinkFailure.

        family, name: of the socket to connect to. client: the address that `source` presents as its own, if it does.
        first: sent as soon as the connection may stand. also: one thing more to set on this socket.
        noting: a failure names our own address.
        """
        try:
            sock = socket.SocketType(family, STREAM, 0)
        except OSError as error:
            raise LinkFailure(error.errno or 0, str(error.strerror), resource=True) from error
        port, answered, local = 0, False, None
        try:
            for tune in self.tunes:
                tune(sock)
            if also is not None:
                also(sock)
            if self.binder is not None:
                port = self.binder.bind(sock, client)
            code = sock.connect_ex(name)
            if code == IN_PROGRESS:
                answered = True
                if noting:
                    local = pair_of(sock.getsockname())
                # on a near network the connection stands by now: asking again saves a turn of the loop
                code = sock.connect_ex(name) if first is None else _say(first, sock)
        except OSError as error:
            self._give_up(sock, port)
            raise _failure(error.errno or 0) from error
        except LinkFailure:
            sock.close()
            raise
        standing = not code or code == STANDS
        if not standing and code not in PENDING:
            self._give_up(sock, port)
            failure = _failure(code, answered, family)
            failure.local, failure.remote = local, pair_of(name)
            raise failure
        transport = StreamSocket(self.poll, sock, name)
        if port:
            assert self.binder is not None
            transport.lent = partial(self.binder.release, port)
        return transport, standing

    def pair(self, number: int) -> StreamSocket:
        """Return a connection made through descriptor `number` (`sockpair@`); it stands. Raises LinkFailure."""
        try:
            return StreamSocket(self.poll, connect_pair(number), "")
        except OSError as error:
            raise _failure(error.errno or 0) from error

    def _give_up(self, sock: socket.SocketType, port: int) -> None:
        sock.close()
        if self.binder is not None:
            self.binder.release(port)


def _say(first: FirstWords, sock: socket.SocketType) -> int:
    """Send the first bytes instead of calling connect() again; return what connect() would return."""
    try:
        sent = sock.send(first.held)
    except OSError as error:
        return IN_PROGRESS if error.errno in AGAIN else error.errno or 0
    first.held = first.held[sent:]
    first.last_progress = monotonic()
    return STANDS


def _failure(code: int, answered: bool = False, family: int = socket.AF_INET) -> LinkFailure:
    if code in NO_PORT_LEFT and not answered:
        return LinkFailure(code, NO_PORTS if family != socket.AF_UNIX else NO_PLACE, resource=True)
    return LinkFailure(code, errno.errorcode.get(code, str(code)), code in OUT_OF_RESOURCES, answered)


def socket_name(address: Address, port: int) -> tuple[int, Any]:
    """Return the family of a socket that connects to a numeric address, and the name to connect to."""
    if address.family is Family.UNIX:
        return int(socket.AF_UNIX), address.host
    if address.family is Family.ABNS:
        return int(socket.AF_UNIX), abstract_name(address.host)
    return int(socket.AF_INET6 if ":" in address.host else socket.AF_INET), (address.host, port)


# stages


class OpeningStage:
    """One thing that is done on a new connection before the next.

    It begins at `start`, and ends by `opening.advance()` or `opening.fail(errno)`. One stage may serve many
    connections: what it has to remember of one of them stands in `opening.memory`.
    """

    __slots__ = ()

    def start(self, opening: Opening) -> None:
        """Begin."""
        raise NotImplementedError

    def writable(self, opening: Opening) -> None:
        """The socket takes bytes, and everything queued is sent."""
        opening.transport.stopWriting()

    def readable(self, opening: Opening) -> None:
        """There is something to read; called only after `startReading`."""


class Connecting(OpeningStage):
    """Waits for the connection. A connection that stands already is told from the loop."""

    __slots__ = ()

    def start(self, opening: Opening) -> None:
        """Wait until the socket is writable, which is how connect() ends."""
        opening.transport.startWriting()

    def writable(self, opening: Opening) -> None:
        """Go on when the connection stands; fail with its errno."""
        code = outcome(opening.transport)
        if code is None:
            return
        opening.transport.stopWriting()
        if code:
            opening.fail(code)
        else:
            opening.advance()


def outcome(transport: StreamSocket) -> int | None:
    """Return how connecting ended: 0 it stands, an errno it failed, None it goes on.

    Asked by another connect(): a writable socket alone may be an event of one that had the number before.
    """
    if not transport.remote:
        return 0
    code = transport.socket.connect_ex(transport.remote)
    if code == errno.EALREADY:
        return None
    return 0 if code == STANDS else code


class SocksTunnel(OpeningStage):
    """Asks a SOCKS 4 server for a tunnel to an IPv4 address. Raises LinkFailure for another address."""

    __slots__ = ("request",)

    def __init__(self, host: str, port: int) -> None:
        try:
            self.request = encode_request(host, port)
        except SocksRefused as refused:
            raise LinkFailure(errno.EAFNOSUPPORT, str(refused)) from refused

    def start(self, opening: Opening) -> None:
        """Send the request, and wait for the answer."""
        opening.memory = SocksReplyParser(), REPLY
        opening.transport.write(self.request)
        opening.transport.startReading()

    def readable(self, opening: Opening) -> None:
        """Read the answer, and not a byte of what comes behind it."""
        reply, left = opening.memory
        try:
            data = opening.transport.recv(left)
            done = reply.feed(data)
        except SocksRefused:
            opening.fail(errno.ECONNREFUSED)
            return
        except OSError as error:
            if error.errno not in AGAIN:
                opening.fail(error.errno or 0)
            return
        if not data:
            opening.fail(errno.ECONNRESET)
        elif done:
            opening.transport.stopReading()
            opening.advance()
        else:
            opening.memory = reply, left - len(data)


class ProxyHeaderStage(OpeningStage):
    """Says first what the server expects: a PROXY header, which `header` makes for the transport."""

    __slots__ = ("header",)

    def __init__(self, header: Callable[[StreamSocket], bytes]) -> None:
        self.header = header

    def start(self, opening: Opening) -> None:
        """Send it; there is no answer to wait for."""
        opening.transport.write(self.header(opening.transport))
        opening.advance()


CONNECT = Connecting()


class Opening:
    """One connection that is being made: it goes through its stages, then calls `ready()`, or `failed(errno)` once.

    An exception in a stage, or behind it in `ready` or `failed`, goes to `crashed`, where there is one.
    Until then it is the transport's protocol and its producer, which is what a writable socket calls. Behind `ready`
    the transport is the caller's: nobody reads from it, and it has no protocol. Behind `failed` it is to be closed.
    To give up, close the transport: nobody is told then.
    """

    __slots__ = ("_crashed", "_failed", "_ready", "_stages", "memory", "stage", "transport")

    def __init__(
        self, transport: StreamSocket, stages: Iterable[OpeningStage],
        ready: Callable[[], None], failed: Callable[[int], None],
        crashed: Callable[[Exception], None] | None = None,
    ) -> None:  # fmt: skip
        self.transport = transport
        self.stage: OpeningStage | None = None
        self.memory: Any = None
        self._stages = iter(stages)
        self._ready = ready
        self._failed = failed
        self._crashed = crashed

    def start(self) -> None:
        """Begin with the first stage. May call `ready` or `failed` before it returns."""
        transport = self.transport
        transport.protocol = transport.producer = self
        transport.streaming = False  # it stays writable for as long as a stage waits for that
        transport.doRead = self.read
        self.advance()

    def advance(self) -> None:
        """A stage is done: begin the next; behind the last the connection is ready."""
        self.memory = None
        self.stage = stage = next(self._stages, None)
        if stage is not None:
            stage.start(self)
        else:
            self._let_go()
            self._ready()

    def fail(self, code: int) -> None:
        """A stage failed with this errno: that is the end."""
        self._let_go()
        self._failed(code)

    def _let_go(self) -> None:
        transport = self.transport
        self.stage = None
        if transport.protocol is self:
            transport.protocol = transport.producer = None
            transport.doRead = nothing

    # what the transport tells

    def read(self) -> None:
        """The socket is readable."""
        try:
            if self.stage is not None:
                self.stage.readable(self)
        except Exception as error:
            self._crash(error)

    def resumeProducing(self) -> None:
        """The socket is writable."""
        try:
            if self.stage is not None:
                self.stage.writable(self)
        except Exception as error:
            self._crash(error)

    def _crash(self, error: Exception) -> None:
        self._let_go()
        if self._crashed is None:
            raise error
        self._crashed(error)

    def pauseProducing(self) -> None:
        """Nothing to do: a stage sends a few bytes and waits for their answer."""

    def stopProducing(self) -> None:
        """Nothing to do: `connectionLost` tells of the loss."""

    def connectionLost(self, reason: Failure) -> None:
        """The loop closed the transport, because of an error."""
        try:
            if self.stage is not None:
                self.fail(errno_of(reason) or errno.ECONNREFUSED)
        except Exception as error:
            self._crash(error)
