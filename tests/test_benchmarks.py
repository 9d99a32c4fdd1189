"""The measuring program: what it reads of a process, what it prints, and one short run of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from benchmarks import accounting
from benchmarks.__main__ import arguments, chosen
from benchmarks.measurements import MEASUREMENTS, Reading
from benchmarks.programs import CannotStart, Program, started
from benchmarks.tables import HEAD, markdown, restructured, rows


def test_cpu_time_is_counted() -> None:
    """Work of this process shows in its account, and sleep does not."""
    before = accounting.cpu(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.1:
        sum(range(1000))
    worked = accounting.cpu(os.getpid()) - before
    assert 0.08 < worked.total < 1
    before = accounting.cpu(os.getpid())
    time.sleep(0.1)
    assert (accounting.cpu(os.getpid()) - before).total < 0.08


def test_children_are_counted() -> None:
    """A process's descendants belong to its account of time and memory."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in accounting.family(os.getpid())
        assert accounting.memory(os.getpid()) > accounting.memory(child.pid) > 0
    finally:
        child.communicate(b"\n")


def test_ratios_are_of_the_same_round() -> None:
    """The ratio is the median of each round's, so that a slow round does not count."""
    measurement = MEASUREMENTS["messages"]
    base, ours, other = (program.name for program in measurement.programs)
    readings = {base: [Reading(1.0), Reading(10.0), Reading(2.0)], ours: [Reading(1.5), Reading(14.0), Reading(3.0)]}
    first, second, third = rows(measurement, {**readings, other: []})
    assert first[4] == "1.00" and second[4:6] == ["1.50", "1.40 to 1.50"] and second[6] == "1.25"
    assert third[1:3] == [other, "not measured"] and len(third) == len(HEAD)


def test_tables_have_all_cells() -> None:
    """Both forms print each cell once, and every line of Markdown has the same columns."""
    lines = [list("abc"), ["1", "", "3"]]
    assert markdown(lines).count("|") == 12
    text = restructured(lines)
    assert text.count("* - ") == 2 and text.splitlines()[-1] == "     - 3"


def test_command_line() -> None:
    """Names are checked, and `--only` keeps the program that all are compared with."""
    assert arguments(["bulk", "--rounds", "2"]).names == ["bulk"]
    with pytest.raises(SystemExit):
        arguments(["bulky"])
    kept = chosen(MEASUREMENTS["bulk"], "tcproxy").programs
    assert [program.name for program in kept] == ["HAProxy", "tcproxy", "tcproxy, splice"]


def test_a_program_that_ends_is_told(tmp_path: object) -> None:
    """What a program said before it ended stands in the error."""
    words = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    broken = Program("broken", lambda folder, port, target: words)
    with pytest.raises(CannotStart, match=r"broken ended with 1 / no such luck"), started(broken, tmp_path, 1):  # type: ignore[arg-type]
        pytest.fail("it did not start")


@pytest.mark.slow
def test_a_short_run_prints_a_table() -> None:
    """`python -m benchmarks messages connections --quick` measures the Twisted forwarder and prints it."""
    words = ["messages", "connections", "--quick", "--rounds", "1", "--only", "twisted"]
    command = [sys.executable, "-m", "benchmarks", *words]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(".. list-table::") and "µs CPU a message" in run.stdout, run.stdout
