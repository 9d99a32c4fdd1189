"""What a process has cost so far, as the kernel accounts for it: CPU time and memory. Linux only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds of the unit that /proc counts user and system time in."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds: all of them to the nanosecond, and the user part by clock ticks."""

    total: float
    user: float
    system: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.total - other.total, self.user - other.user, self.system - other.system)

    @property
    def user_share(self) -> float:
        """Return the part of the time that was spent in the program itself, 0 to 1."""
        ticks = self.user + self.system
        return self.user / ticks if ticks else 0.0


def family(pid: int) -> list[int]:
    """Return the process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def cpu(pid: int) -> Cost:
    """Return the CPU time of a process with its descendants so far."""
    total = user = system = 0.0
    for member in family(pid):
        for task in Path(f"/proc/{member}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        user += int(fields[11]) * TICK
        system += int(fields[12]) * TICK
    return Cost(total, user, system)


def memory(pid: int) -> int:
    """Return the proportional set size (PSS) of a process with its descendants, in bytes."""
    size = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                size += int(line.split()[1]) * 1024
    return size
