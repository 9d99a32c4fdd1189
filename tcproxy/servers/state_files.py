"""State files: what `show servers state` printed of the process before is put into force before this one serves.

The format is HAProxy's (management 9.3, `show servers state`), version 1. What the configuration says now comes first:
a server that it disabled or enabled meanwhile stays so, and a weight counts only while the configured one is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import Admin, CheckStatus, ServerState
from tcproxy.model.process import Global
from tcproxy.model.proxy import Proxy
from tcproxy.report.listings import STATUS_NUMBERS
from tcproxy.servers.farm import Farm
from tcproxy.servers.state import LiveServer

WARNING = 4
FIELDS = 20
"""The least fields of a line; HAProxy's own lines have 25."""
REASON = "changed from server-state after a reload"

Lines = dict[tuple[str, str], list[str]]
"""The words of the first line about each server, by the names of backend and server."""
Tell = Callable[[int, str], None]


class WrongFile(Exception):
    """A state file that cannot be used, or not from some line on: the sentence to tell. lines: those that could."""

    def __init__(self, message: str, lines: Lines | None = None) -> None:
        super().__init__(message)
        self.lines = lines or {}


def load_states(settings: Global, farms: Mapping[str, Farm], tell: Tell) -> None:
    """Put the states of the files that backends name into force; `tell` hears what is wrong with them."""
    files: dict[str, Lines] = {}
    for farm in farms.values():
        path = state_path(farm.model, settings)
        if not path:
            if farm.model.state_from:
                tell(WARNING, f"backend '{farm.name}' : 'server-state-file', where its states come from, is not set")
            continue
        if path not in files:
            files[path] = _read(path, tell)
        for server in farm.servers:
            words = files[path].get((farm.name, server.name))
            if words is not None:
                _apply(server, words, tell)


def state_path(proxy: Proxy, settings: Global) -> str:
    """Return the path of the file that a backend's states come from, "" for none: a relative name is of the base."""
    if proxy.state_from == "global":
        name = settings.server_state_file
    elif proxy.state_from == "local":
        name = proxy.state_file_name or proxy.name
    else:
        return ""
    return str(PurePosixPath(settings.server_state_base, name)) if name else ""


def _read(path: str, tell: Tell) -> Lines:
    try:
        return read_states(path, Path(path).read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError as error:
        tell(WARNING, f"the server state file '{path}' cannot be opened: {error.strerror}.")
        return {}
    except WrongFile as wrong:
        tell(WARNING, str(wrong))
        return wrong.lines


def read_states(path: str, text: str) -> Lines:
    """Return the lines of a state file by server. Raises WrongFile; what stood before the fault is in its `lines`."""
    version, *rest = text.splitlines() or [""]
    if version.strip() != "1":
        raise WrongFile(f"the server state file '{path}' does not begin with a version that is known, which is 1.")
    lines: Lines = {}
    for number, line in enumerate(rest, 2):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) < FIELDS:
            raise WrongFile(f"the server state file '{path}' is corrupted at line {number}.", lines)
        lines.setdefault((words[1], words[3]), words)
    return lines


@dataclass(frozen=True, slots=True)
class Saved:
    """A server's saved state, in the fields of a line. age: seconds since the last change. port: 0 for none."""

    host: str
    state: ServerState
    admin: Admin
    weight: int
    configured_weight: int
    age: int
    status: CheckStatus | None
    port: int
    check_port: str
    check_host: str


KNOWN_ADMIN = 0x7F
_STATUS = {number: status for status, number in STATUS_NUMBERS.items()}
_BOUNDS = (
    (5, "srv_op_state", 3), (6, "srv_admin_state", KNOWN_ADMIN), (7, "srv_uweight", 256), (8, "srv_iweight", 256),
    (9, "srv_time_since_last_change", 1 << 40), (10, "srv_check_status", 25), (11, "srv_check_result", 4),
    (12, "srv_check_health", 1 << 31), (13, "srv_check_state", 31), (14, "srv_agent_state", 31),
    (15, "bk_f_forced_id", 1), (16, "srv_f_forced_id", 1),
)  # fmt: skip
"""Numbers of a line: place, name, and the greatest value."""


def _faults(words: list[str]) -> Iterator[str]:
    for place, name, most in _BOUNDS:
        if not (words[place].isascii() and words[place].isdigit() and int(words[place]) <= most):
            yield f"{name} '{words[place]}'"
    if _number(words[18]) > 65535:
        yield f"srv_port '{words[18]}'"


def _number(word: str) -> int:
    """Return a port's number; 0 where it is none, as HAProxy takes it."""
    return int(word) if word.isascii() and word.isdigit() else 0


def _saved(words: list[str]) -> Saved:
    check_port, check_host = words[21:23] if len(words) > 22 else ("0", "-")
    return Saved(
        words[4], ServerState(int(words[5])), Admin(int(words[6])), int(words[7]), int(words[8]), int(words[9]),
        _STATUS.get(int(words[10])), _number(words[18]), check_port, check_host,
    )  # fmt: skip


def _apply(server: LiveServer, words: list[str], tell: Tell) -> None:
    wrong = ", ".join(_faults(words))
    if wrong:
        tell(WARNING, f"the saved state of server '{server.label}' is not applied: {wrong} is not valid.")
        return
    saved = _saved(words)
    _place(server, saved)
    _administer(server, saved.admin)
    _move(server, saved)
    _weigh(server, saved)
    if server.state is not ServerState.STARTING:
        server.last_change = server.farm.second() - saved.age
    part = _where_checks_go(server, saved)
    if part:
        tell(WARNING, f"the saved state of server '{server.label}' is applied in part: {part}.")


def _weigh(server: LiveServer, saved: Saved) -> None:
    """Give a server its saved weight, if the configured one is the same as then."""
    if saved.configured_weight != server.initial_weight or saved.weight == server.user_weight:
        return
    if server.farm.dynamic or saved.weight in (0, server.initial_weight):
        server.user_weight = saved.weight
        server.farm.reweigh(server)


def _place(server: LiveServer, saved: Saved) -> None:
    """Give a server the saved port, and the saved address if its own is a name that `init-addr last` lets keep it."""
    address = server.address
    named = server.model.address.is_name
    if named and "last" in server.model.init_addr[: 1 if address is not None else None] and saved.host != "-":
        address = _numeric(saved.host, server.model.address)
    if address is None or address.family not in (Family.INET, Family.INET6):
        return
    port = saved.port
    if (address.host, port) != (server.address.host if server.address is not None else "", server.port):
        relative = not port or (address.relative and port == server.port)
        server.set_address(replace(address, port=port, last_port=port, has_port=port > 0, relative=relative))


def _numeric(host: str, like: Address) -> Address | None:
    try:
        family = Family.INET if ip_address(host).version == 4 else Family.INET6
    except ValueError:
        return None
    return replace(like, family=family, host=host, is_name=False)


def _administer(server: LiveServer, saved: Admin) -> None:
    """Put saved maintenance and drain into force, unless the configuration was changed meanwhile."""
    if (saved ^ server.admin) & Admin.CONFIGURED_MAINTENANCE:
        return
    if saved & Admin.FORCED_MAINTENANCE:
        server.set_admin(Admin.FORCED_MAINTENANCE)
    else:
        server.clear_admin(Admin.FORCED_MAINTENANCE)
    if saved & Admin.FORCED_DRAIN:
        server.set_admin(Admin.FORCED_DRAIN)


def _move(server: LiveServer, saved: Saved) -> None:
    """Move a server to its saved operational state; one that tracks another has that one's."""
    watch = server.watch
    if watch is not None:
        watch.restore(saved.status)
    if server.in_maintenance or server.tracked is not None:
        return
    if watch is not None:
        watch.force(healthy=saved.state is not ServerState.STOPPED)
    if saved.state is ServerState.STARTING:
        if server.warming:
            server.warm()
            server.farm.move(server, ServerState.STARTING, None, REASON)
    elif saved.state is not ServerState.RUNNING:
        server.farm.move(server, saved.state, None, REASON)


def _where_checks_go(server: LiveServer, saved: Saved) -> str:
    """Give checks the saved port and address; return what could not be done, "" for nothing."""
    port = _number(saved.check_port)
    if not port and saved.check_host == "-":
        return ""
    watch = server.watch
    if watch is None:
        return "health checks are not enabled on this server"
    if 0 < port <= 65535:
        watch.check_port = port
    if saved.check_host != "-":
        address = _numeric(saved.check_host, Address(Family.INET, ""))
        if address is None:
            return f"the address '{saved.check_host}' of its checks is not valid"
        watch.check_address = address
    return ""
