"""Taking over from older processes (-sf, -st): when the new process asks them to pause, and when to leave.

Management manual, 4. Sockets of both processes share a port (SO_REUSEPORT), so that a pause is rarely needed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

ATTEMPTS = 100
PAUSE = 0.010
"""Seconds between two attempts to bind."""


def tell(pids: Sequence[int], signal_number: int) -> None:
    """Send a signal to the old processes. Processes that have ended, or belong to another user, are left out."""
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except OSError:
            pass


def bind(
    attempt: Callable[[], None],
    retryable: type[Exception],
    pids: Sequence[int],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Call `attempt` until it succeeds, 101 times at the most. After each failure the old processes are told to pause.

    Raises the error of the last attempt; the old processes have been told to resume by then.
    """
    for remaining in range(ATTEMPTS if pids else 0, -1, -1):
        try:
            return attempt()
        except retryable:
            if not remaining:
                tell(pids, signal.SIGTTIN)
                raise
        tell(pids, signal.SIGTTOU)
        sleep(PAUSE)
    return None
