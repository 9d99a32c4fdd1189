"""Listeners: accept clients in batches, and stop while a limit is reached, a pause lasts, or for good.

How a listening socket is made stands in binding.py; what becomes of a client, in session. A Listener is an
IListeningPort over any reactor with IReactorFDSet.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import partial
from select import EPOLLIN
from typing import Any

from twisted.internet import defer
from twisted.internet.interfaces import IListeningPort, IReadDescriptor
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from tcproxy.grammar.addresses import Family
from tcproxy.session.frontend import Entrance
from tcproxy.session.session import Session
from tcproxy.transport.binding import describe
from tcproxy.transport.pairs import accept_pair
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.relay import BUFFER_SIZE, End
from tcproxy.transport.sockets import StreamSocket, poll_of, twisted_address

MOST_AT_ONCE = 64
"""Clients accepted in one wake-up, at the most, so that those already here are not forgotten."""
SHORT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
BREATH = 0.1
"""Seconds without accepting after descriptors ran out."""

STREAM = int(socket.SOCK_STREAM)

_log = Logger()


class FrontendFactory(ServerFactory):
    """Makes the session of each client of one entrance of a frontend.

    limit: bytes a direction may hold (tune.bufsize). pipes: where relays borrow pipes, None for no splicing.
    """

    noisy = False

    def __init__(self, entrance: Entrance, limit: int = BUFFER_SIZE, pipes: PipePool | None = None) -> None:
        self.entrance = entrance
        self.limit = limit
        self.pipes = pipes
        self.codec: Any = None
        self.upgrade: Any = None
        if entrance.frontend.model.mode == "http":
            from tcproxy.transport.http1 import adjusted

            self.codec, self.new_http_end = adjusted.client_of(entrance.frontend)

    def buildProtocol(self, addr: Any) -> Any:
        """Return the client's end of a new session, which begins when the connection is made."""
        if self.codec is not None:
            return self.new_http_end(self)
        return ClientEnd(Session(self.entrance), self.limit, self.pipes)

    def new_http_client(self, session: Any) -> Any:
        """Return the HTTP end of a client that came in TCP mode."""
        if self.upgrade is None:
            from tcproxy.transport.http1 import adjusted

            self.upgrade = adjusted.upgrade_of(self.entrance.frontend)
        codec, kind = self.upgrade
        return kind(session, self.limit, self.pipes, codec)


class ClientEnd(End):
    """The end that begins its session when its connection is made."""

    __slots__ = ()

    def makeConnection(self, transport: Any) -> None:
        """Stand on this transport and let the session begin."""
        # as every end does, without the call
        self.transport = transport
        self.recv = transport.socket.recv
        transport.protocol = self
        transport.doRead = self.hold
        self.connected = True
        self.session.begin(self)

    def speak_http(self) -> None:
        """Let an end of messages take this one's place, with what was read, and an HTTP session its session's."""
        from tcproxy.session.http.upgrade import UpgradedSession

        old = self.session
        session = UpgradedSession(old)
        end = old.entrance.listener.factory.new_http_client(session)
        end.take_over(self)
        old.client = end
        self.session = None
        session.go_on(end)


@implementer(IListeningPort, IReadDescriptor)
class Listener:
    """One listening socket.

    fd, interest: for the reactor. state: "idle" before the start, "open", "full" at a limit, "paused", or "closed".
    tune: what is done to each accepted connection besides making it non-blocking, None for nothing.
    most: clients accepted in one wake-up, at the most (`tune.maxaccept`).
    """

    def __init__(
        self,
        reactor: Any,
        sock: socket.socket,
        factory: FrontendFactory,
        tune: Callable[[socket.SocketType], None] | None = None,
        path: str = "",
        most: int = MOST_AT_ONCE,
    ) -> None:
        self.poll = poll_of(reactor)
        self.socket = sock
        self.fd = sock.fileno()
        self.interest = 0
        self.factory = factory
        self.entrance = factory.entrance
        self.entrance.listener = self
        self.tune = tune
        self.path = path
        self.state = "idle"
        self.most = most
        self._accept: Callable[[], tuple[int, Any]] = sock._accept  # type: ignore[attr-defined]
        self._pair = self.entrance.bind.address.family is Family.SOCKPAIR
        if self._pair:
            self._accept = partial(accept_pair, sock)
        self._batch = 1
        self._turns = 0
        self._family, self._proto = int(sock.family), sock.proto

    # life

    def startListening(self) -> None:
        """Begin to accept."""
        if self.state in ("idle", "paused"):
            self.state = "open"
            self.poll.watch(self, EPOLLIN)

    def pause(self) -> None:
        """Stop accepting and leave the queue of connections to others (SIGTTOU).

        A UNIX socket goes on, as HAProxy's does: one that is shut never listens again, and no other process needs it.
        """
        if self._family == socket.AF_UNIX and not self._pair:
            return
        if self.state in ("open", "full"):
            self.poll.watch(self, 0)
            self.state = "paused"
            if self._pair:
                return  # what comes through the pair waits there
            try:
                # as HAProxy does: a TCP listener that is shut is closed to clients, and listens again later
                self.socket.shutdown(socket.SHUT_RD)
            except OSError:
                pass

    def resume(self, backlog: int = 0) -> None:
        """Accept again (SIGTTIN). Raises OSError when another process has taken the address."""
        if self.state == "paused":
            if not self._pair:
                self.socket.listen(backlog or self.entrance.bind.backlog or socket.SOMAXCONN)
            self.startListening()

    def close(self) -> None:
        """Stop for good; the socket is closed."""
        if self.state == "closed":
            return
        self.state = "closed"
        self.poll.watch(self, 0)
        self.fd = -1
        self.socket.close()

    def retire(self) -> None:
        """Stop for good, but serve who waits already: the kernel let those clients in, and would reset them.

        They are taken out in one go and looked at afterwards, so that hardly anybody can join them meanwhile.
        """
        waiting: list[tuple[int, Any]] = []
        try:
            while self.state == "open":
                waiting.append(self.socket._accept())  # type: ignore[attr-defined]
        except OSError:
            pass  # nobody is left, or there is no descriptor for more
        self.close()
        for fd, remote in waiting:
            self._take_in(fd, remote)

    def stopListening(self) -> defer.Deferred[None]:
        """As close."""
        self.close()
        return defer.succeed(None)

    # accepting

    def doRead(self) -> None:
        """Accept those who wait, as far as limits allow."""
        room = self.entrance.frontend.room(self.entrance)
        if room <= 0:
            return self._full()
        for _ in range(room if room < self._batch else self._batch):
            try:
                fd, remote = self._accept()
            except OSError as error:
                self._batch = 1
                return self._nobody(error)
            self._take_in(fd, remote)
            if not self.interest:
                self._batch = 1
                return None
        # a call that finds nobody costs as much as one that does: ask for more only now and then, or in a rush
        self._turns += 1
        if self._batch > 1 or self._turns & 15 == 0:
            self._batch = min(self._batch * 2, self.most)
        return None

    def _nobody(self, error: OSError) -> None:
        """Accepting failed: most often because nobody is left."""
        if error.errno == errno.EPIPE:
            self.close()
        elif error.errno in SHORT_OF_DESCRIPTORS:
            self._breathe(error)
        elif error.errno not in (errno.EAGAIN, errno.EINTR, errno.ECONNABORTED):
            _log.warn("accept on {address}: {error}", address=self, error=error)

    def _take_in(self, fd: int, remote: Any) -> None:
        connection = socket.SocketType(self._family, STREAM, self._proto, fd)
        connection.setblocking(False)
        if self.tune is not None:
            self.tune(connection)
        transport = StreamSocket(self.poll, connection, remote)
        try:
            self.factory.buildProtocol(remote).makeConnection(transport)
        except Exception:
            # one client's trouble must not stop the listener
            _log.failure("a client of {address} could not be taken in", address=self)
            transport.drop(reset=True)

    def _full(self) -> None:
        self.state = "full"
        self.poll.watch(self, 0)
        self.entrance.frontend.wait(self.entrance, self._room_again)

    def _room_again(self) -> None:
        if self.state == "full":
            self.state = "open"
            self.poll.watch(self, EPOLLIN)

    def _breathe(self, error: OSError) -> None:
        _log.warn("accept on {address}: {error}", address=self, error=error)
        self.state = "full"
        self.poll.watch(self, 0)
        self.poll.callLater(BREATH, self._room_again)

    # facts

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self.fd

    def getHost(self) -> Any:
        """Return the address listened on."""
        return twisted_address(self.socket, self.socket.getsockname())

    def logPrefix(self) -> str:
        """Return the name that stands in Twisted's log lines."""
        return f"Listener {self.entrance.frontend.name}"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor lets go of everything."""
        self.close()

    def doWrite(self) -> None:
        """Nothing is ever written."""

    def __str__(self) -> str:
        return describe(self.entrance.bind)
