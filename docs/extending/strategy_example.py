"""A balancing strategy: the server that has been left alone for the longest time.

Use it with `balance least-recent`, or `balance least-recent(3)` to rest a server after three sessions in a row.
"""

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.interfaces import IBalancingStrategy, IPicker, IRequest, IServer


@implementer(IPicker)
class LeastRecentPicker:
    """The servers of one group, in the order of their last use: whoever rests longest stands first."""

    dynamic = True  # it does not mind weights that change
    queue_first = True  # who waits in the backend's queue came first

    def __init__(self, servers: Sequence[IServer], row: int) -> None:
        self.rested = list(servers)
        self.row = row
        self.last: IServer | None = None
        self.sessions = 0

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Choose the first that is usable and has a free slot; `avoid` only if there is nobody else."""
        free = [server for server in self.rested if server.usable and not server.saturated]
        others = [server for server in free if server is not avoid]
        return next(iter(others or free), None)

    def changed(self, server: IServer) -> None:
        """Do nothing: `pick` looks at `usable` itself."""

    def took(self, server: IServer) -> None:
        """Count the session; after `row` sessions the server goes to the end."""
        self.sessions = self.sessions + 1 if server is self.last else 1
        self.last = server
        if self.sessions >= self.row:
            self.sessions = 0
            self.rested.remove(server)
            self.rested.append(server)

    def dropped(self, server: IServer) -> None:
        """Do nothing: only the beginning of a session counts."""


@implementer(IBalancingStrategy)
class LeastRecent:
    """The word of `balance`."""

    name = "least-recent"
    manual = "the server that has been left alone for the longest time"

    def parse(self, words: Sequence[str]) -> int:
        """Read the number in parentheses; what is wrong with it is told with the file and line."""
        if not words:
            return 1
        if len(words) > 1 or not words[0].strip("()").isdigit() or words[0] == "(0)":
            raise ValueError("write least-recent, or least-recent(N) with a number above 0")
        return int(words[0].strip("()"))

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> LeastRecentPicker:
        """Return a picker for the active servers of a backend, or for its backups."""
        assert isinstance(options, int)
        return LeastRecentPicker(servers, options)


least_recent = LeastRecent()
