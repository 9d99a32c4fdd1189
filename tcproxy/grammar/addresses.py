"""Addresses of the language: every family and type prefix, ports, port ranges and offsets (manual 11).

Reading is text only: no socket is opened and no name resolved, except by `resolve`, which says so.

`$NAME` and `${NAME}` in an address stand for the value of the environment variable, quoted or not; a variable that
does not exist stands for nothing. HAProxy 2.6 does this when it reads an address, so it holds for addresses alone.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, replace
from enum import Enum

from tcproxy.grammar.lines import Variables


class Family(Enum):
    """Address families, with the prefix that names them in a configuration."""

    ANY = ""  # not said: a host name, or every address
    INET = "ipv4@"
    INET6 = "ipv6@"
    UNIX = "unix@"
    ABNS = "abns@"
    FD = "fd@"
    SOCKPAIR = "sockpair@"


@dataclass(frozen=True, slots=True)
class Address:
    """One address as configured.

    host: numeric text ("" for every address), a path (UNIX), a name (ABNS), a descriptor's number (FD,
        SOCKPAIR), or a host name still to be resolved (`is_name`).
    port: 0 where there is none. Of a server: `relative` ports are added to the client's destination port.
    last_port: end of a range, equal to `port` without one.
    kind: socket.SOCK_STREAM or SOCK_DGRAM.
    """

    family: Family
    host: str
    port: int = 0
    last_port: int = 0
    kind: int = socket.SOCK_STREAM
    is_name: bool = False
    relative: bool = False
    has_port: bool = False


def abstract_name(name: str) -> bytes:
    """Return the socket name of `abns@name`, padded with zero bytes to 108 bytes as HAProxy pads it."""
    return b"\0" + name.encode().ljust(107, b"\0")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an address may be where it stands.

    port: "required", "optional" or "forbidden"; span: a range of ports may stand; offset: +n or -n may stand.
    default: the socket kind where no prefix says one; kinds: the socket kinds that may be said.
    descriptor: fd@ may stand; pair: sockpair@ may stand; names: host names may stand.
    any_port: port 0 may stand where a port is required: the system gives one.
    """

    port: str = "optional"
    span: bool = False
    offset: bool = False
    default: int = socket.SOCK_STREAM
    kinds: tuple[int, ...] = (socket.SOCK_STREAM,)
    descriptor: bool = False
    pair: bool = False
    names: bool = True
    any_port: bool = False


BIND = Allowed(port="required", span=True, descriptor=True, pair=True)
EMBEDDED_BIND = replace(BIND, any_port=True)
SERVER = Allowed(offset=True, pair=True)
SOURCE = Allowed()
SERVER_SOURCE = Allowed(span=True)
DISPATCH = Allowed(port="required")
LOG = Allowed(
    default=socket.SOCK_DGRAM, kinds=(socket.SOCK_STREAM, socket.SOCK_DGRAM), descriptor=True, names=True
)

SYSLOG_PORT = 514

# sun_path holds 107 bytes; a new socket is first bound to a temporary name, 10 bytes longer
UNIX_PATH_ROOM = 97
ABSTRACT_NAME_ROOM = 107

# prefix: family, and the socket kind that it forces (None: as it stands)
PREFIXES: dict[str, tuple[Family, int | None]] = {
    "ip@": (Family.ANY, None),
    "ipv4@": (Family.INET, None),
    "ipv6@": (Family.INET6, None),
    "tcp@": (Family.ANY, socket.SOCK_STREAM),
    "tcp4@": (Family.INET, socket.SOCK_STREAM),
    "tcp6@": (Family.INET6, socket.SOCK_STREAM),
    "udp@": (Family.ANY, socket.SOCK_DGRAM),
    "udp4@": (Family.INET, socket.SOCK_DGRAM),
    "udp6@": (Family.INET6, socket.SOCK_DGRAM),
    "unix@": (Family.UNIX, None),
    "uxst@": (Family.UNIX, socket.SOCK_STREAM),
    "uxdg@": (Family.UNIX, socket.SOCK_DGRAM),
    "abns@": (Family.ABNS, None),
    "fd@": (Family.FD, None),
    "sockpair@": (Family.SOCKPAIR, None),
}

KIND_NAMES: dict[int, str] = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram"}


def no_variables(name: str) -> str | None:
    """Return None: there are no variables."""
    return None


def expanded(word: str, variables: Variables) -> str:
    """Return the word with the values of the variables in it. A brace that is not closed closes before what follows."""
    if "$" not in word:
        return word
    return _VARIABLE.sub(lambda found: variables(found[1] or found[2] or "") or "", word)


def read_address(word: str, variables: Variables = no_variables, *, allowed: Allowed = SOURCE) -> Address:
    """Read one address. A port range stays one Address with `last_port`.

    Raises ValueError with a sentence that names the fault.
    """
    return _read_one(word, allowed, variables)


def read_bind_address(word: str, variables: Variables = no_variables, any_port: bool = False) -> list[Address]:
    """Read the comma list of a `bind` line: ports are required (but for unix, abns and descriptors).

    A variable stands for a part of one address: commas in its value part nothing. any_port: port 0 may stand, for a
    port that the system gives.
    """
    parts = word.split(",")
    if len(parts) > 1 and not parts[-1]:
        parts.pop()  # HAProxy takes one comma at the end
    return [_read_one(part, EMBEDDED_BIND if any_port else BIND, variables) for part in parts]


def read_server_address(word: str, variables: Variables = no_variables) -> Address:
    """Read the address of a `server` line. Without a port, or with port 0, it is `relative` with offset 0."""
    address = _read_one(word, SERVER, variables)
    if address.family in _WITH_PORTS and address.port == 0:
        return replace(address, relative=True)
    return address


def read_source_address(word: str, variables: Variables = no_variables, *, span: bool = False) -> Address:
    """Read the address of `source`; `span` on a server line, where a range of ports may stand."""
    return _read_one(word, SERVER_SOURCE if span else SOURCE, variables)


def read_log_address(word: str, variables: Variables = no_variables) -> Address:
    """Read the address of a `log` line: datagrams unless said otherwise, port 514 unless said otherwise.

    `stdout` and `stderr` are descriptors 1 and 2. `ring@` is no address: the caller has taken it away.
    """
    if word in ("stdout", "stderr"):
        return Address(Family.FD, "1" if word == "stdout" else "2", kind=socket.SOCK_DGRAM)
    address = _read_one(word, LOG, variables)
    if address.family in _WITH_PORTS and address.port == 0:
        return replace(address, port=SYSLOG_PORT, last_port=SYSLOG_PORT)
    return address


def resolve(address: Address) -> Address:
    """Return the address with its host name replaced by the first numeric address of the system's resolver.

    Blocks. Raises ValueError when the name cannot be resolved. An address without a name is returned as is.
    """
    if not address.is_name:
        return address
    try:
        found = socket.getaddrinfo(address.host, None, _NUMBERS[address.family], address.kind)
    except (OSError, UnicodeError):
        found = []
    for family, _, _, _, numeric in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            kind = Family.INET if family == socket.AF_INET else Family.INET6
            return replace(address, family=kind, host=str(numeric[0]), is_name=False)
    if address.host.replace(".", "").isdigit():
        raise ValueError(f"'{address.host}' is not an IPv4 address, which is four numbers up to 255")
    raise ValueError(f"no address is known for the host name '{address.host}'")


_NUMBERS = {Family.ANY: socket.AF_UNSPEC, Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}
_WITH_PORTS = tuple(_NUMBERS)
_NUMERIC = (Family.FD, Family.SOCKPAIR)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_]*)\}?|([A-Za-z0-9_]*))")
_PREFIX = re.compile(r"[a-z0-9]+@")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")


def _read_one(written: str, allowed: Allowed, variables: Variables) -> Address:
    word = expanded(written, variables)
    if not word:
        raise ValueError("the address is empty (is an environment variable missing?)")
    family, kind, rest = _take_prefixes(word, allowed.default)
    if kind not in allowed.kinds:
        raise ValueError(f"a {KIND_NAMES[kind]} address cannot stand here: '{word}'")
    if family in _NUMERIC:
        return _read_descriptor(word, rest, family, kind, allowed)
    if family in (Family.UNIX, Family.ABNS):
        return _read_path(rest, family, kind)
    return _read_internet(word, rest, family, kind, allowed)


def _take_prefixes(word: str, kind: int) -> tuple[Family, int, str]:
    """Return the family, the socket kind, and what is left of the word behind its prefixes."""
    rest = word
    if rest.startswith("stream+"):
        kind, rest = socket.SOCK_STREAM, rest[7:]
    elif rest.startswith("dgram+"):
        kind, rest = socket.SOCK_DGRAM, rest[6:]
    prefix = _PREFIX.match(rest)
    if prefix and prefix[0] in PREFIXES:
        family, forced = PREFIXES[prefix[0]]
        return family, kind if forced is None else forced, rest[prefix.end() :]
    if prefix and prefix[0] in ("quic4@", "quic6@"):
        raise ValueError(f"QUIC is not supported: '{word}'")
    if rest.startswith("/"):
        return Family.UNIX, kind, rest
    return Family.ANY, kind, rest


def _read_descriptor(word: str, rest: str, family: Family, kind: int, allowed: Allowed) -> Address:
    if family is Family.FD and not allowed.descriptor:
        raise ValueError(f"a file descriptor cannot stand here: '{word}'")
    if family is Family.SOCKPAIR and not allowed.pair:
        raise ValueError(f"a socket pair cannot stand here: '{word}'")
    if not (rest.isascii() and rest.isdigit()):
        raise ValueError(f"'{rest}' is not the number of a file descriptor in '{word}'")
    return Address(family, rest, kind=kind)


def _read_path(path: str, family: Family, kind: int) -> Address:
    room = UNIX_PATH_ROOM if family is Family.UNIX else ABSTRACT_NAME_ROOM
    if len(path.encode("utf-8", "surrogateescape")) > room:
        raise ValueError(f"the socket path '{path}' is too long ({room} bytes at the most)")
    return Address(family, path, kind=kind)


def _read_internet(word: str, rest: str, family: Family, kind: int, allowed: Allowed) -> Address:
    host, port_text = _split_port(rest)
    port, last_port, relative = _read_ports(port_text, word, allowed)
    found = _read_host(host, family)
    is_name = found is None
    if is_name and not (allowed.names and _is_host_name(host)):
        raise ValueError(f"'{host}' is neither an address nor a host name in '{word}'")
    return Address(
        *(found or (family, host)),
        port=port,
        last_port=last_port,
        kind=kind,
        is_name=is_name,
        relative=relative,
        has_port=bool(port_text),
    )


def _split_port(text: str) -> tuple[str, str]:
    """Split at the last colon that stands behind the last bracket."""
    colon = text.rfind(":")
    if colon < 0 or text.rfind("]") > colon:
        return text, ""
    return text[:colon], text[colon + 1 :]


def _read_ports(text: str, word: str, allowed: Allowed) -> tuple[int, int, bool]:
    """Return the first port, the last port, and whether they are relative."""
    if not text:
        if allowed.port == "required":
            raise ValueError(f"a port is missing in '{word}'")
        return 0, 0, False
    if allowed.port == "forbidden":
        raise ValueError(f"a port cannot stand here: '{word}'")
    if text[0] in "+-":
        if not allowed.offset:
            raise ValueError(f"a port offset cannot stand here: '{word}'")
        offset = _leading_number(text[1:]) * (-1 if text[0] == "-" else 1)
        return offset, offset, True
    if text[0] not in "0123456789":
        raise ValueError(f"'{text}' is not a port number in '{word}' (unexpected character '{text[0]}')")
    return *_read_span(text, word, allowed), False


def _read_span(text: str, word: str, allowed: Allowed) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if dash and not allowed.span:
        raise ValueError(f"a port range cannot stand here: '{word}'")
    low = _read_port(first, allowed)
    high = _read_port(last, allowed) if dash else low
    if low > high:
        raise ValueError(f"the port range {low}-{high} runs backwards in '{word}'")
    return low, high


def _read_port(text: str, allowed: Allowed) -> int:
    port = _leading_number(text)
    if not text or port > 65535 or (port == 0 and allowed.port == "required" and not allowed.any_port):
        raise ValueError(f"'{text}' is not a valid port number")
    return port


def _leading_number(text: str) -> int:
    """Read the digits at the start, as C's atoi does: HAProxy reads `80;` as port 80."""
    if text.isdecimal() and text.isascii() and len(text) < 12:
        return int(text)
    digits = text[: len(text) - len(text.lstrip("0123456789"))].lstrip("0")
    return int(digits[:12] or "0")


def _read_host(host: str, family: Family) -> tuple[Family, str] | None:
    """Return the family and the numeric host, "" for every address; None when the host is not numeric."""
    if host.startswith("[") and host.endswith("]") and len(host) >= 4:
        host = host[1:-1]
    if host in ("", "*"):
        return (Family.INET6 if family is Family.INET6 else Family.INET), ""
    candidate, number = (Family.INET6, socket.AF_INET6) if ":" in host else (Family.INET, socket.AF_INET)
    packed = _pack(number, host) if family is Family.ANY or family is candidate else None
    if packed is None:
        return None
    return candidate, socket.inet_ntop(number, packed) if any(packed) else ""


def _pack(number: int, host: str) -> bytes | None:
    try:
        return socket.inet_pton(number, host)
    except (OSError, ValueError):
        return None


def _is_numeric(host: str) -> bool:
    return _pack(socket.AF_INET, host) is not None or _pack(socket.AF_INET6, host) is not None


def _is_host_name(host: str) -> bool:
    """Return whether the text can be a host name; a dot may end it. An address of the other family cannot."""
    return (
        len(host) <= 255
        and not _is_numeric(host)
        and all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))
    )
