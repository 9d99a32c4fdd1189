"""tcproxy with another garbage collector: `python -m benchmarks.collecting off|whole WORDS...`.

The program starts without the collector, then freezes what the start made, and enables it. off: it is never enabled.
whole: nothing is frozen, so that each full collection looks at all that the start made, too.
"""

from __future__ import annotations

import gc
import sys
from unittest import mock

from tcproxy.command import main as tcproxy

LEFT_OUT = {"off": "enable", "whole": "freeze"}
"""The function of `gc` that does nothing, by what is asked for."""


def main(arguments: list[str]) -> int:
    """Run tcproxy with the words until it ends."""
    kind, *words = arguments
    with mock.patch.object(gc, LEFT_OUT[kind], lambda: None):
        return tcproxy(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
