"""The `global` section (manual 3), and the configuration as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcproxy.grammar.environment import Environment
from tcproxy.model.bind import Bind
from tcproxy.model.logs import LogTarget
from tcproxy.model.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Global:
    """The process as a whole.

    uid, gid: -1 for unchanged. maxconn, ulimit_n, fd_hard_limit: 0 to be computed (process/limits.py).
    stats_timeout, hard_stop_after, grace, max_spread_checks: milliseconds, 0 for none.
    spread_checks: percent. rates (maxconnrate, maxsessrate, maxsslrate): a second, 0 for none.
    processes: nbproc or nbthread, whichever is larger. tune: values of tune.* words that have an effect here.
    kept: statements whose effect comes with a later part (TLS words and the like), by word.
    """

    daemon: bool = False
    master_worker: bool = False
    pidfile: str = ""
    user: str = ""
    group: str = ""
    uid: int = -1
    gid: int = -1
    chroot: str = ""
    maxconn: int = 0
    ulimit_n: int = 0
    fd_hard_limit: int = 0
    processes: int = 1
    nbproc: int = 1
    nbthread: int = 0
    node: str = ""
    description: str = ""
    localpeer: str = ""
    log_targets: tuple[LogTarget, ...] = ()
    log_tag: str = ""
    log_send_hostname: str | None = None
    stats_sockets: tuple[Bind, ...] = ()
    stats_timeout: int = 10_000
    stats_maxconn: int = 10
    hard_stop_after: int = 0
    grace: int = 0
    spread_checks: int = 0
    max_spread_checks: int = 0
    maxconnrate: int = 0
    maxsessrate: int = 0
    maxsslrate: int = 0
    quiet: bool = False
    zero_warning: bool = False
    insecure_setuid_wanted: bool = False
    set_dumpable: bool = False
    strict_limits: bool = True
    splice: bool = True
    pp2_never_send_local: bool = False
    tune: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything one reading produced: the global section and the proxies, in the order of the files."""

    process: Global
    proxies: tuple[Proxy, ...] = ()
    environment: Environment | None = None
    files: tuple[str, ...] = ()

    def frontends(self) -> list[Proxy]:
        """Return the proxies that listen, in order."""
        return [proxy for proxy in self.proxies if proxy.is_frontend]

    def backends(self) -> list[Proxy]:
        """Return the proxies that have servers, in order."""
        return [proxy for proxy in self.proxies if proxy.is_backend]
