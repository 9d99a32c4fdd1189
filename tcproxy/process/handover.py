"""Taking over from older processes (-sf, -st): when they are to make room, and when to leave.

Management manual, 4. Sockets are bound beside the old ones where the system can (SO_REUSEPORT), so the
pause is rare.
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
    """Send a signal to the old processes; one that is gone, or another user's, is passed over."""
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
    """Call `attempt` until it succeeds, with the old processes pausing in between.

    Raises what the last attempt raised, after the old processes were told to resume.
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
