"""A farm without a proxy: servers as strategies see them, and the choice between active servers and backups.

Not here: queues, states and checks (tests/servers); the comparison with the reference (reference.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zope.interface import implementer

from tcproxy.interfaces import IBalancingStrategy, IFarmStrategy, IPicker, IRequest, IServer
from tcproxy.model.proxy import HashType


@implementer(IRequest)
@dataclass
class Client:
    """A client with its packed address, and the request that it makes in HTTP mode."""

    source: bytes = b"\x7f\x00\x00\x01"
    target: bytes | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    content: bytes | None = None
    said: bytes = b""

    def uri(self) -> bytes | None:
        """Return what is asked for."""
        return self.target

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of this name."""
        return next((value for known, value in self.headers if known.lower() == name), None)

    def body(self) -> bytes | None:
        """Return what is posted."""
        return self.content

    def data(self) -> bytes:
        """Return what is said in TCP mode."""
        return self.said


@implementer(IServer)
@dataclass(eq=False)
class FakeServer:
    """A server that a test switches; scale: sixteenths of the weight that count now."""

    name: str
    id: int
    user_weight: int = 1
    maxconn: int = 0
    maxqueue: int = 0
    backup: bool = False
    up: bool = True
    served: int = 0
    queued: int = 0
    scale: int = 16
    address: object = None

    @property
    def weight(self) -> int:
        """The effective weight."""
        return self.user_weight * self.scale

    @property
    def usable(self) -> bool:
        """Whether new clients may come."""
        return self.up and self.weight > 0

    @property
    def saturated(self) -> bool:
        """Whether a client would have to wait."""
        return bool(self.maxconn) and (self.queued > 0 or self.served >= self.maxconn)

    @property
    def full(self) -> bool:
        """Whether there is no room even to wait."""
        return bool(self.maxconn) and self.served + self.queued >= self.maxconn + self.maxqueue

    def __repr__(self) -> str:
        return self.name


@dataclass
class FakeFarm:
    """Active servers and backups, each group with its picker, and who is chosen for a client."""

    strategy: IBalancingStrategy
    servers: Sequence[FakeServer]
    hashing: HashType = field(default_factory=HashType)
    words: Sequence[str] = ()
    all_backups: bool = False
    groups: list[tuple[list[FakeServer], IPicker]] = field(init=False)

    def __post_init__(self) -> None:
        options = self.strategy.parse(self.words)
        active = [server for server in self.servers if not server.backup]
        backups = [server for server in self.servers if server.backup]
        if IFarmStrategy.providedBy(self.strategy):
            one, two = self.strategy.pickers(active, backups, self.all_backups, self.hashing, options)
        else:
            one, two = (self.strategy.picker(group, self.hashing, options) for group in (active, backups))
        self.groups = [(active, one), (backups, two)]

    @property
    def pairs(self) -> bool:
        """Whether the strategy minds the rule of the first backup itself."""
        return bool(IFarmStrategy.providedBy(self.strategy))

    def __getitem__(self, name: str) -> FakeServer:
        return next(server for server in self.servers if server.name == name)

    def pick(self, source: bytes = Client.source, avoid: FakeServer | None = None) -> FakeServer | None:
        """Choose as a farm does: among the active servers; without any, the first backup, or among all backups."""
        for group, picker in self.groups:
            usable = [server for server in group if server.usable]
            if usable and usable[0].backup and not self.all_backups and not self.pairs:
                return usable[0]
            if usable:
                found = picker.pick(Client(source), avoid)
                assert found is None or isinstance(found, FakeServer)
                return found
        return None

    def serve(self, client: Client) -> str:
        """Return the name of the server that is picked for a client's request, "" for none."""
        found = self.groups[0][1].pick(client, None)
        return found.name if found is not None else ""

    def take(self, source: bytes = Client.source, avoid: FakeServer | None = None) -> FakeServer | None:
        """Choose a server and give it the session."""
        server = self.pick(source, avoid)
        if server is not None:
            self.enter(server)
        return server

    def enter(self, server: FakeServer) -> None:
        """Count a session in."""
        server.served += 1
        self._picker(server).took(server)

    def leave(self, server: FakeServer) -> None:
        """Count a session out."""
        server.served -= 1
        self._picker(server).dropped(server)

    def change(self, name: str, **changes: object) -> None:
        """Change fields of a server, and tell its picker."""
        server = self[name]
        for field_name, value in changes.items():
            setattr(server, field_name, value)
        self._picker(server).changed(server)

    def _picker(self, server: FakeServer) -> IPicker:
        return self.groups[server.backup][1]

    def names(self, count: int, source: bytes = Client.source) -> str:
        """Return the names of the servers of `count` clients, each gone before the next comes."""
        served = []
        for _ in range(count):
            server = self.take(source)
            served.append(server.name if server else "-")
            if server is not None:
                self.leave(server)
        return "".join(served)
