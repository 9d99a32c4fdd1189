"""Live objects as statistics see them: what columns, information and listings read, and nothing more.

The objects themselves live in rooms above (servers, session, health), so they are told of here as Protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any, Protocol

from tcproxy.grammar.addresses import Address
from tcproxy.interfaces import Admin, CheckStatus, ServerState
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.report.counters import Counters


class SeenBind(Protocol):
    """A listening address of a frontend. resume: not None while it waits for a limit."""

    @property
    def model(self) -> Bind: ...  # noqa: D102
    @property
    def counters(self) -> Counters: ...  # noqa: D102
    @property
    def maxconn(self) -> int: ...  # noqa: D102
    @property
    def resume(self) -> object | None: ...  # noqa: D102


class SeenFrontend(Protocol):
    """A frontend. state: "open", "paused" or "stopped"."""

    @property
    def model(self) -> Proxy: ...  # noqa: D102
    @property
    def counters(self) -> Counters: ...  # noqa: D102
    @property
    def maxconn(self) -> int: ...  # noqa: D102
    @property
    def rate_limit(self) -> int: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def binds(self) -> Sequence[SeenBind]: ...  # noqa: D102


class SeenWatch(Protocol):
    """The health watch of a server."""

    status: CheckStatus
    code: int
    message: str
    duration_ms: int
    enabled: bool
    paused: bool
    check_port: int
    check_address: Address | None

    @property
    def in_progress(self) -> bool: ...  # noqa: D102
    @property
    def health(self) -> int: ...  # noqa: D102
    @property
    def rise(self) -> int: ...  # noqa: D102
    @property
    def fall(self) -> int: ...  # noqa: D102


class SeenLinks(Protocol):
    """The links of a server in HTTP mode. used, most, need: in use now, at the most, and how many seem to be needed."""

    @property
    def idle(self) -> Sized: ...  # noqa: D102
    @property
    def safe(self) -> Sized: ...  # noqa: D102
    @property
    def used(self) -> int: ...  # noqa: D102
    @property
    def most(self) -> int: ...  # noqa: D102
    @property
    def need(self) -> int: ...  # noqa: D102


class SeenServer(Protocol):
    """A server. effective: sixteenths. last_change: whole monotonic seconds; last_session: monotonic ones."""

    @property
    def model(self) -> Server: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def counters(self) -> Counters: ...  # noqa: D102
    @property
    def state(self) -> ServerState: ...  # noqa: D102
    @property
    def admin(self) -> Admin: ...  # noqa: D102
    @property
    def effective(self) -> int: ...  # noqa: D102
    @property
    def usable(self) -> bool: ...  # noqa: D102
    @property
    def user_weight(self) -> int: ...  # noqa: D102
    @property
    def initial_weight(self) -> int: ...  # noqa: D102
    @property
    def served(self) -> int: ...  # noqa: D102
    @property
    def queued(self) -> int: ...  # noqa: D102
    @property
    def maxconn(self) -> int: ...  # noqa: D102
    @property
    def maxqueue(self) -> int: ...  # noqa: D102
    @property
    def address(self) -> Address | None: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def last_change(self) -> int: ...  # noqa: D102
    @property
    def last_session(self) -> float: ...  # noqa: D102
    @property
    def cookie(self) -> bytes: ...  # noqa: D102
    @property
    def watch(self) -> Any: ...  # noqa: D102  # a SeenWatch or None; typed wider where servers declare it
    @property
    def links(self) -> Any: ...  # noqa: D102  # a SeenLinks; None in TCP mode
    @property
    def tracked(self) -> Any: ...  # noqa: D102  # a SeenServer or None
    @property
    def label(self) -> str: ...  # noqa: D102
    def down_seconds(self) -> int: ...  # noqa: D102


class SeenFarm(Protocol):
    """The servers of a backend. active, backups: how many of each are usable. weight: sixteenths."""

    @property
    def model(self) -> Proxy: ...  # noqa: D102
    @property
    def counters(self) -> Counters: ...  # noqa: D102
    @property
    def servers(self) -> Sequence[SeenServer]: ...  # noqa: D102
    @property
    def queue(self) -> Sized: ...  # noqa: D102
    @property
    def active(self) -> int: ...  # noqa: D102
    @property
    def backups(self) -> int: ...  # noqa: D102
    @property
    def fullconn(self) -> int: ...  # noqa: D102
    @property
    def weight(self) -> int: ...  # noqa: D102
    @property
    def last_change(self) -> int: ...  # noqa: D102
    @property
    def last_session(self) -> float: ...  # noqa: D102
    def down_seconds(self) -> int: ...  # noqa: D102


class SeenPipes(Protocol):
    """The pipes for splicing. most: open at once at the most; used: lent now; free: open and lent to nobody."""

    @property
    def most(self) -> int: ...  # noqa: D102
    @property
    def used(self) -> int: ...  # noqa: D102
    @property
    def free(self) -> int: ...  # noqa: D102


class SeenWorld(Protocol):
    """A running proxy."""

    @property
    def configuration(self) -> Configuration: ...  # noqa: D102
    @property
    def clock(self) -> Any: ...  # noqa: D102  # monotonic; a zope interface where worlds declare it
    @property
    def started(self) -> float: ...  # noqa: D102
    @property
    def birth(self) -> float: ...  # noqa: D102
    @property
    def frontends(self) -> Mapping[str, SeenFrontend]: ...  # noqa: D102
    @property
    def farms(self) -> Mapping[str, SeenFarm]: ...  # noqa: D102
    @property
    def sessions(self) -> Mapping[int, Any]: ...  # noqa: D102
    @property
    def counters(self) -> Counters: ...  # noqa: D102
    @property
    def maxconn(self) -> int: ...  # noqa: D102
    @property
    def stopping(self) -> bool: ...  # noqa: D102
    @property
    def rate_limits(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def pipes(self) -> SeenPipes | None: ...  # noqa: D102
