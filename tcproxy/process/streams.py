"""Standard input, output and error, before anything is opened or written.

What is written to them is in terminal.py and grammar/diagnostics.py; a daemon gives them up in daemon.py.
"""

from __future__ import annotations

import os
import sys


def occupy() -> None:
    """Open /dev/null for each of standard input, output and error that the program was started without.

    Otherwise the first sockets get their numbers, and messages for the terminal are written to a client.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            os.set_inheritable(number, True)
    # Python has None where it found the descriptor closed
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
