"""tcproxy under cProfile: `python -m benchmarks.profiled FILE WORDS...` (profile.py starts it).

The first SWITCH begins to count, the second one writes what was counted to FILE.
"""

from __future__ import annotations

import cProfile
import signal
import sys
from pathlib import Path
from types import FrameType

from tcproxy.command import main as tcproxy

SWITCH = signal.SIGRTMIN + 5
"""A signal that HAProxy gives no meaning to."""


def main(arguments: list[str]) -> int:
    """Run tcproxy with the words until it ends."""
    file, *words = arguments
    profile = cProfile.Profile()
    counting = False

    def switch(signum: int, frame: FrameType | None) -> None:
        nonlocal counting
        counting = not counting
        if counting:
            profile.enable()
        else:
            profile.disable()
            profile.dump_stats(f"{file}.new")
            Path(f"{file}.new").rename(file)

    signal.signal(SWITCH, switch)
    return tcproxy(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
