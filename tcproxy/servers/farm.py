"""The servers of one backend at work: who serves the next session, and who waits.

Balancing itself is a strategy's (tcproxy/balance); states and weights are each server's (live.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tcproxy.guards import GuardedStrategy, Place, PluginFailed
from tcproxy.interfaces import Admin, IClock, IFarmStrategy, IPicker
from tcproxy.report.counters import Counters
from tcproxy.servers import wording
from tcproxy.servers.cookies import Cookies
from tcproxy.servers.live import LiveServer
from tcproxy.servers.transitions import MAINTENANCE, start_in_maintenance
from tcproxy.servers.waiting import Queue, Ticket, Waiter

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy

Announce = Callable[[int, str], None]


class Farm:
    """The live servers of one backend or listen section.

    announce: tells a message with its syslog level. active, backups: how many servers of each group are usable.
    first_backup: the one that serves when no active server can; None with `option allbackups`.
    refuser: the server whose queue was too long for the last one who got neither slot nor place.
    queue: sessions that wait for whichever server is free first.
    fullconn: of the model (see tcproxy/model/fullconn.py). counters.current: sessions, `enter`ed.
    last_change: of the backend, whole monotonic seconds. last_session: monotonic seconds of the last slot taken, -1
    before.
    cookies: which servers are named by which cookie.
    dynamic: whether weights may change while it runs. redistributes: whether who waits for a server that goes down is
    balanced again (`option redispatch` without `option persist`).
    """

    def __init__(self, model: Proxy, clock: IClock, announce: Announce) -> None:
        self.model, self.clock, self.announce = model, clock, announce
        self.name = model.name
        self.counters = Counters()
        self.queue = Queue(self.counters)
        self.active = self.backups = 0
        self.first_backup: LiveServer | None = None
        self.refuser: LiveServer | None = None
        self.fullconn = model.fullconn
        self.last_change = self.second()
        self.last_session = -1.0
        redispatches = model.redispatch != 0 or "redispatch" in model.options
        self.redistributes = redispatches and "persist" not in model.options
        self._all_backups = "allbackups" in model.options
        self.servers = [LiveServer(server, self) for server in model.servers]
        self.cookies = Cookies(model, self.servers)
        self._picker, self._backup_picker = self._new_pickers()
        picker = self._picker or self._backup_picker
        self.dynamic = picker.dynamic if picker else True
        self._queue_first = picker.queue_first if picker else False
        pickers = (self._picker, self._backup_picker)
        self._counts_load = any(getattr(one, "counts_load", True) for one in pickers if one is not None)
        self.recount()
        self._count_loss(len(self.servers))

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
            strategy = strategy.at(Place(f"backend {self.name}", self.announce, self.clock))
        pickers: tuple[IPicker | None, IPicker | None]
        if IFarmStrategy.providedBy(strategy):
            pickers = strategy.pickers(active, backups, self._all_backups, hashing, balance.options)
        else:
            make = strategy.picker
            pickers = (
                make(active, hashing, balance.options) if active else None,
                make(backups, hashing, balance.options) if backups and self._all_backups else None,
            )
        for picker, servers in zip(pickers, (active, backups), strict=True):
            _bind(picker, servers)
        return pickers

    def second(self) -> int:
        """Return the clock's whole seconds: states and slow start count these."""
        return int(self.clock.seconds())

    @property
    def available(self) -> int:
        """Return how many servers are usable."""
        return self.active + self.backups

    @property
    def served(self) -> int:
        """Return how many sessions hold a slot, of all servers."""
        return sum(server.served for server in self.servers)

    @property
    def weight(self) -> int:
        """Return the weight in force of the servers that get new clients now, in sixteenths."""
        if self.active:
            return sum(s.weight for s in self.servers if s.usable and not s.model.backup)
        if self.first_backup is not None:
            return self.first_backup.weight
        return sum(s.weight for s in self.servers if s.usable)

    def server(self, name: str) -> LiveServer | None:
        """Return the server of this name, or None."""
        return next((server for server in self.servers if server.name == name), None)

    def enter(self) -> None:
        """Count a session that uses this backend from now on (BACKEND row: current, highest, total, rate)."""
        self.counters.begin(self.clock.seconds())

    def leave(self) -> None:
        """Count its end. Every `enter` has one `leave`."""
        self.counters.current -= 1

    def assign(
        self, waiter: Waiter, avoid: LiveServer | None = None, old: Ticket | None = None
    ) -> LiveServer | Ticket | None:
        """Balance: return the server whose slot was taken, or a place in a queue.

        None: no server is usable (`available` is 0), or the chosen one's maxqueue is reached (it is not).
        `avoid` is the server that failed this session, `old` the place in a queue that it had.
        Raises PluginFailed where a third party's strategy cannot choose: nothing is taken or counted then.
        """
        if not self.active and not self.backups:
            return None
        server: LiveServer | None
        if self._queue_first and self.queue.tickets and any(one.counters.current for one in self.servers):
            server = None  # who waits was here first
        else:
            picker = self._picker if self.active else self._backup_picker
            # a Protocol is not a zope interface, and a picker returns one of the servers it was given
            server = picker.pick(waiter, avoid) if picker else self.first_backup  # type: ignore[arg-type, assignment]
        if server is None:
            return self._wait(old or Ticket(waiter), self.queue)
        if server is not avoid:
            server.counters.selected += 1
            self.counters.selected += 1
        if server.maxconn:
            return self._seat(waiter, server, old)
        # `_take_slot` without the calls: most pass here
        now = self.last_session = server.last_session = self.clock.seconds()
        counters = server.counters
        if now >= counters.session_rate.until:
            counters.session_rate.turn(now, counters.total)
        counters.total += 1
        current = counters.current = counters.current + 1
        if current > counters.highest:
            counters.highest = current
        if self._counts_load and server.picker is not None:
            server.picker.took(server)
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
        return self._seat(waiter, server, Ticket(waiter, stays) if stays else None)

    @staticmethod
    def refuses(server: LiveServer) -> bool:
        """Say whether a server would take nobody, not even to wait: its maxqueue is reached."""
        return 0 < server.maxqueue <= server.queued and server.saturated

    def _seat(self, waiter: Waiter, server: LiveServer, old: Ticket | None) -> LiveServer | Ticket | None:
        if not server.saturated:
            self._take_slot(server)
            return server
        if self.refuses(server):
            self.refuser = server
            server.counters.connect_errors += 1
            return None
        return self._wait(old or Ticket(waiter), server.queue)

    def _wait(self, ticket: Ticket, queue: Queue) -> Ticket:
        queue.add(ticket, int(self.clock.seconds() * 1000))
        return ticket

    def _take_slot(self, server: LiveServer) -> None:
        now = self.last_session = server.last_session = self.clock.seconds()
        server.counters.begin(now)
        if self._counts_load and server.picker is not None:
            server.picker.took(server)

    def again(self, server: LiveServer) -> None:
        """Count one more connection attempt on a slot that is kept: a retry on the same server."""
        now = self.last_session = server.last_session = self.clock.seconds()
        server.counters.count(now)

    def release(self, server: LiveServer) -> None:
        """Give a slot back; whoever waits for it is granted it before this returns."""
        server.counters.current -= 1
        if self._counts_load and server.picker is not None:
            server.picker.dropped(server)
        if server.queue.tickets or self.queue.tickets:
            self.serve(server)

    def serve(self, server: LiveServer) -> None:
        """Let a server call who waits, as long as it has slots: its own queue and the backend's, oldest first.

        A granted session may fail at once and release: that does not nest, the loop here sees the slot.
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
                self._take_slot(server)
                ticket.waiter.granted(server)
        finally:
            server.serving = False

    def call_waiting(self) -> None:
        """Let every server call from the backend's queue: which of them may, or how much, has changed.

        HAProxy leaves them waiting after some changes (the end of a drain, a weight that was 0, the turn of a
        backup) until the next session of the server ends; there may be none.
        """
        if self.queue.tickets:
            for server in self.servers:
                if self._takes_from_all(server):
                    self.serve(server)

    def _has_room(self, server: LiveServer) -> bool:
        return not server.maxconn or server.served < server.limit()

    def _next(self, server: LiveServer) -> Ticket | None:
        """Return who is next for a server; of two that came in the same millisecond, who waits for it alone."""
        own = server.queue.first()
        common = self.queue.first() if self._takes_from_all(server) else None
        if own is None or common is None:
            return own or common
        return own if own.entered <= common.entered else common

    def _takes_from_all(self, server: LiveServer) -> bool:
        """Say whether a server may call from the backend's queue: a backup only while it is its turn."""
        if not server.usable:
            return False
        if not server.model.backup:
            return True
        return not self.active and (self._all_backups or server is self.first_backup)

    def grab(self, server: LiveServer) -> list[Ticket]:
        """Take slots of a server that just became usable for those in the backend's queue; `grant` must follow."""
        tickets: list[Ticket] = []
        while self.queue.tickets and self._takes_from_all(server) and self._has_room(server):
            ticket = next(iter(self.queue.tickets))
            self.queue.remove(ticket)
            ticket.called = True
            self._take_slot(server)
            tickets.append(ticket)
        return tickets

    def grant(self, tickets: Sequence[Ticket], server: LiveServer) -> None:
        """Tell sessions of the slots taken for them; those that gave up meanwhile give them back."""
        for ticket in tickets:
            if ticket.cancelled:
                self.release(server)
            else:
                ticket.called = False
                ticket.waiter.granted(server)

    def reassign(self, tickets: Sequence[Ticket], server: LiveServer) -> None:
        """Balance again those that waited for a server that went away."""
        for ticket in tickets:
            if ticket.cancelled:
                continue
            ticket.called, ticket.redispatched = False, True
            server.counters.redispatches += 1
            self.counters.redispatches += 1
            try:
                found = self.assign(ticket.waiter, server, ticket)
            except PluginFailed:
                found = None  # told already; those behind it are to be balanced, too
            if found is None:
                ticket.waiter.turned_away()
            elif found is not ticket:
                ticket.waiter.granted(found)  # type: ignore[arg-type]  # not a ticket, hence a server

    def recount(self) -> None:
        """Count the usable servers anew."""
        usable = [server for server in self.servers if server.usable]
        backups = [server for server in usable if server.model.backup]
        self.active, self.backups = len(usable) - len(backups), len(backups)
        self.first_backup = backups[0] if backups and not self._all_backups else None

    def come_back(self, counted: bool) -> None:
        """Take notice: a server comes back. Was there none, the backend is up; its down time counts if `counted`."""
        if self.available:
            return
        now = self.second()
        if counted:
            self.counters.down_time += now - self.last_change
        self.last_change = now

    def tell_if_lost(self, before: int) -> None:
        """Say so when the last usable server is gone; `before`: how many there were."""
        if self._count_loss(before):
            self.announce(wording.EMERGENCY, wording.no_server(self))

    def inherit_quietly(self, server: LiveServer) -> None:
        """Put a server into the maintenance of the one it tracks, before the proxy runs."""
        before = self.available
        start_in_maintenance(server, Admin.INHERITED_MAINTENANCE)
        server.recalculate()
        self._count_loss(before)

    def _count_loss(self, before: int) -> bool:
        if self.available or not before:
            return False
        self.last_change = self.second()
        self.counters.down_transitions += 1
        return True

    def down_seconds(self) -> int:
        """Return how long no server was usable in all, to this moment."""
        down = int(self.counters.down_time)
        return down if self.available or not self.servers else down + self.second() - self.last_change

    def shut_backup_sessions(self) -> None:
        """End the sessions of all backup servers (`on-marked-up shutdown-backup-sessions`)."""
        for server in self.servers:
            if server.model.backup:
                server.shut_sessions("U")


def _bind(picker: IPicker | None, servers: Sequence[LiveServer]) -> None:
    if picker is None:
        return
    for server in servers:
        server.picker = picker
        picker.changed(server)


def link_tracks(farms: Mapping[str, Farm]) -> None:
    """Tie servers to those they track, before anything runs. ValueError names a server that does not exist."""
    for farm in farms.values():
        for server in farm.servers:
            if server.model.track:
                server.tracked = _tracked(server, farms)
                server.tracked.trackers.append(server)
    for farm in farms.values():
        for server in farm.servers:
            _inherit(server)


def _tracked(server: LiveServer, farms: Mapping[str, Farm]) -> LiveServer:
    place, _, name = server.model.track.rpartition("/")
    farm = farms.get(place) if place else server.farm
    tracked = farm.server(name) if farm is not None else None
    if tracked is None:
        raise ValueError(f"server {server.label} tracks '{server.model.track}', which does not exist.")
    return tracked


def _inherit(server: LiveServer) -> None:
    """Put those that follow a server in maintenance into maintenance, too."""
    for tracker in server.trackers:
        if server.admin & MAINTENANCE and not tracker.admin & Admin.INHERITED_MAINTENANCE:
            tracker.farm.inherit_quietly(tracker)
            _inherit(tracker)
