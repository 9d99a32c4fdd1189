"""`python -m benchmarks.memory [kinds]`: what one exchange costs by kind of configuration, in microseconds, in seconds.

The program's sessions, ends and codecs run over sockets that are two lists: no kernel, no loop, no server. All of the
cost is Python's own, so a step of work on it shows here first; `python -m benchmarks` tells what share of the whole it
is. Each kind has a process of its own (one would spoil the specialised instructions of another), and rounds are
interleaved. A cost is the least of the rounds', in CPU time of the process; the garbage collector's is part of it.

    python -m benchmarks.memory                     all kinds
    python -m benchmarks.memory plain usual         these
    python -m benchmarks.memory --beside FOLDER     the same with the tcproxy (and benchmarks) of another checkout
    python -m benchmarks.memory --profile usual     the functions that this kind's exchanges spend their time in
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.http_load import ASKED, HEADERS, varied_answer
from benchmarks.kinds import KINDS, PLAIN_KIND, Kind
from benchmarks.pipes import InMemory

ROUNDS = 25
NUMBER = 960
"""Exchanges of one round."""
BEGINNING = HEADERS % b"Mon, 30 Nov 2026 12:00:00 GMT"


class Measured:
    """One kind at work."""

    def __init__(self, kind: Kind, number: int) -> None:
        ask = ASKED[kind.load]
        self.requests = [ask(at) for at in range(number)]
        self.answers = [varied_answer(BEGINNING, b"%08x" % at) for at in range(number)]
        self.proxy = InMemory(kind)
        self.round()
        gc.collect()
        gc.freeze()  # as the program does when it has started

    def round(self) -> float:
        """Return the CPU microseconds of one exchange."""
        number = len(self.requests)
        began = time.process_time()
        self.proxy.play(self.requests, self.answers)
        spent = time.process_time() - began
        self.proxy.check(number)
        return spent / number * 1e6


# processes


class Worker:
    """A process that measures one kind, a round whenever it is told to."""

    def __init__(self, kind: str, number: int, folder: Path) -> None:
        words = [sys.executable, "-m", "benchmarks.memory", kind, "--number", str(number), "--work"]
        self.costs: list[float] = []
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip

    def round(self) -> None:
        """Measure once."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        stdin.write("\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError("a measuring process ended")
        self.costs.append(float(line))

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def at_work(kinds: Sequence[str], number: int, folder: Path) -> Iterator[dict[str, Worker]]:
    """Run a worker for each kind until the block ends."""
    with ExitStack() as stack:
        workers = {}
        for kind in kinds:
            workers[kind] = worker = Worker(kind, number, folder)
            stack.callback(worker.end)
        yield workers


def work(kind: Kind, number: int) -> None:
    """Measure a round for each line that comes, and print its cost."""
    measured = Measured(kind, number)
    for _ in sys.stdin:
        print(measured.round(), flush=True)


def measured(kinds: Sequence[str], rounds: int, number: int, folders: Sequence[Path]) -> list[dict[str, Worker]]:
    """Return the workers of each checkout, with their costs; their rounds were interleaved."""
    with ExitStack() as stack:
        sets = [stack.enter_context(at_work(kinds, number, folder)) for folder in folders]
        for _ in range(rounds):
            for kind in kinds:
                for workers in sets:
                    workers[kind].round()
        return sets


# tables


def table(sets: Sequence[dict[str, Worker]]) -> list[str]:
    """Return a line for each kind: cost, ratio to the plain kind, median; and the other checkout's with the ratio."""
    ours, *others = sets
    plain = ours.get(PLAIN_KIND.name)
    beside = f" {'other':>7} {'ours/it':>8}" if others else ""
    lines = [f"{'kind':12} {'µs':>7} {'median':>7} {'to plain':>9}{beside}"]
    for kind, worker in ours.items():
        cost = min(worker.costs)
        ratio = f"{cost / min(plain.costs):9.2f}" if plain is not None else f"{'':9}"
        line = f"{kind:12} {cost:7.2f} {median(worker.costs):7.2f} {ratio}"
        for other in others:
            theirs = min(other[kind].costs)
            line += f" {theirs:7.2f} {cost / theirs:8.3f}"
        lines.append(line)
    return lines


def profile(kind: Kind, number: int, top: int) -> str:
    """Return the table of the functions of one kind's exchanges, with calls and time of one exchange."""
    one = Measured(kind, number)
    profiler = cProfile.Profile()
    profiler.enable()
    one.proxy.play(one.requests, one.answers)
    profiler.disable()
    stats: Any = pstats.Stats(profiler)
    rows = sorted(stats.stats.items(), key=lambda row: -row[1][2])
    calls = sum(row[1][1] for row in rows) / number
    lines = [f"{kind.name}: {calls:.1f} calls an exchange; times are cProfile's: each call is dearer than it is", ""]
    lines.append("    calls   own µs   all µs  function")
    for (file, line, name), (_, times, own, whole, _) in rows[:top]:
        place = f"{'/'.join(Path(file).parts[-3:])}:{line} {name}" if line else name
        lines.append(f"{times / number:9.2f} {own / number * 1e6:8.2f} {whole / number * 1e6:8.2f}  {place}")
    return "\n".join(lines)


def arguments(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"of {', '.join(KINDS)} (all by default)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each kind ({ROUNDS})")
    parser.add_argument("--number", type=int, default=NUMBER, help=f"exchanges of a round ({NUMBER})")
    parser.add_argument("--beside", type=Path, help="another checkout, measured in the same run")
    parser.add_argument("--profile", action="store_true", help="profile the kinds instead, by cProfile")
    parser.add_argument("--top", type=int, default=40, help="functions of a profile (40)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    unknown = [name for name in found.kinds if name not in KINDS]
    if unknown:
        parser.error(f"no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
    return found


def main(words: list[str]) -> int:
    """Measure, or profile, what is asked for."""
    asked = arguments(words)
    kinds = asked.kinds or list(KINDS)
    if asked.work:
        work(KINDS[kinds[0]], asked.number)
    elif asked.profile:
        print("\n\n".join(profile(KINDS[kind], asked.number, asked.top) for kind in kinds))
    else:
        here = Path(__file__).parents[1]
        folders = [here, *([asked.beside] if asked.beside else [])]
        print(*table(measured(kinds, asked.rounds, asked.number, folders)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
