"""An ordered table of steps with named marks, and the one runner of it.

A step returns True when the next may follow at once, False when the stream waits or has ended, or when it was the
last; whatever ends the wait calls `run` again, or sets `next_step` to a mark before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tcproxy.session.attempts import connect, find_server
from tcproxy.session.settings import Step
from tcproxy.session.stages import CLOSED
from tcproxy.session.state import Stream


class Steps:
    """The steps of all streams of one listening address (TCP), or one frontend or Route (HTTP).

    at_server, at_connect, at_last: indices of the steps that find a server, connect to it, and join or deliver.
    """

    __slots__ = ("at_connect", "at_last", "at_server", "table")

    def __init__(self, steps: Sequence[Step]) -> None:
        self.table = tuple(steps)
        self.at_server = _index(self.table, find_server)
        self.at_connect = _index(self.table, connect)
        self.at_last = len(self.table) - 1


def _index(table: tuple[Step, ...], step: Callable[[Any], bool]) -> int:
    return table.index(step) if step in table else len(table)


def run(stream: Stream) -> None:
    """Take steps until one has to wait."""
    while True:
        # read anew each time: a step may replace the table (the backend is chosen, and with it what follows)
        step = stream.steps.table[stream.next_step]
        stream.next_step += 1
        if not step(stream):
            break
    if stream.stage is not CLOSED:
        stream.settle()
