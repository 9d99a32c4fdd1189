"""Places in queues: what a session that waits for a server is given, and the queues themselves.

Which queue a session enters, and who is woken when a slot is free, is decided in farm.py. How long a session
is willing to wait (`timeout queue`) is the session's own timer: it cancels its ticket.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tcproxy.report.counters import Counters
    from tcproxy.servers.live import LiveServer


class Waiter(Protocol):
    """A session as the farm sees it; also the IRequest that strategies look at."""

    @property
    def source(self) -> bytes:
        """Return the client's address, packed (4 or 16 bytes; empty for a UNIX socket)."""
        ...

    def granted(self, server: LiveServer) -> None:
        """Take notice: it left the queue; a slot of `server` is counted for it and must be released."""
        ...

    def turned_away(self) -> None:
        """Take notice: it left the queue because its server went down, and no other server can take it."""
        ...


class Ticket:
    """A place in the queue of a server or of a backend.

    waiter: who waits. server: whose queue it is, None for the backend's. entered: monotonic milliseconds.
    ahead: how many waited in front at entry. server_queue, backend_queue: the two queue numbers of a log line,
    final once it left. redispatched: its server went down and it was balanced again (counted already).
    called: out of the queue, about to be granted, queued elsewhere or turned away. stays: it is kept even when the
    server goes down.
    A ticket may be moved to another queue by the farm when its server goes down: hold on to the object.
    """

    __slots__ = (
        "ahead", "backend_queue", "called", "cancelled", "entered", "mark", "queue", "redispatched", "server",
        "server_queue", "stays", "waiter",
    )  # fmt: skip

    def __init__(self, waiter: Waiter, stays: bool = False) -> None:
        self.waiter = waiter
        self.stays = stays
        self.server: LiveServer | None = None
        self.queue: Queue | None = None
        self.entered = self.ahead = self.mark = 0
        self.server_queue = self.backend_queue = 0
        self.redispatched = self.cancelled = self.called = False

    @property
    def waiting(self) -> bool:
        """True until it is granted, turned away or cancelled."""
        return self.queue is not None or self.called

    def cancel(self) -> None:
        """Leave the queue (timeout queue, client gone). Harmless when it left already."""
        self.cancelled, self.called = True, False
        if self.queue is not None:
            self.queue.remove(self)


class Queue:
    """The sessions that wait at one server, or at one backend, in the order of their arrival.

    counters: whose queue_current and queue_highest are kept. served: how many were called from here in turn.
    """

    __slots__ = ("counters", "served", "server", "tickets")

    def __init__(self, counters: Counters, server: LiveServer | None = None) -> None:
        self.counters = counters
        self.server = server
        self.served = 0
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.tickets)

    def first(self) -> Ticket | None:
        """Return who is next, or None."""
        return next(iter(self.tickets), None)

    def add(self, ticket: Ticket, now: int) -> None:
        """Put a ticket at the end; `now` is monotonic milliseconds."""
        ticket.queue, ticket.server = self, self.server
        ticket.entered, ticket.ahead, ticket.mark = now, len(self.tickets), self.served - 1
        self.tickets[ticket] = None
        counters = self.counters
        counters.queue_current = len(self.tickets)
        if counters.queue_current > counters.queue_highest:
            counters.queue_highest = counters.queue_current

    def remove(self, ticket: Ticket) -> None:
        """Take a ticket out, wherever it stands, and settle the queue number it will log.

        HAProxy logs how many were called before it, plus one; whoever never waited logs 0.
        """
        del self.tickets[ticket]
        ticket.queue = None
        self.counters.queue_current = len(self.tickets)
        called = self.served - ticket.mark
        if self.server is None:
            ticket.backend_queue += called
        else:
            ticket.server_queue += called

    def clear(self) -> list[Ticket]:
        """Take everybody out who does not stay; return them in order."""
        tickets = [ticket for ticket in self.tickets if not ticket.stays]
        for ticket in tickets:
            self.remove(ticket)
            ticket.called = True
        return tickets
