"""`python -m benchmarks.systemcalls [name]`: the system calls of each program for a unit. Needs strace.

Their number is exact, whatever else the machine does; how many `epoll_wait` there are depends on how much has come
meanwhile, and strace makes every program slow, so that more has.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.__main__ import chosen
from benchmarks.accounting import family
from benchmarks.measurements import MEASUREMENTS, Measurement, loaded
from benchmarks.programs import Running, answer, find, load_process, started


def counted(measurement: Measurement, number: int, folder: Path) -> dict[str, dict[str, float]]:
    """Return by program and system call how many there are for a unit."""
    found: dict[str, dict[str, float]] = {}
    with load_process(measurement.server) as server:
        target = int(answer(server))
        for program in (one for one in measurement.programs if one.there):
            with started(program, folder, target) as running:
                loaded(measurement, running, max(1, number // 4))
                file = folder / f"{running.port}.calls"
                with _traced(running, file):
                    loaded(measurement, running, number)
                found[program.name] = {name: calls / number for name, calls in summary(file.read_text()).items()}
    return found


@contextlib.contextmanager
def _traced(running: Running, file: Path) -> Iterator[None]:
    """Let strace count the calls of a program and its descendants until the block ends."""
    words = [find("strace") or "strace", "-f", "-c", "-o", str(file)]
    for pid in family(running.pid):
        words += ["-p", str(pid)]
    tracer = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    try:
        said = tracer.stderr.readline()
        if "attached" not in said:
            raise RuntimeError(f"strace: {said.strip()}")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=20)


def summary(text: str) -> dict[str, int]:
    """Return the calls by name that a table of `strace -c` tells."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            found[words[-1]] = int(words[3])
    return found


def table(found: dict[str, dict[str, float]]) -> list[str]:
    """Return the lines of a table, a column for each program."""
    names = {name for calls in found.values() for name, number in calls.items() if number >= 0.005}
    most = {name: max(calls.get(name, 0) for calls in found.values()) for name in names}
    rows = [("all", *(f"{sum(calls.values()):.2f}" for calls in found.values()))]
    for name in sorted(names, key=lambda name: (-most[name], name)):
        rows.append((name, *(f"{calls.get(name, 0):.2f}" for calls in found.values())))
    head = ("", *found)
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    return [_line(row, widths) for row in (head, *rows)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = row
    return "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])])


def main(words: list[str]) -> int:
    """Count what is asked for and print it."""
    names = [name for name, one in MEASUREMENTS.items() if one.load]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.systemcalls", description=__doc__)
    parser.add_argument("name", nargs="?", default="keepalive", choices=names, help="a measurement (keepalive)")
    parser.add_argument("--number", type=int, default=0, help="units of the load (those of a quick look)")
    parser.add_argument("--only", default="tcproxy,nginx", help="programs beside HAProxy (tcproxy,nginx)")
    asked = parser.parse_args(words)
    if find("strace") is None:
        parser.error("strace is not installed")
    measurement = chosen(MEASUREMENTS[asked.name], asked.only)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        found = counted(measurement, asked.number or measurement.quick, Path(folder))
    print(f"{measurement.title}: system calls a unit")
    print(*table(found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
