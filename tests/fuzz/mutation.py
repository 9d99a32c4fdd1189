"""Changes of seeds at random: no more is needed to find what a table of hostile messages has forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

LONGEST = 8192
"""Bytes of an input at the most."""


class Mutation:
    """Makes inputs of seeds and words; the same ones for the same number."""

    def __init__(self, seeds: Sequence[bytes], words: Sequence[bytes], number: int) -> None:
        self.seeds = [seed for seed in seeds if len(seed) <= LONGEST]
        self.words = words
        self.chance = Random(number)

    def next(self) -> bytes:
        """Return another input."""
        data = bytearray(self.chance.choice(self.seeds))
        for _ in range(self.chance.choice((1, 1, 2, 3, 5))):
            self._change(data)
        return bytes(data[:LONGEST])

    def _change(self, data: bytearray) -> None:
        chance = self.chance
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 2, 4, 16, 64)))
        match chance.randrange(7):
            case 0 | 1:
                data[start:end] = chance.choice(self.words)
            case 2:
                data[start:start] = chance.choice(self.words)
            case 3:
                del data[start:end]
            case 4:
                data[start:start] = data[start:end]
            case 5:
                other = chance.choice(self.seeds)
                at = chance.randrange(len(other) + 1)
                data[start:end] = other[at : at + 64]
            case _:
                data[start : start + 1] = bytes([chance.randrange(256)])
