"""Standard input, output and error, before anything is opened or written.

What is written there is terminal.py's and grammar/diagnostics.py's; a daemon leaves them in daemon.py.
"""

from __future__ import annotations

import os
import sys


def occupy() -> None:
    """Put /dev/null where whoever started the program closed standard input, output or error.

    Otherwise a socket gets the number, and what is meant for the terminal is written to a client.
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
