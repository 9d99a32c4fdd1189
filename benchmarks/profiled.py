"""tcproxy under a profiler: `python -m benchmarks.profiled count|sample FILE WORDS...` (profile.py starts it).

The first SWITCH begins, the second one ends and writes FILE: of `count` cProfile's statistics, of `sample` JSON, a list
of file, first line of the function, its name, line, and how often the process was there.
"""

from __future__ import annotations

import cProfile
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Protocol

from tcproxy.command import main as tcproxy

SWITCH = signal.SIGRTMIN + 5
"""A signal that HAProxy gives no meaning to."""
SAMPLE_SECONDS = 0.001
"""CPU time between two samples; the kernel's tick, mostly 4 ms, is the least that it does."""


class Profiler(Protocol):
    """Observes the process between two calls, and writes what it saw."""

    def enable(self) -> None:
        """Begin."""

    def disable(self) -> None:
        """End."""

    def dump_stats(self, file: str) -> None:
        """Write what was seen."""


class Sampler:
    """Notes where the process is, each so much CPU time."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, int, str, int]] = Counter()
        signal.signal(signal.SIGPROF, self.sample)

    def sample(self, signum: int, frame: FrameType | None) -> None:
        """Note one place: the line that runs, or that has made the system call which has just returned."""
        if frame is not None:
            code = frame.f_code
            self.seen[code.co_filename, code.co_firstlineno, code.co_name, frame.f_lineno] += 1

    def enable(self) -> None:
        """Begin."""
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def disable(self) -> None:
        """End."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def dump_stats(self, file: str) -> None:
        """Write what was seen."""
        Path(file).write_text(json.dumps([[*place, number] for place, number in self.seen.items()]))


def main(arguments: list[str]) -> int:
    """Run tcproxy with the words until it ends."""
    kind, file, *words = arguments
    profiler: Profiler = cProfile.Profile() if kind == "count" else Sampler()
    observing = False

    def switch(signum: int, frame: FrameType | None) -> None:
        nonlocal observing
        observing = not observing
        if observing:
            profiler.enable()
        else:
            profiler.disable()
            profiler.dump_stats(f"{file}.new")
            Path(f"{file}.new").rename(file)

    signal.signal(SWITCH, switch)
    return tcproxy(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
