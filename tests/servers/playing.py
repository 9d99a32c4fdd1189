"""What plays about servers need: a farm on a fake clock that remembers its messages, and clients that wait."""

from __future__ import annotations

from dataclasses import replace
from random import Random as RandomBits
from typing import Any

from tcproxy.balance.draws import Random
from tcproxy.balance.first import First
from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.source import SourceHash
from tcproxy.balance.static_rr import StaticRoundRobin
from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.proxy import Balance, Proxy
from tcproxy.model.server import Server
from tcproxy.servers import waiting
from tcproxy.servers.farm import Farm
from tcproxy.servers.state import Attached, LiveServer, Ticket, Waiter
from tests.clocks import Clock

STRATEGIES = {
    "roundrobin": RoundRobin(), "leastconn": LeastConn(), "source": SourceHash(), "static-rr": StaticRoundRobin(),
    "first": First(),
}  # fmt: skip


def model(name: str, **options: Any) -> Server:
    """Return a configured server at 127.0.0.1:80."""
    return Server(name, Address(Family.INET, "127.0.0.1", 80, 80), **options)


class Play:
    """One or more farms that share a clock and a log."""

    def __init__(self, start: float = 1000.0) -> None:
        self.clock = Clock()
        self.clock.advance(start)
        self.log: list[tuple[int, str]] = []
        self.farms: dict[str, Farm] = {}

    def farm(self, *servers: Server, name: str = "b", balance: str = "roundrobin", **options: Any) -> Farm:
        """Return a new farm; `options` are fields of the proxy."""
        strategy = STRATEGIES[balance] if balance != "random" else Random(RandomBits(7).getrandbits)
        proxy = Proxy(
            options.pop("kind", "backend"), name, servers=tuple(replace(s, id=i) for i, s in enumerate(servers, 1)),
            balance=Balance(balance, strategy.parse(()), strategy), **options,
        )  # fmt: skip
        farm = self.farms[name] = Farm(proxy, self.clock, lambda level, text: self.log.append((level, text)))
        return farm

    def said(self) -> list[tuple[int, str]]:
        """Return the messages since the last call."""
        said, self.log[:] = list(self.log), []
        return said


class Client(Waiter, Attached):
    """A session as farms see it: where it is now, and what it was told."""

    source = b""

    def __init__(self, farm: Farm, source: bytes = b"\x7f\0\0\1") -> None:
        self.farm = farm
        self.source = source
        self.server: LiveServer | None = None
        self.ticket: Ticket | None = None
        self.away = False
        self.shut_by = ""

    def arrive(self, avoid: LiveServer | None = None) -> Client:
        """Ask for a server."""
        self._got(self.farm.assign(self, avoid))
        return self

    def want(self, server: LiveServer, queue: bool = True) -> Client:
        """Ask for this server."""
        self._got(self.farm.take(self, server, queue))
        return self

    def _got(self, got: LiveServer | Ticket | None) -> None:
        self.away = got is None
        if isinstance(got, waiting.Ticket):
            self.ticket = got
        elif got is not None:
            self._hold(got)

    def _hold(self, server: LiveServer) -> None:
        self.server = server
        server.sessions.add(self)

    def granted(self, server: LiveServer) -> None:
        """Hold the slot."""
        assert self.server is None, "granted twice"
        self.ticket = None
        self._hold(server)

    def crashed(self, error: BaseException) -> None:
        """Fail the test: nothing here raises."""
        raise error

    def turned_away(self) -> None:
        """Remember."""
        self.ticket, self.away = None, True

    def shut(self, cause: str) -> None:
        """End."""
        self.shut_by = cause
        self.leave()

    def leave(self) -> None:
        """End: give back the slot or the place."""
        server, self.server = self.server, None
        if server is not None:
            server.sessions.discard(self)
            self.farm.release(server)
        if self.ticket is not None:
            self.ticket.cancel()
            self.ticket = None

    @property
    def at(self) -> str:
        """Return the name of its server, `?` in the backend's queue, `?NAME` in a server's, `` when away."""
        if self.server is not None:
            return self.server.name
        if self.ticket is not None:
            return f"?{self.ticket.server.name if self.ticket.server else ''}"
        return ""


def clients(farm: Farm, count: int) -> list[Client]:
    """Let clients arrive, one after the other."""
    return [Client(farm).arrive() for _ in range(count)]


def places(group: list[Client]) -> list[str]:
    """Return where each is."""
    return [client.at for client in group]
