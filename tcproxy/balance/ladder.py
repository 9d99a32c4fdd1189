"""An ordered collection of servers by an integer key, first come first served among equal keys.

The key is the strategy's: a position in turn, or a load.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Ladder(Generic[Thing]):
    """Things in the order of their keys. `rungs`: (key, number of arrival, thing), sorted; the lowest first.

    A plain sorted list: up to some thousand servers, moving its tail costs less than any tree in Python.
    """

    __slots__ = ("arrivals", "rungs")

    def __init__(self) -> None:
        self.rungs: list[tuple[int, int, Thing]] = []
        self.arrivals = 0

    def __iter__(self) -> Iterator[Thing]:
        return (rung[2] for rung in self.rungs)

    def add(self, key: int, thing: Thing) -> tuple[int, int, Thing]:
        """Put a thing behind all of its key or lower; return its rung, by which it can be removed."""
        self.arrivals = arrival = self.arrivals + 1
        rung = (key, arrival, thing)
        insort(self.rungs, rung)
        return rung

    def move(self, rung: tuple[int, int, Thing], key: int) -> tuple[int, int, Thing]:
        """Put the thing of a rung behind all of another key or lower; return its new rung."""
        rungs = self.rungs
        del rungs[bisect_left(rungs, rung)]
        self.arrivals = arrival = self.arrivals + 1
        rung = (key, arrival, rung[2])
        insort(rungs, rung)
        return rung

    def remove(self, rung: tuple[int, int, Thing]) -> None:
        """Take a rung out, which must be there."""
        rungs = self.rungs
        del rungs[bisect_left(rungs, rung)]
