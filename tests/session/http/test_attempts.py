"""The way of requests to a server: where it differs from that of connections."""

from __future__ import annotations

from typing import Any

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.server import Server
from tests.session.http.plays import FakeClient, FakeLink, HttpStage
from tests.session.plays import FakeWatch

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\n"
NTLM = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 3\r\n\r\n"
ELSEWHERE: dict[str, Any] = {"redispatch": 1, "options": ("redispatch",)}


def asked(stage: HttpStage) -> tuple[FakeClient, FakeLink]:
    """Let a client ask; return it, and the link that was asked."""
    client = stage.client()
    client.asks(GET)
    return client, stage.link


def test_a_client_with_a_link_of_its_own_goes_to_its_server() -> None:
    """A server that authenticates the connection is the client's from then on, whatever the strategy says."""
    stage = HttpStage(servers=2)
    client, link = asked(stage)
    link.answers(NTLM)
    for _ in range(3):
        client.asks(GET)
        link.answers(OK)
    assert len(link.asked) == 4 and len(stage.links) == 1
    assert [server.counters.total for server in stage.farm.servers] == [4, 0]
    stage.farm.servers[0].down()
    client.asks(GET)
    assert stage.link is not link and client.session.server is stage.farm.servers[1]


def test_addresses_of_a_reused_link_are_kept() -> None:
    """A reused link has its addresses noted for the log as a new one has."""
    from tcproxy.report import formats

    stage = HttpStage()
    stage.frontend.log_with(stage, formats.compile("%bi:%bp %si:%sp", http=True), None, None)  # type: ignore[arg-type]
    client, link = asked(stage)
    link.answers(OK)
    client.asks(GET)
    link.host = "192.0.2.99"
    link.answers(OK)
    assert stage.lines == ["192.0.2.254:80 192.0.2.10:40000"] * 2


def test_a_link_that_cannot_be_made_was_in_use_for_a_moment() -> None:
    """It counts in what a server's pool seems to need, and for the budget not at all."""
    stage = HttpStage(answers="now stands", retries=1)
    asked(stage)
    pool = stage.farm.servers[0].links
    assert (pool.used, pool.most, pool.need, stage.world.budget.links) == (1, 1, 1, 1)
    stage = HttpStage(answers="now", retries=0)
    client = stage.client()
    client.asks(GET)
    pool = stage.farm.servers[0].links
    assert client.got.startswith(b"HTTP/1.1 503 ")
    assert (pool.used, pool.most, pool.need, stage.world.budget.links) == (0, 1, 1, 0)


@pytest.mark.parametrize(("elsewhere", "index"), [({}, 0), (ELSEWHERE, 1)])
def test_an_answer_that_will_not_do(elsewhere: dict[str, Any], index: int) -> None:
    """`retry-on 503`: the same server is asked again at once, or another one with `option redispatch 1`."""
    stage = HttpStage(servers=2, retry_on=frozenset({"503"}), retries=2, **elsewhere)
    client, link = asked(stage)
    first, second = stage.farm.servers
    link.answers(BUSY)
    assert client.session.server is stage.farm.servers[index]
    assert client.session not in (second if index == 0 else first).sessions
    stage.link.answers(OK)
    assert client.got.startswith(b"HTTP/1.1 200 ")
    assert first.counters.retries == (1 if index else 2)
    assert stage.farm.counters.retries == (1 if index else 2)
    assert (first.counters.redispatches, stage.farm.counters.redispatches) == (index, index)
    assert [server.counters.total for server in stage.farm.servers] == ([1, 1] if index else [2, 0])


def test_an_answer_of_a_dispatch_that_will_not_do() -> None:
    """Without a server the backend alone counts the retry."""
    address = Address(Family.INET, "192.0.2.11", 80, 80, has_port=True)
    stage = HttpStage(servers=0, dispatch=Server("<dispatch>", address), retry_on=frozenset({"503"}), retries=1)
    client, link = asked(stage)
    link.answers(BUSY)
    assert len(stage.links) == 2
    stage.link.answers(OK)
    assert client.got.startswith(b"HTTP/1.1 200 ")
    assert stage.farm.counters.retries == 2


def test_a_connection_that_failed_counts_for_layer7_too() -> None:
    """`observe layer7`: a failed attempt is bad news, one that stands is none before its answer."""
    stage = HttpStage(answers="refused stands", retries=1, server={"observe": "layer7"})
    server = stage.farm.servers[0]
    watch = server.watch = FakeWatch(server)
    client = stage.client()
    client.asks(GET)
    stage.wait(1.1)
    assert watch.heard == [(False, "")]
    stage.link.answers(OK)
    assert watch.heard == [(False, ""), (True, "")] and client.got


@pytest.mark.parametrize("observe", ["", "layer4"])
def test_only_what_is_observed_is_told(observe: str) -> None:
    """Without `observe` the watch hears nothing; with `layer4` it hears of connections, not of answers."""
    stage = HttpStage(answers="refused stands", retries=1, server={"observe": observe})
    server = stage.farm.servers[0]
    watch = server.watch = FakeWatch(server)
    stage.client().asks(GET)
    stage.wait(1.1)
    stage.link.answers(BUSY)
    assert watch.heard == ([(False, ""), (True, "")] if observe else [])
