"""Places in queues: what a session that waits for a server is given, and the queues themselves.

Which queue a session enters, and who is woken when a slot is free, is decided in farm.py. How long a session is
willing to wait (`timeout queue`) is the session's own timer: it cancels its ticket.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tcproxy.servers.live import LiveServer


class Waiter(Protocol):
    """A session as the farm sees it; also the IRequest that strategies look at.

    source: the client's address, packed (4 or 16 bytes; empty for a UNIX socket).
    """

    @property
    def source(self) -> bytes:
        """Return the client's packed address."""
        ...

    def granted(self, server: LiveServer) -> None:
        """Take notice: it left the queue, a slot of `server` is counted for it and must be released."""
        ...

    def turned_away(self) -> None:
        """Take notice: it left the queue without a server, because its server went down and no other can take it."""
        ...


class Ticket:
    """A place in the queue of a server or of a backend.

    waiter: who waits. server: whose queue it is, None for the backend's. entered: monotonic milliseconds.
    ahead: how many waited in front at entry. server_queue, backend_queue: the two queue numbers of a log line
    (how many were served before it, in all queues it has been in); final once it left.
    A ticket may be moved to another queue by the farm when its server goes down: hold on to the object.
    """

    __slots__ = ("ahead", "backend_queue", "entered", "mark", "queue", "server", "server_queue", "waiter")

    def __init__(self, waiter: Waiter) -> None:
        self.waiter = waiter
        self.server: LiveServer | None = None
        self.queue: Queue | None = None
        self.entered = 0
        self.ahead = 0
        self.mark = 0
        self.server_queue = 0
        self.backend_queue = 0

    @property
    def waiting(self) -> bool:
        """True until it is granted, turned away or cancelled."""
        return self.queue is not None

    def cancel(self) -> None:
        """Leave the queue (timeout queue, client gone). Harmless when it left already."""
        if self.queue is not None:
            self.queue.remove(self)


class Queue:
    """The sessions that wait at one server, or at one backend, in the order of their arrival."""

    __slots__ = ("server", "served", "tickets")

    def __init__(self, server: LiveServer | None = None) -> None:
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

    def remove(self, ticket: Ticket) -> None:
        """Take a ticket out, wherever it stands, and settle the queue number it will log."""
        del self.tickets[ticket]
        ticket.queue = None
        if self.server is None:
            ticket.backend_queue += self.served - ticket.mark
        else:
            ticket.server_queue += self.served - ticket.mark
