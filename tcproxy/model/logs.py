"""Log lines of a configuration: where to, in which form, how much (manual 3.1 and 4.2, `log`)."""

from __future__ import annotations

from dataclasses import dataclass

from tcproxy.grammar.addresses import Address
from tcproxy.grammar.statements import NOWHERE, Origin


@dataclass(frozen=True, slots=True)
class LogTarget:
    """One `log` line.

    address: a datagram address (UDP or UNIX), or FD for `stdout`, `stderr` and fd@N. None for the line `log global`.
    length: characters of a line at the most. format: local, rfc3164, rfc5424, priority, short, raw, timed or iso.
    facility: number 0 to 23. level, minlevel: 0 (emerg) to 7 (debug).
    sample: ((low, high) ranges, size), or None for every line. ring: name of a ring buffer, "" for none.
    """

    address: Address | None
    facility: int = 0
    level: int = 7
    minlevel: int = 0
    length: int = 1024
    format: str = ""
    sample: tuple[tuple[tuple[int, int], ...], int] | None = None
    ring: str = ""
    origin: Origin = NOWHERE
