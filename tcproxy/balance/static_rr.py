"""`balance static-rr`: servers in turn over a table made of the configured weights."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.balance.shares import Course, StaticPicker
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import IFarmStrategy, IPicker, IRequest, IServer


@implementer(IPicker)
class StaticTurnsPicker(StaticPicker):
    """Walks the table, over saturated servers and the one to avoid."""

    queue_first = True

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the server of the next seat."""
        return self.shares.in_turn(avoid)


@implementer(IFarmStrategy)
class StaticRoundRobin:
    """Turns without weights that change; a server that comes back takes part at once."""

    name = "static-rr"
    manual = "each server in turn, by configured weight, over a fixed table"

    def parse(self, words: Sequence[str]) -> None:
        """Take no arguments; like HAProxy, do not mind words that follow."""
        refuse_parentheses(self.name, words)

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> StaticTurnsPicker:
        """Return a picker at the start of the table."""
        return StaticTurnsPicker(servers)

    def pickers(
        self,
        active: Sequence[IServer],
        backups: Sequence[IServer],
        all_backups: bool,
        hashing: object,
        options: object,
    ) -> tuple[StaticTurnsPicker, StaticTurnsPicker]:
        """Return two pickers that go on where the other one stopped."""
        course = Course((*active, *backups))
        return StaticTurnsPicker(active, course), StaticTurnsPicker(backups, course, not all_backups)
