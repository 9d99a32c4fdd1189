"""Going to the background: the fork after binding, the pidfile, and the standard streams.

The parent waits until the child serves. A failure behind the fork (root directory, user) so still shows in the exit
code and on the terminal.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

READY = b"+"


class Pidfile:
    """The file with the process number. It is opened before privileges are dropped, and written after the fork.

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
        """Write the old content again, because the new process failed and the old one still serves."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, self._before, 0)

    def close(self) -> None:
        """Close the file. Like HAProxy, the program never removes it."""
        os.close(self._descriptor)


class Child:
    """The forked process, as its parent sees it. reports: a pipe, to which the child writes when it serves."""

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
    """The child's end of the pipe to its parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def ready(self) -> None:
        """Tell the parent that this process serves. A parent that has ended is no error."""
        try:
            os.write(self._descriptor, READY)
        except OSError:
            pass
        os.close(self._descriptor)


def fork() -> Child | Report:
    """Fork the process. Return a Child in the parent, a Report in the child."""
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
    """Open /dev/null before `chroot` hides it; return the descriptor."""
    return os.open(os.devnull, os.O_RDWR)


def detach(null: int) -> None:
    """Leave the terminal: connect standard input, output and error to `null`, and begin a session (setsid)."""
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
    os.setsid()
