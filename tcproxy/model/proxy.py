"""A frontend, a backend, or both in one (`listen`): HAProxy's proxy (manual 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tcproxy.grammar.statements import NOWHERE, Origin
from tcproxy.model.bind import Bind
from tcproxy.model.logs import LogTarget
from tcproxy.model.server import Server, Source


@dataclass(frozen=True, slots=True)
class HashType:
    """`hash-type`: method map-based or consistent; function sdbm, djb2, wt6 or crc32; avalanche modifier.

    balance_factor: the backend's `hash-balance-factor` in percent, 0 for none; set where pickers are made.
    """

    method: str = "map-based"
    function: str = "sdbm"
    avalanche: bool = False
    balance_factor: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """`balance`: the strategy's name, what its `parse` returned, and its plugin."""

    name: str = "roundrobin"
    options: Any = None
    strategy: Any = None


@dataclass(frozen=True, slots=True)
class UseBackend:
    """`use_backend NAME [if|unless CONDITION]`; condition is None or a tcproxy.rules.conditions.Condition.

    name may be a log-format string later; for now a plain name.
    """

    name: str
    condition: Any = None
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """TCP keep-alive of one side: on or off, count of probes, idle seconds, interval seconds (0: the system's)."""

    on: bool = False
    count: int = 0
    idle: int = 0
    interval: int = 0


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy section, defaults included.

    kind: frontend, backend or listen. mode: tcp or http. id: unique in the configuration.
    timeouts: milliseconds by name ("connect", "client", "server", "client-fin", "server-fin", "queue", "tunnel",
        "check", "tarpit", "http-request", "http-keep-alive"); absent: none.
    options: names of the `option` words that are on ("tcplog", "redispatch" ...).
    redispatch: 0 off; n > 0 at every nth retry; n < 0 at the |n|th retry from the last (-1: the last one).
    maxconn: 0 for the process's default. fullconn: 0 to be computed. backlog: 0 to be computed.
    rate_limit: new sessions a second, 0 for none. log_targets: resolved, with `log global` replaced.
    log_format: "" for the default; "tcplog" and the like are options; a format string otherwise (text).
    dispatch: a pseudo server, or None. monitor_net: networks as ipaddress objects.
    acls: named ACLs by name (tcproxy.rules.conditions). kept: statements whose effect comes later, by word.
    """

    kind: str
    name: str
    origin: Origin = NOWHERE
    id: int = 0
    mode: str = "tcp"
    description: str = ""
    disabled: bool = False
    binds: tuple[Bind, ...] = ()
    servers: tuple[Server, ...] = ()
    balance: Balance = Balance()
    hash_type: HashType = HashType()
    hash_balance_factor: int = 0
    default_backend: str = ""
    use_backends: tuple[UseBackend, ...] = ()
    acls: Any = None
    maxconn: int = 0
    fullconn: int = 0
    backlog: int = 0
    rate_limit: int = 0
    retries: int = 3
    redispatch: int = 0
    timeouts: Any = None
    options: frozenset[str] = frozenset()
    client_keepalive: KeepAlive = KeepAlive()
    server_keepalive: KeepAlive = KeepAlive()
    log_targets: tuple[LogTarget, ...] = ()
    log_tag: str = ""
    log_format: str = ""
    log_format_sd: str = ""
    error_log_format: str = ""
    unique_id_format: str = ""
    unique_id_header: str = ""
    source: Source | None = None
    dispatch: Server | None = None
    monitor_net: tuple[Any, ...] = ()
    checker: Any = None
    check_options: Any = None
    grace: int = 0
    stats: Any = None
    kept: Any = None

    @property
    def is_frontend(self) -> bool:
        """True for `frontend` and `listen`."""
        return self.kind != "backend"

    @property
    def is_backend(self) -> bool:
        """True for `backend` and `listen`."""
        return self.kind != "frontend"
