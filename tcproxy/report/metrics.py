"""The names that HAProxy's Prometheus exporter gives to the fields of `show info` and the columns of `show stat`.

How they are written is exporter.py. A name that ends with `_total` is a counter, any other a gauge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PROCESS: Mapping[str, str] = {
    "Nbthread": "nbthread",
    "Nbproc": "nbproc",
    "Process_num": "relative_process_id",
    "Uptime_sec": "uptime_seconds",
    "PoolFailed": "pool_failures_total",
    "Ulimit-n": "max_fds",
    "Maxsock": "max_sockets",
    "Maxconn": "max_connections",
    "Hard_maxconn": "hard_max_connections",
    "CurrConns": "current_connections",
    "CumConns": "connections_total",
    "CumReq": "requests_total",
    "MaxSslConns": "max_ssl_connections",
    "CurrSslConns": "current_ssl_connections",
    "CumSslConns": "ssl_connections_total",
    "Maxpipes": "max_pipes",
    "PipesUsed": "pipes_used_total",
    "PipesFree": "pipes_free_total",
    "ConnRate": "current_connection_rate",
    "ConnRateLimit": "limit_connection_rate",
    "MaxConnRate": "max_connection_rate",
    "SessRate": "current_session_rate",
    "SessRateLimit": "limit_session_rate",
    "MaxSessRate": "max_session_rate",
    "SslRate": "current_ssl_rate",
    "SslRateLimit": "limit_ssl_rate",
    "MaxSslRate": "max_ssl_rate",
    "SslFrontendKeyRate": "current_frontend_ssl_key_rate",
    "SslFrontendMaxKeyRate": "max_frontend_ssl_key_rate",
    "SslFrontendSessionReuse_pct": "frontend_ssl_reuse",
    "SslBackendKeyRate": "current_backend_ssl_key_rate",
    "SslBackendMaxKeyRate": "max_backend_ssl_key_rate",
    "SslCacheLookups": "ssl_cache_lookups_total",
    "SslCacheMisses": "ssl_cache_misses_total",
    "CompressBpsIn": "http_comp_bytes_in_total",
    "CompressBpsOut": "http_comp_bytes_out_total",
    "CompressBpsRateLim": "limit_http_comp",
    "ZlibMemUsage": "current_zlib_memory",
    "MaxZlibMemUsage": "max_zlib_memory",
    "Tasks": "current_tasks",
    "Run_queue": "current_run_queue",
    "Idle_pct": "idle_time_percent",
    "Stopping": "stopping",
    "Jobs": "jobs",
    "Unstoppable Jobs": "unstoppable_jobs",
    "Listeners": "listeners",
    "ActivePeers": "active_peers",
    "ConnectedPeers": "connected_peers",
    "DroppedLogs": "dropped_logs_total",
    "BusyPolling": "busy_polling_enabled",
    "FailedResolutions": "failed_resolutions",
    "TotalBytesOut": "bytes_out_total",
    "TotalSplicdedBytesOut": "spliced_bytes_out_total",
    "BytesOutRate": "bytes_out_rate",
    "CumRecvLogs": "recv_logs_total",
    "Build info": "build_info",
    "Memmax_bytes": "max_memory_bytes",
    "PoolAlloc_bytes": "pool_allocated_bytes",
    "PoolUsed_bytes": "pool_used_bytes",
    "Start_time_sec": "start_time_seconds",
}
"""Fields of `show info`, and what follows `haproxy_process_`."""
VERSIONS = "build_info"
"""The metric whose value is a label."""
ODD_COUNTERS = frozenset({"failed_resolutions"})
"""Counters whose names do not say so."""

STATUSES: Mapping[str, tuple[str, ...]] = {
    "F": ("DOWN", "UP"),
    "L": ("WAITING", "OPEN", "FULL"),
    "B": ("DOWN", "UP"),
    "S": ("DOWN", "UP", "MAINT", "DRAIN", "NOLB"),
}
"""The values of the label `state` of statuses, by the kind of row."""
CHECKS = (
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC",
    "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
)  # fmt: skip
"""The values of the label `state` of results of checks."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A column as a metric. name: what follows `haproxy_server_` and so on. kinds: of rows that have it.

    unknown: a row without a value says NaN, and is not left out. milliseconds: HAProxy exports it in seconds.
    code: the value of the label `code`.
    """

    name: str
    kinds: str = "FLSB"
    unknown: bool = False
    milliseconds: bool = False
    code: str = ""


def _answers(*codes: str) -> dict[str, Metric]:
    return {f"hrsp_{code}": Metric("http_responses_total", code=code) for code in codes}


METRICS: Mapping[str, Metric] = {
    "qcur": Metric("current_queue"),
    "qmax": Metric("max_queue"),
    "scur": Metric("current_sessions"),
    "smax": Metric("max_sessions"),
    "slim": Metric("limit_sessions", unknown=True),
    "stot": Metric("sessions_total"),
    "bin": Metric("bytes_in_total"),
    "bout": Metric("bytes_out_total"),
    "dreq": Metric("requests_denied_total"),
    "dresp": Metric("responses_denied_total"),
    "ereq": Metric("request_errors_total"),
    "econ": Metric("connection_errors_total"),
    "eresp": Metric("response_errors_total"),
    "wretr": Metric("retry_warnings_total"),
    "wredis": Metric("redispatch_warnings_total"),
    "status": Metric("status"),
    "weight": Metric("weight"),
    "act": Metric("active_servers", "B"),
    "bck": Metric("backup_servers", "B"),
    "chkfail": Metric("check_failures_total", unknown=True),
    "chkdown": Metric("check_up_down_total", unknown=True),
    "lastchg": Metric("check_last_change_seconds"),
    "downtime": Metric("downtime_seconds_total", unknown=True),
    "qlimit": Metric("queue_limit", unknown=True),
    "throttle": Metric("current_throttle", unknown=True),
    "lbtot": Metric("loadbalanced_total"),
    "rate_lim": Metric("limit_session_rate"),
    "rate_max": Metric("max_session_rate"),
    "check_status": Metric("check_status"),
    "check_code": Metric("check_code"),
    "check_duration": Metric("check_duration_seconds", milliseconds=True),
    **_answers("1xx", "2xx", "3xx", "4xx", "5xx", "other"),
    "req_rate_max": Metric("http_requests_rate_max"),
    "req_tot": Metric("http_requests_total", "FB"),
    "cli_abrt": Metric("client_aborts_total"),
    "srv_abrt": Metric("server_aborts_total"),
    "comp_in": Metric("http_comp_bytes_in_total", "FB"),
    "comp_out": Metric("http_comp_bytes_out_total", "FB"),
    "comp_byp": Metric("http_comp_bytes_bypassed_total", "FB"),
    "comp_rsp": Metric("http_comp_responses_total", "FB"),
    "lastsess": Metric("last_session_seconds"),
    "qtime": Metric("queue_time_average_seconds", milliseconds=True),
    "ctime": Metric("connect_time_average_seconds", milliseconds=True),
    "rtime": Metric("response_time_average_seconds", milliseconds=True),
    "ttime": Metric("total_time_average_seconds", milliseconds=True),
    "conn_rate_max": Metric("connections_rate_max"),
    "conn_tot": Metric("connections_total"),
    "intercepted": Metric("intercepted_requests_total"),
    "dcon": Metric("denied_connections_total"),
    "dses": Metric("denied_sessions_total"),
    "wrew": Metric("failed_header_rewriting_total"),
    "connect": Metric("connection_attempts_total"),
    "reuse": Metric("connection_reuses_total"),
    "cache_lookups": Metric("http_cache_lookups_total"),
    "cache_hits": Metric("http_cache_hits_total"),
    "srv_icur": Metric("idle_connections_current"),
    "src_ilim": Metric("idle_connections_limit", unknown=True),
    "qtime_max": Metric("max_queue_time_seconds", milliseconds=True),
    "ctime_max": Metric("max_connect_time_seconds", milliseconds=True),
    "rtime_max": Metric("max_response_time_seconds", milliseconds=True),
    "ttime_max": Metric("max_total_time_seconds", milliseconds=True),
    "eint": Metric("internal_errors_total"),
    "idle_conn_cur": Metric("unsafe_idle_connections_current"),
    "safe_conn_cur": Metric("safe_idle_connections_current"),
    "used_conn_cur": Metric("used_connections_current"),
    "need_conn_est": Metric("need_connections_current"),
    "uweight": Metric("uweight"),
}
"""Columns of `show stat` as metrics."""
HTTP_ONLY = frozenset({"comp_in", "comp_out", "comp_byp", "comp_rsp", "req_rate_max", "req_tot"})
"""Columns that `show stat` has in TCP mode too, and the exporter has not."""
