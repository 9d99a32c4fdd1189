"""`balance roundrobin`: servers in turn, as evenly as their weights allow, and weights may change.

The order is HAProxy's, whose author describes it as a schedule on a line of positions. As many picks as the
sum of all weights make a window; within it a server of weight w stands every sum/w positions, and the
remainder of that division is carried along, so that no server gets more or less than its share. Three groups
hold the servers:

    `now`     those with a place in this window, by place;
    `fresh`   those whose first place in this window is still to be given: the heaviest first;
    `later`   those that used this window up; they are the `fresh` of the next one.

A server that comes back, or changes its weight, is placed where it cannot get more than its share.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.balance.ladder import Ladder
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import WEIGHT_SCALE, IBalancingStrategy, IPicker, IRequest, IServer

HEAVIEST = 256 * WEIGHT_SCALE
POSITION_UNIT = 256
"""Keys of `now` count position first; weights and remainders only tell servers of one position apart."""


class _Turn:
    """A server and its place. position: of its next turn; last: of the one before; rest: the remainder carried on."""

    __slots__ = ("group", "last", "position", "rest", "rung", "server", "weight")

    def __init__(self, server: IServer) -> None:
        self.server = server
        self.weight = 0
        self.position = self.last = self.rest = 0
        self.group: Ladder[_Turn] | None = None
        self.rung: tuple[int, int, _Turn] = (0, 0, self)


@implementer(IPicker)
class RoundRobinPicker:
    """Turns of one group of servers.

    total: the sum of weights, which is the length of the next window; window: the length of this one;
    position: where in the window the next pick is (it counts from `window` to twice that).
    """

    dynamic = True
    queue_first = True
    counts_load = False

    def __init__(self, servers: Sequence[IServer]) -> None:
        self._now: Ladder[_Turn] = Ladder()
        self._fresh: Ladder[_Turn] = Ladder()
        self._later: Ladder[_Turn] = Ladder()
        self._turns = {id(server): _Turn(server) for server in servers}
        self.total = 0
        for turn in self._turns.values():
            if turn.server.usable:
                turn.weight = turn.server.weight
                self.total += turn.weight
                self._by_weight(self._fresh, turn)
        self.window = self.position = self.total
        self._only = servers[0] if len(servers) == 1 else None

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server whose turn it is; saturated ones and `avoid` lose theirs."""
        if not self.total:
            return None
        if self._only is not None:
            return None if self._only.saturated else self._only  # it is always its turn
        if not self.window:
            self.window = self.position = self.total
        passed: list[_Turn] = []
        windows = 1
        refused: _Turn | None = None
        while True:
            rungs = self._now.rungs
            # most often the position of the first has come: inlined `_next` (hot path; see docs/performance)
            turn = rungs[0][2] if rungs and rungs[0][2].position <= self.position else self._next()
            if turn is None:
                windows += 1
                if windows > 2:
                    turn = refused
                    break
                self._open_window()
                continue
            turn.last = turn.position
            # its next position is its share of a window further
            share, rest = divmod(self.total, turn.weight)
            rest += turn.rest
            carry = rest >= turn.weight
            turn.rest = rest - turn.weight if carry else rest
            turn.position += share + carry
            assert turn.group is not None
            del turn.group.rungs[0]  # `_next` always returns the first of a group
            self.position += 1
            server = turn.server
            if not server.saturated:
                if server is not avoid:
                    break
                refused = turn
            passed.append(turn)
        if turn is not None:
            self._place(turn)
        if passed:
            self._put_back(passed, turn, windows > 1)
        return None if turn is None else turn.server

    def _next(self) -> _Turn | None:
        """Return the first server whose position has come; else a fresh one, else the one with the next position."""
        rungs = self._now.rungs
        first = rungs[0][2] if rungs else None
        if first is not None and first.position <= self.position:
            return first
        rungs = self._fresh.rungs
        if not rungs:
            return first
        first = rungs[0][2]
        first.position = self.position
        first.rest = 0
        return first

    def _open_window(self) -> None:
        self._fresh, self._later = self._later, self._fresh
        self.window = self.position = self.total

    def _place(self, turn: _Turn) -> None:
        """Give a place in this window, or in the next if the position is past this one or the new size."""
        window = self.window
        if turn.position >= 2 * window or turn.position >= window + self.total:
            self._by_weight(self._later, turn)
            return
        weight = HEAVIEST + turn.rest - turn.weight
        turn.group = self._now
        turn.rung = self._now.add(POSITION_UNIT * turn.position + weight // WEIGHT_SCALE, turn)

    def _by_weight(self, group: Ladder[_Turn], turn: _Turn) -> None:
        turn.group = group
        turn.rung = group.add(HEAVIEST - turn.weight, turn)

    def _put_back(self, passed: list[_Turn], taken: _Turn | None, new_window: bool) -> None:
        """Give the servers that were passed over a place again: in this window, or as fresh ones of a new window."""
        for turn in reversed(passed):
            if turn is taken:
                continue
            if new_window:
                self._by_weight(self._fresh, turn)
            else:
                self._place(turn)

    def joined(self, server: IServer) -> None:
        """Take notice of a server that was added; `changed` follows."""
        self._turns[id(server)] = _Turn(server)
        self._only = server if len(self._turns) == 1 else None

    def left(self, server: IServer) -> None:
        """Forget a server that was deleted, and that was not usable any more."""
        del self._turns[id(server)]
        self._only = next(iter(self._turns.values())).server if len(self._turns) == 1 else None

    def changed(self, server: IServer) -> None:
        """Take the server in or out, or give it a place that suits its new weight."""
        turn = self._turns[id(server)]
        weight = server.weight if server.usable else 0
        if weight == turn.weight:
            return
        self.total += weight - turn.weight
        before, turn.weight = turn.weight, weight
        if not weight:
            self._leave(turn)
        elif not before:
            self._enter(turn)
        else:
            self._move(turn)

    def _leave(self, turn: _Turn) -> None:
        assert turn.group is not None
        turn.group.remove(turn.rung)
        turn.group = None

    def _enter(self, turn: _Turn) -> None:
        # HAProxy counts without sign here, which matters when the farm has just shrunk
        room = (self.total + self.window - self.position) & 0xFFFFFFFF
        turn.position = self.position + room // turn.weight
        self._place(turn)

    def _move(self, turn: _Turn) -> None:
        group = turn.group
        self._leave(turn)
        if group is self._fresh:
            self._by_weight(group, turn)
            return
        before = turn.position + self.window if group is self._later else turn.position
        step = self.total // turn.weight
        turn.position = min(turn.last + step, before)
        turn.rest = 0
        if turn.position < self.position + 2:
            turn.position = self.position + step
        self._place(turn)

    def took(self, server: IServer) -> None:
        """Do nothing: turns do not depend on load."""

    dropped = took


@implementer(IBalancingStrategy)
class RoundRobin:
    """The default strategy."""

    name = "roundrobin"
    manual = "each server in turn, by weight; weights may change at run time"

    def parse(self, words: Sequence[str]) -> None:
        """Take no arguments; like HAProxy, do not mind words that follow."""
        refuse_parentheses(self.name, words)

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> RoundRobinPicker:
        """Return a picker at the start of its first window."""
        return RoundRobinPicker(servers)
