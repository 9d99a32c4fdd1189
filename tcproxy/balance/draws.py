"""`balance random`: some servers are drawn by weight, and the least loaded of them is taken."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from zope.interface import implementer

from tcproxy.balance.ring import RingPicker
from tcproxy.balance.words import parenthesised
from tcproxy.interfaces import IBalancingStrategy, IPicker, IRequest, IServer
from tcproxy.model.proxy import HashType

DEFAULT_DRAWS = 2


@implementer(IPicker)
class RandomPicker(RingPicker):
    """A random number is a place on the ring of the consistent hash."""

    def __init__(self, servers: Sequence[IServer], draws: int, factor: int, number: Callable[[int], int]) -> None:
        super().__init__(servers, factor)
        self._draws = draws
        self._number = number

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the least loaded of the servers drawn; None if that one is saturated: the client queues."""
        best = self.ring.nearest(self._number(32), avoid)
        if best is None:
            return None
        for _ in range(self._draws - 1):
            drawn = self.ring.nearest(self._number(32), avoid)
            if drawn is None or drawn is best:
                continue
            if drawn.served * best.weight <= best.served * drawn.weight:
                best = drawn
        return None if best.saturated else best


@implementer(IBalancingStrategy)
class Random:
    """The power of two choices: for large farms, and for several proxies that know nothing of each other."""

    name = "random"
    manual = "the least loaded of some servers drawn at random, by weight (two, or as many as in parentheses)"

    def __init__(self, number: Callable[[int], int] | None = None) -> None:
        self._number = number or random.Random().getrandbits

    def parse(self, words: Sequence[str]) -> int:
        """Return the number of draws; ValueError if it is not a number above zero."""
        text = parenthesised(words)
        if not text:
            return DEFAULT_DRAWS
        try:
            draws = int(text)
        except ValueError:
            raise ValueError(f"the number of draws is a number, not '{text}'") from None
        if draws < 1:
            raise ValueError("at least one server must be drawn: the number of draws is 1 or more")
        return draws

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> RandomPicker:
        """Return a picker that draws as often as `options` says."""
        assert isinstance(hashing, HashType)
        draws = options if isinstance(options, int) else DEFAULT_DRAWS
        return RandomPicker(servers, draws, hashing.balance_factor, self._number)
