"""Going to the background: the fork after binding, the pidfile, and the standard streams.

The parent stays until the child serves, so that a failure after the fork (root directory, user) still shows
in the exit code and on the terminal.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

READY = b"+"


class Pidfile:
    """The file that holds the process number, one a line; opened before privileges drop, written when known.

    Raises OSError when it cannot be created.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._before = self._read()
        self._path.unlink(missing_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return b""

    def write(self, pid: int) -> None:
        """Write the process number."""
        os.write(self._descriptor, b"%d\n" % pid)

    def restore(self) -> None:
        """Put back what stood there: the new process failed, and the old one still serves."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, self._before, 0)

    def close(self) -> None:
        """Close the file; it stays, as HAProxy's does."""
        os.close(self._descriptor)


class Child:
    """The parent's view of the process it forked."""

    def __init__(self, pid: int, reports: int) -> None:
        self.pid = pid
        self._reports = reports

    def wait(self) -> int:
        """Return 0 once the child serves, or its exit code when it ended before."""
        with open(self._reports, "rb", buffering=0) as reports:
            if reports.read(1) == READY:
                return 0
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return status if status > 0 else 1


class Report:
    """The child's line to its parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def ready(self) -> None:
        """Tell the parent that this process serves. The parent may be gone."""
        try:
            os.write(self._descriptor, READY)
        except OSError:
            pass
        os.close(self._descriptor)


def fork() -> Child | Report:
    """Fork: a Child for the parent, a Report for the child."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Child(pid, reading)
    os.close(reading)
    return Report(writing)


def open_null() -> int:
    """Open /dev/null, while it can still be seen."""
    return os.open(os.devnull, os.O_RDWR)


def detach(null: int) -> None:
    """Leave the terminal: the standard streams become `null`, and the session is one's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
    os.setsid()
