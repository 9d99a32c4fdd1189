"""Taking over: pausing the old processes while binding fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tcproxy.process import handover
from tests.running import end

OLD = r"""
import os, signal
# os.write, since one signal may come within the handling of another, which print does not bear
def say(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\n")

for number in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGUSR1):
    signal.signal(number, say)
os.write(1, b"ready\n")
while True:
    signal.pause()
"""


class Busy(Exception):
    """The address is in use."""


@pytest.fixture
def old() -> object:
    """Return a process that tells the signals it gets."""
    process = subprocess.Popen([sys.executable, "-c", OLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    end(process)


def attempts(failures: int) -> tuple[list[int], object]:
    """Return a list of attempts, and a function that fails so many times before it succeeds."""
    made: list[int] = []

    def attempt() -> None:
        made.append(1)
        if len(made) <= failures:
            raise Busy

    return made, attempt


def test_the_old_pause_while_binding_fails(old: subprocess.Popen[str]) -> None:
    """After a failure the old process is told to pause, and the next attempt comes after a short sleep."""
    slept: list[float] = []
    made, attempt = attempts(2)
    handover.bind(attempt, Busy, [old.pid], slept.append)  # type: ignore[arg-type]
    assert (len(made), slept) == (3, [handover.PAUSE] * 2)
    assert old.stdout is not None
    assert old.stdout.readline() == "SIGTTOU\n"


def test_the_old_resume_when_binding_never_succeeds(old: subprocess.Popen[str]) -> None:
    """After the last attempt the old process is told to go on, and the error is the caller's."""
    made, attempt = attempts(1 << 30)
    with pytest.raises(Busy):
        handover.bind(attempt, Busy, [old.pid], lambda seconds: None)  # type: ignore[arg-type]
    assert len(made) == handover.ATTEMPTS + 1
    assert old.stdout is not None
    line = old.stdout.readline()
    while line == "SIGTTOU\n":
        line = old.stdout.readline()
    assert line == "SIGTTIN\n"


def test_without_old_processes_there_is_one_attempt() -> None:
    """Nobody can make room, so a failure is final."""
    made, attempt = attempts(1)
    with pytest.raises(Busy):
        handover.bind(attempt, Busy, [])  # type: ignore[arg-type]
    assert len(made) == 1


def test_a_process_that_is_gone_is_passed_over(old: subprocess.Popen[str]) -> None:
    """Telling a process that has ended is no error, and the others are still told."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    handover.tell([gone.pid, old.pid], signal.SIGUSR1)
    assert old.stdout is not None
    assert old.stdout.readline() == "SIGUSR1\n"
    assert os.getpid() != old.pid
