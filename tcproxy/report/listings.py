"""`show servers state` and `show servers conn`: one line a server, in HAProxy's fields (management 9.3)."""

from __future__ import annotations

from collections.abc import Iterable

from tcproxy.grammar.addresses import Family
from tcproxy.interfaces import Admin, CheckStatus
from tcproxy.report.seen import SeenFarm, SeenServer, SeenWatch
from tcproxy.report.views import link_counts

STATE_VERSION = "1"
STATE_FIELDS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
CONN_FIELDS = (
    "bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur "
    "idle_per_thr[1]"
)

STATUS_NUMBERS = {
    CheckStatus.UNKNOWN: 0,
    CheckStatus.INITIALIZING: 1,
    CheckStatus.CHECKED: 3,
    CheckStatus.FORCED: 4,
    CheckStatus.SOCKET_ERROR: 5,
    CheckStatus.L4_OK: 6,
    CheckStatus.L4_TIMEOUT: 7,
    CheckStatus.L4_CONNECTION: 8,
    CheckStatus.L6_OK: 9,
    CheckStatus.L6_TIMEOUT: 10,
    CheckStatus.L6_RESPONSE: 11,
    CheckStatus.L7_TIMEOUT: 12,
    CheckStatus.L7_RESPONSE: 13,
    CheckStatus.L7_OK: 15,
    CheckStatus.L7_OK_CONDITIONAL: 16,
    CheckStatus.L7_STATUS: 17,
    CheckStatus.PROCESS_ERROR: 18,
    CheckStatus.PROCESS_TIMEOUT: 19,
    CheckStatus.PROCESS_OK: 20,
}
"""The numbers of check results that a state file has."""

_CONFIGURED, _ENABLED, _PAUSED = 0x02, 0x04, 0x08


def _result(watch: SeenWatch) -> int:
    """Return the number of a result: 0 none, 1 neutral, 2 failed, 3 passed, 4 passed conditionally."""
    if watch.status is CheckStatus.L7_OK_CONDITIONAL:
        return 4
    if watch.status is CheckStatus.CHECKED:
        return 1
    return {None: 0, False: 2, True: 3}[watch.status.passed]


def _check(server: SeenServer) -> str:
    """Return status, result, health and state of a server's checks."""
    watch: SeenWatch | None = server.watch
    maintenance = bool(server.admin & Admin.MAINTENANCE)
    if watch is None:
        paused = _PAUSED if server.admin & Admin.CONFIGURED_MAINTENANCE else 0
        return f"1 0 {0 if maintenance else server.model.rise} {paused}"
    state = _CONFIGURED | (_ENABLED if watch.enabled else 0) | (_PAUSED if watch.paused else 0)
    return f"{STATUS_NUMBERS[watch.status]} {_result(watch)} {watch.health} {state}"


def _address(server: SeenServer) -> str:
    address = server.address
    if address is None or address.family in (Family.UNIX, Family.ABNS):
        return "-"
    return address.host or "0.0.0.0"


def _check_address(server: SeenServer) -> str:
    watch: SeenWatch | None = server.watch
    port = watch.check_port if watch is not None else server.model.check_port
    address = watch.check_address if watch is not None else server.model.check_address
    return f"{port} {address.host if address is not None else '-'}"


def _state(farm: SeenFarm, server: SeenServer, second: int) -> str:
    name = server.model.address.host if server.model.address.is_name else "-"
    return (
        f"{farm.model.id} {farm.model.name} {server.id} {server.name} {_address(server)} "
        f"{server.state.value} {int(server.admin)} {server.user_weight} {server.initial_weight} "
        f"{second - server.last_change} {_check(server)} 0 "
        f"{int(farm.model.id_is_given)} {int(server.model.id_is_given)} {name} {server.port} - 0 "
        f"{_check_address(server)} - 0\n"
    )


def servers_state(farms: Iterable[SeenFarm], now: float) -> str:
    """Return version, header and a line for each server of these backends."""
    lines = [_state(farm, server, int(now)) for farm in farms for server in farm.servers]
    return f"{STATE_VERSION}\n# {STATE_FIELDS}\n{''.join(lines)}"


def _conn(farm: SeenFarm, server: SeenServer) -> str:
    links, model = link_counts(server), server.model
    idle = f"{links.idle + links.safe}"
    if model.pool_max_conn:
        idle += f" {idle}"  # of the one thread: HAProxy leaves it out where no link may be idle (pool-max-conn 0)
    return (
        f"{server.label} {farm.model.id}/{server.id} {_address(server)} {server.port} - {model.pool_purge_delay} "
        f"{links.used} {links.most} {links.need} {links.idle} {links.safe} {model.pool_max_conn} {idle}\n"
    )


def servers_conn(farms: Iterable[SeenFarm]) -> str:
    """Return header and a line for each server: its connections, idle ones and in use."""
    lines = [_conn(farm, server) for farm in farms for server in farm.servers]
    return f"# {CONN_FIELDS}\n{''.join(lines)}"
