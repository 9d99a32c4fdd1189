"""A `server` line, or one instance of a `server-template` (manual 5.2)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from tcproxy.grammar.addresses import (
    DISPATCH,
    Address,
    Family,
    expanded,
    read_address,
    read_server_address,
    read_source_address,
    resolve,
)
from tcproxy.grammar.options import read_options
from tcproxy.grammar.rows import BACK, NAMED_BACK, SERVER, Draft, Reading, Row, Status, Where, refused
from tcproxy.grammar.sections import NAME_CHARACTERS
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.units import Choice, Integer, Text, Time
from tcproxy.model.numbers import numbered


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """Where connections to a server come from (`source`): address, port range, interface, and what to present.

    usesrc: "" (the address itself), "client", "clientip", or an address to spoof.
    """

    address: Address
    usesrc: str = ""
    interface: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """One configured server.

    id_is_given: by the option `id`. All times in milliseconds.
    maxconn, minconn, maxqueue: 0 for no limit. weight: 0 to 256.
    fastinter, downinter: 0 to follow inter. check_port: 0 to follow the server's.
    on_error: fastinter, fail-check, sudden-death or mark-down. on_marked_down: "" or shutdown-sessions.
    on_marked_up: "" or shutdown-backup-sessions. observe: "", layer4 or layer7. track: "" or "backend/server".
    pool_max_conn: idle links at the most, -1 for no limit; pool_low_conn: so many more than seem to be needed are kept.
    resolved: the numeric address found at start for a host name, "" when none was (see init_addr).
    """

    name: str
    address: Address
    id: int = 0
    id_is_given: bool = False
    weight: int = 1
    backup: bool = False
    disabled: bool = False
    maxconn: int = 0
    minconn: int = 0
    maxqueue: int = 0
    slowstart: int = 0
    check: bool = False
    inter: int = 2000
    fastinter: int = 0
    downinter: int = 0
    rise: int = 2
    fall: int = 3
    check_port: int = 0
    check_address: Address | None = None
    check_send_proxy: bool = False
    check_via_socks4: bool = False
    on_error: str = "fail-check"
    on_marked_down: str = ""
    on_marked_up: str = ""
    observe: str = ""
    error_limit: int = 10
    track: str = ""
    source: SourceAddress | None = None
    send_proxy: int = 0
    proxy_v2_options: frozenset[str] = frozenset()
    socks4: Address | None = None
    tcp_ut: int = 0
    tfo: bool = False
    init_addr: tuple[str, ...] = ("last", "libc")
    resolved: str = ""
    redir: str = ""
    cookie: str = ""
    stick: bool = True
    pool_max_conn: int = -1
    pool_low_conn: int = 0
    pool_purge_delay: int = 5000
    origin: Origin = NOWHERE


def parse_server(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `server NAME ADDRESS OPTION...` into a Draft of a Server."""
    if len(statement.words) < 3:
        raise Refused("'server' needs a name and an address behind it, such as 'server web1 10.0.0.1:80'")
    name = statement.words[1]
    try:
        _add(draft, read_server(statement, 2, name, draft, reading))
    except Refused:
        draft.append("refused_servers", name)
        raise


def parse_default_server(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `default-server OPTION...`: options of the servers that follow."""
    options = Draft(draft.get("default_server", {}))
    read_options(statement, 1, Where.SERVER, options, reading)
    if options.pop("id", None) is not None:
        raise Refused("'id' cannot stand on a 'default-server' line: no two servers may share one")
    draft["default_server"] = options


def parse_server_template(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `server-template PREFIX COUNT|LOW-HIGH ADDRESS OPTION...`: a Draft of a Server for each number."""
    words = statement.words
    if len(words) < 4:
        raise Refused("'server-template' needs a prefix, a number or range, and an address behind it")
    low, high = _read_range(words[2])
    server = read_server(statement, 3, f"{words[1]}{low}", draft, reading)
    for number in range(low, high + 1):
        instance = Draft(server, name=f"{words[1]}{number}")
        if number > low:
            instance.pop("id", None)
        _add(draft, instance)


def _read_range(word: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", word, re.ASCII)
    low, high = (int(match[1]), int(match[2])) if match and match[2] else (1, int(match[1]) if match else 0)
    if low > high:
        raise Refused(f"'{word}' is not a number or a range of servers, such as 3 or 1-3", 2)
    return low, high


def _name_faults(name: str) -> list[Refused]:
    if NAME_CHARACTERS.issuperset(name):
        return []
    wrong = next(letter for letter in name if letter not in NAME_CHARACTERS)
    return [Refused(f"the character '{wrong}' cannot stand in the server name '{name}'", 1)]


def read_server(statement: Statement, index: int, name: str, draft: Draft, reading: Reading) -> Draft:
    """Read the name (or prefix), the address and the options of a line. Raises Refused with all faults."""
    server = Draft(draft.get("default_server", {}))
    server.update(name=name, origin=statement.origin)
    faults = _name_faults(statement.words[1])
    title = f"'server {reading.name}/{name}'"
    try:
        server["address"] = _read_address(statement.words[index], index, reading)
    except Refused as wrong:
        faults.append(wrong.behind(title))
    try:
        read_options(statement, index + 1, Where.SERVER, server, reading)
    except Refused as wrong:
        faults.append(wrong.behind(title))
    refuse_all(faults)
    return server


def _read_address(word: str, index: int, reading: Reading) -> Address:
    try:
        return read_server_address(word, reading.environment.get)
    except ValueError as wrong:
        raise Refused(str(wrong), index) from None


def _add(draft: Draft, server: Draft) -> None:
    """Add a server, unless its name or number is taken. `server_places` and `server_ids` say by whom."""
    places: dict[str, Origin] = draft.setdefault("server_places", {})
    ids: dict[int, Draft] = draft.setdefault("server_ids", {})
    name, number = server["name"], server.get("id", 0)
    if name in places:
        raise Refused(f"the server name '{name}' is taken at {places[name]}: give each its own", 1)
    if number in ids:
        other = ids[number]
        raise Refused(f"'server {name}' : the id {number} is taken by server '{other['name']}' at {other['origin']}")
    places[name] = server["origin"]
    if number:
        ids[number] = server
    draft.append("servers", server)


def parse_source(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `source ADDRESS [usesrc WHO] [interface NAME]` of a backend."""
    if len(statement.words) < 2:
        raise Refused("'source' needs an address behind it, and perhaps 'usesrc' and 'interface'")
    source, taken = read_source(statement.words[1:], reading, span=False)
    if taken + 1 < len(statement.words):
        raise Refused(f"'source' supports 'usesrc' and 'interface', and not '{statement.words[taken + 1]}'", taken + 1)
    draft["source"] = source


def parse_server_source(statement: Statement, draft: Draft, reading: Reading) -> int:
    """Read the option `source` of a server; return how many words it took."""
    if len(statement.words) < 2:
        raise Refused("'source' needs an address behind it, and perhaps 'usesrc' and 'interface'")
    draft["source"], taken = read_source(statement.words[1:], reading, span=True)
    return taken


def read_source(words: tuple[str, ...], reading: Reading, *, span: bool) -> tuple[SourceAddress, int]:
    """Read an address and the `usesrc` and `interface` behind it; return how many words that were. Raises Refused."""
    try:
        address = resolve(read_source_address(words[0], reading.environment.get, span=span))
    except ValueError as wrong:
        raise Refused(f"'source {words[0]}' : {wrong}", 1) from None
    index, said = 1, {"usesrc": "", "interface": ""}
    while index < len(words) and words[index] in said:
        if index + 1 == len(words):
            raise Refused(f"'{words[index]}' needs an argument behind it", index + 1)
        said[words[index]] = words[index + 1]
        index += 2
    said["usesrc"] = expanded(said["usesrc"], reading.environment.get)
    if said["usesrc"] not in ("", "client", "clientip"):
        _check_usesrc(said["usesrc"], words.index("usesrc") + 2)
    return SourceAddress(address, said["usesrc"], said["interface"]), index


def _check_usesrc(word: str, at: int) -> None:
    if word.startswith("hdr_ip("):
        raise Refused("'usesrc hdr_ip' is known to HAProxy 2.6, not supported by tcproxy yet", at)
    try:
        resolve(read_source_address(word))
    except ValueError as wrong:
        raise Refused(f"'usesrc' expects 'client', 'clientip' or an address: {wrong}", at) from None


def parse_check_address(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `addr ADDRESS[:PORT]`: where health checks go."""
    address = resolve(read_address(statement.words[1], reading.environment.get))
    draft["check_address"] = address
    if address.port and address.family not in (Family.UNIX, Family.ABNS):
        draft["check_port"] = address.port


def parse_socks4(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `socks4 ADDRESS:PORT`: the SOCKS proxy on the way."""
    draft["socks4"] = resolve(read_address(statement.words[1], reading.environment.get, allowed=DISPATCH))


def parse_init_addr(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `init-addr METHOD[,METHOD...]`: last, libc, none or an address."""
    methods = statement.words[1].split(",")
    for method in methods:
        if method not in ("last", "libc", "none"):
            try:
                ipaddress.ip_address(method)
            except ValueError:
                raise Refused(f"'init-addr' : '{method}' is not last, libc, none or an address", 1) from None
    draft["init_addr"] = tuple(methods)


def parse_track(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `track [BACKEND/]SERVER`."""
    draft["track"] = statement.words[1]
    if not statement.words[1]:
        raise Refused("'track' needs the name of a server behind it", 1)


def parse_usesrc(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Refuse `usesrc` without `source`."""
    raise Refused("'usesrc' may only stand behind 'source ADDRESS'", 0)


PROXY_V2_OPTIONS = ("authority", "crc32c", "unique-id")
PROXY_V2_TLS_OPTIONS = ("ssl", "cert-cn", "ssl-cipher", "cert-sig", "cert-key")


def parse_proxy_v2_options(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `proxy-v2-options OPTION[,OPTION...]`; those of TLS come with TLS."""
    options = statement.words[1].split(",")
    for option in options:
        if option in PROXY_V2_TLS_OPTIONS:
            raise Refused(f"'proxy-v2-options {option}' is known to HAProxy 2.6, not supported by tcproxy yet", 1)
        if option not in PROXY_V2_OPTIONS:
            raise Refused(f"'proxy-v2-options' : '{option}' is not one of {', '.join(PROXY_V2_OPTIONS)}", 1)
    draft["proxy_v2_options"] = frozenset(options)


def build_servers(draft: Draft) -> tuple[Server, ...]:
    """Return the Servers of a proxy's draft, each with its number."""
    drafts = draft.get("servers", ())
    numbers = numbered([server.get("id", 0) for server in drafts])
    return tuple(
        Server(**{**server, "id": number, "id_is_given": bool(server.get("id"))})
        for server, number in zip(drafts, numbers, strict=True)
    )


_ON_ERROR = Choice("fastinter", "fail-check", "sudden-death", "mark-down")
_ON_DOWN = Choice("shutdown-sessions")
_ON_UP = Choice("shutdown-backup-sessions")
_OBSERVE = Choice(none="", layer4="layer4", layer7="layer7")

WORDS = (
    Row("server", NAMED_BACK, "Declare a server.", parse=parse_server, manual="4.2", core=True,
        elsewhere="refused"),
    Row("default-server", BACK, "Set options of the servers that follow.", parse=parse_default_server,
        manual="4.2", core=True, elsewhere="refused"),
    Row("server-template", NAMED_BACK, "Declare several servers alike.", parse=parse_server_template,
        manual="4.2", core=True, elsewhere="refused"),
    Row("source", BACK, "Set where connections to servers come from.", parse=parse_source, manual="4.2",
        core=True),
    Row("addr", SERVER, "Send health checks to another address.", parse=parse_check_address, many=1,
        manual="5.2", dynamic=True),
    Row("backup", SERVER, "Use the server only when all others are down.", field="backup", manual="5.2", dynamic=True),
    Row("no-backup", SERVER, "Undo 'backup'.", field="backup", value=False, manual="5.2", dynamic=True),
    Row("check", SERVER, "Watch the server's health.", field="check", manual="5.2", dynamic=True),
    Row("no-check", SERVER, "Undo 'check'.", field="check", value=False, manual="5.2"),
    Row("check-send-proxy", SERVER, "Begin health checks with a PROXY header.", field="check_send_proxy",
        manual="5.2", dynamic=True),
    Row("no-check-send-proxy", SERVER, "Undo 'check-send-proxy'.", field="check_send_proxy", value=False,
        manual="5.2", dynamic=True),
    Row("check-via-socks4", SERVER, "Send health checks through the SOCKS proxy.", field="check_via_socks4",
        manual="5.2", dynamic=True),
    Row("cookie", SERVER, "Set the server's cookie value.", (Text(),), "cookie", manual="5.2"),
    Row("disabled", SERVER, "Start in maintenance.", field="disabled", manual="5.2", dynamic=True),
    Row("enabled", SERVER, "Undo 'disabled'.", field="disabled", value=False, manual="5.2", dynamic=True),
    Row("downinter", SERVER, "Set the interval of checks while down.", (Time(1),), "downinter",
        manual="5.2", dynamic=True),
    Row("fastinter", SERVER, "Set the interval of checks in transition.", (Time(1),), "fastinter",
        manual="5.2", dynamic=True),
    Row("inter", SERVER, "Set the interval of checks.", (Time(1),), "inter", manual="5.2", dynamic=True),
    Row("rise", SERVER, "Set how many good checks bring the server up.", (Integer(1),), "rise",
        manual="5.2", dynamic=True),
    Row("fall", SERVER, "Set how many bad checks bring the server down.", (Integer(1),), "fall",
        manual="5.2", dynamic=True),
    Row("error-limit", SERVER, "Set how many errors in a row count for 'on-error'.", (Integer(1),),
        "error_limit", manual="5.2", dynamic=True),
    Row("id", SERVER, "Set the server's number.", (Integer(1),), "id", manual="5.2", dynamic=True),
    Row("init-addr", SERVER, "Set how the address is found at start.", parse=parse_init_addr, many=1,
        manual="5.2"),
    Row("maxconn", SERVER, "Limit the connections to the server.", (Integer(0),), "maxconn",
        manual="5.2", dynamic=True),
    Row("minconn", SERVER, "Set the lowest limit of a dynamic one.", (Integer(0),), "minconn",
        manual="5.2", dynamic=True),
    Row("maxqueue", SERVER, "Limit how many clients wait for the server.", (Integer(0),), "maxqueue",
        manual="5.2", dynamic=True),
    Row("non-stick", SERVER, "Never enter the server into stick tables.", field="stick", value=False,
        status=Status.KEPT, manual="5.2"),
    Row("stick", SERVER, "Undo 'non-stick'.", field="stick", status=Status.KEPT, manual="5.2"),
    Row("observe", SERVER, "Watch health by the traffic itself.", (_OBSERVE,), "observe", manual="5.2", dynamic=True),
    Row("on-error", SERVER, "Set what enough observed errors do.", (_ON_ERROR,), "on_error",
        manual="5.2", dynamic=True),
    Row("on-marked-down", SERVER, "Set what going down does.", (_ON_DOWN,), "on_marked_down",
        manual="5.2", dynamic=True),
    Row("on-marked-up", SERVER, "Set what going up does.", (_ON_UP,), "on_marked_up", manual="5.2", dynamic=True),
    Row("port", SERVER, "Send health checks to another port.", (Integer(0, 65535),), "check_port",
        manual="5.2", dynamic=True),
    Row("proxy-v2-options", SERVER, "Add fields to PROXY headers of version 2.", parse=parse_proxy_v2_options,
        many=1, manual="5.2", dynamic=True),
    Row("redir", SERVER, "Redirect clients to a prefix.", (Text(),), "redir", manual="5.2"),
    Row("send-proxy", SERVER, "Begin connections with a PROXY header.", field="send_proxy", value=1,
        manual="5.2", dynamic=True),
    Row("send-proxy-v2", SERVER, "Begin connections with a binary PROXY header.", field="send_proxy", value=2,
        manual="5.2", dynamic=True),
    Row("no-send-proxy", SERVER, "Undo 'send-proxy'.", field="send_proxy", value=0, manual="5.2", dynamic=True),
    Row("no-send-proxy-v2", SERVER, "Undo 'send-proxy-v2'.", field="send_proxy", value=0, manual="5.2", dynamic=True),
    Row("slowstart", SERVER, "Grow the weight over this time after a start.", (Time(),), "slowstart",
        manual="5.2", dynamic=True),
    Row("socks4", SERVER, "Connect through a SOCKS 4 proxy.", parse=parse_socks4, many=1, manual="5.2"),
    Row("source", SERVER, "Set where connections to the server come from.", parse=parse_server_source, many=-1,
        manual="5.2", dynamic=True),
    Row("usesrc", SERVER, "Part of 'source'.", parse=parse_usesrc, manual="5.2", dynamic=True),
    Row("tcp-ut", SERVER, "Limit how long sent data may stay unacknowledged.", (Time(),), "tcp_ut",
        manual="5.2"),
    Row("tfo", SERVER, "Send data in the first packet, where 'retry-on' lets it be sent again (TCP Fast Open).",
        field="tfo", status=Status.KEPT, manual="5.2", dynamic=True),
    Row("no-tfo", SERVER, "Undo 'tfo'.", field="tfo", value=False, status=Status.KEPT, manual="5.2", dynamic=True),
    Row("track", SERVER, "Follow the state of another server.", parse=parse_track, many=1, manual="5.2", dynamic=True),
    Row("weight", SERVER, "Set the server's share of the load.", (Integer(0, 256),), "weight",
        manual="5.2", dynamic=True),
    Row("no-ssl", SERVER, "Undo 'ssl', which does not exist here yet.", manual="5.2"),
    Row("no-check-ssl", SERVER, "Undo 'check-ssl', which does not exist here yet.", manual="5.2"),
    Row("no-agent-check", SERVER, "Undo 'agent-check', which does not exist here yet.", manual="5.2"),
    Row("log-proto", SERVER, "Set the framing of log servers.", (Choice("legacy", "octet-count"),),
        status=Status.NO_EFFECT, manual="5.2"),
    *refused(SERVER, "agent-check", manual="5.2"),
    *refused(SERVER, "agent-addr\nagent-inter\nagent-port\nagent-send", many=1, manual="5.2"),
    *refused(SERVER, "namespace\nproto\nws\ncheck-proto", many=1, manual="5.2"),
    *refused(SERVER, "resolvers\nresolve-net\nresolve-opts\nresolve-prefer", many=1, manual="5.2"),
)  # fmt: skip
