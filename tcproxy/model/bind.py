"""A listening address with its options: one `bind` or `stats socket` address (manual 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from tcproxy.grammar.addresses import Address
from tcproxy.grammar.statements import NOWHERE, Origin


@dataclass(frozen=True, slots=True)
class Bind:
    """One address to listen on; a range or a comma list of a `bind` line makes several, which share the options.

    maxconn, backlog: connections, 0 for the default. mss: bytes (negative clamps), 0 for none.
    tcp_ut: milliseconds, 0 for none. uid, gid: -1 for unchanged; mode: permission bits of a UNIX socket or None.
    level: of a command socket: "user", "operator" or "admin".
    """

    address: Address
    text: str = ""
    id: int = 0
    name: str = ""
    interface: str = ""
    mss: int = 0
    transparent: bool = False
    defer_accept: bool = False
    backlog: int = 0
    maxconn: int = 0
    tfo: bool = False
    v4v6: bool = False
    v6only: bool = False
    uid: int = -1
    gid: int = -1
    mode: int | None = None
    accept_proxy: bool = False
    tcp_ut: int = 0
    level: str = "operator"
    expose_fd: bool = False
    severity_output: str = "none"
    proto: str = ""
    namespace: str = ""
    origin: Origin = NOWHERE
