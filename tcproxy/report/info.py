"""`show info`: the one table of facts about the process, in HAProxy's fields and order (management 9.3).

Tools look for the name `HAProxy` and for a version that they can compare, so `Name` is HAProxy's and `Version`
begins with the version whose language and commands these are; our own version follows it.
Fields of what does not exist here (memory pools, TLS sessions, compression) are 0.
"""

from __future__ import annotations

import json
import os
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tcproxy
from tcproxy.grammar.features import LANGUAGE_VERSION
from tcproxy.report.seen import SeenWorld
from tcproxy.report.statistics import tags_json
from tcproxy.report.views import all_requests

VERSION = f"{LANGUAGE_VERSION}-tcproxy-{tcproxy.__version__}"
RELEASE_DATE = "2026/11/22"
Value = int | float | str | None


class Load:
    """How busy the process is, from one reading to the next: of processor time and of bytes to clients.

    A new reading is taken when the last one is at least a second old.
    """

    def __init__(self, now: float, cpu: float = 0.0) -> None:
        self._read_at = now
        self._cpu = cpu
        self._bytes = 0
        self.idle = 100
        self.bytes_rate = 0

    def read(self, now: float, cpu: float, sent: int) -> None:
        """Take a reading: monotonic seconds, seconds of processor time, bytes sent to clients so far."""
        passed = now - self._read_at
        if passed < 1.0:
            return
        self.idle = min(100, max(0, round(100 - 100 * (cpu - self._cpu) / passed)))
        self.bytes_rate = max(0, round((sent - self._bytes) / passed))
        self._read_at, self._cpu, self._bytes = now, cpu, sent


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """The sources of `show info`: the running proxy, how busy it is, how many log lines were dropped."""

    world: SeenWorld
    load: Load
    dropped_logs: int = 0

    def uptime(self) -> float:
        """Return the seconds since the start."""
        return float(self.world.clock.seconds()) - self.world.birth

    def rate(self) -> int:
        """Return the sessions of the last second."""
        return self.world.counters.sessions_a_second(self.world.clock.seconds())

    def listeners(self) -> int:
        """Return how many addresses clients may connect to."""
        return sum(len(frontend.binds) for frontend in self.world.frontends.values() if frontend.state == "open")


@dataclass(frozen=True, slots=True)
class InfoField:
    """One field. tags: origin, nature, scope. `float` of `show info` prints the rounded ones in full.

    full_tags: the tags when printed in full, where HAProxy has others then.
    """

    name: str
    help: str
    tags: str
    type: str
    value: Callable[[ProcessFacts], Value]
    rounded: bool = False
    full_tags: str = ""


def _uptime(facts: ProcessFacts) -> str:
    seconds = int(facts.uptime())
    return f"{seconds // 86400}d {seconds // 3600 % 24}h{seconds // 60 % 60:02d}m{seconds % 60:02d}s"


def _descriptors(facts: ProcessFacts) -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _nil(
    names: str, tags: str, type: str = "u32", rounded: bool = False, full_tags: str = "", help: str = ""
) -> tuple[InfoField, ...]:
    """Fields that are always 0, because tcproxy has no such thing."""
    help = help or "does not exist here"
    return tuple(InfoField(name, help, tags, type, lambda _: 0, rounded, full_tags) for name in names.split())


_PRODUCT = (
    InfoField("Name", "the product whose language and commands these are", "POS", "str", lambda _: "HAProxy"),
    InfoField("Version", "its version, then tcproxy's own", "POS", "str", lambda _: VERSION),
    InfoField("Release_date", "date of this version", "POS", "str", lambda _: RELEASE_DATE),
    InfoField("Nbthread", "threads", "CGS", "u32", lambda _: 1),
    InfoField("Nbproc", "worker processes", "CGS", "u32", lambda _: 1),
    InfoField("Process_num", "number of this process", "KGP", "u32", lambda _: 1),
    InfoField("Pid", "process id", "SGP", "u32", lambda _: os.getpid()),
    InfoField("Uptime", "time since the start", "MDP", "str", _uptime),
    InfoField("Uptime_sec", "seconds since the start", "MDP", "u32", ProcessFacts.uptime, True),
)
_LIMITS = (
    *_nil("Memmax_MB", "CLP", help="limit of memory, 0 for none"),
    *_nil("PoolAlloc_MB PoolUsed_MB", "MGP"),
    *_nil("PoolFailed", "MCP"),
    InfoField("Ulimit-n", "limit of open descriptors", "CLP", "u32", _descriptors),
    InfoField("Maxsock", "limit of sockets", "CLP", "u32", _descriptors),
    InfoField("Maxconn", "limit of connections now", "CLP", "u32", lambda f: f.world.maxconn),
    InfoField("Hard_maxconn", "limit of connections as configured or computed", "CLP", "u32",
          lambda f: f.world.configuration.process.maxconn or f.world.maxconn),
    InfoField("CurrConns", "connections now", "MGP", "u32", lambda f: f.world.counters.current),
    InfoField("CumConns", "connections so far", "MCP", "u32", lambda f: f.world.counters.total),
    InfoField("CumReq", "HTTP requests and sessions of TCP so far", "MCP", "u32", lambda f: all_requests(f.world)),
    *_nil("MaxSslConns", "MMP"),
    *_nil("CurrSslConns", "MGP"),
    *_nil("CumSslConns", "MCP"),
    InfoField("Maxpipes", "limit of pipes for splicing, 0 for none", "CLP", "u32",
              lambda f: f.world.pipes.most if f.world.pipes is not None else 0),
    InfoField("PipesUsed", "pipes that bytes pass through now", "MGP", "u32",
              lambda f: f.world.pipes.used if f.world.pipes is not None else 0),
    InfoField("PipesFree", "pipes that are open and wait for their next use", "MGP", "u32",
              lambda f: f.world.pipes.free if f.world.pipes is not None else 0),
)  # fmt: skip
_RATES = (
    InfoField("ConnRate", "connections in the last second", "MRP", "u32", ProcessFacts.rate, True),
    InfoField("ConnRateLimit", "limit of connections a second", "CLP", "u32",
          lambda f: f.world.rate_limits["connections"]),
    InfoField("MaxConnRate", "the most connections in a second", "MMP", "u32",
          lambda f: f.world.counters.most_sessions_a_second()),
    InfoField("SessRate", "sessions in the last second", "MRP", "u32", ProcessFacts.rate, True),
    InfoField("SessRateLimit", "limit of sessions a second", "CLP", "u32",
          lambda f: f.world.rate_limits["sessions"]),
    InfoField("MaxSessRate", "the most sessions in a second", "MRP", "u32",
          lambda f: f.world.counters.most_sessions_a_second()),
    *_nil("SslRate", "MRP", rounded=True),
    InfoField("SslRateLimit", "limit of TLS handshakes a second", "CLP", "u32",
          lambda f: f.world.configuration.process.maxsslrate),
    *_nil("MaxSslRate", "MMP"),
    *_nil("SslFrontendKeyRate", "MGP", rounded=True, full_tags="MRP"),
    *_nil("SslFrontendMaxKeyRate", "MMP"),
    *_nil("SslFrontendSessionReuse_pct", "MGP", rounded=True, full_tags="MRP"),
    *_nil("SslBackendKeyRate", "MRP", rounded=True),
    *_nil("SslBackendMaxKeyRate", "MMP"),
    *_nil("SslCacheLookups SslCacheMisses", "MCP"),
    *_nil("CompressBpsIn CompressBpsOut", "MRP", rounded=True),
    *_nil("CompressBpsRateLim", "CLP"),
)  # fmt: skip
_ACTIVITY = (
    # HAProxy built with zlib has two fields here; ours, like Debian's, has not, but their places stay
    InfoField("ZlibMemUsage", "does not exist here", "MGP", "u32", lambda _: None),
    InfoField("MaxZlibMemUsage", "does not exist here", "CLP", "u32", lambda _: None),
    InfoField("Tasks", "sessions at work", "MGP", "u32", lambda f: len(f.world.sessions)),
    *_nil("Run_queue", "MGP"),
    InfoField("Idle_pct", "percentage of time spent waiting, since the reading before", "MaP", "u32",
          lambda f: f.load.idle),
    InfoField("node", "name of the node", "COS", "str",
          lambda f: f.world.configuration.process.node or socket.gethostname()),
    InfoField("description", "what the configuration says of itself", "COS", "str",
          lambda f: f.world.configuration.process.description or None),
    InfoField("Stopping", "1 while it waits for the last sessions", "MGP", "u32", lambda f: int(f.world.stopping)),
    InfoField("Jobs", "sessions and listeners", "MGP", "u32", lambda f: len(f.world.sessions) + f.listeners()),
    InfoField("Unstoppable Jobs", "jobs that a stop does not wait for", "MGP", "u32", lambda _: 0),
    InfoField("Listeners", "addresses clients may connect to", "MGP", "u32", ProcessFacts.listeners),
    *_nil("ActivePeers ConnectedPeers", "MGP"),
    InfoField("DroppedLogs", "log lines that no target took", "MGP", "u32", lambda f: f.dropped_logs),
    *_nil("BusyPolling FailedResolutions", "MGP"),
    InfoField("TotalBytesOut", "bytes to clients", "MGP", "u64", lambda f: f.world.counters.bytes_out),
    *_nil("TotalSplicdedBytesOut", "MGP", "u64", help="not counted apart here"),
    InfoField("BytesOutRate", "bytes to clients a second, since the reading before", "MRP", "u64",
          lambda f: f.load.bytes_rate),
    *_nil("DebugCommandsIssued", "MGP"),
    *_nil("CumRecvLogs", "MCP"),
    InfoField("Build info", "version once more", "POS", "str", lambda _: VERSION),
    *_nil("Memmax_bytes", "CLP", help="limit of memory, 0 for none"),
    *_nil("PoolAlloc_bytes PoolUsed_bytes", "MGP", "u64"),
    InfoField("Start_time_sec", "wall-clock seconds of the start", "MDP", "u32", lambda f: f.world.started, True),
    InfoField("Tainted", "experimental features in use", "SGP", "str", lambda _: "0"),
)  # fmt: skip

FIELDS: tuple[InfoField, ...] = (*_PRODUCT, *_LIMITS, *_RATES, *_ACTIVITY)


def _tags(field: InfoField, full: bool) -> str:
    return field.full_tags if full and field.full_tags else field.tags


def _present(facts: ProcessFacts, full: bool) -> Iterator[tuple[int, InfoField, str, int | float | str]]:
    """Yield position, field, type and value of each field that has one; `full` leaves rates and times unrounded."""
    for position, field in enumerate(FIELDS):
        value = field.value(facts)
        if value is None:
            continue
        if field.rounded and full:
            yield position, field, "flt", round(float(value), 6)
        else:
            yield position, field, field.type, int(value) if isinstance(value, float) else value


def _number(value: int | float | str) -> str:
    """Return a value as text, a fraction only where there is one."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def plain(facts: ProcessFacts, explained: bool = False, full: bool = False) -> str:
    """Return a line for each field: `Name: value`."""
    return "".join(
        f"{field.name}: {_number(value)}" + (f':"{field.help}"' if explained else "") + "\n"
        for _, field, _, value in _present(facts, full)
    )


def typed(facts: ProcessFacts, explained: bool = False, full: bool = False) -> str:
    """Return the fields in the typed form (management 9.2)."""
    return "".join(
        f"{position}.{field.name}.1:{_tags(field, full)}:{type}:{_number(value)}"
        + (f':"{field.help}"' if explained else "")
        + "\n"
        for position, field, type, value in _present(facts, full)
    )


def in_json(facts: ProcessFacts, explained: bool = False, full: bool = False) -> str:
    """Return the fields as JSON."""
    found = []
    for position, field, type, value in _present(facts, full):
        entry: dict[str, object] = {
            "field": {"pos": position, "name": field.name},
            "processNum": 1,
            "tags": tags_json(_tags(field, full)),
            "value": {"type": type, "value": value},
        }
        if explained:
            entry["desc"] = field.help
        found.append(entry)
    return json.dumps(found, separators=(",", ":")) + "\n"
