"""The name under which scripts find the process: `killall haproxy`, `pidof haproxy`, `ps`, `start-stop-daemon --name`.

The program is a script, so that the system runs Python and lists `python3 /usr/sbin/haproxy -D ...`. Scripts that were
written for HAProxy look for the name by which the program was called. What compares executables (start-stop-daemon
--exec) needs etc/launcher.py besides.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

PR_SET_NAME = 15
ARGUMENTS_BEGIN, ARGUMENTS_END = 47, 48
"""Fields of /proc/self/stat, counted from 0 (proc(5): arg_start, arg_end)."""


def claim() -> None:
    """Be listed by the name and the arguments of the command line, without the interpreter in front of them.

    Where the program was not started as a script, or the system does not tell where arguments are, nothing changes.
    """
    try:
        words = Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]
        called = os.fsencode(sys.argv[0])
        if called not in words[1:]:
            return
        begin, end = _place()
    except (OSError, ValueError, IndexError):
        return
    ours = b"\0".join(words[words.index(called, 1) :])
    if 0 < len(ours) < end - begin:
        ctypes.memmove(begin, ours.ljust(end - begin, b"\0"), end - begin)
    ctypes.CDLL(None).prctl(PR_SET_NAME, Path(os.fsdecode(called)).name.encode()[:15], 0, 0, 0)


def _place() -> tuple[int, int]:
    """Return where in this process's memory the arguments are that the system lists."""
    # the second field is the name in parentheses, which may hold anything
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[ARGUMENTS_BEGIN - 2]), int(fields[ARGUMENTS_END - 2])
