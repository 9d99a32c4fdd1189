"""`python -m benchmarks [names] [--rounds N] [--quick]`: measure, and print the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.measurements import GROUPS, MEASUREMENTS, Measurement, tails
from benchmarks.programs import Program
from benchmarks.tables import FORMATS, Result


def arguments(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=sys.modules["benchmarks"].__doc__)
    names = ", ".join([*GROUPS, *MEASUREMENTS])
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {names} (all by default)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load: a look, not a measurement")
    parser.add_argument("--only", default="", help="programs to measure, by a part of their name, between commas")
    parser.add_argument("--also", default="", help="programs that are left out otherwise, likewise: caddy, node")
    parser.add_argument("--format", choices=FORMATS, default="rst", help="form of the table (rst); summary: a row each")
    found = parser.parse_args(words)
    found.names = [name for word in found.names for name in GROUPS.get(word, [word])]
    unknown = [name for name in found.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}")
    return found


def chosen(measurement: Measurement, only: str, also: str = "") -> Measurement:
    """Return the measurement for the programs wanted; the first, which is the measure of all, always stays."""
    first, *others = measurement.programs
    kept = [one for one in others if _named(one, also) or (not one.asked and (not only or _named(one, only)))]
    return replace(measurement, programs=(first, *kept))


def _named(program: Program, parts: str) -> bool:
    """Return whether the name of the program contains one of the parts between commas."""
    return any(part.strip().lower() in program.name.lower() for part in parts.split(",") if part.strip())


def main(words: list[str]) -> int:
    """Measure what is asked for and print the table."""
    asked = arguments(words)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        for name in asked.names or MEASUREMENTS:
            measurement = chosen(MEASUREMENTS[name], asked.only, asked.also)
            number = measurement.quick if asked.quick else measurement.number
            _tell(f"{measurement.title} ...")
            readings = measurement.run(measurement, asked.rounds, number, Path(folder), _tell)
            results.append((measurement, readings))
            if measurement.tail:
                results.append(tails(measurement, readings))
    print(FORMATS[asked.format](results), end="")
    return 0


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
