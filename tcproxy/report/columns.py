"""The one table of statistics columns: name, help, tags, and the value of each kind of live object.

Names, order, types and tags are those of HAProxy 2.6's `show stat` (management 9.1 and 9.2); tools count columns,
so all of them stand here, those of HTTP and TLS too. How rows are chosen and printed is statistics.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tcproxy.model.proxy import Proxy
from tcproxy.report.counters import NOTHING, Counters
from tcproxy.report.findings import WITH_CODE
from tcproxy.report.seen import SeenWatch
from tcproxy.report.views import (
    BackendRow,
    BindRow,
    FrontendRow,
    ServerRow,
    Value,
    backend_cookie,
    backend_status,
    bind_address,
    bind_name,
    bind_status,
    ended,
    link_counts,
    server_address,
    server_cookie,
    server_status,
    set_weight,
    since,
    strategy,
    throttle,
    users,
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. tags: origin, nature and scope (management 9.2); backend_tags: of backends, where they differ.

    type: s32, u32, u64 or str. A kind without a function has no such value.
    """

    name: str
    help: str
    tags: str
    type: str
    frontend: Callable[[FrontendRow], Value] | None = None
    bind: Callable[[BindRow], Value] | None = None
    server: Callable[[ServerRow], Value] | None = None
    backend: Callable[[BackendRow], Value] | None = None
    backend_tags: str = ""


def _check(read: Callable[[SeenWatch], Value]) -> Callable[[ServerRow], Value]:
    """Return a column function that reads the health watch; the column is empty while checks are off or paused."""

    def value(row: ServerRow) -> Value:
        watch = row.checked
        return None if watch is None else read(watch)

    return value


def _configured(read: Callable[[ServerRow], Value]) -> Callable[[ServerRow], Value]:
    """Return a column function for servers with `check`, in maintenance or not; empty for other servers."""
    return lambda row: read(row) if row.watch is not None and row.watch.enabled else None


_FRONTEND_STATES = {"open": "OPEN", "paused": "PAUSED", "stopped": "STOP"}


def _name(name: str, help: str, frontend: str, backend: str) -> Column:
    return Column(
        name, help, "KNS", "str", lambda f: frontend or f.live.model.name,
        lambda e: bind_name(e) if frontend else e.frontend.model.name,
        lambda s: s.live.name if frontend else s.farm.model.name, lambda b: backend or b.live.model.name,
    )  # fmt: skip


def zero(row: object) -> int:
    """Return 0: of columns that always have it."""
    return 0


def _nil(names: str, tags: str = "MCP", type: str = "u64", kinds: str = "FLSB", help: str = "") -> list[Column]:
    """Return columns that are 0 in these kinds of rows, and empty in the others."""
    return [
        Column(
            name, help, tags, type,
            zero if "F" in kinds else None, zero if "L" in kinds else None,
            zero if "S" in kinds else None, zero if "B" in kinds else None,
        )
        for name in names.split()
    ]  # fmt: skip


def _empty(names: str, help: str = "") -> list[Column]:
    """Return columns that are always empty."""
    return [Column(name, help, "MCP", "u64") for name in names.split()]


def _is_http(model: Proxy) -> bool:
    return model.mode == "http"


def _http(
    name: str,
    help: str,
    frontend: Callable[[FrontendRow], int],
    server: Callable[[ServerRow], int] | None = None,
    backend: Callable[[BackendRow], int] | None = None,
) -> Column:
    """Return a column that has a value in HTTP mode only."""
    return Column(
        name, help, "MCP", "u64",
        lambda f: frontend(f) if _is_http(f.live.model) else None, None,
        server and (lambda s: server(s) if s.farm.model.mode == "http" else None),
        backend and (lambda b: backend(b) if _is_http(b.live.model) else None),
    )  # fmt: skip


def _h1(
    name: str, help: str, tags: str, frontend: Callable[[FrontendRow], int], backend: Callable[[BackendRow], int]
) -> Column:
    """Return a column of HTTP/1; it is 0 outside HTTP mode."""
    return Column(
        name, help, tags, "u64", lambda f: frontend(f) if f.http or f.live.counters.upgrades else 0, None, None,
        lambda b: backend(b) if _is_http(b.live.model) else 0,
    )  # fmt: skip


def _answered(name: str, *places: int) -> Column:
    """Return a column that counts the exchanges answered with these kinds of status (`Counters.answered`)."""

    def count(counters: Counters) -> int:
        return sum([counters.answered[place] for place in places])

    help = "responses of HTTP with such a status"
    if len(places) > 1:
        return _http(name, help, lambda f: count(f.live.counters), lambda s: count(s.live.counters),
                     lambda b: count(b.live.counters))  # fmt: skip
    at = places[0]
    return Column(
        name, help, "MCP", "u64",
        lambda f: f.live.counters.answered[at] if f.live.model.mode == "http" else None, None,
        lambda s: s.live.counters.answered[at] if s.farm.model.mode == "http" else None,
        lambda b: b.live.counters.answered[at] if b.live.model.mode == "http" else None,
    )  # fmt: skip


_QUEUES = [
    Column("qcur", "sessions that wait", "MGP", "u32", None, None,
           lambda s: s.live.queued, lambda b: len(b.live.queue)),
    Column("qmax", "the most sessions that ever waited", "MMP", "u32", None, None,
           lambda s: s.live.counters.queue_highest, lambda b: b.live.counters.queue_highest),
]  # fmt: skip

_SESSIONS = [
    Column("scur", "sessions now", "MGP", "u32", lambda f: f.live.counters.current,
           lambda e: e.live.counters.current, lambda s: s.live.counters.current, lambda b: b.live.counters.current),
    Column("smax", "the most sessions at once", "MMP", "u32", lambda f: f.live.counters.highest,
           lambda e: e.live.counters.highest, lambda s: s.live.counters.highest, lambda b: b.live.counters.highest),
    Column("slim", "limit of sessions", "CLP", "u32", lambda f: f.live.maxconn, lambda e: e.live.maxconn,
           lambda s: s.live.maxconn or None, lambda b: b.live.fullconn),
    Column("stot", "sessions so far", "MCP", "u64", lambda f: f.live.counters.total,
           lambda e: e.live.counters.total, lambda s: s.live.counters.total, lambda b: b.live.counters.total),
    Column("bin", "bytes from clients", "MCP", "u64", lambda f: f.live.counters.bytes_in,
           lambda e: e.live.counters.bytes_in, lambda s: s.live.counters.bytes_in,
           lambda b: b.live.counters.bytes_in),
    Column("bout", "bytes to clients", "MCP", "u64", lambda f: f.live.counters.bytes_out,
           lambda e: e.live.counters.bytes_out, lambda s: s.live.counters.bytes_out,
           lambda b: b.live.counters.bytes_out),
    Column("dreq", "requests refused by rules", "MCP", "u64", lambda f: f.live.counters.denied_requests,
           lambda e: e.live.counters.denied_requests, None, lambda b: b.live.counters.denied_requests),
    Column("dresp", "responses refused by rules", "MCP", "u64", lambda f: f.live.counters.denied_responses,
           lambda e: e.live.counters.denied_responses, lambda s: s.live.counters.denied_responses,
           lambda b: b.live.counters.denied_responses),
    Column("ereq", "bad or aborted requests", "MCP", "u64", lambda f: f.live.counters.request_errors,
           lambda e: e.live.counters.request_errors),
    Column("econ", "connections to servers that failed", "MCP", "u64", None, None,
           lambda s: s.live.counters.connect_errors, lambda b: b.live.counters.connect_errors),
    Column("eresp", "responses that failed", "MCP", "u64", None, None,
           lambda s: s.live.counters.response_errors, lambda b: b.live.counters.response_errors),
    Column("wretr", "connections tried again", "MCP", "u64", None, None,
           lambda s: s.live.counters.retries, lambda b: b.live.counters.retries),
    Column("wredis", "sessions sent to another server", "MCP", "u64", None, None,
           lambda s: s.live.counters.redispatches, lambda b: b.live.counters.redispatches),
]  # fmt: skip

_STATES = [
    Column("status", "state", "SGP", "str", lambda f: _FRONTEND_STATES[f.live.state], bind_status, server_status,
           backend_status),
    Column("weight", "weight in force", "MaP", "u32", None, None,
           lambda s: users(s.live.effective), lambda b: users(b.live.weight)),
    Column("act", "active servers", "SGP", "u32", None, None, lambda s: int(not s.live.model.backup),
           lambda b: b.live.active, "MGP"),
    Column("bck", "backup servers", "SGP", "u32", None, None, lambda s: int(s.live.model.backup),
           lambda b: b.live.backups, "MGP"),
    Column("chkfail", "checks that failed while up", "MCP", "u64", None, None,
           _configured(lambda s: s.live.counters.failed_checks)),
    Column("chkdown", "times it went down", "MCP", "u64", None, None,
           _configured(lambda s: s.live.counters.down_transitions), lambda b: b.live.counters.down_transitions),
    Column("lastchg", "seconds since it went up or down", "MAP", "u32", None, None,
           lambda s: int(s.now) - s.live.last_change, lambda b: int(b.now) - b.live.last_change),
    Column("downtime", "seconds spent down", "MCP", "u32", None, None,
           _configured(lambda s: s.live.down_seconds()),
           lambda b: b.live.down_seconds() if b.live.servers else None),
    Column("qlimit", "limit of sessions that wait", "CGS", "u32", None, None, lambda s: s.live.maxqueue or None),
]  # fmt: skip

_NUMBERS = [
    Column("pid", "number of the process", "KGP", "u32", lambda _: 1, lambda _: 1, lambda _: 1, lambda _: 1),
    Column("iid", "id of the proxy", "KGS", "u32", lambda f: f.live.model.id, lambda e: e.frontend.model.id,
           lambda s: s.farm.model.id, lambda b: b.live.model.id),
    Column("sid", "id in the proxy", "KGS", "u32", lambda _: 0, lambda e: e.live.model.id, lambda s: s.live.id,
           lambda _: 0),
    Column("throttle", "percentage reached in slow start", "MaP", "u32", None, None, throttle),
    Column("lbtot", "times a server was chosen", "MCP", "u64", None, None,
           lambda s: s.live.counters.selected, lambda b: b.live.counters.selected),
    Column("tracked", "server whose state it follows", "CNS", "str", None, None,
           lambda s: s.live.tracked.label if s.live.tracked is not None else None),
    Column("type", "0 frontend, 1 backend, 2 server, 3 listener", "CGS", "u32", lambda _: 0, lambda _: 3,
           lambda _: 2, lambda _: 1),
    Column("rate", "sessions in the last second", "MRP", "u32", lambda f: f.live.counters.sessions_a_second(f.now),
           None, lambda s: s.live.counters.sessions_a_second(s.now),
           lambda b: b.live.counters.sessions_a_second(b.now), "MGP"),
    Column("rate_lim", "limit of sessions a second", "CLP", "u32", lambda f: f.live.rate_limit),
    Column("rate_max", "the most sessions in a second", "MMP", "u32",
           lambda f: f.live.counters.most_sessions_a_second(), None, lambda s: s.live.counters.most_sessions_a_second(),
           lambda b: b.live.counters.most_sessions_a_second(), "MGP"),
]  # fmt: skip

_CHECKS = [
    Column("check_status", "result of the last check, with a star while one runs", "MOP", "str", None, None,
           _check(lambda w: f"{'* ' if w.in_progress else ''}{w.status.code}")),
    Column("check_code", "code of the last check", "MOP", "u32", None, None,
           _check(lambda w: w.code if w.status in WITH_CODE else None)),
    Column("check_duration", "milliseconds of the last check", "MDP", "u64", None, None,
           _check(lambda w: max(w.duration_ms, 0) if ended(w) else None)),
]  # fmt: skip

_ABORTS = [
    Column("cli_abrt", "transfers that clients broke off", "MCP", "u64", None, None,
           lambda s: s.live.counters.aborts_client, lambda b: b.live.counters.aborts_client),
    Column("srv_abrt", "transfers that servers broke off", "MCP", "u64", None, None,
           lambda s: s.live.counters.aborts_server, lambda b: b.live.counters.aborts_server),
]  # fmt: skip

_TIMES = [
    Column("lastsess", "seconds since the last session", "MAP", "s32", None, None,
           lambda s: since(s.live.last_session, s.now), lambda b: since(b.live.last_session, b.now)),
    Column("last_chk", "words of the last check", "MOP", "str", None, None, _check(lambda w: w.message)),
    Column("last_agt", "words of the last agent check", "MOP", "str"),
    Column("qtime", "mean milliseconds in queues", "MaP", "u32", None, None,
           lambda s: s.live.counters.average(s.live.counters.queue_time, _is_http(s.farm.model)),
           lambda b: b.live.counters.average(b.live.counters.queue_time, _is_http(b.live.model))),
    Column("ctime", "mean milliseconds to connect", "MaP", "u32", None, None,
           lambda s: s.live.counters.average(s.live.counters.connect_time, _is_http(s.farm.model)),
           lambda b: b.live.counters.average(b.live.counters.connect_time, _is_http(b.live.model))),
    Column("rtime", "mean milliseconds to respond", "MaP", "u32", None, None,
           lambda s: s.live.counters.average(s.live.counters.response_time, _is_http(s.farm.model)),
           lambda b: b.live.counters.average(b.live.counters.response_time, _is_http(b.live.model))),
    Column("ttime", "mean milliseconds of a session", "MaP", "u32", None, None,
           lambda s: s.live.counters.average(s.live.counters.session_time, _is_http(s.farm.model)),
           lambda b: b.live.counters.average(b.live.counters.session_time, _is_http(b.live.model))),
]  # fmt: skip

_DESCRIPTIONS = [
    Column("check_desc", "the last check's result in words", "MOP", "str", None, None,
           _check(lambda w: w.status.words)),
    Column("agent_desc", "the last agent check's result in words", "MOP", "str"),
    Column("check_rise", "checks to go up", "CGS", "u32", None, None, _check(lambda w: w.rise)),
    Column("check_fall", "checks to go down", "CGS", "u32", None, None, _check(lambda w: w.fall)),
    Column("check_health", "health, up from check_rise on", "CGS", "u32", None, None, _check(lambda w: w.health)),
    *_empty("agent_rise agent_fall agent_health", "of agent checks"),
    Column("addr", "address and port", "CGS", "str", None, bind_address, server_address),
    Column("cookie", "cookie", "CNS", "str", None, None, server_cookie, backend_cookie),
    Column("mode", "mode", "CGS", "str", lambda f: f.live.model.mode, lambda e: e.frontend.model.mode,
           lambda s: s.farm.model.mode, lambda b: b.live.model.mode),
    Column("algo", "balancing strategy", "CGS", "str", None, None, None, strategy),
    Column("conn_rate", "connections in the last second", "MRP", "u32",
           lambda f: f.live.counters.connection_rate.read(f.now, f.live.counters.connections)),
    Column("conn_rate_max", "the most connections in a second", "MMP", "u32",
           lambda f: f.live.counters.connection_rate.most(f.live.counters.connections)),
    Column("conn_tot", "connections so far", "MCP", "u64", lambda f: f.live.counters.connections),
]  # fmt: skip

_RULES = [
    Column("dcon", "connections refused by rules", "MCP", "u64", lambda f: f.live.counters.denied_connections,
           lambda e: e.live.counters.denied_connections),
    Column("dses", "sessions refused by rules", "MCP", "u64", lambda f: f.live.counters.denied_sessions,
           lambda e: e.live.counters.denied_sessions),
    Column("wrew", "changes of messages by rules that failed", "MCP", "u64", lambda f: f.live.counters.failed_rewrites,
           lambda e: e.live.counters.failed_rewrites, lambda s: s.live.counters.failed_rewrites,
           lambda b: b.live.counters.failed_rewrites),
    Column("connect", "attempts to connect to servers", "MCP", "u64", None, None,
           lambda s: s.live.counters.connections, lambda b: b.live.counters.connections),
    Column("reuse", "connections used again", "MCP", "u64", None, None,
           lambda s: s.live.counters.reuses, lambda b: b.live.counters.reuses),
]  # fmt: skip

_HIGHEST = [
    Column("qtime_max", "most milliseconds in queues", "MMP", "u32", None, None,
           lambda s: s.live.counters.queue_time_highest, lambda b: b.live.counters.queue_time_highest),
    Column("ctime_max", "most milliseconds to connect", "MMP", "u32", None, None,
           lambda s: s.live.counters.connect_highest, lambda b: b.live.counters.connect_highest),
    Column("rtime_max", "most milliseconds to respond", "MMP", "u32", None, None,
           lambda s: s.live.counters.response_highest, lambda b: b.live.counters.response_highest),
    Column("ttime_max", "most milliseconds of a session", "MMP", "u32", None, None,
           lambda s: s.live.counters.session_highest, lambda b: b.live.counters.session_highest),
]  # fmt: skip

_LINKS = [
    Column("idle_conn_cur", "idle connections that carried one request", "MGP", "u32", None, None,
           lambda s: s.links.idle),
    Column("safe_conn_cur", "idle connections that carried more", "MGP", "u32", None, None,
           lambda s: s.links.safe),
    Column("used_conn_cur", "connections in use", "MGP", "u32", None, None, lambda s: s.links.used),
    Column("need_conn_est", "connections that will be needed", "MGP", "u32", None, None,
           lambda s: s.links.need),
    Column("uweight", "weight as set", "MaP", "u32", None, None, lambda s: s.live.user_weight, set_weight),
    *_nil("agg_server_status agg_server_check_status agg_check_status", "MGP", "u32", "B",
          "of the Prometheus exporter"),
]  # fmt: skip

_H2_AND_H1 = (
    "h2_headers_rcvd h2_data_rcvd h2_settings_rcvd h2_rst_stream_rcvd h2_goaway_rcvd "
    "h2_detected_conn_protocol_errors h2_detected_strm_protocol_errors h2_rst_stream_resp h2_goaway_resp"
)
_MODULES = [
    *_nil("ssl_sess ssl_reused_sess ssl_failed_handshake", help="of TLS"),
    *_nil(_H2_AND_H1, kinds="FB", help="of HTTP/2"),
    *_nil("h2_open_connections h2_backend_open_streams", "MGP", kinds="FB", help="of HTTP/2"),
    *_nil("h2_total_connections h2_backend_total_streams", kinds="FB", help="of HTTP/2"),
    _h1("h1_open_connections", "connections now, idle ones too", "MGP",
        lambda f: f.live.counters.current if f.http else f.upgraded,
        lambda b: sum(link_counts(server).open for server in b.live.servers)),
    _h1("h1_open_streams", "exchanges now", "MGP", lambda f: f.exchanges + f.beginnings,
        lambda b: sum(server.served for server in b.live.servers)),
    _h1("h1_total_connections", "connections so far", "MCP",
        lambda f: f.live.counters.total if f.http else f.live.counters.upgrades,
        lambda b: b.live.counters.connections + b.live.counters.renewals),
    _h1("h1_total_streams", "exchanges so far", "MCP",
        lambda f: f.live.counters.requests - f.live.counters.unbegun * f.http + f.beginnings,
        lambda b: b.live.counters.connections + b.live.counters.reuses),
    *_nil("h1_bytes_in h1_bytes_out h1_spliced_bytes_in h1_spliced_bytes_out", kinds="FB", help="of HTTP/1"),
]

STATIC: tuple[Column, ...] = (
    _name("pxname", "name of the proxy", "", ""),
    _name("svname", "FRONTEND, BACKEND, or the name of the server or listener", "FRONTEND", "BACKEND"),
    *_QUEUES,
    *_SESSIONS,
    *_STATES,
    *_NUMBERS,
    *_CHECKS,
    *(_answered(f"hrsp_{hundreds}xx", hundreds) for hundreds in (1, 2, 3, 4, 5)),
    _answered("hrsp_other", 0, 6, 7, 8, 9, NOTHING),
    Column("hanafail", "failures that live traffic showed", "MCP", "u64", None, None,
           lambda s: s.live.counters.failed_observations if s.live.model.observe else None),
    Column("req_rate", "HTTP requests in the last second", "MRP", "u32",
           lambda f: f.live.counters.request_rate.read(f.now, f.live.counters.requests)),
    Column("req_rate_max", "the most HTTP requests in a second", "MMP", "u32",
           lambda f: f.live.counters.request_rate.most(f.live.counters.requests)),
    Column("req_tot", "HTTP requests so far", "MCP", "u64", lambda f: f.live.counters.requests, None,
           lambda s: s.live.counters.exchanges if _is_http(s.farm.model) else None,
           lambda b: b.live.counters.exchanges if _is_http(b.live.model) else None),
    *_ABORTS,
    *_nil("comp_in comp_out comp_byp comp_rsp", kinds="FB", help="of compression"),
    *_TIMES,
    *_empty("agent_status agent_code agent_duration", "of agent checks"),
    *_DESCRIPTIONS,
    _http("intercepted", "requests that the proxy answered", lambda f: f.live.counters.intercepted),
    *_RULES,
    _http("cache_lookups", "requests looked up in the cache", lambda _: 0, None, lambda _: 0),
    _http("cache_hits", "requests answered from the cache", lambda _: 0, None, lambda _: 0),
    Column(
        "srv_icur",
        "idle connections",
        "MGP",
        "u32",
        None,
        None,
        lambda s: s.links.idle + s.links.safe,
    ),
    Column(
        "src_ilim",
        "limit of idle connections",
        "CLP",
        "u32",
        None,
        None,
        lambda s: s.live.model.pool_max_conn if s.live.model.pool_max_conn >= 0 else None,
    ),
    *_HIGHEST,
    *_nil("eint", help="errors of the proxy itself"),
    *_LINKS,
)
"""The columns with a fixed place."""

MODULES: tuple[Column, ...] = tuple(_MODULES)
"""The columns behind the `-`, whose places HAProxy does not promise."""

COLUMNS: tuple[Column, ...] = STATIC + MODULES
