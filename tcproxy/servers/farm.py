"""The servers of one backend at work: which one serves the next session, and which sessions wait.

Balancing itself is a strategy's (tcproxy/balance). What servers remember stands in state.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcproxy.guards import GuardedStrategy, Workplace
from tcproxy.interfaces import Admin, IClock, IFarmStrategy, IPicker, ServerState
from tcproxy.model.proxy import Proxy
from tcproxy.report.counters import Counters
from tcproxy.report.findings import Finding
from tcproxy.servers import transitions, waiting
from tcproxy.servers.server_cookies import ServerCookies
from tcproxy.servers.state import Announce, FarmState, LiveServer, Ticket, Waiter


class Farm(FarmState):
    """The live servers of one backend or listen section.

    refuser: the server whose queue was too long for the last session that got neither a slot nor a place.
    cookies: which servers are named by which cookie.
    """

    def __init__(
        self, model: Proxy, clock: IClock, announce: Announce, new_counters: Callable[[], Counters] = Counters
    ) -> None:
        super().__init__(model, clock, announce, new_counters)
        self.refuser: LiveServer | None = None
        self.cookies = ServerCookies(model, self.servers)
        self._renew_pickers()
        self.recount()
        self.count_loss(len(self.servers))

    def _renew_pickers(self) -> None:
        """Ask the strategy for pickers over the servers that there are now. Raises PluginFailed as `_new_pickers`."""
        self._picker, self._backup_picker = self._new_pickers()
        picker = self._picker or self._backup_picker
        self.dynamic = picker.dynamic if picker else True
        self._queue_first = picker.queue_first if picker else False
        pickers = (self._picker, self._backup_picker)
        self._counts_load = any(getattr(one, "counts_load", True) for one in pickers if one is not None)

    def _new_pickers(self) -> tuple[IPicker | None, IPicker | None]:
        """Return the pickers of both groups; the backups need none where the first usable one serves all.

        Raises PluginFailed where a third party's strategy makes none.
        """
        active = [server for server in self.servers if not server.model.backup]
        backups = [server for server in self.servers if server.model.backup]
        balance, hashing = self.model.balance, self.model.hash_type
        if not self.servers:
            return None, None
        if balance.strategy is None:
            raise ValueError(f"backend {self.name}: the strategy '{balance.name}' was not looked up.")
        strategy = balance.strategy
        if isinstance(strategy, GuardedStrategy):
            strategy = strategy.at(Workplace(f"backend {self.name}", self.announce, self.clock))
        pickers: tuple[IPicker | None, IPicker | None]
        if IFarmStrategy.providedBy(strategy):
            pickers = strategy.pickers(active, backups, self.all_backups, hashing, balance.options)
        else:
            make = strategy.picker
            pickers = (
                make(active, hashing, balance.options) if active else None,
                make(backups, hashing, balance.options) if backups and self.all_backups else None,
            )
        for picker, servers in zip(pickers, (active, backups), strict=True):
            _bind(picker, servers)
        return pickers

    def enter(self) -> None:
        """Count a session that uses this backend from now on (BACKEND row: current, highest, total, rate)."""
        self.counters.begin(self.clock.seconds())

    def leave(self) -> None:
        """Count the end of a session that `enter`ed. Every `enter` has one `leave`."""
        self.counters.current -= 1

    def assign(
        self, waiter: Waiter, avoid: LiveServer | None = None, old: Ticket | None = None
    ) -> LiveServer | Ticket | None:
        """Choose a server by the backend's strategy; return the server whose slot was taken, or a place in a queue.

        None: no server is usable (`available` is 0), or `maxqueue` of the chosen one is reached (`available` is not 0).
        avoid: the server that failed this session before. old: the place in a queue that the session had.
        Raises PluginFailed where a third party's strategy cannot choose: nothing is taken or counted then.
        """
        if not self.active and not self.backups:
            return None
        server: LiveServer | None
        if self._queue_first and self.queue.tickets and any(one.counters.current for one in self.servers):
            server = None  # the sessions that wait were here first
        else:
            picker = self._picker if self.active else self._backup_picker
            # a Protocol is not a zope interface, and a picker returns one of the servers it was given
            server = picker.pick(waiter, avoid) if picker else self.first_backup  # type: ignore[arg-type, assignment]
        if server is None:
            return self._wait(old or waiting.Ticket(waiter), self.queue)
        if server is not avoid:
            server.counters.selected += 1
            self.counters.selected += 1
        if server.maxconn:
            return self._seat(waiter, server, old)
        # inlined `take_slot` (hot path; see docs/performance)
        now = self.last_session = server.last_session = self.clock.seconds()
        counters = server.counters
        if now >= counters.session_rate.until:
            counters.session_rate.turn(now, counters.total)
        counters.total += 1
        current = counters.current = counters.current + 1
        if current > counters.highest:
            counters.highest = current
        if self._counts_load and server.picker is not None:
            try:
                server.picker.took(server)
            except BaseException:
                counters.current -= 1
                raise
        return server

    def take(
        self, waiter: Waiter, server: LiveServer, queue: bool = True, stays: bool = False
    ) -> LiveServer | Ticket | None:
        """Take a slot of a given server (persistence, use-server), whatever its state, or a place in its queue.

        stays: the place is kept when the server goes down (`force-persist`).
        None: it is saturated and the queue is not wanted, or its maxqueue is reached.
        """
        if not queue and server.saturated:
            return None
        return self._seat(waiter, server, waiting.Ticket(waiter, stays) if stays else None)

    @staticmethod
    def refuses(server: LiveServer) -> bool:
        """Return whether a server takes no session, not even into its queue: its maxqueue is reached."""
        return 0 < server.maxqueue <= server.queued and server.saturated

    def _seat(self, waiter: Waiter, server: LiveServer, old: Ticket | None) -> LiveServer | Ticket | None:
        if not server.saturated:
            self.take_slot(server, self.clock.seconds())
            return server
        if self.refuses(server):
            self.refuser = server
            server.counters.connect_errors += 1
            return None
        return self._wait(old or waiting.Ticket(waiter), server.queue)

    def _wait(self, ticket: Ticket, queue: waiting.Queue[LiveServer]) -> Ticket:
        queue.add(ticket, int(self.clock.seconds() * 1000))
        return ticket

    def take_slot(self, server: LiveServer, now: float) -> None:
        """Take a slot of a server that has no `maxconn`, or one free. now: monotonic seconds.

        Raises what the strategy raises: nothing is taken then.
        """
        self.last_session = server.last_session = now
        counters = server.counters  # inlined `Counters.begin` (hot path; see docs/performance)
        if now >= counters.session_rate.until:
            counters.session_rate.turn(now, counters.total)
        counters.total += 1
        current = counters.current = counters.current + 1
        if current > counters.highest:
            counters.highest = current
        if self._counts_load and server.picker is not None:
            try:
                server.picker.took(server)
            except BaseException:
                counters.current -= 1
                raise

    def again(self, server: LiveServer) -> None:
        """Count one more connection attempt on a slot that is kept: a retry on the same server."""
        now = self.last_session = server.last_session = self.clock.seconds()
        server.counters.count(now)

    def release(self, server: LiveServer) -> None:
        """Give a slot back; a session that waits for it is granted it before this returns."""
        server.counters.current -= 1
        try:
            if self._counts_load and server.picker is not None:
                server.picker.dropped(server)
        finally:
            if server.queue.tickets or self.queue.tickets:
                self.serve(server)

    def serve(self, server: LiveServer) -> None:
        """Grant a server's free slots to the sessions that wait longest, in its own queue or the backend's.

        A granted session may fail at once and release its slot. That call returns at once, and the loop here uses the
        slot again.
        """
        if server.serving:
            return
        server.serving = True
        try:
            while self._has_room(server):
                ticket = self._next(server)
                if ticket is None or ticket.queue is None:
                    break
                queue = ticket.queue
                queue.remove(ticket)
                queue.served += 1
                if self._takes_slot(ticket, server):
                    self._tell_granted(ticket, server)
        finally:
            server.serving = False

    def _takes_slot(self, ticket: Ticket, server: LiveServer) -> bool:
        """Take a slot for a session that has left its queue. False: the strategy raised, which ends the session."""
        try:
            self.take_slot(server, self.clock.seconds())
        except Exception as error:
            ticket.called = False
            ticket.waiter.crashed(error)
            return False
        return True

    def _tell_granted(self, ticket: Ticket, server: LiveServer) -> None:
        """Tell a session of the slot taken for it. One that raises ends, and its slot is given back."""
        waiter = ticket.waiter
        try:
            waiter.granted(server)
        except Exception as error:
            holds = waiter.server is server
            waiter.crashed(error)
            if not holds:
                self.release(server)

    def call_waiting(self) -> None:
        """Grant slots to sessions in the backend's queue, after a change of which servers may serve them, or how many.

        HAProxy leaves these sessions waiting after some changes (the end of a drain, a weight that was 0, the turn of
        a backup) until the next session of the server ends; there may be none.
        """
        if self.queue.tickets:
            for server in self.servers:
                if self._takes_from_all(server):
                    self.serve(server)

    def _has_room(self, server: LiveServer) -> bool:
        return not server.maxconn or server.served < server.limit()

    def _next(self, server: LiveServer) -> Ticket | None:
        """Return the ticket that is next for a server: the older one of its own queue and the backend's.

        Of two that came in the same millisecond, the one that waits for this server alone is first.
        """
        own = server.queue.first()
        common = self.queue.first() if self._takes_from_all(server) else None
        if own is None or common is None:
            return own or common
        return own if own.key <= common.key else common

    def _takes_from_all(self, server: LiveServer) -> bool:
        """Return whether a server may serve the backend's queue: a backup only while no active server is usable."""
        if not server.usable:
            return False
        if not server.model.backup:
            return True
        return not self.active and (self.all_backups or server is self.first_backup)

    def grab(self, server: LiveServer) -> list[Ticket]:
        """Take slots of a server that just became usable, for sessions in the backend's queue; `grant` must follow."""
        tickets: list[Ticket] = []
        while self.queue.tickets and self._takes_from_all(server) and self._has_room(server):
            ticket = next(iter(self.queue.tickets))
            self.queue.remove(ticket)
            ticket.called = True
            if self._takes_slot(ticket, server):
                tickets.append(ticket)
        return tickets

    def grant(self, tickets: Sequence[Ticket], server: LiveServer) -> None:
        """Tell sessions of the slots taken for them; take back the slots of sessions that gave up meanwhile."""
        for ticket in tickets:
            if ticket.cancelled:
                self.release(server)
            else:
                ticket.called = False
                self._tell_granted(ticket, server)

    def reassign(self, tickets: Sequence[Ticket], server: LiveServer) -> None:
        """Balance again the sessions that waited for a server that went away."""
        for ticket in tickets:
            if ticket.cancelled:
                continue
            ticket.called, ticket.redispatched = False, True
            server.counters.redispatches += 1
            self.counters.redispatches += 1
            self._reassign(ticket, server)

    def _reassign(self, ticket: Ticket, server: LiveServer) -> None:
        """Balance a session again. One that raises meanwhile, or whose strategy does, ends."""
        waiter = ticket.waiter
        try:
            found = self.assign(waiter, server, ticket)
            if found is None:
                waiter.turned_away()
        except Exception as error:
            waiter.crashed(error)
            return
        if found is not None and found is not ticket:
            self._tell_granted(ticket, found)  # type: ignore[arg-type]  # not a ticket, hence a server

    # changes of servers

    def bring_up(self, server: LiveServer, cause: Finding | None, reason: str) -> None:
        """Move a server up, through slow start if it has one."""
        transitions.carry_out(transitions.up(server, cause, reason))

    def move(self, server: LiveServer, state: ServerState, cause: Finding | None, reason: str, gone: int = 0) -> None:
        """Move a server to an operational state, and those that track it; gone: as of `LiveServer.down`."""
        transitions.carry_out(transitions.move(server, state, cause, reason, gone))

    def set_flag(self, server: LiveServer, flag: Admin, cause: str) -> None:
        """Set an administrative flag of a server, and (inherited) of those that track it."""
        transitions.carry_out(transitions.set_flag(server, flag, cause))

    def clear_flag(self, server: LiveServer, flag: Admin) -> None:
        """Clear an administrative flag of a server, and (inherited) of those that track it."""
        transitions.carry_out(transitions.clear_flag(server, flag))

    def reweigh(self, server: LiveServer) -> None:
        """Put a new weight of a server into force."""
        transitions.carry_out(transitions.reweigh(server))

    def add(self, server: LiveServer) -> None:
        """Take in a server that was added at run time; it may be usable at once.

        Raises PluginFailed where a third party's strategy makes no picker for it: it is not taken in then.
        """
        before = self.available
        self.servers.append(server)
        if server.tracked is not None:
            server.tracked.trackers.append(server)
        try:
            self._introduce(server)
        except BaseException:
            self.servers.remove(server)
            server.retire()
            raise
        if server.usable and not before:
            self.come_back(counted=True)
        self.recount()
        self.cookies.renew()
        self.call_waiting()

    def _introduce(self, server: LiveServer) -> None:
        """Let the picker of the server's group know it, or put new pickers in place."""
        picker = self._backup_picker if server.model.backup else self._picker
        if picker is None and server.model.backup and self._picker is not None and not self._balances_backups():
            return  # the first usable backup serves all
        joined = getattr(picker, "joined", None)
        if picker is None or joined is None:
            self._renew_pickers()
            return
        joined(server)
        server.picker = picker
        picker.changed(server)

    def _balances_backups(self) -> bool:
        return self.all_backups or bool(IFarmStrategy.providedBy(self.model.balance.strategy))

    def remove(self, server: LiveServer) -> None:
        """Forget a server that is in maintenance and has neither sessions nor links (`LiveServer.busy`)."""
        self.servers.remove(server)
        server.retire()
        if server.picker is not None:
            left = getattr(server.picker, "left", None)
            if left is not None:
                left(server)
            else:
                self._renew_pickers()
        self.recount()
        self.cookies.renew()

    def renew_cookies(self) -> None:
        """Make dynamic cookies again: the address of a server changed."""
        self.cookies.renew()

    def close_links(self) -> None:
        """Close the idle links of all servers."""
        for server in self.servers:
            if server.links is not None:
                server.links.close()


def _bind(picker: IPicker | None, servers: Sequence[LiveServer]) -> None:
    if picker is None:
        return
    for server in servers:
        server.picker = picker
        picker.changed(server)
