"""`python -m benchmarks.profile [name]`: the functions that tcproxy spends a measurement's time in, by unit.

cProfile makes each call dearer, so own times say where to look, not how long it takes; the calls a unit are exact. The
CPU time without a profiler is printed first. The time of system calls is in the functions of `socket` and `epoll`,
and what is waited for in `poll` is left out of the sum.
"""

from __future__ import annotations

import argparse
import os
import pstats
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.measurements import MEASUREMENTS, Measurement, Reading, loaded
from benchmarks.profiled import SWITCH
from benchmarks.programs import READY_SECONDS, Program, answer, load_process, started


@dataclass(frozen=True, slots=True)
class Row:
    """A function: calls for each unit, microseconds in itself and with what it called, and where it stands."""

    calls: float
    own: float
    whole: float
    place: str


def arguments(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    names = [name for name, one in MEASUREMENTS.items() if one.load]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("name", nargs="?", default="keepalive", choices=names, help="a measurement (keepalive)")
    parser.add_argument("--number", type=int, default=0, help="units of the load (a third of the measurement's)")
    parser.add_argument("--top", type=int, default=45, help="functions to print (45)")
    parser.add_argument("--by", choices=("own", "calls", "whole"), default="own", help="what is on top (own)")
    parser.add_argument("--callers", default="", metavar="PART", help="print who calls the functions named so, too")
    return parser.parse_args(words)


def profiled(measurement: Measurement, number: int, folder: Path) -> tuple[Reading, dict[Any, Any]]:
    """Return the cost of a unit without a profiler, and what it counts."""
    program = next(one for one in measurement.programs if one.name == "tcproxy")
    file = folder / "profile"
    with load_process(measurement.server) as server:
        target = int(answer(server))
        with started(_under_profiler(program, file), folder, target) as running:
            loaded(measurement, running, max(1, number // 10))
            reading = loaded(measurement, running, number)
            os.kill(running.pid, SWITCH)
            loaded(measurement, running, number)
            os.kill(running.pid, SWITCH)
            _wait_for(file)
    return reading, pstats.Stats(str(file)).stats  # type: ignore[attr-defined]


def _under_profiler(program: Program, file: Path) -> Program:
    def words(folder: Path, port: int, target: int) -> list[str]:
        python, _, _, *rest = program.words(folder, port, target)
        return [python, "-m", "benchmarks.profiled", str(file), *rest]

    return replace(program, words=words)


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not file.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the profile was not written")
        time.sleep(0.01)


def table(stats: dict[Any, Any], number: int) -> list[Row]:
    """Return a row for each function."""
    return [
        Row(calls / number, own / number * 1e6, whole / number * 1e6, place(where))
        for where, (_, calls, own, whole, _) in stats.items()
    ]


def place(where: tuple[str, int, str]) -> str:
    """Return where a function stands, for the eye."""
    file, line, name = where
    if file == "~":
        return name
    parts = Path(file).parts
    for root in ("tcproxy", "twisted"):
        if root in parts[:-1]:
            at = len(parts) - 1 - parts[::-1].index(root)
            return f"{'/'.join(parts[at:])}:{line} {name}"
    return f"{Path(file).name}:{line} {name}"


def _told_callers(stats: dict[Any, Any], part: str, number: int) -> None:
    for where, (_, _, _, _, callers) in stats.items():
        if part in place(where):
            print(f"\n{place(where)}: called by")
            for caller, (_, calls, *_) in sorted(callers.items(), key=lambda one: -one[1][1]):
                print(f"{calls / number:10.2f} {place(caller)}")


def main(words: list[str]) -> int:
    """Profile what is asked for and print it."""
    asked = arguments(words)
    measurement = MEASUREMENTS[asked.name]
    number = asked.number or max(1, measurement.number // 3)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        reading, stats = profiled(measurement, number, Path(folder))
    found = [row for row in table(stats, number) if "select.epoll" not in row.place or "'poll'" not in row.place]
    print(f"{measurement.title}: {reading.cost * measurement.scale:.1f} {measurement.unit} without the profiler")
    print(f"{sum(row.calls for row in found):.1f} calls, {sum(row.own for row in found):.1f} µs under the profiler\n")
    print("     calls   own µs whole µs function")
    for row in sorted(found, key=lambda row: -float(getattr(row, asked.by)))[: asked.top]:
        print(f"{row.calls:10.2f} {row.own:8.2f} {row.whole:8.2f} {row.place}")
    if asked.callers:
        _told_callers(stats, asked.callers, number)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
