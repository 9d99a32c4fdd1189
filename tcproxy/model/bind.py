"""A listening address with its options: one `bind` or `stats socket` address (manual 5.1)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tcproxy.grammar.addresses import Address, Family, read_bind_address, resolve
from tcproxy.grammar.options import read_options
from tcproxy.grammar.rows import BIND, GLOBAL, NAMED_FRONT, Argument, Draft, Reading, Row, Status, Where, refused
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.units import Choice, Integer, Text, Time
from tcproxy.model.accounts import Gid, Group, Mode, Uid, User
from tcproxy.model.numbers import numbered


@dataclass(frozen=True, slots=True)
class Bind:
    """One address to listen on; a range or a comma list of a `bind` line makes several, which share the options.

    maxconn, backlog: connections, 0 for the default. mss: bytes (negative clamps), 0 for none. cip: the magic number of
    NetScaler Client IP headers, 0 without them. tcp_ut: milliseconds, 0 for none. uid, gid: -1 for unchanged; mode:
    permission bits of a UNIX socket or None. level: of a command socket: "user", "operator" or "admin".
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
    cip: int = 0
    tcp_ut: int = 0
    level: str = "operator"
    expose_fd: bool = False
    severity_output: str = "none"
    origin: Origin = NOWHERE


def parse_bind(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `bind ADDRESS[,ADDRESS...] OPTION...`: a Draft of a Bind for each address and each port of a range."""
    if len(statement.words) < 2:
        raise Refused("'bind' needs addresses behind it, such as ':80', '127.0.0.1:8000-8010' or '/run/a.sock'")
    options = Draft(reading.process.get("unix_bind", {}))
    options.update(origin=statement.origin, text=f"bind {statement.words[1]}")
    prefix = reading.process.get("unix_prefix", "")
    addresses = _read_line(statement, 1, options, reading, f" in section '{reading.section}'", prefix)
    _add(draft, "binds", addresses, options)


def parse_stats_socket(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats socket ADDRESS OPTION...` of the global section."""
    if len(statement.words) < 3:
        raise Refused("'stats socket' needs an address or the path of a UNIX socket behind it")
    options = Draft(origin=statement.origin, text=f"stats socket {statement.words[2]}")
    addresses = _read_line(statement, 2, options, reading)
    if options.get("accept_proxy") or any(address.family is Family.SOCKPAIR for address in addresses):
        raise Refused("command sockets behind 'accept-proxy' or 'sockpair@' are not supported by tcproxy yet", 2)
    _add(draft, "stats_sockets", addresses, options)


def _read_line(
    statement: Statement, index: int, options: Draft, reading: Reading, place: str = "", prefix: str = ""
) -> list[Address]:
    """Return the addresses that stand at `index`, and read the options behind them. Raises Refused with all faults."""
    addresses: list[Address] = []
    faults: list[Refused] = []
    try:
        addresses = _read_addresses(statement, index, reading, prefix)
    except Refused as wrong:
        faults.append(wrong)
    try:
        read_options(statement, index + 1, Where.BIND, options, reading)
    except Refused as wrong:
        faults.append(wrong.behind(f"'{' '.join(statement.words[: index + 1])}'{place}"))
    refuse_all(faults)
    return addresses


def _read_addresses(statement: Statement, index: int, reading: Reading, prefix: str = "") -> list[Address]:
    """Read addresses, resolve their names, put the prefix of `unix-bind` before paths, and unfold port ranges."""
    try:
        any_port = reading.embedded and index == 1  # of `bind`, and not of `stats socket`
        read = read_bind_address(statement.words[index], reading.environment.get, any_port)
        found = [resolve(address) for address in read]
        for address in found:
            if address.family in (Family.FD, Family.SOCKPAIR):
                _check_descriptor(address)
    except ValueError as wrong:
        raise Refused(f"'{' '.join(statement.words[:index])}' : {wrong}", index) from None
    unfolded: list[Address] = []
    for address in found:
        if address.family is Family.UNIX:
            unfolded.append(replace(address, host=prefix + address.host))
        else:
            ports = range(address.port, max(address.port, address.last_port) + 1)
            unfolded.extend(replace(address, port=port, last_port=port) for port in ports)
    return unfolded


def _check_descriptor(address: Address) -> None:
    """Refuse the number of a descriptor that the process does not have, or that is no socket."""
    try:
        with socket.socket(fileno=os.dup(int(address.host))) as inherited:
            inherited.getsockname()
    except (OSError, OverflowError) as wrong:
        reason = getattr(wrong, "strerror", None) or "out of range"
        raise ValueError(f"the descriptor {address.host} cannot be used: {reason}") from None


def _add(draft: Draft, field: str, addresses: list[Address], options: Draft) -> None:
    number = options.get("id", 0)
    if number and len(addresses) > 1:
        raise Refused(f"'{options['text']}' : 'id' needs a line with one address")
    for other in draft.get(field, ()) if number else ():
        if other.get("id") == number:
            raise Refused(f"'{options['text']}' : the id {number} is taken by '{other['text']}' at {other['origin']}")
    draft.append(field, *(Draft(options, address=address) for address in addresses))


def build_binds(drafts: tuple[Draft, ...]) -> tuple[Bind, ...]:
    """Return the Binds of the drafts, each with its number."""
    numbers = numbered([draft.get("id", 0) for draft in drafts])
    return tuple(Bind(**{**draft, "id": number}) for draft, number in zip(drafts, numbers, strict=True))


UNIX_BIND: Mapping[str, Argument] = {"mode": Mode(), "uid": Uid(), "gid": Gid(), "user": User(), "group": Group()}


def parse_unix_bind(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `unix-bind [prefix P] [mode M] [user U] [uid U] [group G] [gid G]`: defaults of UNIX sockets."""
    words = iter(enumerate(statement.words[1:], 1))
    for index, word in words:
        _, value = next(words, (0, ""))
        if word == "prefix":
            if not value:
                raise Refused("'unix-bind' : 'prefix' needs the beginning of a path behind it", index)
            draft["unix_prefix"] = value
        elif word in UNIX_BIND:
            field = {"user": "uid", "group": "gid"}.get(word, word)
            draft.put("unix_bind", field, UNIX_BIND[word].read(value))
        else:
            raise Refused(f"'unix-bind' supports prefix, {', '.join(UNIX_BIND)}, and not '{word}'", index)


class Mss:
    """A maximum segment size; a negative one only clamps."""

    def read(self, word: str) -> int:
        """Return the size; raises ValueError out of 1 to 65535 either way."""
        size = Integer(-65535, 65535).read(word)
        if not size:
            raise ValueError("a segment size from 1 to 65535 is expected")
        return size


class ThreadSet:
    """A set of threads, or of threads of a group: all, odd, even, a number or a range."""

    def read(self, word: str) -> str:
        """Return the word; raises ValueError."""
        if not re.fullmatch(r"([0-9]+/)?(all|odd|even|[0-9]+(-[0-9]*)?)", word):
            raise ValueError(f"'{word}' is not all, odd, even, a number or a range")
        return word


class Shards:
    """A number of sockets, or one for each thread."""

    def read(self, word: str) -> str:
        """Return the word; raises ValueError."""
        if word != "by-thread":
            Integer(1, 64, strict=True).read(word)
        return word


def parse_process(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `process SET` of a bind line, which 2.6 takes as an old word for `thread`."""
    ThreadSet().read(statement.words[1].rpartition("/")[2])
    reading.warn(statement, "'process' on a 'bind' line is deprecated, and has no effect in tcproxy")


WORDS = (
    Row("bind", NAMED_FRONT, "Listen on addresses.", parse=parse_bind, manual="4.2", core=True),
    Row("stats socket", GLOBAL, "Listen for runtime commands.", parse=parse_stats_socket, manual="3.1"),
    Row("unix-bind", GLOBAL, "Set the defaults of UNIX sockets to listen on.", parse=parse_unix_bind,
        manual="3.1", core=True),
    Row("accept-netscaler-cip", BIND, "Expect a NetScaler Client IP header, by its magic number.", (Integer(1),),
        "cip", manual="5.1"),
    Row("accept-proxy", BIND, "Expect a PROXY header on each connection.", field="accept_proxy", manual="5.1"),
    Row("backlog", BIND, "Set the length of the queue of connections to accept.", (Integer(1),), "backlog",
        manual="5.1"),
    Row("defer-accept", BIND, "Accept a connection when its first bytes are there.", field="defer_accept",
        manual="5.1"),
    Row("expose-fd", BIND, "Hand listening sockets over to a successor.", (Choice(listeners=True),), "expose_fd",
        status=Status.KEPT, manual="5.1"),
    Row("gid", BIND, "Give a UNIX socket to a group by number.", (Gid(),), "gid", manual="5.1"),
    Row("group", BIND, "Give a UNIX socket to a group by name.", (Group(),), "gid", manual="5.1"),
    Row("id", BIND, "Set the number of the listener.", (Integer(1),), "id", manual="5.1"),
    Row("interface", BIND, "Take connections of one network interface only.", (Text(15),), "interface",
        manual="5.1"),
    Row("level", BIND, "Set what a command socket may do.", (Choice("user", "operator", "admin"),), "level",
        manual="5.1"),
    Row("maxconn", BIND, "Limit the connections of the listener.", (Integer(0),), "maxconn", manual="5.1"),
    Row("mode", BIND, "Set the permissions of a UNIX socket, in octal.", (Mode(),), "mode", manual="5.1"),
    Row("mss", BIND, "Set the maximum segment size to announce.", (Mss(),), "mss", manual="5.1"),
    Row("name", BIND, "Name the listener for statistics.", (Text(),), "name", manual="5.1"),
    Row("nice", BIND, "No effect: sessions have no priorities here.", (Integer(-1024, 1024),),
        status=Status.NO_EFFECT, manual="5.1"),
    Row("process", BIND, "Old word for 'thread'.", parse=parse_process, status=Status.NO_EFFECT, many=1,
        manual="5.1"),
    Row("severity-output", BIND, "Show the severity of messages on a command socket.",
        (Choice("none", "number", "string"),), "severity_output", manual="5.1"),
    Row("tcp-ut", BIND, "Limit how long sent data may stay unacknowledged.", (Time(0),), "tcp_ut", manual="5.1"),
    Row("tfo", BIND, "Accept data in the first packet (TCP Fast Open).", field="tfo", manual="5.1"),
    Row("transparent", BIND, "Accept connections to addresses that are not this machine's.", field="transparent",
        manual="5.1"),
    Row("uid", BIND, "Give a UNIX socket to a user by number.", (Uid(),), "uid", manual="5.1"),
    Row("user", BIND, "Give a UNIX socket to a user by name.", (User(),), "uid", manual="5.1"),
    Row("v4v6", BIND, "Accept IPv4 connections on an IPv6 socket too.", field="v4v6", manual="5.1"),
    Row("v6only", BIND, "Accept IPv6 connections only.", field="v6only", manual="5.1"),
    Row("shards", BIND, "No effect: one process listens.", (Shards(),), status=Status.NO_EFFECT, manual="5.1"),
    Row("thread", BIND, "No effect: one process listens.", (ThreadSet(),), status=Status.NO_EFFECT, manual="5.1"),
    *refused(BIND, "namespace\nproto", many=1, manual="5.1"),
)  # fmt: skip
