"""How long exchanges took, counted in classes: only where an exporter shows them, so that others do not pay for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from tcproxy.report.counters import Counters

BOUNDS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
"""Upper bounds of the classes: milliseconds, as whole as all times are that are counted; the last has none."""


class TimedCounters(Counters):
    """Counters that know how times are spread. responses, totals: how many fell in each class of BOUNDS.

    response_sum, total_sum: milliseconds.
    """

    __slots__ = ("response_sum", "responses", "total_sum", "totals")

    def __init__(self) -> None:
        super().__init__()
        self._forget()

    def _forget(self) -> None:
        self.responses, self.totals = [0] * (len(BOUNDS) + 1), [0] * (len(BOUNDS) + 1)
        self.response_sum = self.total_sum = 0

    def timed(self, queue: int, connect: int, session: int, response: int = 0) -> None:
        """Add the times of a session that reached a server (milliseconds)."""
        Counters.timed(self, queue, connect, session, response)
        self.responses[bisect_left(BOUNDS, response)] += 1
        self.totals[bisect_left(BOUNDS, session)] += 1
        self.response_sum += response
        self.total_sum += session

    def clear(self) -> None:
        """Set everything to 0 but the current numbers (`clear counters all`)."""
        super().clear()
        self._forget()


@dataclass(frozen=True, slots=True)
class Histogram:
    """One histogram. http: it exists in HTTP mode only. read: gives its classes, and the sum in milliseconds."""

    name: str
    help: str
    http: bool
    read: Callable[[TimedCounters], tuple[list[int], int]]

    def lines(self, name: str, labels: str, counters: TimedCounters) -> str:
        """Return its lines in Prometheus' text format."""
        classes, total = self.read(counters)
        parts, so_far = [], 0
        for bound, count in zip(BOUNDS, classes, strict=False):
            so_far += count
            parts.append(f'{name}_bucket{{{labels},le="{bound / 1000}"}} {so_far}\n')
        so_far += classes[-1]
        parts.append(f'{name}_bucket{{{labels},le="+Inf"}} {so_far}\n')
        parts.append(f"{name}_sum{{{labels}}} {total / 1000:.3f}\n{name}_count{{{labels}}} {so_far}\n")
        return "".join(parts)


HISTOGRAMS = (
    Histogram("response_time_seconds", "from the request's head to the response's", True,
              lambda c: (c.responses, c.response_sum)),
    Histogram("total_time_seconds", "whole exchanges, and sessions of TCP", False, lambda c: (c.totals, c.total_sum)),
)  # fmt: skip
