"""The `global` section (manual 3), and the configuration as a whole."""

from __future__ import annotations

import dataclasses
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tcproxy.grammar.environment import Environment
from tcproxy.grammar.rows import GLOBAL, Draft, Reading, Row, Status, refused
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import Integer, Text, Time
from tcproxy.model.accounts import Gid, Group, Uid, User
from tcproxy.model.bind import Bind, build_binds
from tcproxy.model.logs import LogTarget
from tcproxy.model.proxy import Proxy
from tcproxy.model.rings import RingModel
from tcproxy.model.userlists import UserList


@dataclass(frozen=True, slots=True)
class Global:
    """The process as a whole.

    uid, gid: -1 for unchanged. maxconn, ulimit_n, fd_hard_limit: 0 to be computed (process/limits.py).
    stats_timeout, hard_stop_after, grace, max_spread_checks: milliseconds, 0 for none.
    spread_checks: percent. rates (maxconnrate, maxsessrate, maxsslrate): a second, 0 for none.
    nbproc, nbthread, maxsslrate: kept until worker processes and TLS are there.
    tune: values of tune.* words that have an effect here.
    variables: of the process, a Sample by name (samples/kinds.py, above). told: what `debug` told while they were set
    (destination, line).
    server_state_base, server_state_file: folder and name of state files (server_states.py), "" for none.
    kept: statements whose effect comes with a later part (TLS words and the like), by word.
    """

    daemon: bool = False
    pidfile: str = ""
    user: str = ""
    group: str = ""
    uid: int = -1
    gid: int = -1
    chroot: str = ""
    maxconn: int = 0
    ulimit_n: int = 0
    fd_hard_limit: int = 0
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
    expose_experimental_directives: bool = False
    any_payload: bool = False
    server_state_base: str = ""
    server_state_file: str = ""
    tune: Mapping[str, int] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[tuple[str, bytes], ...] = ()
    kept: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything one reading produced: the global section and the proxies, in the order of the files.

    userlists: the sections `userlist` by name.
    rings: the sections `ring` by name.
    patterns: the PatternSets (samples/patterns/sets.py) of all ACLs and maps, None where there are none.
    """

    process: Global
    proxies: tuple[Proxy, ...] = ()
    environment: Environment | None = None
    files: tuple[str, ...] = ()
    userlists: Mapping[str, UserList] = field(default_factory=dict)
    patterns: Any = None
    rings: Mapping[str, RingModel] = field(default_factory=dict)

    def frontends(self) -> list[Proxy]:
        """Return the proxies that listen, in order."""
        return [proxy for proxy in self.proxies if proxy.is_frontend]

    def backends(self) -> list[Proxy]:
        """Return the proxies that have servers, in order."""
        return [proxy for proxy in self.proxies if proxy.is_backend]


def parse_account(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `user NAME` and `group NAME`: the name and its number."""
    if len(statement.words) != 2:
        raise Refused(f"'{statement.words[0]}' needs one name behind it")
    word, name = statement.words
    try:
        draft["uid" if word == "user" else "gid"] = (User() if word == "user" else Group()).read(name)
    except ValueError as wrong:
        raise Refused(f"'{word}' : {wrong}", 1) from None
    draft[word] = name


def parse_nbproc(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `nbproc N`, which HAProxy 2.5 dropped: older configurations have it, so it is kept with a warning."""
    if len(statement.words) != 2:
        raise Refused("'nbproc' needs one number behind it")
    try:
        draft["nbproc"] = Integer(1, 64, strict=True).read(statement.words[1])
    except ValueError as wrong:
        raise Refused(f"'nbproc' : {wrong}", 1) from None
    if draft["nbproc"] > 1:
        reading.warn(statement, f"'nbproc {draft['nbproc']}' : one process runs for now, not {draft['nbproc']}")


def parse_node(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `node NAME`: letters, digits, dots, hyphens and underscores."""
    name = statement.words[1] if len(statement.words) > 1 else ""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise Refused("'node' needs a name of letters, digits, dots, hyphens and underscores behind it", 1)
    if len(statement.words) > 2:
        raise Refused(f"'node' cannot take the argument '{statement.words[2]}'", 2)
    draft["node"] = name


def parse_description(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `description TEXT...`: the words, joined by spaces."""
    if len(statement.words) < 2:
        raise Refused("'description' needs a text behind it")
    draft["description"] = " ".join(statement.words[1:])


def parse_localpeer(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `localpeer NAME`, which is HAPROXY_LOCALPEER from here on; a name of the command line (-L) comes first."""
    if len(statement.words) != 2 or not statement.words[1]:
        raise Refused("'localpeer' needs one name behind it")
    given = reading.environment.get("HAPROXY_LOCALPEER")
    if "localpeer" not in draft and given and given != socket.gethostname():
        reading.warn(statement, "'localpeer' is ignored: the command line names the peer (-L)")
        return
    draft["localpeer"] = statement.words[1]
    reading.environment.set("HAPROXY_LOCALPEER", statement.words[1])


def parse_default_path(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `default-path current|config|parent|origin PATH`: where relative file names begin."""
    mode, *rest = statement.words[1:] or ("",)
    if mode not in ("current", "config", "parent", "origin"):
        raise Refused(f"'default-path' supports current, config, parent and origin, and not '{mode}'", 1)
    if len(rest) != (mode == "origin"):
        raise Refused(f"'default-path {mode}' needs {'a path' if mode == 'origin' else 'nothing'} behind it", 2)
    reading.default_path = " ".join(statement.words[1:])


def build_global(draft: Draft) -> Global:
    """Return the Global of a draft; its own log targets are resolved already."""
    fields = {one.name for one in dataclasses.fields(Global)}
    values = {name: value for name, value in draft.items() if name in fields}
    values["stats_sockets"] = build_binds(draft.get("stats_sockets", ()))
    return Global(**values)


def _number(name: str, field: str, help: str, low: int = 0, high: int | None = None) -> Row:
    return Row(name, GLOBAL, help, (Integer(low, high),), field, manual="3.2", core=True)


def _flag(name: str, field: str, help: str, value: bool = True, negatable: bool = False) -> Row:
    return Row(name, GLOBAL, help, field=field, value=value, negatable=negatable, manual="3.1", core=True)


WORDS = (
    _flag("daemon", "daemon", "Run in the background."),
    _flag("quiet", "quiet", "Print nothing while starting."),
    _flag("zero-warning", "zero_warning", "Refuse to start where there are warnings."),
    _flag("insecure-setuid-wanted", "insecure_setuid_wanted", "Let programs that are run gain privileges."),
    _flag("set-dumpable", "set_dumpable", "Let the system write core files.", negatable=True),
    _flag("strict-limits", "strict_limits", "Refuse to start when limits cannot be set.", negatable=True),
    _flag("nosplice", "splice", "Never let the kernel move data by itself.", value=False),
    Row("pidfile", GLOBAL, "Write the process's number to a file.", (Text(),), "pidfile", manual="3.1", core=True),
    Row("chroot", GLOBAL, "Lock the process into a folder.", (Text(),), "chroot", manual="3.1", core=True),
    Row("user", GLOBAL, "Run as a user, by name.", parse=parse_account, manual="3.1", core=True),
    Row("group", GLOBAL, "Run as a group, by name.", parse=parse_account, manual="3.1", core=True),
    Row("uid", GLOBAL, "Run as a user, by number.", (Uid(),), "uid", manual="3.1", core=True),
    Row("gid", GLOBAL, "Run as a group, by number.", (Gid(),), "gid", manual="3.1", core=True),
    Row("nbproc", GLOBAL, "Set the number of processes.", parse=parse_nbproc, status=Status.KEPT, manual="3.1",
        core=True),
    Row("nbthread", GLOBAL, "No effect yet: one process with one thread runs.", (Integer(1, 64, strict=True),),
        "nbthread", status=Status.NO_EFFECT, manual="3.1"),
    Row("node", GLOBAL, "Name this node in statistics.", parse=parse_node, manual="3.1", core=True),
    Row("description", GLOBAL, "Describe this node in statistics.", parse=parse_description, manual="3.1", core=True),
    Row("localpeer", GLOBAL, "Name this node for its peers.", parse=parse_localpeer, manual="3.1", core=True),
    Row("default-path", GLOBAL, "Set where relative file names begin.", parse=parse_default_path, manual="3.1"),
    Row("stats timeout", GLOBAL, "Limit how long a command socket may stay silent.", (Time(1),), "stats_timeout",
        manual="3.1"),
    Row("stats maxconn", GLOBAL, "Limit the connections to command sockets.", (Integer(1),), "stats_maxconn",
        manual="3.1"),
    Row("stats bind-process", GLOBAL, "No effect: one process listens.", (Text(),), status=Status.NO_EFFECT,
        manual="3.1"),
    Row("hard-stop-after", GLOBAL, "Limit how long a soft stop may take.", (Time(),), "hard_stop_after", manual="3.1"),
    Row("grace", GLOBAL, "Keep listening for a while after the signal to stop.", (Time(),), "grace", manual="3.1"),
    Row("expose-experimental-directives", GLOBAL, "Take words that HAProxy calls experiments.",
        field="expose_experimental_directives", manual="3.1", core=True),
    Row("pp2-never-send-local", GLOBAL, "Never send PROXY headers of type LOCAL.", field="pp2_never_send_local",
        manual="3.1"),
    Row("h1-accept-payload-with-any-method", GLOBAL, "Take bodies of HTTP/1.0's GET, HEAD and DELETE.",
        field="any_payload", manual="3.1"),
    Row("max-spread-checks", GLOBAL, "Limit the distance of two health checks.", (Time(),), "max_spread_checks",
        manual="3.2", core=True),
    _number("spread-checks", "spread_checks", "Spread health checks at random, in percent.", 0, 50),
    _number("maxconn", "maxconn", "Limit the connections of the process."),
    _number("ulimit-n", "ulimit_n", "Set the limit on descriptors."),
    _number("fd-hard-limit", "fd_hard_limit", "Limit the descriptors that are asked for."),
    _number("maxconnrate", "maxconnrate", "Limit new connections a second."),
    _number("maxsessrate", "maxsessrate", "Limit new sessions a second."),
    Row("maxsslrate", GLOBAL, "Limit new TLS connections a second.", (Integer(0),), "maxsslrate",
        status=Status.KEPT, manual="3.2", core=True),
    *refused(GLOBAL, "master-worker", manual="3.1", core=True),
    *refused(GLOBAL, "external-check\nh2-workaround-bogus-websocket-clients",
             manual="3.1", core=True),
    *refused(GLOBAL, "lua-load\nlua-load-per-thread\nlua-prepend-path", manual="3.1"),
    *refused(GLOBAL, "httpclient.resolvers.id\nhttpclient.resolvers.prefer", manual="3.1"),
)  # fmt: skip
