"""Log targets: which lines a section's `log` lines let through, and the header in front of each (manual 3.1).

Where the bytes go is sinks.py; what the line of a session says is formats.py.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence

from tcproxy.model.logs import LogTarget
from tcproxy.report import dates
from tcproxy.report.events import Events
from tcproxy.report.sinks import LineSink, Sinks

EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO, DEBUG = range(8)
NO_DATA = "-"
"""Structured data of a line that has none (RFC 5424, 6.3)."""


class _LineHeader:
    """Writes the header of a target's lines in the target's format. The date is cached for its second."""

    def __init__(self, target: LogTarget, form: str, tag: str, hostname: str | None) -> None:
        self._facility = target.facility << 3
        self._pid = os.getpid()
        self._tag = f"{tag}[{self._pid}]:"
        self._words = f"{tag} {self._pid} -"
        self._hostname = hostname
        self._second = -1
        self._date = ("", "")
        self._work_out: Callable[[int], tuple[str, str]] = dates.iso
        if form in ("local", "rfc3164"):
            self._work_out = lambda second: (dates.syslog(second), "")
        self.write: Callable[[int, float, str], str] = getattr(self, f"_{form}")

    def _dated(self, now: float) -> tuple[str, str]:
        second = int(now)
        if second != self._second:
            self._date = self._work_out(second)
            self._second = second
        return self._date

    def _iso_date(self, now: float) -> str:
        date, zone = self._dated(now)
        return f"{date}.{int(now % 1 * 1_000_000):06d}{zone}"

    def _local(self, level: int, now: float, data: str) -> str:
        return f"<{self._facility + level}>{self._dated(now)[0]} {self._tag} "

    def _rfc3164(self, level: int, now: float, data: str) -> str:
        host = self._hostname or "localhost"
        return f"<{self._facility + level}>{self._dated(now)[0]} {host} {self._tag} "

    def _rfc5424(self, level: int, now: float, data: str) -> str:
        host = self._hostname or "-"
        said = data.rstrip(" ") or NO_DATA
        return f"<{self._facility + level}>1 {self._iso_date(now)} {host} {self._words} {said} "

    def _priority(self, level: int, now: float, data: str) -> str:
        return f"<{self._facility + level}>"

    def _short(self, level: int, now: float, data: str) -> str:
        return f"<{level}>"

    def _timed(self, level: int, now: float, data: str) -> str:
        return f"<{level}>{self._iso_date(now)} "

    def _iso(self, level: int, now: float, data: str) -> str:
        return f"{self._iso_date(now)} "

    def _raw(self, level: int, now: float, data: str) -> str:
        return ""


class _Sample:
    """Chooses the lines of a sample by their position (`sample 1,3:4`: of four lines the first and the third)."""

    def __init__(self, ranges: Sequence[tuple[int, int]], size: int) -> None:
        self._chosen = {index for low, high in ranges for index in range(low, high + 1)}
        self._size = size
        self._index = 0

    def takes(self) -> bool:
        """Count one line; return whether it belongs to the sample."""
        self._index = self._index % self._size + 1
        return self._index in self._chosen


class _Target:
    """One log target. The header of lines is cached until the second or the level changes."""

    __slots__ = ("_head", "_header", "_last", "_most", "_second", "_timely", "level", "minlevel", "sample", "sink")

    def __init__(self, target: LogTarget, sink: LineSink, tag: str, hostname: str | None) -> None:
        form = target.format or ("local" if hostname is None else "rfc3164")
        self._header = _LineHeader(target, form, tag, hostname).write
        # these headers hold microseconds, or data of the line: they cannot be cached
        self._timely = form in ("rfc5424", "timed", "iso")
        self._head = ""
        self._second = self._last = -1
        self.sink = sink
        self.level = target.level
        self.minlevel = target.minlevel
        self.sample = None if target.sample is None else _Sample(*target.sample)
        # HAProxy counts the newline into `len`, except in datagrams that have a header
        self._most = target.length if sink.fd or form == "raw" else target.length + 1

    def send(self, level: int, now: float, message: str, data: str) -> None:
        """Send one line if this target wants it. Lines more severe than `minlevel` are capped to it."""
        if level > self.level or (self.sample is not None and not self.sample.takes()):
            return
        second = int(now)
        if second != self._second or level != self._last or self._timely:
            self._head = self._header(max(level, self.minlevel), now, data)
            self._second, self._last = second, level
        line = f"{self._head}{message}\n".encode("utf-8", "surrogateescape")
        if len(line) > self._most:
            line = line[: self._most - 1] + b"\n"
        self.sink.write(line)


class _RingTarget:
    """A ring as a log target: its format is the ring's, and `len` counts the characters of the message alone."""

    __slots__ = ("_header", "_most", "level", "minlevel", "ring", "sample")

    def __init__(self, target: LogTarget, ring: Events, tag: str, hostname: str | None) -> None:
        self._header = _LineHeader(target, ring.form, tag, hostname).write
        self._most = target.length
        self.ring = ring
        self.level, self.minlevel = target.level, target.minlevel
        self.sample = None if target.sample is None else _Sample(*target.sample)

    def send(self, level: int, now: float, message: str, data: str) -> None:
        """Write one line if this target wants it."""
        if level > self.level or (self.sample is not None and not self.sample.takes()):
            return
        head = self._header(max(level, self.minlevel), now, data)
        self.ring.write(head.encode() + message.encode("utf-8", "surrogateescape")[: self._most])


class Outlet:
    """What one section logs to: its `log` lines, with `log global` replaced by the global ones.

    tag: `log-tag`. hostname: None without `log-send-hostname`; "" stands for the system's own name.
    sinks: shared by all outlets of the proxy; they count dropped lines. wall: returns wall-clock seconds.
    Make an outlet in the process that logs: its lines carry the id of that process.
    Raises ValueError when a target cannot be used.
    """

    def __init__(
        self,
        targets: Sequence[LogTarget],
        tag: str,
        hostname: str | None,
        sinks: Sinks,
        wall: Callable[[], float] = time.time,
    ) -> None:
        name = socket.gethostname() if hostname == "" else hostname
        self._targets: list[_Target | _RingTarget] = []
        for target in targets:
            if target.address is not None:
                self._targets.append(_Target(target, sinks.sink(target.address), tag, name))
            elif target.ring in sinks.rings:
                self._targets.append(_RingTarget(target, sinks.rings[target.ring], tag, name))
        self._wall = wall

    def __bool__(self) -> bool:
        """Return whether there is a target: without one, the caller need not make the line."""
        return bool(self._targets)

    def send(self, level: int, message: str, data: str = NO_DATA) -> None:
        """Log a line of a level (0 emerg to 7 debug); `data` is for RFC 5424. Never blocks, never raises.

        An empty line is not sent.
        """
        if not message:
            return
        now = self._wall()
        for target in self._targets:
            target.send(level, now, message, data)
