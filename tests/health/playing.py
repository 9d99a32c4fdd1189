"""What plays about health checks need: a network that answers as it is told, and a server that listens to verdicts."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Any

from tcproxy.grammar.addresses import Address, Family
from tcproxy.health.dialling import Cancellable, CheckEvents, CheckTarget
from tcproxy.health.tcp import TcpCheck
from tcproxy.health.watch import CheckedServer, Settings, Watch
from tcproxy.interfaces import ServerState
from tcproxy.model.server import Server, SourceAddress
from tcproxy.report.counters import Counters
from tests.clocks import Clock


@dataclass
class Connection(Cancellable):
    """One connection of a check."""

    at: float
    target: CheckTarget
    events: CheckEvents
    written: bytes = b""
    cancelled: bool = False

    def write(self, data: bytes) -> None:
        """Remember what the check says."""
        self.written += data

    def cancel(self) -> None:
        """Be dropped."""
        self.cancelled = True


@dataclass
class Network:
    """answers: `open` connects at once, a number fails with it as errno, None is silence."""

    clock: Clock
    answers: str | int | None = "open"
    connections: list[Connection] = field(default_factory=list)

    def dial(self, target: CheckTarget, events: CheckEvents) -> Connection:
        """Connect."""
        connection = Connection(self.clock.seconds(), target, events)
        self.connections.append(connection)
        if self.answers == "open":
            events.connected(connection.write)
        elif isinstance(self.answers, int):
            events.failed(self.answers)
        return connection

    def times(self) -> list[float]:
        """Return when checks began, in seconds."""
        return [round(connection.at, 3) for connection in self.connections]


class FakeServer(CheckedServer):
    """A server that believes its watch."""

    def __init__(self, model: Server) -> None:
        self.model = model
        self.label = f"b/{model.name}"
        self.name = model.name
        self.state = ServerState.RUNNING
        self.user_weight = model.weight
        self.counters = Counters()
        self.address: Address | None = model.address
        self.maintained = model.disabled
        self.heard: list[tuple[str, object]] = []

    @property
    def in_maintenance(self) -> bool:
        """Return what the test wants."""
        return self.maintained

    @property
    def source(self) -> SourceAddress | None:
        """Return what its line says."""
        return self.model.source

    def up(self, cause: object = None, reason: str = "") -> None:
        """Be up."""
        self._become(ServerState.RUNNING, cause)

    def down(self, cause: object = None, reason: str = "", gone: int = 0) -> None:
        """Be down."""
        self._become(ServerState.STOPPED, cause)

    def stop(self, cause: object = None, reason: str = "") -> None:
        """Be stopping."""
        self._become(ServerState.STOPPING, cause)

    def _become(self, state: ServerState, cause: object) -> None:
        if self.state is not state:
            self.state = state
            self.heard.append((state.name, cause))


REFUSED = errno.ECONNREFUSED


class Play:
    """A watch over one server (check inter 2000 rise 2 fall 3 unless said otherwise)."""

    def __init__(
        self, settings: Settings | None = None, checker: Any = None, chance: float = 0.5, **options: Any
    ) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.log: list[str] = []
        address = options.pop("address", Address(Family.INET, "192.0.2.1", 80, 80, has_port=True))
        self.server = FakeServer(Server("s", address, check=True, **options))
        self.watch = Watch(
            self.server, checker or TcpCheck(), None, settings or Settings(), self.clock, self.network.dial,
            lambda level, text: self.log.append(f"{level} {text}"), lambda: chance,
        )  # fmt: skip

    def run(self, seconds: float) -> Play:
        """Let time pass, from one delayed call to the next."""
        end = self.clock.seconds() + seconds
        while True:
            due = min((call.getTime() for call in self.clock.getDelayedCalls()), default=end + 1)
            if due > end:
                break
            self.clock.advance(max(0.0, due - self.clock.seconds()))
        self.clock.advance(end - self.clock.seconds())
        return self
