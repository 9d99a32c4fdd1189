"""One server at work: its state, its weights, its limits, and the calls that change them.

How a change of state is carried out and told stands in transitions.py; who gets which slot in farm.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from zope.interface import implementer

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import WEIGHT_SCALE, Admin, IPicker, IServer, ServerState
from tcproxy.report.counters import Counters
from tcproxy.report.findings import Finding
from tcproxy.servers import transitions
from tcproxy.servers.waiting import Queue
from tcproxy.servers.weights import (
    dynamic_limit,
    growing_limit,
    growing_weight,
    requested_weight,
    warming_seconds,
)

if TYPE_CHECKING:
    from tcproxy.model.server import Server, Source
    from tcproxy.servers.farm import Farm


class Watching(Protocol):
    """The health watch of a server, as far as the server, its sessions and commands speak to it."""

    def stop(self) -> None:
        """Check no more."""
        ...

    def pause(self) -> None:
        """Stop checking: the server enters maintenance. Its health becomes 0."""
        ...

    def resume(self) -> None:
        """Check again: the server leaves maintenance. Its health becomes `rise`: one failure is enough."""
        ...

    def force(self, healthy: bool) -> None:
        """Set the health to its top (`set server B/S health up`) or to 0 (`down`)."""
        ...

    def observed(self, ok: bool, cause: str = ...) -> None:
        """Take notice of live traffic: a connection to the server, or its answer, was good or not, and why."""
        ...


class Attached(Protocol):
    """A session that uses a server, as far as the server may end it."""

    def shut(self, cause: str) -> None:
        """End now. `cause`: first letter of the termination state; D server down, U server up, K killed."""
        ...


@implementer(IServer)
class LiveServer:
    """A server (IServer), alive.

    label: `backend/server`. served: sessions that hold a slot. sessions: those attached, to be shut on demand; a
    session adds and removes itself. weight: sixteenths, 0 in drain; effective: the same, whether in drain or not.
    last_change: whole monotonic seconds; last_session: monotonic seconds, -1 before the first.
    maxconn, minconn, maxqueue: as in force now; maxqueue 0 for no limit.
    links: idle ones in HTTP mode (session/http/reuse.py), None in TCP mode.
    cookie: its value of the backend's persistence cookie now, b"" for none.
    address: numeric, or None while unresolved; port: of the address. tracked: the server whose state it follows.
    """

    __slots__ = (
        "_warming", "address", "admin", "cookie", "counters", "effective", "farm", "id", "initial_weight", "label",
        "last_change", "last_session", "links", "maxconn", "maxqueue", "minconn", "model", "name", "picker", "port",
        "queue", "serving", "sessions", "state", "tracked", "trackers", "usable", "user_weight",
        "warming", "watch", "weight",
    )  # fmt: skip

    def __init__(self, model: Server, farm: Farm) -> None:
        self.model, self.farm = model, farm
        self.name, self.id, self.label = model.name, model.id, f"{farm.name}/{model.name}"
        self.state, self.admin = ServerState.RUNNING, Admin.NONE
        self.counters = Counters()
        self.initial_weight = self.user_weight = model.weight
        self.weight = self.effective = model.weight * WEIGHT_SCALE
        self.usable = model.weight > 0
        self.maxconn = max(model.maxconn, model.minconn)
        self.minconn = model.minconn or self.maxconn
        self.maxqueue = model.maxqueue
        self.warming = warming_seconds(model.slowstart)
        self._warming = transitions.NO_CALL
        self.serving = False
        self.cookie = b""
        self.queue = Queue(self.counters, self)
        self.picker: IPicker | None = None
        self.sessions: set[Attached] = set()
        self.last_change = farm.second()
        self.last_session = -1.0
        self.links: Any = None
        self.watch: Watching | None = None
        self.tracked: LiveServer | None = None
        self.trackers: list[LiveServer] = []
        self.address = starting_address(model)
        self.port = model.address.port
        if self.address is None:
            transitions.start_in_maintenance(self, Admin.RESOLUTION_MAINTENANCE)
        if model.disabled:
            transitions.start_in_maintenance(self, Admin.CONFIGURED_MAINTENANCE | Admin.FORCED_MAINTENANCE)

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
        return bool(self.admin & transitions.MAINTENANCE)

    @property
    def source(self) -> Source | None:
        """Return where its connections come from: its own `source`, or the backend's."""
        return self.model.source or self.farm.model.source

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
        """Be up (through slow start, if any). No effect in maintenance or when up already."""
        transitions.carry_out(transitions.up(self, cause, reason))

    def down(self, cause: Finding | None = None, reason: str = "") -> None:
        """Be down. No effect in maintenance or when down already."""
        transitions.carry_out(transitions.move(self, ServerState.STOPPED, cause, reason))

    def stop(self, cause: Finding | None = None, reason: str = "") -> None:
        """Take no new clients (a check passed conditionally): state STOPPING."""
        transitions.carry_out(transitions.move(self, ServerState.STOPPING, cause, reason))

    def set_admin(self, flag: Admin, cause: str = "") -> None:
        """Set an administrative flag, here and (inherited) in the servers that track this one."""
        transitions.carry_out(transitions.set_flag(self, flag, cause))

    def clear_admin(self, flag: Admin) -> None:
        """Clear an administrative flag, here and (inherited) in the servers that track this one."""
        transitions.carry_out(transitions.clear_flag(self, flag))

    def set_state(self, word: str) -> None:
        """Obey `set server B/S state ready|drain|maint`. ValueError says what is wrong."""
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
        """Obey `set server B/S health up|stopping|down`. ValueError says what is wrong."""
        if self.tracked is not None:
            raise ValueError("This server tracks another one: its health cannot be changed.")
        if word not in ("up", "stopping", "down"):
            raise ValueError(f"A server's health can be set to 'up', 'stopping' or 'down', not '{word}'.")
        if self.watch is not None:
            self.watch.force(healthy=word != "down")
        change = {"up": self.up, "stopping": self.stop, "down": self.down}[word]
        change(None, "changed from CLI")

    def set_weight(self, text: str) -> None:
        """Obey `set server B/S weight N|N%`. ValueError says what is wrong."""
        self.user_weight = requested_weight(text, self.initial_weight, self.farm.dynamic)
        transitions.carry_out(transitions.reweigh(self))

    def set_maxconn(self, limit: int) -> None:
        """Obey `set maxconn server B/S N` (0: no limit); wakes who can be served now."""
        if self.minconn == self.maxconn:
            self.minconn = limit
        self.maxconn = limit
        self.farm.serve(self)

    def set_address(self, address: Address) -> None:
        """Connect to another address, its port included, from the next connection on; it counts as resolved."""
        self.address, self.port = address, address.port
        if self.links is not None:
            self.links.renew()
        self.farm.cookies.renew()
        self.clear_admin(Admin.RESOLUTION_MAINTENANCE)

    def observed(self, ok: bool) -> None:
        """Tell the health watch of live traffic (`observe layer4`). Call it before the slot is released."""
        if self.watch is not None and self.model.observe:
            self.watch.observed(ok)

    def shut_sessions(self, cause: str) -> None:
        """End all attached sessions; `cause` as in Attached.shut."""
        for session in list(self.sessions):
            session.shut(cause)

    def recalculate(self) -> None:
        """Compute the weight and `usable` anew, and tell the backend and its strategy."""
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
        if self._warming.active():
            self._warming.cancel()
        self._warming = self.farm.clock.callLater(1.0, self._step)

    def _step(self) -> None:
        if self.in_maintenance or self.state is not ServerState.STARTING:
            return
        if self.farm.second() - self.last_change >= self.warming:
            transitions.carry_out(transitions.move(self, ServerState.RUNNING, None, ""))
        else:
            self.warm()
            transitions.carry_out(transitions.reweigh(self))


def starting_address(model: Server) -> Address | None:
    """Return the numeric address a server starts with, or None for a name that was not resolved."""
    if not model.address.is_name:
        return model.address
    if not model.resolved:
        return None
    address = model.address
    family = Family.INET6 if ":" in model.resolved else Family.INET
    return Address(
        family, model.resolved, address.port, address.last_port, address.kind,
        relative=address.relative, has_port=address.has_port,
    )  # fmt: skip
