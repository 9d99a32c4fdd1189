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
from tcproxy.session.settings import LiveBind
from tcproxy.transport.binding import describe
from tcproxy.transport.pairs import accept_pair
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.protocols import Spoken, after_bytes, with_clients
from tcproxy.transport.relay import BUFFER_SIZE, SocketEnd
from tcproxy.transport.stream_socket import StreamSocket, twisted_address
from tcproxy.transport.transports import poll_of

MOST_AT_ONCE = 64
"""Clients accepted in one turn of the loop, at the most, so that the clients already connected are served, too."""
SHORT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
BREATH = 0.1
"""Seconds without accepting after descriptors ran out."""

STREAM = int(socket.SOCK_STREAM)

_log = Logger()


class FrontendFactory(ServerFactory):
    """Makes the session and the end of each client of one bind address of a frontend, by what the frontend speaks.

    limit: bytes a direction may hold (tune.bufsize). pipes: where relays borrow pipes, None for no splicing.
    codec: what the ends of these clients share.
    """

    noisy = False

    def __init__(self, bind: LiveBind, limit: int = BUFFER_SIZE, pipes: PipePool | None = None) -> None:
        self.bind = bind
        self.limit = limit
        self.pipes = pipes
        spoken = with_clients(bind.frontend)
        self._client, self._session = spoken.client, spoken.session
        self.codec = spoken.codec(bind.frontend)

    def buildProtocol(self, addr: Any) -> Any:
        """Return the client's end of a new session, which begins when the connection is made."""
        return self._client(self._session(self.bind), self.limit, self.pipes, self.codec)

    def speak_http(self, old: SocketEnd) -> None:
        """Switch a client that came in TCP mode to HTTP."""
        self.switch(old, after_bytes(self.bind.frontend))

    def switch(self, old: SocketEnd, spoken: Spoken) -> None:
        """Replace a client's byte end and its session by those of another protocol, with the bytes already read."""
        before = old.session
        assert spoken.successor is not None
        session = spoken.successor(before)
        try:
            end = spoken.client(session, self.limit, self.pipes, spoken.codec(self.bind.frontend))
            end.take_over(old)
            before.client = end
            old.session = None
            session.go_on(end)
        except Exception as error:  # the old session is none any more
            session.crashed(error)


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
        self.bind = factory.bind
        self.bind.listener = self
        self.tune = tune
        self.path = path
        self.state = "idle"
        self.most = most
        self._accept: Callable[[], tuple[int, Any]] = sock._accept  # type: ignore[attr-defined]
        self._pair = self.bind.model.address.family is Family.SOCKPAIR
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
                # as HAProxy does: the kernel refuses clients from now on, and listen() opens the socket again
                self.socket.shutdown(socket.SHUT_RD)
            except OSError:
                pass

    def resume(self, backlog: int = 0) -> None:
        """Accept again (SIGTTIN). Raises OSError when another process has taken the address."""
        if self.state == "paused":
            if not self._pair:
                self.socket.listen(backlog or self.bind.model.backlog or socket.SOMAXCONN)
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
        """Accept all clients in the backlog, then stop for good: closing the socket would make the kernel reset them.

        All are accepted before the first one is served, so that few clients can join the backlog meanwhile.
        """
        waiting: list[tuple[int, Any]] = []
        try:
            while self.state == "open":
                waiting.append(self.socket._accept())  # type: ignore[attr-defined]
        except OSError:
            pass  # the backlog is empty, or descriptors have run out
        self.close()
        for fd, remote in waiting:
            self._take_in(fd, remote)

    def stopListening(self) -> defer.Deferred[None]:
        """Close the socket, for Twisted; the Deferred has fired already."""
        self.close()
        return defer.succeed(None)

    # accepting

    def doRead(self) -> None:
        """Accept clients from the backlog, as many as limits allow."""
        room = self.bind.frontend.room(self.bind)
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
        # accept() on an empty backlog costs as much as one that succeeds: try a second one seldom, or in a rush
        self._turns += 1
        if self._batch > 1 or self._turns & 15 == 0:
            self._batch = min(self._batch * 2, self.most)
        return None

    def _nobody(self, error: OSError) -> None:
        """accept() failed; most often the backlog is empty."""
        if error.errno == errno.EPIPE:
            self.close()
        elif error.errno in SHORT_OF_DESCRIPTORS:
            self._breathe(error)
        elif error.errno not in (errno.EAGAIN, errno.EINTR, errno.ECONNABORTED):
            _log.warn("accept on {address}: {error}", address=self, error=error)

    def _take_in(self, fd: int, remote: Any) -> None:
        connection = socket.SocketType(self._family, STREAM, self._proto, fd)
        transport = StreamSocket(self.poll, connection, remote)
        try:
            connection.setblocking(False)
            if self.tune is not None:
                self.tune(connection)
            self.factory.buildProtocol(remote).makeConnection(transport)
        except Exception:
            # one client's trouble must not stop the listener; what a session raises has ended it already
            _log.failure("a client of {address} could not be taken in", address=self)
            transport.close(reset=True)

    def _full(self) -> None:
        self.state = "full"
        self.poll.watch(self, 0)
        self.bind.frontend.wait(self.bind, self._room_again)

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
        return f"Listener {self.bind.frontend.name}"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor is being stopped: close the socket."""
        self.close()

    def doWrite(self) -> None:
        """Nothing to do: a listening socket is never written to."""

    def __str__(self) -> str:
        return describe(self.bind.model)
