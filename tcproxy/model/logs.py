"""Log lines of a configuration: where to, in which form, how much (manual 3.1 and 4.2, `log`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from tcproxy.grammar.addresses import Address, Family, read_log_address, resolve
from tcproxy.grammar.rows import GLOBAL, PROXY, Draft, Reading, Row, Where, each
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import near
from tcproxy.grammar.units import listed

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

FACILITIES = each(
    "kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit alert cron2 "
    "local0 local1 local2 local3 local4 local5 local6 local7"
)

FORMATS = ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")

LENGTHS = (80, 65535)
OUTPUTS = {"stdout": "1", "stderr": "2"}
"""Names of `ring@` that are no rings, and their descriptors."""


@dataclass(frozen=True, slots=True)
class LogTarget:
    """One `log` line.

    address: a datagram address (UDP or UNIX), or FD for `stdout`, `stderr` and fd@N. ring: the name of a ring, which
    takes the address's place. Neither for the line `log global`.
    length: characters of a line at the most. format: local, rfc3164, rfc5424, priority, short, raw, timed or iso.
    facility: number 0 to 23. level, minlevel: 0 (emerg) to 7 (debug).
    sample: ((low, high) ranges, size), or None for every line.
    """

    address: Address | None
    facility: int = 0
    level: int = 7
    minlevel: int = 0
    length: int = 1024
    format: str = ""
    sample: tuple[tuple[tuple[int, int], ...], int] | None = None
    origin: Origin = NOWHERE
    ring: str = ""

    @property
    def is_global(self) -> bool:
        """Return whether it stands for the targets of the global section."""
        return self.address is None and not self.ring


GLOBAL_LOG = LogTarget(None)
"""Stands for the targets of the global section until they are all known."""


def parse_log(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `log ADDRESS [len N] [format F] [sample S] FACILITY [LEVEL [MINLEVEL]]`, `log global`, `no log`."""
    words = statement.words
    if statement.negation:
        if len(words) > 1:
            raise Refused("'no log' takes no argument", 1)
        draft["log_targets"] = ()
        return
    if words[1:] == ("global",):
        if reading.section == Where.GLOBAL.value:
            raise Refused("'log global' cannot stand in the global section itself", 1)
        draft.append("log_targets", replace(GLOBAL_LOG, origin=statement.origin))
        return
    if len(words) < 3:
        raise Refused("'log' needs an address and a facility behind it")
    name = _read_ring(words[1]) if words[1].startswith("ring@") else ""
    if name in OUTPUTS:
        target = LogTarget(Address(Family.FD, OUTPUTS[name]), origin=statement.origin)
    elif name:
        target = LogTarget(None, origin=statement.origin, ring=name)
    else:
        target = LogTarget(_read_target(words[1], reading), origin=statement.origin)
    target, index = _read_options(statement, target)
    if name in OUTPUTS:
        target = replace(target, format="raw")
    draft.append("log_targets", _read_levels(statement, target, index))


def _read_ring(word: str) -> str:
    """Return the name behind `ring@`; it is looked for when all sections are read."""
    name = word.partition("@")[2]
    if not name:
        raise Refused("'log' : 'ring@' needs the name of a ring behind it", 1)
    return name


def _read_target(word: str, reading: Reading) -> Address:
    try:
        address = resolve(read_log_address(word, reading.environment.get))
    except ValueError as wrong:
        raise Refused(f"'log' : {wrong}", 1) from None
    return address


def _read_options(statement: Statement, target: LogTarget) -> tuple[LogTarget, int]:
    """Read `len`, `format` and `sample`; return the target and the index of the word behind them."""
    words = statement.words
    index = 2
    while index < len(words) and words[index] in ("len", "format", "sample"):
        if index + 1 == len(words):
            raise Refused(f"'log' : '{words[index]}' needs an argument behind it", index)
        option, value = words[index], words[index + 1]
        if option == "len":
            target = replace(target, length=_read_length(value, index + 1))
        elif option == "format":
            if value not in FORMATS:
                raise Refused(f"'log' : '{value}' is not one of the formats {listed(FORMATS)}", index + 1)
            target = replace(target, format=value)
        else:
            target = replace(target, sample=read_sample(value, index + 1))
        index += 2
    return target, index


def _read_length(word: str, index: int) -> int:
    low, high = LENGTHS
    if not word.isdigit() or not low <= int(word[:9]) <= high:
        raise Refused(f"'log' : the length '{word}' is not a number from {low} to {high}", index)
    return int(word)


def read_sample(word: str, index: int = -1) -> tuple[tuple[tuple[int, int], ...], int]:
    """Read `1,3-4:5`: of each 5 lines, which go out. Raises Refused."""
    ranges, colon, size = word.rpartition(":")
    if not colon or not re.fullmatch(r"[1-9][0-9]{0,8}", size):
        raise Refused(f"'log' : the sample '{word}' is not of the form RANGES:SIZE", index)
    found = sorted(_read_range(one, index) for one in ranges.split(","))
    if any(after[0] <= before[1] for before, after in pairwise(found)):
        raise Refused(f"'log' : the ranges of the sample '{word}' overlap", index)
    if found[-1][1] > int(size):
        raise Refused(f"'log' : the sample size {size} is less than {found[-1][1]}, the end of its last range", index)
    return tuple(found), int(size)


def _read_range(text: str, index: int) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?", text)
    if not match:
        raise Refused(f"'log' : '{text}' is not a range of log lines, such as 2 or 1-3", index)
    low, high = int(match[1]), int(match[2] or match[1])
    if low > high:
        raise Refused(f"'log' : the range {text} runs backwards", index)
    return low, high


def _read_levels(statement: Statement, target: LogTarget, index: int) -> LogTarget:
    words = statement.words
    if index >= len(words):
        raise Refused("'log' needs a facility behind its address and options")
    faults: list[Refused] = []
    if words[index] not in FACILITIES:
        hint = near(words[index], FACILITIES)
        faults.append(Refused(f"'log' : '{words[index]}' is not a syslog facility{hint}", index))
    levels = []
    for place in range(index + 1, min(len(words), index + 3)):
        if words[place] in LEVELS:
            levels.append(LEVELS.index(words[place]))
        else:
            faults.append(Refused(f"'log' : '{words[place]}' is not one of the levels {listed(LEVELS)}", place))
    if len(words) > index + 3:
        faults.append(Refused(f"'log' cannot take the argument '{words[index + 3]}'", index + 3))
    refuse_all(faults)
    return replace(
        target,
        facility=FACILITIES.index(words[index]),
        level=levels[0] if levels else 7,
        minlevel=levels[1] if len(levels) > 1 else 0,
    )


def joined(targets: tuple[LogTarget, ...], of_global: tuple[LogTarget, ...]) -> tuple[LogTarget, ...]:
    """Return the targets with each `log global` replaced by the targets of the global section."""
    found: list[LogTarget] = []
    for target in targets:
        found.extend(of_global if target.is_global else [target])
    return tuple(found)


def parse_send_hostname(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `log-send-hostname [NAME]`: "" means the machine's own name."""
    draft["log_send_hostname"] = statement.words[1] if len(statement.words) > 1 else ""


def parse_log_tag(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `log-tag TAG`; in proxies HAProxy takes no notice of further words."""
    if len(statement.words) < 2 or not statement.words[1]:
        raise Refused("'log-tag' needs a tag behind it")
    if len(statement.words) > 2 and reading.section == Where.GLOBAL.value:
        raise Refused(f"'log-tag' cannot take the argument '{statement.words[2]}'", 2)
    draft["log_tag"] = statement.words[1]


WORDS = (
    Row("log", GLOBAL | PROXY, "Send log lines to a syslog server, a socket or a descriptor.",
        parse=parse_log, negatable=True, manual="4.2", core=True),
    Row("log-tag", GLOBAL | PROXY, "Set the program name of syslog lines.", parse=parse_log_tag, manual="4.2",
        core=True),
    Row("log-send-hostname", GLOBAL, "Put a host name into the header of syslog lines.",
        parse=parse_send_hostname, manual="3.1", core=True),
)  # fmt: skip
