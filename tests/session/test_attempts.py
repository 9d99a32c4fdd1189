"""The way to a server: retries, pauses, redispatch, queues, and the ends before there is a relay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.plays import FakeEnd, FakeWatch, Stage


def test_the_client_may_leave_while_connecting() -> None:
    """A client that sent nothing and closes ends the attempt (CC); one that resets is CD."""
    for leave, letters in (("ends", "CC"), ("breaks", "CD")):
        stage = Stage(answers="silent")
        client = stage.client()
        stage.wait(0.2)
        getattr(client, leave)()
        assert stage.line.startswith(f"web/s1 -1/200 {letters} 0")
        assert stage.at_rest()


def test_bytes_of_a_client_that_left_are_still_delivered() -> None:
    """What a client sent before its FIN is worth the connection, unless `option abortonclose` says otherwise."""
    stage = Stage(answers="silent")
    client = stage.client()
    client.says(b"order")
    client.ends()
    assert not stage.lines
    stage.link.connected = True
    client.session.connected()
    assert stage.link.got == b"order" and stage.link.finished
    stage = Stage(answers="silent", options=frozenset({"abortonclose"}))
    client = stage.client()
    client.says(b"order")
    client.ends()
    assert " CC " in stage.line


def test_connect_timeout() -> None:
    """An attempt that gets no answer is given up after `timeout connect` and repeated at once: sC at last."""
    stage = Stage(answers="silent silent silent", retries=2, timeouts={"connect": 600})
    stage.client()
    stage.wait(2)
    assert stage.line.startswith("web/s1 -1/1800 sC 2")
    assert [link.closed for link in stage.links] == ["reset"] * 3
    assert stage.at_rest()


def test_refusals_are_repeated_after_a_pause() -> None:
    """The same server is asked again after a second, or after the connect timeout where that is shorter."""
    for connect, total in ((5000, 3000), (600, 1800)):
        stage = Stage(answers="refused " * 4, retries=3, timeouts={"connect": connect})
        stage.client()
        stage.wait(4)
        assert stage.line.startswith(f"web/s1 -1/{total} SC 3"), stage.line
        assert stage.farm.counters.retries == 3 and stage.farm.counters.connect_errors == 1
        assert stage.at_rest()


@pytest.mark.parametrize(
    ("balance", "redispatch", "servers", "total", "count", "names"),
    [
        ("roundrobin", 0, 2, 3000, "3", 1),
        ("roundrobin", -1, 2, 0, "+3", 2),
        ("leastconn", -1, 2, 0, "+3", 2),
        ("source", -1, 2, 2000, "3", 1),
        ("source", 1, 2, 0, "3", 1),
        ("roundrobin", -1, 1, 3000, "3", 1),
    ],
)
def test_redispatch(balance: str, redispatch: int, servers: int, total: int, count: str, names: int) -> None:
    """`option redispatch` sends retries elsewhere: at once where no client is tied to a server, else at the nth."""
    stage = Stage(
        servers, "refused " * 4, balance, retries=3, redispatch=redispatch,
        options=frozenset({"redispatch"} if redispatch else ()),
    )  # fmt: skip
    stage.client()
    stage.wait(4)
    assert stage.line.split()[1:4] == [f"-1/{total}", "SC", count], stage.line
    assert len([one for one in stage.farm.servers if one.counters.total]) == names
    assert stage.at_rest()


def test_no_server() -> None:
    """Without a usable server the client is closed at once, SC with <NOSRV>."""
    stage = Stage(server={"disabled": True})
    client = stage.client()
    assert stage.line.startswith("web/<NOSRV> -1/0 SC 0")
    assert client.closed and stage.at_rest()


def test_attempts_that_cannot_begin_are_repeated_at_once() -> None:
    """A missing socket or port costs no pause; running out of ports is announced each time."""
    stage = Stage(answers="now now", retries=1)
    stage.client()
    assert stage.line.startswith("web/s1 -1/0 SC 1") and not stage.announced
    stage = Stage(answers="ports ports", retries=1)
    stage.client()
    assert stage.announced == ["Connect() failed for backend web: no free ports."] * 2


class TestQueue:
    """A server with one slot, taken."""

    def queued(self, **more: Any) -> tuple[Stage, FakeEnd, FakeEnd]:
        """Return the stage, who is served, and who waits."""
        timeouts = {"queue": 400} | more.pop("timeouts", {})
        stage = Stage(server={"maxconn": 1}, form="%b/%s %Tw/%Tc/%Tt %ts %sq/%bq", timeouts=timeouts, **more)
        return stage, stage.client(), stage.client("192.0.2.2")

    def test_the_next_is_served_when_the_first_ends(self) -> None:
        """The slot goes to who waits, who then connects; the queue's time and place are told."""
        stage, _, second = self.queued()
        stage.wait(0.2)
        stage.link.breaks()
        stage.wait(0.02)
        assert len(stage.links) == 2
        second.says(b"hello")
        assert stage.link.got == b"hello"
        second.breaks()
        assert stage.lines[1].startswith("web/s1 201/0/2"), stage.lines
        assert stage.lines[1].endswith("0/1") and stage.at_rest()

    def test_timeout_queue(self) -> None:
        """Who waits longer than `timeout queue` is sent away: sQ."""
        stage, _, _ = self.queued()
        stage.wait(1)
        assert stage.line.startswith("web/<NOSRV> 401/-1/400 sQ")
        assert not len(stage.farm.queue)

    @pytest.mark.parametrize(("leave", "letters"), [("ends", "CQ"), ("breaks", "CD")])
    def test_the_client_may_leave_the_queue(self, leave: str, letters: str) -> None:
        """Its place is given up at once."""
        stage, _, second = self.queued()
        stage.wait(0.1)
        getattr(second, leave)()
        assert stage.line.startswith(f"web/<NOSRV> 101/-1/100 {letters}")
        assert not len(stage.farm.queue)

    def test_the_client_timeout_counts_in_the_queue(self) -> None:
        """A silent client is sent away from the queue after `timeout client`: cQ, and no queue time."""
        stage, _, second = self.queued(timeouts={"queue": 5000, "client": 300, "server": 10_000})
        assert second.closed == ""
        stage.wait(0.5)
        assert "web/<NOSRV> -1/-1/300 cQ 0/1" in stage.lines

    def test_killed_in_the_queue(self) -> None:
        """An admin's kill is KQ there."""
        stage, _, second = self.queued()
        second.session.shut("K")
        assert " KQ " in stage.line and not len(stage.farm.queue)


def test_the_client_timeout_does_not_stop_an_attempt_under_way() -> None:
    """A silent client is told as such (cC), but only when the attempt has failed by itself."""
    stage = Stage(answers="silent", retries=0, timeouts={"client": 300, "connect": 600})
    stage.client()
    stage.wait(0.5)
    assert not stage.lines
    stage.wait(0.5)
    assert stage.line.startswith("web/s1 -1/600 cC")


def test_killed_while_connecting() -> None:
    """An admin's kill is KC there."""
    stage = Stage(answers="silent")
    client = stage.client()
    client.session.shut("K")
    assert " KC " in stage.line and stage.at_rest()


def test_the_watch_hears_of_every_attempt() -> None:
    """With `observe layer4` each connection's success or failure reaches the server's watch."""
    stage = Stage(answers="refused stands", retries=1, server={"observe": "layer4"})
    server = stage.farm.servers[0]
    watch = server.watch = FakeWatch(server)
    stage.client()
    stage.wait(1.1)
    assert watch.heard == [(False, ""), (True, "")]
