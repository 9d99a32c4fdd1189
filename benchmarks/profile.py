"""`python -m benchmarks.profile [name]`: the functions that tcproxy spends a measurement's time in, by unit.

First nothing observes the process: that is the cost of a unit. Then, every few milliseconds of CPU time, it notes where
it is: a function's part of these samples is its part of the cost, with the system calls that it makes. At last cProfile
counts calls; they are exact, but its times are of no use, for it makes each call dearer.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.measurements import MEASUREMENTS, Measurement, Reading, loaded
from benchmarks.profiled import SWITCH
from benchmarks.programs import READY_SECONDS, Program, answer, load_process, started

Place = tuple[str, int, str]
"""A function: its file, its first line, its name; "~" and 0 for one that is not Python's."""


@dataclass(slots=True)
class Profile:
    """What was seen of a load.

    reading: the cost of a unit. samples: by function and line. calls: of each function, for a unit; callers: by whom.
    """

    reading: Reading
    samples: Counter[tuple[Place, int]] = field(default_factory=Counter)
    calls: dict[Place, float] = field(default_factory=dict)
    callers: dict[Place, dict[Place, float]] = field(default_factory=dict)

    @property
    def of_sample(self) -> float:
        """Return the CPU seconds of a unit that one sample stands for."""
        return self.reading.cost / max(1, self.samples.total())

    def own(self) -> Counter[Place]:
        """Return the samples of each function."""
        found: Counter[Place] = Counter()
        for (place, _), number in self.samples.items():
            found[place] += number
        return found


def profiled(measurement: Measurement, number: int, folder: Path) -> Profile:
    """Run that many units, and as many again for samples; count the calls of fewer."""
    fewer = max(1, number // 4)
    with load_process(measurement.server) as server:
        target = int(answer(server))
        file, reading = _observed(measurement, "sample", number, folder, target)
        found = Profile(reading)
        for *place, line, times in json.loads(file.read_text()):
            found.samples[_place(*place), line] += times
        file, _ = _observed(measurement, "count", fewer, folder, target)
    for where, (_, calls, _, _, callers) in pstats.Stats(str(file)).stats.items():  # type: ignore[attr-defined]
        found.calls[where] = calls / fewer
        found.callers[where] = {caller: times[1] / fewer for caller, times in callers.items()}
    return found


def _place(file: str, line: int, name: str) -> Place:
    return file, line, name


def _observed(
    measurement: Measurement, kind: str, number: int, folder: Path, target: int
) -> tuple[Path, Reading]:
    """Return the file of what a profiler saw, and what a unit costs without one."""
    program = next(one for one in measurement.programs if one.name == "tcproxy")
    file = folder / kind
    with started(_under_profiler(program, kind, file), folder, target) as running:
        loaded(measurement, running, max(1, number // 10))
        reading = loaded(measurement, running, number)
        os.kill(running.pid, SWITCH)
        loaded(measurement, running, number)
        os.kill(running.pid, SWITCH)
        _wait_for(file)
    return file, reading


def _under_profiler(program: Program, kind: str, file: Path) -> Program:
    def words(folder: Path, port: int, target: int) -> list[str]:
        python, _, _, *rest = program.words(folder, port, target)
        return [python, "-m", "benchmarks.profiled", kind, str(file), *rest]

    return replace(program, words=words)


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not file.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the profile was not written")
        time.sleep(0.01)


def told(place: Place, line: int = 0) -> str:
    """Return where a function stands, for the eye."""
    file, first, name = place
    if file == "~":
        return name
    parts = Path(file).parts
    short = Path(file).name
    for root in ("tcproxy", "twisted"):
        if root in parts[:-1]:
            short = "/".join(parts[len(parts) - 1 - parts[::-1].index(root) :])
    return f"{short}:{line or first} {name}"


def report(profile: Profile, top: int, by: str, lines: bool, callers: str) -> list[str]:
    """Return the lines of the tables."""
    own, each = profile.own(), profile.of_sample * 1e6
    calls = {place: number for place, number in profile.calls.items() if number >= 0.005}
    order: dict[Place, Any] = calls if by == "calls" else {**dict.fromkeys(calls, 0), **own}
    text = [f"{sum(calls.values()):.1f} calls, {sum(own.values())} samples", "", "    calls   own µs  function"]
    for place in sorted(order, key=lambda place: (-order[place], -calls.get(place, 0)))[:top]:
        text.append(f"{calls.get(place, 0):9.2f} {own[place] * each:8.2f}  {told(place)}")
    if lines:
        text += ["", "   own µs  line"]
        most = profile.samples.most_common(top)
        text += [f"{number * each:9.2f}  {told(place, line)}" for (place, line), number in most]
    for place in calls if callers else ():
        if callers in told(place):
            text += ["", f"{told(place)} is called by"]
            by_number = sorted(profile.callers[place].items(), key=lambda one: -one[1])
            text += [f"{number:9.2f}  {told(caller)}" for caller, number in by_number if number >= 0.005]
    return text


def arguments(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    names = [name for name, one in MEASUREMENTS.items() if one.load]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("name", nargs="?", default="keepalive", choices=names, help="a measurement (keepalive)")
    parser.add_argument("--number", type=int, default=0, help="units of the load (twice those of a round)")
    parser.add_argument("--top", type=int, default=45, help="rows to print (45)")
    parser.add_argument("--by", choices=("own", "calls"), default="own", help="what is on top (own)")
    parser.add_argument("--lines", action="store_true", help="print the lines that cost most, too")
    parser.add_argument("--callers", default="", metavar="PART", help="print who calls the functions named so, too")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Profile what is asked for and print it."""
    asked = arguments(words)
    measurement = MEASUREMENTS[asked.name]
    number = asked.number or 2 * measurement.number
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        profile = profiled(measurement, number, Path(folder))
    cost, user = profile.reading.cost * measurement.scale, profile.reading.user_share
    print(f"{measurement.title}: {cost:.1f} {measurement.unit}, {user:.0%} of it in the program itself")
    print(*report(profile, asked.top, asked.by, asked.lines, asked.callers), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
