"""The rows of `show stat` before they are text: a live object and the moment, and the values that take some work.

The columns that show them are listed in columns.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import WEIGHT_SCALE, Admin, CheckStatus, ServerState
from tcproxy.report.seen import (
    SeenBind,
    SeenFarm,
    SeenFrontend,
    SeenLinks,
    SeenServer,
    SeenWatch,
    SeenWorld,
)

Value = int | str | None
"""None is an empty column, and no line at all in the typed form."""


@dataclass(frozen=True, slots=True)
class FrontendRow:
    """The row of a frontend at a moment (monotonic seconds).

    exchanges: of HTTP, under way. beginnings: requests that are not whole yet. upgraded: clients of TCP mode that
    speak HTTP now.
    """

    live: SeenFrontend
    now: float
    exchanges: int = 0
    beginnings: int = 0
    upgraded: int = 0

    @property
    def http(self) -> bool:
        """Return whether its mode is HTTP."""
        return self.live.model.mode == "http"


@dataclass(frozen=True, slots=True)
class BindRow:
    """The row of a `bind` address at a moment (monotonic seconds). private: addresses may be shown."""

    live: SeenBind
    frontend: SeenFrontend
    now: float
    private: bool = True


@dataclass(slots=True)
class ServerRow:
    """The row of a server at a moment (monotonic seconds). private: addresses may be shown."""

    live: SeenServer
    farm: SeenFarm
    now: float
    private: bool = True
    _links: LinkCounts | None = None

    @property
    def links(self) -> LinkCounts:
        """Return the numbers of its connections, which are worked out once."""
        found = self._links
        if found is None:
            found = self._links = link_counts(self.live)
        return found

    @property
    def watch(self) -> SeenWatch | None:
        """The server's own health watch, None without `check`."""
        watch: SeenWatch | None = self.live.watch
        return watch

    @property
    def checked(self) -> SeenWatch | None:
        """The watch while it checks: None without `check`, while checks are switched off, and in maintenance."""
        watch = self.watch
        return watch if watch is not None and watch.enabled and not watch.paused else None


class LinkCounts(NamedTuple):
    """How many connections to a server there are: idle ones, in use now and at the most, and how many seem needed."""

    idle: int
    safe: int
    used: int
    most: int
    need: int

    @property
    def open(self) -> int:
        """Return how many connections there are."""
        return self.idle + self.safe + self.used


def link_counts(server: SeenServer) -> LinkCounts:
    """Return the numbers of a server's connections; in TCP mode none is ever idle."""
    links: SeenLinks | None = server.links
    if links is None:
        highest = server.counters.highest
        return LinkCounts(0, 0, server.served, highest, highest)
    return LinkCounts(len(links.idle), len(links.safe), links.used, links.most, links.need)


@dataclass(frozen=True, slots=True)
class BackendRow:
    """The row of a backend at a moment (monotonic seconds).

    partial: some of its servers may be left out. private: its strategy and its cookie may be shown.
    """

    live: SeenFarm
    now: float
    partial: bool = False
    private: bool = True


def all_requests(world: SeenWorld) -> int:
    """Return the HTTP requests since the start, and the sessions of TCP, whatever was cleared meanwhile."""
    return world.counters.requests + sum(
        frontend.counters.requests - frontend.counters.unbegun
        if frontend.model.mode == "http"
        else frontend.counters.total + frontend.counters.requests - frontend.counters.upgrades
        for frontend in world.frontends.values()
    )


def users(scaled: int) -> int:
    """Return a weight in the unit of the configuration. scaled: in sixteenths; a server in use never shows 0."""
    return (scaled + WEIGHT_SCALE - 1) // WEIGHT_SCALE


def _root(server: SeenServer) -> SeenServer:
    """Return the server whose health this one has: itself, or the end of the chain of `track`."""
    while server.tracked is not None:
        server = server.tracked
    return server


def server_status(row: ServerRow) -> str:
    """Return the status of a server: UP, DOWN 1/2, NOLB, DRAIN, MAINT, no check ... (management 9.1)."""
    server = row.live
    admin = server.admin
    if admin and admin & Admin.MAINTENANCE:  # to look at flags takes longer than all else
        if admin & Admin.RESOLUTION_MAINTENANCE:
            return "MAINT (resolution)"
        if admin & Admin.INHERITED_MAINTENANCE and server.tracked is not None:
            return f"MAINT (via {server.tracked.label})"
        return "MAINT"
    watch: SeenWatch | None = _root(server).watch
    watch = watch if watch is not None and watch.enabled else None
    if server.state is ServerState.STOPPED:
        return f"DOWN {watch.health}/{watch.rise}" if watch is not None and watch.health else "DOWN"
    full = watch is None or watch.health == watch.rise + watch.fall - 1
    progress = "" if watch is None or full else f" {watch.health - watch.rise + 1}/{watch.fall}"
    if server.state is ServerState.STOPPING:
        return f"NOLB{progress}"
    if admin and admin & Admin.DRAIN:
        return f"DRAIN{progress}"
    return f"UP{progress}" if watch is not None else "no check"


def backend_status(row: BackendRow) -> str:
    """Return UP or DOWN; where servers are left out of the listing, with how many are up, of how many."""
    farm = row.live
    word = "UP" if farm.weight or not farm.servers else "DOWN"
    if not row.partial:
        return word
    up = sum(server.state is not ServerState.STOPPED for server in farm.servers)
    return f"{word} ({up}/{len(farm.servers)})"


def throttle(row: ServerRow) -> Value:
    """Return the percentage of its weight that a server has reached in slow start."""
    server = row.live
    if server.state is not ServerState.STARTING or server.admin & Admin.DRAIN or not server.user_weight:
        return None
    scaled = WEIGHT_SCALE * server.user_weight
    return max((100 * server.effective + scaled - 1) // scaled, 1)


def bind_status(row: BindRow) -> Value:
    """Return OPEN, FULL (of its own limit) or WAITING (for another one)."""
    live = row.live
    if live.maxconn and live.counters.current >= live.maxconn:
        return "FULL"
    return "WAITING" if live.resume is not None else "OPEN"


def place(address: Address, port: int) -> str:
    """Return an address as statistics print it: `127.0.0.1:80`, `[::1]:80` or `unix`."""
    if address.family in (Family.UNIX, Family.ABNS):
        return "unix"
    if address.family is Family.INET6 or ":" in address.host:
        return f"[{address.host or '::'}]:{port}"
    return f"{address.host or '0.0.0.0'}:{port}"


def bind_address(row: BindRow) -> Value:
    """Return address and port of a listening address, if they may be shown."""
    address = row.live.model.address
    return place(address, address.port) if row.private else None


def server_cookie(row: ServerRow) -> Value:
    """Return the cookie of a server, if it may be shown."""
    return (row.live.cookie.decode("utf-8", "surrogateescape") or None) if row.private else None


def backend_cookie(row: BackendRow) -> Value:
    """Return the name of a backend's cookie, if it may be shown."""
    cookie = row.live.model.cookie
    return cookie.name if cookie is not None and row.private else None


def strategy(row: BackendRow) -> Value:
    """Return the name of a backend's strategy, if it may be shown."""
    model = row.live.model
    if not row.private:
        return None
    return "none" if model.dispatch else str(model.balance.name)


def bind_name(row: BindRow) -> str:
    """Return the name of a listening address, made of its id where it has none."""
    bind = row.live.model
    return bind.name or f"sock-{bind.id}"


def server_address(row: ServerRow) -> Value:
    """Return address and port of a server, if they may be shown."""
    server = row.live
    if not row.private or server.address is None:
        return None
    return place(server.address, server.port)


def ended(watch: SeenWatch) -> bool:
    """Return whether a check has ended yet."""
    return watch.status not in (CheckStatus.UNKNOWN, CheckStatus.INITIALIZING)


def since(last: float, now: float) -> int:
    """Return the seconds since a moment, -1 for never."""
    return -1 if last < 0 else int(now) - int(last)


def set_weight(row: BackendRow) -> int:
    """Return the sum of the user weights of the servers that get new clients now."""
    return sum(server.user_weight for server in _serving(row.live))


def _serving(farm: SeenFarm) -> list[SeenServer]:
    """Return the servers that get new clients now."""
    usable = [server for server in farm.servers if server.usable]
    active = [server for server in usable if not server.model.backup]
    if active or "allbackups" in farm.model.options:
        return active or usable
    return usable[:1]
