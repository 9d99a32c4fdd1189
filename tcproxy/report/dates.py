"""Dates as logs write them: English months whatever the locale, and each second worked out only once."""

from __future__ import annotations

import time

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _zone(offset: int) -> str:
    minutes = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"


def local(second: int) -> str:
    """Return a local date as traffic logs write it, `22/Nov/2026:19:28:39`."""
    now = time.localtime(second)
    day = f"{now.tm_mday:02d}/{MONTHS[now.tm_mon - 1]}/{now.tm_year}"
    return f"{day}:{now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d}"


def local_zone(second: int) -> str:
    """Return a local date with its zone, `22/Nov/2026:19:28:39 +0000`."""
    return f"{local(second)} {_zone(time.localtime(second).tm_gmtoff)}"


def gmt(second: int) -> str:
    """Return a date of Greenwich, `22/Nov/2026:19:28:39 +0000`."""
    now = time.gmtime(second)
    day = f"{now.tm_mday:02d}/{MONTHS[now.tm_mon - 1]}/{now.tm_year}"
    return f"{day}:{now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d} +0000"


def syslog(second: int) -> str:
    """Return a local date as RFC 3164 has it, `Nov  2 19:28:39`."""
    now = time.localtime(second)
    return f"{MONTHS[now.tm_mon - 1]} {now.tm_mday:2d} {now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d}"


def iso(second: int) -> tuple[str, str]:
    """Return a local date of RFC 3339, cut where the fraction goes: `2026-11-22T19:28:39`, `+00:00`."""
    now = time.localtime(second)
    zone = _zone(now.tm_gmtoff)
    return time.strftime("%Y-%m-%dT%H:%M:%S", now), f"{zone[:3]}:{zone[3:]}"


_MILLISECONDS = tuple(f".{number:03d}" for number in range(1000))


class Stamp:
    """Writes `22/Nov/2026:19:28:39.214`, and remembers the last second that it wrote."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, moment: float) -> str:
        """Return the local date of wall-clock seconds, with milliseconds."""
        second = int(moment)
        if second != self._second:
            self._text = local(second)
            self._second = second
        return self._text + _MILLISECONDS[int((moment - second) * 1000)]
