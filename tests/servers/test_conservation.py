"""Whatever happens in whatever order, every client is in one place and every number agrees with that."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.servers.playing import Client, Play, model

SERVER = st.integers(0, 3)


class FarmMachine(RuleBasedStateMachine):
    """Clients come, wait, go; operators and checks change servers; time passes."""

    @initialize(
        balance=st.sampled_from(["roundrobin", "leastconn", "source"]),
        redispatch=st.sampled_from([0, -1]),
        options=st.sampled_from([frozenset(), frozenset({"allbackups"})]),
    )
    def begin(self, balance: str, redispatch: int, options: frozenset[str]) -> None:
        """Build a farm of three servers and two backups."""
        self.play = Play()
        self.farm = self.play.farm(
            model("s", maxconn=1, maxqueue=2, on_marked_down="shutdown-sessions"),
            model("t", maxconn=2, slowstart=3000, weight=3),
            model("k", maxconn=1, backup=True),
            model("l", maxconn=2, backup=True, on_marked_up="shutdown-backup-sessions"),
            balance=balance, redispatch=redispatch, options=options,
        )  # fmt: skip
        self.clients: list[Client] = []

    @rule(count=st.integers(1, 4))
    def arrive(self, count: int) -> None:
        """New clients ask for a server."""
        for _ in range(count):
            self.clients.append(Client(self.farm, bytes([127, 0, 0, len(self.clients) % 250])).arrive())

    @rule(which=SERVER, queue=st.booleans())
    def insist(self, which: int, queue: bool) -> None:
        """A client asks for one server."""
        self.clients.append(Client(self.farm).want(self.farm.servers[which], queue))

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
        self.farm.servers[which].set_state(word)

    @rule(which=SERVER, word=st.sampled_from(["up", "stopping", "down"]))
    def check(self, which: int, word: str) -> None:
        """A check changes a server's state."""
        self.farm.servers[which].set_health(word)

    @rule(which=SERVER, text=st.sampled_from(["0", "1", "5", "100%"]))
    def weigh(self, which: int, text: str) -> None:
        """The operator changes a weight."""
        if self.farm.dynamic or text in ("0", "100%"):
            self.farm.servers[which].set_weight(text)

    @rule(which=SERVER, limit=st.integers(0, 3))
    def limit(self, which: int, limit: int) -> None:
        """The operator changes a maxconn."""
        self.farm.servers[which].set_maxconn(limit)

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
        """No client waits in the backend's queue while a server whose turn it is has a slot and no queue."""
        if not hasattr(self, "farm") or not len(self.farm.queue):
            return
        group = [s for s in self.farm.servers if s.usable and not (s.model.backup and self.farm.active)]
        if not self.farm.active and self.farm.first_backup:
            group = [self.farm.first_backup]
        assert all(server.saturated for server in group), (group, self.farm.queue)


TestConservation = FarmMachine.TestCase
TestConservation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
