"""Queues, and the places in them: what a session holds while it waits for a server.

farm.py decides which queue a session enters, and which session is called when a slot is free. How long a session waits
(`timeout queue`) is the session's own timer: it cancels its ticket.

ServerT is always LiveServer (state.py). It is a type variable here because a LiveServer has a queue, so that its file
imports this one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, Protocol, TypeVar

from tcproxy.report.counters import Counters

ServerT = TypeVar("ServerT")
GrantedT = TypeVar("GrantedT", contravariant=True)


class Waiter(Protocol[GrantedT]):
    """A session as the farm sees it; also the IRequest that strategies look at.

    server: whose slot it holds, None for none.
    """

    server: Any

    @property
    def source(self) -> bytes:
        """Return the client's address, packed (4 or 16 bytes; empty for a UNIX socket)."""
        ...

    @property
    def priority(self) -> tuple[int, int]:
        """Return the class in queues (the lowest first), and the milliseconds by which it counts as come later."""
        return (0, 0)

    def granted(self, server: GrantedT) -> None:
        """Go on with `server`: the session left the queue, holds a slot of it, and must release that later."""
        ...

    def turned_away(self) -> None:
        """Give up: the session left the queue because its server went down, and no other server can take it."""
        ...

    def crashed(self, error: BaseException) -> None:
        """End: one of the calls above, or the choice of a server for it, raised this exception. Raises nothing."""
        ...


class Ticket(Generic[ServerT]):
    """A place in the queue of a server or of a backend.

    waiter: the session that waits. server: whose queue it is, None for the backend's. key: the lowest is called
    first: the class of its priority, and monotonic milliseconds when it came (`set-priority-offset` adds to them).
    mark: the queue's `served` at entry, less one. ahead: how many waited in front at entry. server_queue,
    backend_queue: the two queue numbers of a log line, final once the session left. redispatched: its server went down
    and it was balanced again (counted already).
    called: out of the queue, and about to be granted a slot, queued elsewhere or turned away.
    stays: the place is kept even when the server goes down.
    The farm may move a ticket to another queue when its server goes down: hold on to the object.
    """

    __slots__ = (
        "ahead", "backend_queue", "called", "cancelled", "key", "mark", "queue", "redispatched", "server",
        "server_queue", "stays", "waiter",
    )  # fmt: skip

    def __init__(self, waiter: Waiter[ServerT], stays: bool = False) -> None:
        self.waiter = waiter
        self.stays = stays
        self.server: ServerT | None = None
        self.queue: Queue[ServerT] | None = None
        self.ahead = self.mark = 0
        self.key = (0, 0)
        self.server_queue = self.backend_queue = 0
        self.redispatched = self.cancelled = self.called = False

    @property
    def waiting(self) -> bool:
        """True until the session is granted a slot, is turned away, or cancels."""
        return self.queue is not None or self.called

    def cancel(self) -> None:
        """Leave the queue (timeout queue, client gone). Harmless when the session left already."""
        self.cancelled, self.called = True, False
        if self.queue is not None:
            self.queue.remove(self)


class Queue(Generic[ServerT]):
    """The sessions that wait at one server, or at one backend, in the order of their arrival.

    counters: whose queue_current and queue_highest are kept. served: how many were called from here in turn.
    """

    __slots__ = ("counters", "served", "server", "tickets")

    def __init__(self, counters: Counters, server: ServerT | None = None) -> None:
        self.counters = counters
        self.server = server
        self.served = 0
        self.tickets: OrderedDict[Ticket[ServerT], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.tickets)

    def first(self) -> Ticket[ServerT] | None:
        """Return the ticket that is next, or None."""
        return next(iter(self.tickets), None)

    def add(self, ticket: Ticket[ServerT], now: int) -> None:
        """Put a ticket at the end, or where its priority belongs; `now` is monotonic milliseconds."""
        ticket.queue, ticket.server = self, self.server
        level, offset = ticket.waiter.priority
        key = ticket.key = (level, now + offset)
        ticket.ahead, ticket.mark = len(self.tickets), self.served - 1
        behind = []
        for other in reversed(self.tickets):
            if other.key <= key:
                break
            behind.append(other)
        self.tickets[ticket] = None
        for other in reversed(behind):
            self.tickets.move_to_end(other)
        counters = self.counters
        counters.queue_current = len(self.tickets)
        if counters.queue_current > counters.queue_highest:
            counters.queue_highest = counters.queue_current

    def remove(self, ticket: Ticket[ServerT]) -> None:
        """Take a ticket out, wherever it stands, and settle the queue number that its log line shows.

        HAProxy logs how many were called before it, plus one; a session that never waited logs 0.
        """
        del self.tickets[ticket]
        ticket.queue = None
        self.counters.queue_current = len(self.tickets)
        called = self.served - ticket.mark
        if self.server is None:
            ticket.backend_queue += called
        else:
            ticket.server_queue += called

    def clear(self) -> list[Ticket[ServerT]]:
        """Take all tickets out, except those that stay; return them in order."""
        tickets = [ticket for ticket in self.tickets if not ticket.stays]
        for ticket in tickets:
            self.remove(ticket)
            ticket.called = True
        return tickets
