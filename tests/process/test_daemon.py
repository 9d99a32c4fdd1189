"""The fork, the pidfile, and what the parent learns of the child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tcproxy.process.daemon import Pidfile

FORKING = """
import os, sys
from tcproxy.process import daemon
forked = daemon.fork()
if isinstance(forked, daemon.Child):
    print(forked.wait())
    sys.exit()
{child}
"""


def forking(child: str) -> str:
    """Return what a program prints whose child does this."""
    words = [sys.executable, "-c", FORKING.format(child=child)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_parent_waits_until_the_child_serves() -> None:
    """The parent gets 0 once the child has said that it is ready."""
    assert forking("forked.ready()") == "0\n"


def test_the_parent_learns_of_a_failure() -> None:
    """A child that ends before it is ready gives its exit code, and 1 when a signal ended it."""
    assert forking("sys.exit(3)") == "3\n"
    assert forking("os.kill(os.getpid(), 9)") == "1\n"


def test_detached_streams_are_null() -> None:
    """A detached child writes nowhere, and leads a session of its own."""
    child = (
        "null = daemon.open_null(); print('heard', flush=True); daemon.detach(null);"
        "print('unheard', flush=True);"
        "assert os.getsid(0) == os.getpid(); forked.ready()"
    )
    assert forking(child) == "heard\n0\n"


def test_pidfile(tmp_path: Path) -> None:
    """The file holds the number and a newline, and replaces what stood there."""
    path = tmp_path / "pid"
    path.write_text("123\n456\n")
    pidfile = Pidfile(str(path))
    assert path.read_text() == ""
    pidfile.write(7)
    pidfile.close()
    assert path.read_text() == "7\n"
    assert path.stat().st_mode & 0o777 == 0o644


def test_pidfile_is_restored_when_the_successor_fails(tmp_path: Path) -> None:
    """The number of the process that still serves comes back."""
    path = tmp_path / "pid"
    path.write_text("123\n")
    pidfile = Pidfile(str(path))
    pidfile.write(45678)
    pidfile.restore()
    pidfile.close()
    assert path.read_text() == "123\n"
    assert os.getpid() != 123
