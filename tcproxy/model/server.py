"""A `server` line, or one instance of a `server-template` (manual 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

from tcproxy.grammar.addresses import Address
from tcproxy.grammar.statements import NOWHERE, Origin


@dataclass(frozen=True, slots=True)
class Source:
    """Where connections to a server come from (`source`): address, port range, interface, and what to present.

    usesrc: "" (the address itself), "client", "clientip", or an address to spoof.
    """

    address: Address
    usesrc: str = ""
    interface: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """One configured server.

    All times in milliseconds. maxconn, minconn, maxqueue: 0 for no limit. weight: 0 to 256.
    fastinter, downinter: 0 to follow inter. check_port: 0 to follow the server's.
    on_error: fastinter, fail-check, sudden-death or mark-down. on_marked_down: "" or shutdown-sessions.
    on_marked_up: "" or shutdown-backup-sessions. observe: "", layer4 or layer7. track: "" or "backend/server".
    resolved: the numeric address found at start for a host name, "" when none was (see init_addr).
    """

    name: str
    address: Address
    id: int = 0
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
    source: Source | None = None
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
    namespace: str = ""
    origin: Origin = NOWHERE
