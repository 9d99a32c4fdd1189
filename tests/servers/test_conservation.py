"""Whatever happens in whatever order, every client is in one place and every number agrees with that."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tcproxy.interfaces import Admin
from tcproxy.model.proxy import HashType
from tcproxy.servers.state import LiveServer
from tests.servers.playing import Client, Play, model

SERVER = st.integers(0, 7)
"""Which server of the farm, counted around: `add` and `delete` change how many there are."""


class FarmMachine(RuleBasedStateMachine):
    """Clients come, wait, go; operators and checks change servers; time passes."""

    @initialize(
        balance=st.sampled_from(["roundrobin", "leastconn", "source", "first", "random", "consistent"]),
        redispatch=st.sampled_from([0, -1]),
        options=st.sampled_from([frozenset(), frozenset({"allbackups"})]),
    )
    def begin(self, balance: str, redispatch: int, options: frozenset[str]) -> None:
        """Build a farm of three servers and two backups."""
        self.play = Play()
        hashing = HashType("consistent") if balance == "consistent" else HashType()
        balance = "source" if balance == "consistent" else balance
        self.farm = self.play.farm(
            model("s", maxconn=1, maxqueue=2, on_marked_down="shutdown-sessions"),
            model("t", maxconn=2, slowstart=3000, weight=3),
            model("k", maxconn=1, backup=True),
            model("l", maxconn=2, backup=True, on_marked_up="shutdown-backup-sessions"),
            balance=balance, redispatch=redispatch, options=options,
            hash_type=hashing,
        )  # fmt: skip
        self.clients: list[Client] = []
        self.added = 0

    @rule(count=st.integers(1, 4))
    def arrive(self, count: int) -> None:
        """New clients ask for a server."""
        for _ in range(count):
            self.clients.append(Client(self.farm, bytes([127, 0, 0, len(self.clients) % 250])).arrive())

    @rule(which=SERVER, queue=st.booleans())
    def insist(self, which: int, queue: bool) -> None:
        """A client asks for one server."""
        self.clients.append(Client(self.farm).want(self.server(which), queue))

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A client ends, wherever it is."""
        if self.clients:
            self.clients.pop(data.draw(st.integers(0, len(self.clients) - 1))).leave()

    @rule(data=st.data())
    def redispatch(self, data: st.DataObject) -> None:
        """A client's server failed it: it asks for another."""
        held = [client for client in self.clients if client.server]
        if held:
            client = data.draw(st.sampled_from(held))
            server = client.server
            client.leave()
            client.arrive(avoid=server)

    @rule(which=SERVER, word=st.sampled_from(["ready", "drain", "maint"]))
    def administer(self, which: int, word: str) -> None:
        """The operator changes a server's state."""
        self.server(which).set_state(word)

    @rule(which=SERVER, word=st.sampled_from(["up", "stopping", "down"]))
    def check(self, which: int, word: str) -> None:
        """A check changes a server's state."""
        self.server(which).set_health(word)

    @rule(which=SERVER, text=st.sampled_from(["0", "1", "5", "100%"]))
    def weigh(self, which: int, text: str) -> None:
        """The operator changes a weight."""
        if self.farm.dynamic or text in ("0", "100%"):
            self.server(which).set_weight(text)

    @rule(which=SERVER, limit=st.integers(0, 3))
    def limit(self, which: int, limit: int) -> None:
        """The operator changes a maxconn."""
        self.server(which).set_maxconn(limit)

    def server(self, which: int) -> LiveServer:
        """Return a server of those that there are now."""
        return self.farm.servers[which % len(self.farm.servers)]

    @rule(maxconn=st.integers(0, 2), backup=st.booleans(), slowstart=st.sampled_from([0, 2000]), ready=st.booleans())
    def add(self, maxconn: int, backup: bool, slowstart: int, ready: bool) -> None:
        """The operator adds a server, in maintenance or not, where the strategy lets him."""
        if self.farm.dynamic and len(self.farm.servers) < 8:
            self.added += 1
            number = next(one for one in range(1, 10) if one not in {server.id for server in self.farm.servers})
            made = model(f"n{self.added}", id=number, maxconn=maxconn, backup=backup, slowstart=slowstart)
            server = LiveServer(made, self.farm, dynamic=True)
            if not ready:
                server.start_in_maintenance(Admin.FORCED_MAINTENANCE)
            self.farm.add(server)

    @rule(which=SERVER)
    def delete(self, which: int) -> None:
        """The operator takes a server into maintenance, and deletes it if nobody uses it."""
        server = self.server(which)
        server.set_state("maint")
        if not server.busy and len(self.farm.servers) > 1:
            self.farm.remove(server)
            assert not any(client.server is server for client in self.clients)

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.play.clock.pump([1.0] * seconds)

    @invariant()
    def numbers_agree(self) -> None:
        """Slots, queues and counters are what the clients see, server by server."""
        clients = getattr(self, "clients", [])
        for server in self.farm.servers if clients else ():
            held = sum(1 for client in clients if client.server is server)
            waiting = sum(1 for client in clients if client.ticket and client.ticket.server is server)
            assert (server.served, server.counters.current, len(server.sessions)) == (held, held, held)
            assert (server.queued, server.counters.queue_current) == (waiting, waiting)
            assert not server.serving
        if clients:
            common = sum(1 for client in clients if client.ticket and client.ticket.server is None)
            assert len(self.farm.queue) == self.farm.counters.queue_current == common
            assert self.farm.served == sum(server.served for server in self.farm.servers)

    @invariant()
    def groups_agree(self) -> None:
        """The groups' counts are those of the servers; weight and use go together."""
        if not hasattr(self, "farm"):
            return
        usable = [server for server in self.farm.servers if server.usable]
        assert self.farm.active == sum(1 for server in usable if not server.model.backup)
        assert self.farm.backups == sum(1 for server in usable if server.model.backup)
        assert all(server.weight > 0 for server in usable)

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        """No client waits in the backend's queue while a server whose turn it is has a slot and no queue.

        `balance random` lets one wait where the servers drawn are saturated.
        """
        if not hasattr(self, "farm") or not len(self.farm.queue) or self.farm.model.balance.name == "random":
            return
        group = [s for s in self.farm.servers if s.usable and not (s.model.backup and self.farm.active)]
        if not self.farm.active and self.farm.first_backup:
            group = [self.farm.first_backup]
        assert all(server.saturated for server in group), (group, self.farm.queue)


@pytest.mark.parametrize("balance", ["roundrobin", "leastconn", "first", "random"])
def test_a_thousand_servers_come_and_go(balance: str) -> None:
    """A thousand servers disabled, enabled, added and deleted at random under load leave every number consistent."""
    chance = Random(9)
    machine = FarmMachine()
    machine.begin(balance, -1, frozenset())
    farm = machine.farm
    for number in range(1000):
        farm.add(LiveServer(model(f"x{number}", id=10 + number, maxconn=1), farm, dynamic=True))
    for turn in range(4000):
        server = chance.choice(farm.servers)
        what = chance.random()
        if what < 0.5:
            machine.arrive(1)
        elif machine.clients and what < 0.75:
            machine.clients.pop(chance.randrange(len(machine.clients))).leave()
        elif what < 0.9:
            server.set_state(chance.choice(["maint", "ready", "drain"]))
        elif server.in_maintenance and not server.busy:
            farm.remove(server)
            farm.add(LiveServer(model(f"y{turn}", id=server.id, maxconn=chance.randrange(3)), farm, dynamic=True))
    machine.numbers_agree()
    machine.groups_agree()
    machine.nobody_waits_for_nothing()
    assert any(server.name.startswith("y") for server in farm.servers)
    while machine.clients:
        machine.clients.pop().leave()
    assert farm.served == 0 and all(server.counters.current == 0 for server in farm.servers)
    assert farm.counters.queue_current == 0


TestConservation = FarmMachine.TestCase
TestConservation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
