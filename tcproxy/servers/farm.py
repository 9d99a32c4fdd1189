"""The servers of one backend at work: who serves the next session, and who waits.

Balancing itself is a strategy's (tcproxy/balance); states and weights are each server's (live.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.interfaces import IClock
from tcproxy.report.counters import Counters

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.servers.live import LiveServer
    from tcproxy.servers.waiting import Queue, Ticket, Waiter

Announce = Callable[[int, str], None]


class Farm:
    """The live servers of one backend or listen section.

    announce: tells a message with its syslog level. active, backups: how many servers of each group are usable.
    queue: sessions that wait for whichever server is free first. fullconn: as configured or computed.
    """

    model: Proxy
    name: str
    clock: IClock
    announce: Announce
    counters: Counters
    servers: list[LiveServer]
    queue: Queue
    active: int
    backups: int
    fullconn: int
    last_change: int

    def __init__(self, model: Proxy, clock: IClock, announce: Announce, picker: object = None) -> None:
        raise NotImplementedError

    def enter(self) -> None:
        """Count a session that uses this backend from now on (BACKEND row: current, highest, total, rate)."""
        raise NotImplementedError

    def leave(self) -> None:
        """Count its end. Every `enter` has one `leave`."""
        raise NotImplementedError

    def assign(self, waiter: Waiter, avoid: LiveServer | None = None) -> LiveServer | Ticket | None:
        """Balance: return the server whose slot was taken, or a place in a queue.

        None: no server is usable (`active` and `backups` are both 0), or the chosen one's maxqueue is reached.
        `avoid` is the server that failed this session.
        """
        raise NotImplementedError

    def take(self, waiter: Waiter, server: LiveServer, queue: bool = True) -> LiveServer | Ticket | None:
        """The same for a given server (persistence, use-server), whatever its state.

        None: it is saturated and the queue is not wanted, or its maxqueue is reached.
        """
        raise NotImplementedError

    def again(self, server: LiveServer) -> None:
        """Count one more connection attempt on a slot that is kept: a retry on the same server."""
        raise NotImplementedError

    def release(self, server: LiveServer) -> None:
        """Give a slot back; whoever waits for it is granted it before this returns."""
        raise NotImplementedError
