"""What the servers of a backend remember, and what follows from it: LiveServer, one server, and FarmState, all of them.

Changes of a server that concern its sessions, its queue or the servers that track it are carried out by the farm:
FarmState names them, farm.py and transitions.py do them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from zope.interface import implementer

from tcproxy.grammar.addresses import Address
from tcproxy.interfaces import WEIGHT_SCALE, Admin, CheckStatus, IClock, IDelayedCall, IPicker, IServer, ServerState
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server, SourceAddress
from tcproxy.report.counters import Counters
from tcproxy.report.findings import Finding
from tcproxy.servers import waiting
from tcproxy.servers.addresses import comes_from_client, follows_client, starting_address
from tcproxy.servers.links import IdleLinks
from tcproxy.servers.weights import (
    dynamic_limit,
    growing_limit,
    growing_weight,
    requested_weight,
    warming_seconds,
)

Announce = Callable[[int, str], None]


class Watching(Protocol):
    """The health watch of a server, as far as the server, its sessions and runtime commands speak to it.

    enabled: False stops the checks (`disable health`). check_port, check_address: where checks connect to now.
    """

    enabled: bool
    check_port: int
    check_address: Address | None

    def stop(self) -> None:
        """Check no more."""
        ...

    def pause(self) -> None:
        """Stop checking, because the server enters maintenance. Its health becomes 0."""
        ...

    def resume(self) -> None:
        """Check again, because the server leaves maintenance. Its health becomes `rise`: one failure takes it down."""
        ...

    def force(self, healthy: bool) -> None:
        """Set the health to its top (`set server B/S health up`) or to 0 (`down`)."""
        ...

    def restore(self, status: CheckStatus | None) -> None:
        """Show the status of the last check of the process before; None: it is not known."""
        ...

    def observed(self, ok: bool, cause: str = ..., gone: int = 0) -> None:
        """Take notice of live traffic: a connection to the server, or its answer, was good or not, and why.

        gone: how many sessions are still counted among the server's, though their connection is lost.
        """
        ...


class Attached(Protocol):
    """A session that uses a server, as far as the server may end it."""

    def shut(self, cause: str) -> None:
        """End now. `cause`: first letter of the termination state; D server down, U server up, K killed."""
        ...

    def crashed(self, error: BaseException) -> None:
        """End: `shut` raised this exception. Raises nothing."""
        ...


@implementer(IServer)
class LiveServer:
    """One server at work (IServer).

    label: `backend/server`. served: sessions that hold a slot. sessions: those that may be ended on demand; a
    session adds and removes itself. weight: sixteenths, 0 in drain; effective: the same, whether in drain or not.
    last_change: whole monotonic seconds; last_session: monotonic seconds, -1 before the first.
    maxconn, minconn, maxqueue: as in force now; maxqueue 0 for no limit.
    links: the pool of its connections in HTTP mode; None in TCP mode, where no session asks for it.
    cookie: its value of the backend's persistence cookie now, b"" for none.
    address: numeric, or None while unresolved; port: of the address. tracked: the server whose state it follows.
    dynamic: it was added at run time.
    """

    __slots__ = (
        "_warming", "address", "admin", "cookie", "counters", "dynamic", "effective", "farm", "id", "initial_weight",
        "label", "last_change", "last_session", "links", "maxconn", "maxqueue", "minconn", "model", "name", "picker",
        "port", "queue", "serving", "sessions", "state", "tracked", "trackers", "usable", "user_weight",
        "warming", "watch", "weight",
    )  # fmt: skip

    def __init__(self, model: Server, farm: FarmState, dynamic: bool = False) -> None:
        self.model, self.farm, self.dynamic = model, farm, dynamic
        self.name, self.id, self.label = model.name, model.id, f"{farm.name}/{model.name}"
        self.state, self.admin = ServerState.RUNNING, Admin.NONE
        self.counters = farm.new_counters()
        self.initial_weight = self.user_weight = model.weight
        self.weight = self.effective = model.weight * WEIGHT_SCALE
        self.usable = model.weight > 0
        self.maxconn = max(model.maxconn, model.minconn)
        self.minconn = model.minconn or self.maxconn
        self.maxqueue = model.maxqueue
        self.warming = warming_seconds(model.slowstart)
        self._warming: IDelayedCall | None = None
        self.serving = False
        self.cookie = b""
        self.queue: waiting.Queue[LiveServer] = waiting.Queue(self.counters, self)
        self.picker: IPicker | None = None
        self.sessions: set[Attached] = set()
        self.last_change = farm.second()
        self.last_session = -1.0
        self.watch: Watching | None = None
        self.tracked: LiveServer | None = None
        self.trackers: list[LiveServer] = []
        self.address = starting_address(model)
        self.port = model.address.port
        http = farm.model.mode == "http"
        self.links: IdleLinks = (
            IdleLinks(model, farm.model, self.keyed) if http else None  # type: ignore[assignment]  # nobody asks
        )
        if self.address is None:
            self.start_in_maintenance(Admin.RESOLUTION_MAINTENANCE)
        if model.disabled:
            self.start_in_maintenance(Admin.CONFIGURED_MAINTENANCE | Admin.FORCED_MAINTENANCE)

    @property
    def served(self) -> int:
        """Return how many sessions hold a slot: those that are counted as current."""
        return self.counters.current

    def __repr__(self) -> str:
        return f"<server {self.label} {self.state.name} {self.admin!r} served={self.served} queued={self.queued}>"

    @property
    def queued(self) -> int:
        """Return how many wait in its own queue."""
        return len(self.queue.tickets)

    @property
    def saturated(self) -> bool:
        """True when a session would have to wait."""
        return self.maxconn > 0 and (len(self.queue.tickets) > 0 or self.served >= self.limit())

    @property
    def full(self) -> bool:
        """True when a session could not even wait: its maxconn and its maxqueue are reached."""
        return self.maxconn > 0 and self.served + self.queued >= self.limit() + self.maxqueue

    @property
    def in_maintenance(self) -> bool:
        """True in maintenance of any kind: neither checked nor used."""
        return bool(self.admin & Admin.MAINTENANCE)

    @property
    def source(self) -> SourceAddress | None:
        """Return where its connections come from: its own `source`, or the backend's."""
        return self.model.source or self.farm.model.source

    @property
    def comes_from_client(self) -> bool:
        """True when its connections come from the client's address."""
        return comes_from_client(self.source)

    @property
    def follows_client(self) -> bool:
        """True when its address or port is the one that the client connected to."""
        return follows_client(self.address, self.port)

    @property
    def keyed(self) -> bool:
        """True when connections to it depend on the client, so that another client's request may not use them."""
        return bool(self.model.send_proxy) or self.comes_from_client or self.follows_client

    def start_in_maintenance(self, flag: Admin) -> None:
        """Enter maintenance before the proxy runs: nothing is announced, no session is moved."""
        self.admin |= flag
        self.state = ServerState.STOPPED
        self.usable = False

    @property
    def busy(self) -> bool:
        """True while a session uses it or waits for it, or a link to it stands: it cannot be deleted."""
        links = self.links
        linked = links is not None and bool(links.used or len(links))
        return bool(self.served or self.queued or self.sessions) or linked

    def retire(self) -> None:
        """Stop all that is planned for a server that is deleted: its checks, and its slow start."""
        if self.watch is not None:
            self.watch.stop()
        if self._warming is not None and self._warming.active():
            self._warming.cancel()
        if self.tracked is not None:
            self.tracked.trackers.remove(self)

    def limit(self) -> int:
        """Return the sessions it may serve now (minconn, maxconn, fullconn, slowstart); 0 for no limit."""
        if self.minconn == self.maxconn:
            limit = self.maxconn
        else:
            farm = self.farm
            limit = dynamic_limit(self.minconn, self.maxconn, farm.counters.current, farm.fullconn)
        if self.state is ServerState.STARTING and limit:
            elapsed = self.farm.second() - self.last_change
            if elapsed < self.warming:
                return growing_limit(limit, elapsed, self.warming)
        return limit

    def down_seconds(self) -> int:
        """Return how long it was down in all, to this moment."""
        down = int(self.counters.down_time)
        return down + (self.farm.second() - self.last_change if self.state is ServerState.STOPPED else 0)

    def up(self, cause: Finding | None = None, reason: str = "") -> None:
        """Go up (through slow start, if there is one). No effect in maintenance or when up already."""
        self.farm.bring_up(self, cause, reason)

    def down(self, cause: Finding | None = None, reason: str = "", gone: int = 0) -> None:
        """Go down. No effect in maintenance or when down already.

        gone: sessions that are still counted as current, and that the message does not count any more.
        """
        self.farm.move(self, ServerState.STOPPED, cause, reason, gone)

    def stop(self, cause: Finding | None = None, reason: str = "") -> None:
        """Take no new clients (a check passed conditionally): state STOPPING."""
        self.farm.move(self, ServerState.STOPPING, cause, reason)

    def set_admin(self, flag: Admin, cause: str = "") -> None:
        """Set an administrative flag, here and (inherited) in the servers that track this one."""
        self.farm.set_flag(self, flag, cause)

    def clear_admin(self, flag: Admin) -> None:
        """Clear an administrative flag, here and (inherited) in the servers that track this one."""
        self.farm.clear_flag(self, flag)

    def set_state(self, word: str) -> None:
        """Obey `set server B/S state ready|drain|maint`. Raises ValueError with a sentence for the operator."""
        if word == "ready":
            self.clear_admin(Admin.FORCED_DRAIN)
            self.clear_admin(Admin.FORCED_MAINTENANCE)
        elif word == "drain":
            self.set_admin(Admin.FORCED_DRAIN)
            self.clear_admin(Admin.FORCED_MAINTENANCE)
        elif word == "maint":
            self.set_admin(Admin.FORCED_MAINTENANCE)
            self.clear_admin(Admin.FORCED_DRAIN)
        else:
            raise ValueError(f"A server's state can be set to 'ready', 'drain' or 'maint', not '{word}'.")

    def set_health(self, word: str) -> None:
        """Obey `set server B/S health up|stopping|down`. Raises ValueError with a sentence for the operator."""
        if self.tracked is not None:
            raise ValueError("This server tracks another one: its health cannot be changed.")
        if word not in ("up", "stopping", "down"):
            raise ValueError(f"A server's health can be set to 'up', 'stopping' or 'down', not '{word}'.")
        if self.watch is not None:
            self.watch.force(healthy=word != "down")
        change = {"up": self.up, "stopping": self.stop, "down": self.down}[word]
        change(None, "changed from CLI")

    def set_weight(self, text: str) -> None:
        """Obey `set server B/S weight N|N%`. Raises ValueError with a sentence for the operator."""
        self.user_weight = requested_weight(text, self.initial_weight, self.farm.dynamic)
        self.farm.reweigh(self)

    def set_maxconn(self, limit: int) -> None:
        """Obey `set maxconn server B/S N` (0: no limit); serves sessions that wait, as far as there is room now."""
        if self.minconn == self.maxconn:
            self.minconn = limit
        self.maxconn = limit
        self.farm.serve(self)

    def set_address(self, address: Address) -> None:
        """Use another address and its port from the next connection on; the server's name counts as resolved."""
        self.address, self.port = address, address.port
        if self.links is not None:
            self.links.renew(self.keyed)
        self.farm.renew_cookies()
        self.clear_admin(Admin.RESOLUTION_MAINTENANCE)

    def observed(self, ok: bool) -> None:
        """Tell the health watch of live traffic (`observe layer4`). Call it before the slot is released."""
        if self.watch is not None and self.model.observe:
            self.watch.observed(ok)

    def shut_sessions(self, cause: str) -> None:
        """End all attached sessions; `cause` as in Attached.shut."""
        for session in list(self.sessions):
            try:
                session.shut(cause)
            except Exception as error:  # of one session: the others end all the same
                session.crashed(error)

    def recalculate(self) -> None:
        """Compute `weight` and `usable` again after a change, and tell the farm and its strategy."""
        elapsed = self.farm.second() - self.last_change
        starting = self.state is ServerState.STARTING and elapsed < self.warming
        if starting and self.farm.dynamic:
            self.effective = growing_weight(self.user_weight, elapsed, self.warming)
        else:
            self.effective = self.user_weight * WEIGHT_SCALE
        drained = bool(self.admin & Admin.DRAIN)
        self.weight = 0 if drained else self.effective
        up = self.state in (ServerState.STARTING, ServerState.RUNNING) and not self.in_maintenance
        self.usable = up and self.weight > 0
        self.farm.recount()
        if self.picker is not None:
            self.picker.changed(self)

    def warm(self) -> None:
        """Plan the next step of slow start, a second from now."""
        if self._warming is not None and self._warming.active():
            self._warming.cancel()
        self._warming = self.farm.clock.callLater(1.0, self._step)

    def _step(self) -> None:
        if self.in_maintenance or self.state is not ServerState.STARTING:
            return
        if self.farm.second() - self.last_change >= self.warming:
            self.farm.move(self, ServerState.RUNNING, None, "")
        else:
            self.warm()
            self.farm.reweigh(self)


class FarmState:
    """What a backend's servers have in common.

    announce: tells a message with its syslog level. active, backups: how many servers of each group are usable.
    first_backup: the one that serves when no active server can; None with `option allbackups`.
    queue: sessions that wait for whichever server is free first.
    fullconn: of the model (see tcproxy/model/fullconn.py). counters.current: sessions that `enter`ed.
    last_change: of the backend, whole monotonic seconds. last_session: monotonic seconds of the last slot taken, -1
    before.
    dynamic: whether weights may change while it runs. redistributes: whether a session that waits for a server that
    goes down is balanced again (`option redispatch` without `option persist`). new_counters: makes those of servers.
    """

    dynamic: bool

    def __init__(
        self, model: Proxy, clock: IClock, announce: Announce, new_counters: Callable[[], Counters] = Counters
    ) -> None:
        self.model, self.clock, self.announce, self.new_counters = model, clock, announce, new_counters
        self.name = model.name
        self.counters = new_counters()
        self.queue: waiting.Queue[LiveServer] = waiting.Queue(self.counters)
        self.active = self.backups = 0
        self.first_backup: LiveServer | None = None
        self.fullconn = model.fullconn
        self.last_change = self.second()
        self.last_session = -1.0
        redispatches = model.redispatch != 0 or "redispatch" in model.options
        self.redistributes = redispatches and "persist" not in model.options
        self.all_backups = "allbackups" in model.options
        self.servers = [LiveServer(server, self) for server in model.servers]

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

    def recount(self) -> None:
        """Count the usable servers again, and find the backup that serves alone."""
        usable = [server for server in self.servers if server.usable]
        backups = [server for server in usable if server.model.backup]
        self.active, self.backups = len(usable) - len(backups), len(backups)
        self.first_backup = backups[0] if backups and not self.all_backups else None

    def come_back(self, counted: bool) -> None:
        """Note that a server comes back. Was none usable, the backend is up now; its down time counts if `counted`."""
        if self.available:
            return
        now = self.second()
        if counted:
            self.counters.down_time += now - self.last_change
        self.last_change = now

    def count_loss(self, before: int) -> bool:
        """Count that the last usable server is gone, and return whether it is; `before`: how many there were."""
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

    # what farm.py does

    def renew_cookies(self) -> None:
        """Make dynamic cookies again: the address of a server changed."""
        raise NotImplementedError

    def release(self, server: LiveServer) -> None:
        """Give a slot back."""
        raise NotImplementedError

    def serve(self, server: LiveServer) -> None:
        """Let a server call waiting sessions, as long as it has slots."""
        raise NotImplementedError

    def call_waiting(self) -> None:
        """Let every server call from the backend's queue."""
        raise NotImplementedError

    def grab(self, server: LiveServer) -> list[Ticket]:
        """Take slots of a server that just became usable for sessions in the backend's queue; `grant` must follow."""
        raise NotImplementedError

    def grant(self, tickets: Sequence[Ticket], server: LiveServer) -> None:
        """Tell sessions of the slots taken for them."""
        raise NotImplementedError

    def reassign(self, tickets: Sequence[Ticket], server: LiveServer) -> None:
        """Balance again the sessions that waited for a server that went away."""
        raise NotImplementedError

    def bring_up(self, server: LiveServer, cause: Finding | None, reason: str) -> None:
        """Move a server up, through slow start if it has one."""
        raise NotImplementedError

    def move(self, server: LiveServer, state: ServerState, cause: Finding | None, reason: str, gone: int = 0) -> None:
        """Move a server to an operational state; gone: as of `LiveServer.down`."""
        raise NotImplementedError

    def set_flag(self, server: LiveServer, flag: Admin, cause: str) -> None:
        """Set an administrative flag of a server."""
        raise NotImplementedError

    def clear_flag(self, server: LiveServer, flag: Admin) -> None:
        """Clear an administrative flag of a server."""
        raise NotImplementedError

    def reweigh(self, server: LiveServer) -> None:
        """Put a new weight of a server into force."""
        raise NotImplementedError


Ticket = waiting.Ticket[LiveServer]
"""A place in the queue of a server or of a backend."""
Waiter = waiting.Waiter[LiveServer]
"""A session that waits for a server."""
