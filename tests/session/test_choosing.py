"""How a session comes to a server: balancing, the server it is tied to, queues, and what each counts."""

from __future__ import annotations

from typing import Any

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import Admin
from tcproxy.model.persistence import PersistRule
from tcproxy.model.server import Server
from tests.session.plays import FakeEnd, Stage

PLACES = "%b/%s %Tw/%Tc/%Tt %ts %rc %sq/%bq"
RDP = b"\x03\x00\x00\x2c\x27\xe0\x00\x00\x00\x00\x00Cookie: msts=%d.%d.\r\n" % (
    int.from_bytes(bytes((192, 0, 2, 10)), "little"), int.from_bytes((80).to_bytes(2, "big"), "little"),
)  # fmt: skip
"""The first bytes of a client that names the address of the servers of a stage: the first of them is meant."""
REDISPATCH: dict[str, Any] = {"redispatch": -1, "options": frozenset({"redispatch"})}


def names(stage: Stage) -> list[str]:
    """Return the server of each line of the log."""
    return [line.split()[0].partition("/")[2] for line in stage.lines]


def sessions(stage: Stage) -> list[int]:
    """Return how many sessions each server has had."""
    return [server.counters.total for server in stage.farm.servers]


def test_clients_are_balanced() -> None:
    """The strategy chooses; the wait for a server took no time, which HAProxy logs as a millisecond in TCP mode."""
    stage = Stage(2, form=PLACES)
    for _ in range(4):
        stage.client().breaks()
    assert names(stage) == ["s1", "s2", "s1", "s2"]
    assert {line.split()[1] for line in stage.lines} == {"1/0/0"} and stage.at_rest()
    assert [server.counters.selected for server in stage.farm.servers] == [2, 2]
    assert [server.counters.connections for server in stage.farm.servers] == [2, 2]
    assert stage.farm.counters.connections == 4


def test_dispatch_needs_no_server() -> None:
    """With `dispatch` the farm is not asked: attempts and retries count for the backend alone."""
    address = Address(Family.INET, "192.0.2.11", 80, 80, has_port=True)
    stage = Stage(0, "refused stands", dispatch=Server("<dispatch>", address), retries=1)
    client = stage.client()
    stage.wait(0.9)
    assert len(stage.links) == 1
    stage.wait(0.2)
    client.says(b"hello")
    assert stage.link.got == b"hello"
    client.breaks()
    assert stage.line.startswith("web/<NOSRV> 1000/")
    assert (stage.farm.counters.connections, stage.farm.counters.retries) == (2, 1)


def test_dispatch_that_fails() -> None:
    """The last failure is an error of the backend."""
    address = Address(Family.INET, "192.0.2.11", 80, 80, has_port=True)
    stage = Stage(0, "refused", dispatch=Server("<dispatch>", address), retries=0)
    stage.client()
    stage.wait(0.1)
    assert stage.line.split()[2] == "SC" and stage.farm.counters.connect_errors == 1


class TestTied:
    """Clients of `persist rdp-cookie` that name the first server."""

    def stage(self, answers: str = "", **more: Any) -> Stage:
        """Return a stage of two servers."""
        return Stage(2, answers, form=PLACES, rdp_cookie="msts", **more)

    def test_they_go_to_their_server(self) -> None:
        """Their server takes them whatever the strategy says, and nothing counts as balanced."""
        stage = self.stage()
        for _ in range(3):
            stage.client(data=RDP).breaks()
        assert names(stage) == ["s1", "s1", "s1"]
        assert stage.farm.counters.selected == 0

    def test_a_full_queue_sends_them_elsewhere(self) -> None:
        """With `option redispatch` one that finds no place is balanced, and counts as redispatched."""
        stage = self.stage(server={"maxconn": 1, "maxqueue": 1}, **REDISPATCH)
        served, waits, other = (stage.client(data=RDP) for _ in range(3))
        assert sessions(stage) == [1, 1]
        first, second = stage.farm.servers
        assert (first.counters.redispatches, stage.farm.counters.redispatches) == (1, 1)
        other.breaks()
        assert stage.line.split()[0] == "web/s2" and stage.line.split()[3] == "+0"
        assert (first.counters.connect_errors, second.counters.retries) == (0, 0)
        served.breaks()
        stage.wait(0)
        waits.breaks()
        assert names(stage) == ["s2", "s1", "s1"] and stage.at_rest()

    def test_a_full_queue_is_an_error_without_redispatch(self) -> None:
        """Nobody else is asked: SQ, an error of the server and of the backend."""
        stage = self.stage(server={"maxconn": 1, "maxqueue": 1})
        for _ in range(3):
            stage.client(data=RDP)
        assert stage.line.split()[2] == "SQ" and sessions(stage) == [1, 0]
        assert stage.farm.servers[0].counters.connect_errors == stage.farm.counters.connect_errors == 1

    def test_a_server_that_is_down_is_not_meant(self) -> None:
        """Without `option persist` the client is balanced; with it, it goes to the server that is down."""
        for options, name in ((frozenset[str](), "s2"), (frozenset({"persist"}), "s1")):
            stage = self.stage(options=options)
            stage.farm.servers[0].down()
            stage.client(data=RDP).breaks()
            assert names(stage) == [name]

    def test_failures_lead_elsewhere(self) -> None:
        """The tie is loosed when the last retry is due: no server is tried before that but the one meant."""
        stage = self.stage("refused " * 4, retries=3, **REDISPATCH)
        stage.client(data=RDP)
        stage.wait(4)
        assert stage.line.split()[:4] == ["web/s2", "2001/-1/2000", "SC", "+3"]
        assert sessions(stage) == [3, 1] and stage.at_rest()

    def test_a_forced_client_is_never_led_elsewhere(self) -> None:
        """`force-persist`: all attempts go to the server meant, even when it goes down meanwhile."""
        stage = self.stage("refused " * 4, retries=3, persist_rules=(PersistRule(True),), **REDISPATCH)
        stage.client(data=RDP)
        stage.wait(0.5)
        stage.farm.servers[0].down()
        stage.wait(4)
        assert stage.line.split()[:4] == ["web/s1", "1/-1/3000", "SC", "3"]
        assert sessions(stage) == [4, 0] and stage.at_rest()

    def test_a_forced_client_keeps_its_place(self) -> None:
        """Its place in the queue stays when the server goes down; others are balanced again."""
        for rules, at in (((PersistRule(True),), [1, 0]), ((), [1, 1])):
            stage = self.stage(server={"maxconn": 1}, persist_rules=rules, **REDISPATCH)
            stage.client(data=RDP)
            stage.client(data=RDP)
            stage.farm.servers[0].down()
            stage.wait(0)
            assert sessions(stage) == at

    def test_without_any_server_left_the_letters_are_those_of_the_queue(self) -> None:
        """A client that is tied to a full server that is down meets SQ, one that is not tied SC."""
        words = {"maxconn": 1, "maxqueue": 1}
        stage = self.stage(server=words, options=frozenset({"persist"}))
        for _ in range(2):
            stage.client(data=RDP)
        for server in stage.farm.servers:
            server.down()
        stage.client(data=RDP)
        stage.client()
        assert [line.split()[2] for line in stage.lines] == ["SQ", "SC"]


class TestOneSlot:
    """One server with one slot, which is taken, and a queue."""

    def queued(self, servers: int = 1, balance: str = "roundrobin", **more: Any) -> tuple[Stage, FakeEnd, FakeEnd]:
        """Return the stage, the client that is served, and the one that waits."""
        timeouts = {"queue": 400} | more.pop("timeouts", {})
        words = {"maxconn": 1} | more.pop("words", {})
        stage = Stage(servers, "", balance, server=words, form=PLACES, timeouts=timeouts, **more)
        return stage, stage.client(), stage.client()

    def test_a_timeout_counts_where_it_waited(self) -> None:
        """In the backend's queue: for the backend; in a server's own: for the server, too."""
        for balance, own in (("roundrobin", 0), ("source", 1)):
            stage, _, second = self.queued(balance=balance)
            stage.wait(0.399)
            assert not stage.lines
            stage.wait(0.002)
            name = "s1" if own else "<NOSRV>"
            assert stage.line == f"web/{name} 401/-1/400 sQ 0 {own}/{1 - own}"
            assert (stage.farm.counters.connect_errors, stage.farm.servers[0].counters.connect_errors) == (1, own)
            assert second.closed and sessions(stage) == [1]

    def test_timeout_connect_is_the_queue_s_where_that_has_none(self) -> None:
        """Without `timeout queue` the wait is as long as `timeout connect`; without both it has no end."""
        stage, _, _ = self.queued(timeouts={"queue": 0, "connect": 700})
        stage.wait(0.71)
        assert stage.line.split()[1:3] == ["701/-1/700", "sQ"]
        stage, _, second = self.queued(timeouts={"queue": 0, "connect": 0, "client": 0, "server": 0})
        stage.wait(10_000)
        assert not stage.lines and not second.closed

    def test_a_full_queue(self) -> None:
        """One that finds neither slot nor place: SQ at once, an error of the backend and of the server."""
        stage, _, _ = self.queued(balance="source", words={"maxqueue": 1})
        third = stage.client()
        assert third.closed and stage.line.split()[:3] == ["web/s1", "-1/-1/0", "SQ"]
        assert (stage.farm.counters.connect_errors, stage.farm.servers[0].counters.connect_errors) == (1, 1)

    def test_a_granted_slot_is_used_from_the_loop(self) -> None:
        """The slot is counted when the first ends; the attempt is made at the loop's next turn."""
        stage, first, second = self.queued()
        stage.wait(0.2)
        first.breaks()
        assert stage.farm.servers[0].served == 1 and len(stage.links) == 1
        stage.wait(0)
        assert len(stage.links) == 2 and second.session.connection.server is stage.farm.servers[0]
        second.breaks()
        assert stage.lines[1] == "web/s1 201/0/200 CD 0 0/1" and stage.at_rest()

    def test_a_client_that_leaves_between_the_grant_and_the_loop_gives_the_slot_back(self) -> None:
        """Nothing is connected for it, and the next one that waits has the slot."""
        stage, first, second = self.queued()
        third = stage.client()
        first.breaks()
        second.breaks()
        stage.wait(0)
        assert len(stage.links) == 2 and third.session.connection.link is stage.link
        third.breaks()
        assert stage.at_rest()

    def test_its_server_goes_down_and_none_is_left(self) -> None:
        """With `option redispatch` the client that waited is turned away at once: SC."""
        stage, _, second = self.queued(balance="source", **REDISPATCH)
        stage.wait(0.1)
        stage.farm.servers[0].down()
        stage.wait(0)
        assert second.closed and stage.line.split()[2] == "SC"
        assert stage.farm.counters.redispatches == 1

    def test_its_server_goes_down_and_another_takes_it(self) -> None:
        """It goes on to the other server; the wait is told, and a redispatch."""
        stage, _, second = self.queued(2, "source", **REDISPATCH)
        stage.wait(0.1)
        (busy,) = (server for server in stage.farm.servers if server.served)
        busy.down()
        stage.wait(0)
        assert len(stage.links) == 2 and second.session.connection.server is not busy
        second.breaks()
        (line,) = (line for line in stage.lines if f"/{busy.name} " not in line)
        assert line.split()[1:4] == ["101/0/100", "CD", "+0"]
        assert (busy.counters.redispatches, stage.farm.counters.redispatches) == (1, 1)

    def test_its_server_goes_down_without_redispatch(self) -> None:
        """The place stays, and `timeout queue` goes on."""
        stage, _, _ = self.queued(balance="source")
        stage.farm.servers[0].down()
        stage.wait(0.41)
        assert stage.line.split()[2] == "sQ"

    @pytest.mark.parametrize("change", ["maxconn", "ready"])
    def test_a_slot_that_becomes_free_otherwise(self, change: str) -> None:
        """More slots, or a server that comes back, serve the client that waits."""
        stage, _, second = self.queued(1 if change == "maxconn" else 2, words={"maxconn": 1})
        if change == "maxconn":
            stage.farm.servers[0].set_maxconn(2)
        else:
            second.breaks()
            stage.farm.servers[1].set_admin(Admin.FORCED_MAINTENANCE)
            second = stage.client()
            assert second.session.connection.server is None
            stage.farm.servers[1].clear_admin(Admin.FORCED_MAINTENANCE)
        stage.wait(0)
        assert second.session.connection.server is not None and second.session.connection.link is stage.link
