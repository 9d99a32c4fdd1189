"""One server at work: its state, its weights, its limits, and the calls that change them.

How a change of state is carried out and told stands in transitions.py; who gets which slot in farm.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tcproxy.grammar.addresses import Address
from tcproxy.interfaces import Admin, CheckStatus, ServerState
from tcproxy.report.counters import Counters

if TYPE_CHECKING:
    from tcproxy.model.server import Server
    from tcproxy.servers.farm import Farm


class Cause(Protocol):
    """The end of a check, as the log line of a state change tells it."""

    status: CheckStatus
    code: int
    message: str
    duration_ms: int


class Watching(Protocol):
    """The health watch of a server, as far as the server commands it."""

    def pause(self) -> None:
        """Stop checking: the server enters maintenance. Its health becomes 0."""
        ...

    def resume(self) -> None:
        """Check again: the server leaves maintenance. Its health becomes `rise`: one failure is enough."""
        ...

    def force(self, healthy: bool) -> None:
        """Set the health to its top (`set server health up`) or to 0 (down)."""
        ...


class Attached(Protocol):
    """A session that uses a server, as far as the server may end it."""

    def shut(self, cause: str) -> None:
        """End now. `cause` is the first letter of the termination state: D server down, U server up, K killed."""
        ...


class LiveServer:
    """A server (IServer), alive.

    served: sessions that hold a slot. sessions: those attached, to be shut on demand; a session adds and removes
    itself. weight: sixteenths. last_change: whole monotonic seconds. maxconn, minconn, maxqueue: as in force now.
    """

    model: Server
    farm: Farm
    name: str
    id: int
    state: ServerState
    admin: Admin
    counters: Counters
    user_weight: int
    initial_weight: int
    served: int
    maxconn: int
    address: Address | None
    port: int
    sessions: set[Attached]
    last_change: int
    watch: Watching | None
    tracked: LiveServer | None
    trackers: list[LiveServer]

    @property
    def usable(self) -> bool:
        """True when new clients may be sent to it."""
        raise NotImplementedError

    @property
    def weight(self) -> int:
        """Return the effective weight in sixteenths."""
        raise NotImplementedError

    @property
    def queued(self) -> int:
        """Return how many wait in its own queue."""
        raise NotImplementedError

    @property
    def saturated(self) -> bool:
        """True when a session would have to wait."""
        raise NotImplementedError

    def limit(self) -> int:
        """Return the sessions it may serve at this moment (minconn, maxconn, fullconn, slowstart); 0 for no limit."""
        raise NotImplementedError

    def up(self, cause: Cause | None = None, reason: str = "") -> None:
        """Be up (through slow start, if any). No effect in maintenance or when up already."""
        raise NotImplementedError

    def down(self, cause: Cause | None = None, reason: str = "") -> None:
        """Be down. No effect in maintenance or when down already."""
        raise NotImplementedError

    def stop(self, cause: Cause | None = None, reason: str = "") -> None:
        """Take no new clients (a check passed conditionally): state STOPPING."""
        raise NotImplementedError

    def set_state(self, word: str) -> None:
        """Obey `set server B/S state ready|drain|maint`. ValueError says what is wrong."""
        raise NotImplementedError

    def set_health(self, word: str) -> None:
        """Obey `set server B/S health up|stopping|down`. ValueError says what is wrong."""
        raise NotImplementedError

    def set_admin(self, flag: Admin, cause: str = "") -> None:
        """Set an administrative flag, here and (inherited) in the servers that track this one."""
        raise NotImplementedError

    def clear_admin(self, flag: Admin) -> None:
        """Clear an administrative flag, here and (inherited) in the servers that track this one."""
        raise NotImplementedError

    def set_weight(self, text: str) -> None:
        """Obey `set server B/S weight N|N%`. ValueError says what is wrong."""
        raise NotImplementedError

    def set_maxconn(self, limit: int) -> None:
        """Obey `set maxconn server B/S N`; wakes who can be served now."""
        raise NotImplementedError

    def set_address(self, address: Address) -> None:
        """Use another address from the next connection on."""
        raise NotImplementedError

    def shut_sessions(self, cause: str) -> None:
        """End all attached sessions."""
        raise NotImplementedError
