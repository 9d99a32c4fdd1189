"""The way to a server: retries, pauses, redispatch, queues, and the ends before there is a relay."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from tcproxy.report import formats
from tcproxy.rules.compiling import compile_choice
from tcproxy.session.frontend import Backend
from tests.rules.world import condition
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


def test_a_refusal_at_once_has_its_pause() -> None:
    """An address that refuses while the call is made was asked: the next attempt waits; its addresses are logged."""
    stage = Stage(answers="answered answered", retries=1, form="%b/%s %ts %rc %bi:%bp %si:%sp")
    stage.client()
    stage.wait(0.9)
    assert stage.farm.servers[0].counters.connections == 1 and not stage.lines
    stage.wait(0.2)
    assert stage.line == "web/s1 SC 1 192.0.2.254:5000 192.0.2.10:80"
    assert stage.farm.servers[0].counters.connections == stage.farm.counters.connections == 2
    assert stage.farm.servers[0].counters.connect_errors == stage.farm.counters.connect_errors == 1


def test_addresses_of_a_link_are_logged() -> None:
    """They are read as soon as there is a link, for it may be gone when the line is written."""
    stage = Stage(answers="silent", form="%bi:%bp %si:%sp", retries=0, timeouts={"connect": 100})
    stage.client()
    stage.link.host = "192.0.2.99"
    stage.wait(0.2)
    assert stage.line == "192.0.2.254:80 192.0.2.10:40000"


def test_without_timeout_connect_an_attempt_lasts() -> None:
    """No timeout, no end; the pause between attempts is a whole second then."""
    stage = Stage(answers="silent refused stands", timeouts={"connect": 0, "client": 0, "server": 0}, retries=3)
    client = stage.client()
    stage.wait(10_000)
    assert not stage.lines and not stage.link.closed
    stage.link.session.connect_failed(errno.ECONNREFUSED, "ECONNREFUSED")
    stage.wait(0.99)
    assert len(stage.links) == 1
    stage.wait(0.02)
    assert len(stage.links) == 2
    stage.wait(1)
    assert client.other is stage.link


def test_a_link_that_stands_is_relayed() -> None:
    """The attempt's timeout counts no more, the link is read, and timeouts of the relay begin."""
    stage = Stage(answers="silent", timeouts={"connect": 500, "server": 1000, "client": 0})
    client = stage.client()
    client.says(b"early")
    stage.wait(0.4)
    stage.link.connected = True
    client.session.connected()
    assert stage.link.got == b"early" and client.other is stage.link and stage.link.listens
    stage.wait(0.99)
    assert not client.finished
    stage.wait(0.02)
    assert client.finished and not client.closed


def test_timeout_tunnel_is_the_relay_s() -> None:
    """Once the link stands, `timeout tunnel` replaces those of both sides."""
    stage = Stage(timeouts={"tunnel": 300, "client": 100, "server": 100})
    stage.client()
    stage.wait(0.29)
    assert not stage.lines
    stage.wait(0.02)
    assert stage.line.startswith("web/s1 0/300 cD")


def test_a_session_that_ends_in_the_join_reads_nothing() -> None:
    """What the client sent may break the link at once: it is not read any more."""
    stage = Stage(answers="silent")
    client = stage.client()
    client.says(b"x")
    stage.link.breaks_at_once = stage.link.connected = True
    client.session.connected()
    assert stage.line.split()[2] == "SD" and not stage.link.listens and stage.at_rest()


def test_nothing_is_logged_without_an_outlet() -> None:
    """The way to a server needs no log."""
    stage = Stage(answers="refused stands", retries=1)
    stage.frontend.log_with(None, formats.DEFAULT)
    client = stage.client()
    stage.wait(1.1)
    client.says(b"x")
    assert stage.link.got == b"x" and not stage.lines


def test_counters_of_retries() -> None:
    """A retry counts for server and backend; a session once, an attempt each; the error with the last one."""
    stage = Stage(answers="refused " * 3, retries=2)
    stage.client()
    stage.wait(3)
    for counters in (stage.farm.counters, stage.farm.servers[0].counters):
        assert (counters.retries, counters.connect_errors, counters.connections) == (2, 1, 3)
        assert counters.redispatches == 0 and counters.current == 0
    assert (stage.farm.counters.total, stage.farm.servers[0].counters.total) == (1, 3)


def test_counters_of_a_redispatch() -> None:
    """The server that is left counts the redispatch, and no retry; the other one nothing but the session."""
    stage = Stage(2, "refused stands", retries=1, redispatch=-1, options=frozenset({"redispatch"}))
    client = stage.client()
    stage.wait(0.01)
    client.breaks()
    left, taken = (server.counters for server in stage.farm.servers)
    assert (left.redispatches, left.retries, taken.redispatches, taken.retries) == (1, 0, 0, 0)
    assert (stage.farm.counters.redispatches, stage.farm.counters.retries) == (1, 0)
    assert stage.line.startswith("web/s2 0/10 CD +1") and stage.at_rest()


def test_a_redispatch_that_finds_the_same_server() -> None:
    """With one server left it is asked again, after the pause, and that counts as a retry."""
    stage = Stage(answers="refused stands", retries=1, redispatch=1, options=frozenset({"redispatch"}))
    client = stage.client()
    stage.wait(0.99)
    assert len(stage.links) == 1
    stage.wait(0.02)
    client.breaks()
    counters = stage.farm.servers[0].counters
    assert (counters.retries, counters.redispatches, stage.farm.counters.retries) == (1, 0, 1)
    assert stage.line.split()[3] == "1" and stage.at_rest()


@pytest.mark.parametrize(
    ("change", "at_once"), [([], False), (["down"], True), (["down", "up"], True), (["stop"], False)]
)
def test_a_server_in_doubt_is_left_at_once(change: list[str], at_once: bool) -> None:
    """A tied client leaves a server that is down or in slow start with the first retry; one that stops it does not."""
    stage = Stage(
        3, "silent " * 2, "source", retries=3, redispatch=-9, options=frozenset({"redispatch"}),
        server={"slowstart": 60_000},
    )  # fmt: skip
    client = stage.client()
    tried = next(server for server in stage.farm.servers if server.counters.total)
    for name in change:
        getattr(tried, name)()
    client.session.connect_failed(errno.ECONNREFUSED, "ECONNREFUSED")
    assert len(stage.links) == (2 if at_once else 1)
    assert (client.session.server is tried) is (change != ["down"])


def test_a_pause_comes_before_the_last_server_left() -> None:
    """A redispatch waits a second where fewer than two servers are up: it is the turn of the other one then."""
    stage = Stage(2, "silent silent", retries=3, redispatch=1, options=frozenset({"redispatch"}))
    client = stage.client()
    stage.farm.servers[0].down()
    client.session.connect_failed(errno.ECONNREFUSED, "ECONNREFUSED")
    stage.wait(0.99)
    assert len(stage.links) == 1 and client.session.server is None
    stage.wait(0.02)
    assert client.session.server is stage.farm.servers[1]


def test_redispatch_needs_its_option() -> None:
    """Without it a server that went down is asked again and again."""
    stage = Stage(2, "silent " * 4, retries=3, timeouts={"connect": 100})
    stage.client()
    stage.farm.servers[0].down()
    stage.wait(0.5)
    assert [server.counters.total for server in stage.farm.servers] == [4, 0]


@pytest.mark.parametrize(
    ("every", "times"),
    [
        (1, [0, 0, 0, 0]), (2, [0, 1, 1, 2]), (3, [0, 1, 2, 2]), (-1, [0, 1, 2, 2]), (-2, [0, 1, 1, 2]),
        (-9, [0, 1, 2, 3]),
    ],
)
def test_the_retry_that_may_go_elsewhere(every: int, times: list[int]) -> None:
    """`option redispatch N`: each Nth retry, or the Nth from the last, is balanced anew, and so has no pause."""
    stage = Stage(2, "refused " * 4, "source", retries=3, redispatch=every, options=frozenset({"redispatch"}))
    stage.client()
    stage.wait(4)
    assert [round(link.made - 1000) for link in stage.links] == times


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


@pytest.mark.parametrize(
    ("conditions", "chosen"),
    [((True, None), 0), ((False, True, True), 1), ((False, None, True), 1), ((False, False), None), ((), None)],
)
def test_the_first_backend_whose_condition_holds_is_chosen(
    conditions: tuple[bool | None, ...], chosen: int | None
) -> None:
    """The rules are asked in their order; one without a condition holds, and the default is for none."""
    stage = Stage()
    fallback = stage.frontend.fallback
    others = [Backend(stage.farm) for _ in conditions]
    rules: list[tuple[Any, Any]] = [
        (None if one is None else condition("TRUE" if one else "FALSE"), other)
        for one, other in zip(conditions, others, strict=True)
    ]
    stage.frontend.choose = compile_choice(rules, fallback)
    assert stage.client().session.stream.backend is (fallback if chosen is None else others[chosen])


def test_a_client_for_whom_there_is_no_backend_is_closed() -> None:
    """Where no rule holds and there is no default, the session ends with SC."""
    stage = Stage()
    stage.frontend.choose = lambda stream: None
    client = stage.client()
    assert client.closed and not stage.links and " SC " in stage.line and stage.at_rest()
