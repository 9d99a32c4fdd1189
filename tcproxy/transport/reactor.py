"""A thin epoll reactor: Twisted's own, with the shortest way from a ready descriptor to a transport of ours.

The stock loop spends more on each event than the relay does: a log context, a fileno() call, interest
looked up in two sets. Transports that call `watch` (see stream_socket.py) stand in a table of their own, and a
readable one has its `doRead` called directly. Everything else, errors in application code included, takes
the way of twisted.internet.epollreactor. Nothing here knows what the transports do.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EINTR, ENOENT
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from time import monotonic, time
from typing import Any, Protocol

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import CONNECTION_LOST, installReactor
from twisted.logger import Logger
from twisted.python import log
from twisted.python.failure import Failure

MAXIMUM_EVENTS = 512
"""Events asked for at once: enough that a busy proxy seldom calls twice, and a list that stays small.

`tune.maxpollevents` says otherwise.
"""

LONGEST_SLEEP = 2147483.0
"""epoll_wait counts milliseconds in an int."""

BROKEN = EPOLLERR | EPOLLHUP
"""An error of the connection, or its end in both directions."""

_log = Logger()


class DirectTransport(Protocol):
    """A transport that the reactor calls directly, with no log context around the call. fd, interest: see `watch`."""

    fd: int
    interest: int

    def doRead(self) -> object:
        """Read; the transport closes itself at the end of the connection."""

    def doWrite(self) -> object:
        """Send queued bytes."""

    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor: code of the transport raised an exception, or the reactor stops."""


class Reactor(EPollReactor):
    """Twisted's epoll reactor with a table of transports that are called directly."""

    def __init__(self) -> None:
        self._direct: dict[int, DirectTransport] = {}
        self._gone: set[int] = set()
        self._due: list[Callable[[], object]] = []
        self.most_events = MAXIMUM_EVENTS
        self._epoch = time() - monotonic()
        super().__init__()  # type: ignore[no-untyped-call]

    def seconds(self) -> float:
        """Return seconds that never jump, counted from the epoch as it stood when the reactor was made.

        Timers must not follow a corrected wall clock; yet twisted.web, for one, dates its log by this.
        """
        return monotonic() + self._epoch

    def watch(self, transport: DirectTransport, interest: int) -> None:
        """Wait for these events (EPOLLIN, EPOLLOUT, both, or 0 for none) of the transport."""
        fd = transport.fd
        if transport.interest:
            if interest:
                self._poller.modify(fd, interest)
            else:
                del self._direct[fd]
                self._poller.unregister(fd)
        elif interest:
            self._poller.register(fd, interest)
            self._direct[fd] = transport
        transport.interest = interest

    def forget(self, transport: DirectTransport) -> None:
        """Drop the transport, which is about to close its descriptor: the kernel then drops the rest."""
        # the descriptor may be reused within this batch of events: its remaining ones belong to the old socket
        self._gone.add(transport.fd)
        if transport.interest:
            del self._direct[transport.fd]
            transport.interest = 0

    def getReaders(self) -> list[Any]:
        """Return all that are waited for to be readable."""
        stock: list[Any] = super().getReaders()  # type: ignore[no-untyped-call]
        return stock + [one for one in self._direct.values() if one.interest & EPOLLIN]

    def getWriters(self) -> list[Any]:
        """Return all that are waited for to be writable."""
        stock: list[Any] = super().getWriters()  # type: ignore[no-untyped-call]
        return stock + [one for one in self._direct.values() if one.interest & EPOLLOUT]

    def removeAll(self) -> list[Any]:
        """Wait for nothing any more; return what was waited for."""
        direct = list(self._direct.values())
        for transport in direct:
            self.watch(transport, 0)
        return [*super().removeAll(), *direct]  # type: ignore[no-untyped-call]

    def at_end_of_turn(self, call: Callable[[], object]) -> None:
        """Make a call, which must raise nothing, before the next wait for events: all that the last brought is done."""
        self._due.append(call)

    def doPoll(self, timeout: float | None) -> None:
        """Make the calls that were left for the end of the turn; wait for events, and pass each to its transport."""
        if self._due:
            due, self._due = self._due, []
            for call in due:
                call()
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, self.most_events)
        except OSError as error:
            if error.errno == EINTR:
                return
            raise
        direct, gone = self._direct, self._gone
        gone.clear()
        for fd, event in events:
            if gone and fd in gone:
                continue
            try:
                transport = direct[fd]
            except KeyError:
                self._stock_event(fd, event)
                continue
            try:
                # a transport that only reads finds out by reading what else the event says (an error, a hang-up)
                if event == EPOLLIN or transport.interest == EPOLLIN:
                    transport.doRead()
                else:
                    _dispatch(transport, event)
            except BaseException:
                self._break(transport)

    doIteration = doPoll

    def _stock_event(self, fd: int, event: int) -> None:
        selectable = self._selectables.get(fd)
        if selectable is not None:
            call = log.callWithLogger
            call(selectable, self._doReadOrWrite, selectable, fd, event)  # type: ignore[no-untyped-call]
            return
        # closed, yet still in the set: a child process holds a copy of the descriptor's file
        try:
            self._poller.unregister(fd)
        except OSError as error:
            if error.errno != ENOENT:
                _log.debug("descriptor {fd} was not in the set: {error}", fd=fd, error=error)

    def _break(self, transport: DirectTransport) -> None:
        """Log the exception that a transport or its protocol raised, and close that connection only.

        The ends of sessions raise none: what their sessions raise ends those (transport/relay.py).
        """
        _log.failure("unexpected error in a protocol")
        if transport.interest:
            self.watch(transport, 0)
        try:
            transport.connectionLost(Failure(CONNECTION_LOST))  # type: ignore[no-untyped-call]
        except BaseException:
            _log.failure("unexpected error in a protocol")

    def mainLoop(self) -> None:
        """Run until stopped."""
        while self._started:
            try:
                while self._started:
                    self._turn()
            except BaseException:
                # as Twisted's loop does: log the exception, and go on
                _log.failure("unexpected error in main loop")
        _log.info("Main loop terminated.")

    def _turn(self) -> None:
        """Make the calls that are due, and wait for events once."""
        pending = self._pendingTimedCalls
        if self.threadCallQueue or self._newTimedCalls or self._justStopped:
            self.runUntilCurrent()
            sleep = self.timeout()
        elif not pending:
            sleep = None
        else:
            sleep = pending[0].time - self.seconds()
            if sleep <= 0:
                self.runUntilCurrent()
                sleep = self.timeout()
            elif sleep > LONGEST_SLEEP:
                sleep = LONGEST_SLEEP
        self.doPoll(sleep if self.running else 0)


def _dispatch(transport: DirectTransport, event: int) -> None:
    """Pass an event other than a plain EPOLLIN; of an error the reading or the writing finds out which it is.

    What came before a reset is still there to be read, while a write would fail and close the connection.
    """
    wanted = transport.interest
    if event & BROKEN and wanted & EPOLLIN:
        transport.doRead()
        return
    if event & EPOLLOUT and wanted & EPOLLOUT:
        transport.doWrite()
        wanted = transport.interest
    if event & ~EPOLLOUT and wanted & EPOLLIN:
        transport.doRead()
    elif event & ~(EPOLLIN | EPOLLOUT) and wanted & EPOLLOUT and not event & EPOLLOUT:
        transport.doWrite()


class SteadyClock:
    """The clock of a world: monotonic seconds, and the delayed calls of whichever reactor runs."""

    __slots__ = ("callLater",)

    seconds = staticmethod(monotonic)

    def __init__(self, reactor: Any) -> None:
        self.callLater = reactor.callLater


def install() -> None:
    """Make this the reactor of the process; raises ReactorAlreadyInstalledError where there is one."""
    installReactor(Reactor())  # type: ignore[no-untyped-call]
