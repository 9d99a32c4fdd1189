"""Plays of links to servers with a clock turned by hand: which are kept, for whom, and how long."""

from __future__ import annotations

from typing import Any

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import Admin
from tcproxy.servers.links import LinkBudget
from tests.session.http.plays import FakeClient, FakeLink, HttpStage

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
NTLM = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x, NTLM\r\nContent-Length: 3\r\n\r\n"


class Links(HttpStage):
    """One server, and its links by number."""

    @property
    def pool(self) -> Any:
        """The server's links."""
        return self.farm.servers[0].links

    def ask(self, client: FakeClient | None = None, host: str = "192.0.2.1") -> tuple[FakeClient, FakeLink]:
        """Let a client ask; return it, and the link that was asked."""
        client = client or self.client(host)
        before = [len(link.asked) for link in self.links]
        client.asks(GET)
        asked = [link for link, count in zip(self.links, [*before, 0], strict=False) if len(link.asked) > count]
        assert len(asked) == 1
        return client, asked[0]

    def idle(self, count: int) -> list[FakeClient]:
        """Make links that are all in use at once, and then idle, in the order of their numbers."""
        clients = [self.ask()[0] for _ in range(count)]
        for link in self.links[-count:]:
            link.answers(OK)
        return clients

    def numbers(self) -> tuple[int, int, int, int]:
        """Return how many links are idle, safe, in use and needed."""
        pool = self.pool
        return len(pool.idle), len(pool.safe), pool.used, pool.need

    def number(self, link: FakeLink) -> int:
        """Return the number of a link."""
        return self.links.index(link)


def test_the_link_that_rests_longest_is_used_first() -> None:
    """Idle links before safe ones for further requests, each list in the order of its arrivals."""
    stage = Links()
    client, *_ = stage.idle(4)
    order = []
    for _ in range(6):
        _, link = stage.ask(client)
        order.append(stage.number(link))
        link.answers(OK)
    assert order == [0, 1, 2, 3, 0, 1]
    assert stage.numbers() == (0, 4, 0, 4)


@pytest.mark.parametrize(
    ("reuse", "first", "then"),
    [("never", False, False), ("safe", False, False), ("aggressive", False, True), ("always", True, True)],
)
def test_first_requests(reuse: str, first: bool, then: bool) -> None:
    """A client's first request: over an idle link, and over a safe one, as `http-reuse` says."""
    stage = Links(http_reuse=reuse)
    old, link = stage.ask()
    link.answers(OK)
    _, second = stage.ask()
    assert (second is link) is first
    second.answers(OK)
    if not first:
        _, again = stage.ask(old)
        assert again is link
        link.answers(OK)
    _, third = stage.ask()
    assert (third is link) is then


def test_a_retry_of_everything_makes_first_requests_safe() -> None:
    """Where `retry-on` repeats what an idle link can do to a request, first requests go over such links too."""
    causes = frozenset({"conn-failure", "empty-response", "response-timeout"})
    stage = Links(retry_on=causes)
    _, link = stage.ask()
    link.answers(OK)
    assert stage.ask()[1] is link


def test_links_beyond_those_needed_are_closed() -> None:
    """One that comes to rest is kept while no more were used at once than would be open; with a reset."""
    stage = Links()
    first, link = stage.ask()
    link.answers(OK)
    stage.ask(first)[1].answers(OK)
    assert stage.numbers() == (0, 1, 0, 1)
    _, spare = stage.ask()
    spare.answers(OK)
    assert spare.closed == "reset"
    assert stage.numbers() == (0, 1, 0, 1)


def test_pool_low_conn_keeps_more() -> None:
    """`pool-low-conn`: so many more than seem to be needed."""
    stage = Links(server={"pool_low_conn": 1})
    for _ in range(3):
        stage.ask()[1].answers(OK)
    assert [link.closed for link in stage.links] == ["", "", "reset"]


def test_pool_max_conn() -> None:
    """`pool-max-conn`: no more idle ones, whatever is needed."""
    stage = Links(server={"pool_max_conn": 1})
    stage.idle(2)
    assert [link.closed for link in stage.links] == ["", "reset"]


@pytest.mark.parametrize("words", [{"pool_max_conn": 0}, {"pool_purge_delay": 0}], ids=["limit", "delay"])
def test_none_is_kept(words: dict[str, int]) -> None:
    """`pool-max-conn 0` and `pool-purge-delay 0`: a link carries one request."""
    stage = Links(server=words)
    client, link = stage.ask()
    link.answers(OK)
    assert link.closed
    assert stage.ask(client)[1] is not link


def test_links_that_are_not_needed_are_closed_bit_by_bit() -> None:
    """Every `pool-purge-delay` the need is taken anew, and half of what is beyond it is closed, and one more."""
    stage = Links(server={"pool_purge_delay": 300})
    stage.idle(9)
    seen = []
    for _ in range(6):
        stage.wait(0.3)
        seen.append((len(stage.pool), stage.pool.need))
    assert seen == [(9, 9), (9, 4), (5, 2), (2, 1), (0, 0), (0, 0)]
    assert [link.closed for link in stage.links] == ["reset"] * 9


def test_the_oldest_are_closed_first() -> None:
    """A purge takes those that rest longest, and safe ones last."""
    stage = Links(server={"pool_purge_delay": 300})
    client, *_ = stage.idle(5)
    stage.ask(client)[1].answers(OK)
    stage.wait(0.9)
    assert [bool(link.closed) for link in stage.links] == [False, True, True, True, False]


def test_an_end_that_is_there_already_is_seen() -> None:
    """A link that rests for a while is looked at before it is used; one that was just used is not."""
    stage = Links()
    client, *_ = stage.idle(2)
    for link in stage.links:
        link.gone = True
    assert stage.ask(client)[1] is stage.links[0]
    stage.link.gone = False
    stage.links[0].answers(OK)
    stage.wait(1)
    assert stage.ask(client)[1] is stage.links[1]
    stage.wait(1)
    stage.links[1].answers(OK)
    stage.wait(1)
    assert stage.ask(client)[1] is stage.links[1]
    assert stage.links[0].closed


def test_idle_links_that_end_or_speak_are_forgotten() -> None:
    """FIN, an error or bytes of the server: the link is closed, and no longer counted."""
    stage = Links()
    client, *_ = stage.idle(3)
    one, two, three = stage.links
    one.ended = True
    one.ends()
    two.breaks()
    three.session.heard(three)
    assert [link.closed for link in stage.links] == ["closed", "reset", "reset"]
    assert stage.numbers() == (0, 0, 0, 3)
    assert stage.world.budget.links == 0
    stage.ask(client)
    assert stage.world.budget.links == 1


def test_servers_in_maintenance_or_elsewhere_lose_their_idle_links() -> None:
    """Maintenance and another address close them; being down or drained does not, as in the reference."""
    stage = Links()
    server = stage.farm.servers[0]
    stage.idle(2)
    server.down()
    server.up()
    server.set_state("drain")
    assert len(stage.pool) == 2
    server.set_state("maint")
    assert [link.closed for link in stage.links] == ["reset", "reset"]
    server.set_state("ready")
    client, *_ = stage.idle(2)
    _, busy = stage.ask(client)
    server.set_address(Address(Family.INET, "192.0.2.11", 80, 80, has_port=True))
    assert not busy.closed
    assert stage.links[3].closed
    busy.answers(OK)
    assert busy.closed
    assert server.admin is Admin.NONE
    assert not len(stage.pool)


def test_few_descriptors() -> None:
    """Above the lower mark one link is kept where there is none; above the upper none."""
    stage = Links(server={"pool_low_conn": 9})
    stage.world.budget = LinkBudget(low=0)
    stage.idle(3)
    assert [link.closed for link in stage.links] == ["", "reset", "reset"]
    stage.world.budget.high = 0
    stage.ask()
    assert stage.links[0].closed
    stage.link.answers(OK)
    assert stage.link.closed
    assert stage.numbers() == (0, 0, 0, 3)


# links that depend on the client


def test_links_that_tell_of_a_client_are_used_for_it_alone() -> None:
    """A server told of the client by PROXY headers gets no other client's request on that link."""
    stage = Links(server={"send_proxy": 2}, http_reuse="always")
    client, link = stage.ask()
    other, second = stage.ask(host="192.0.2.2")
    assert link is not second
    link.answers(OK)
    second.answers(OK)
    assert stage.ask(client)[1] is link
    assert stage.ask(other)[1] is second
    link.answers(OK)
    second.answers(OK)
    assert stage.ask(host="192.0.2.2")[1] is second
    assert stage.ask(host="192.0.2.3")[1] not in (link, second)


def test_an_authenticated_link_stays_with_its_client() -> None:
    """NTLM and Negotiate: the link is its client's own from then on, who stays with that server."""
    stage = Links(servers=2, http_reuse="always")
    client, link = stage.ask()
    link.answers(NTLM)
    for _ in range(3):
        assert stage.ask(client)[1] is link
        assert stage.ask()[1] is not link
        link.answers(OK)
    client.ends()
    assert link.closed == "reset"


def test_an_authenticated_link_that_ends_is_forgotten() -> None:
    """The client's next request goes elsewhere when the server closed its own link."""
    stage = Links()
    client, link = stage.ask()
    link.answers(NTLM)
    assert stage.numbers() == (0, 0, 0, 1)
    link.ended = True
    link.ends()
    assert link.closed
    assert stage.world.budget.links == 0
    assert stage.ask(client)[1] is not link


def test_links_are_never_shared() -> None:
    """`http-reuse never`: each client has links of its own, one for each server, as many as it may."""
    stage = Links(servers=3, http_reuse="never", max_session_srv_conns=2)
    client = stage.client()
    for _ in range(3):
        _, link = stage.ask(client)
        link.answers(OK)
    assert [link.closed for link in stage.links] == ["", "", "reset"]
    assert stage.ask(client)[1] is stage.links[0]


@pytest.mark.parametrize(("limit", "stays"), [(-1, True), (0, False), (1, True)])
def test_a_client_stays_with_the_server_that_has_its_link(limit: int, stays: bool) -> None:
    """`option prefer-last-server`, unless too many wait there already (`max-keep-alive-queue`)."""
    stage = Links(
        servers=2, http_reuse="never", options=["prefer-last-server"], max_keep_alive_queue=limit, server={"maxconn": 1}
    )
    client, link = stage.ask()
    link.answers(OK)
    assert stage.ask(client)[1] is link
    link.answers(OK)
    others = [stage.client(), stage.client()]
    for other in others:
        other.asks(GET)
    count = len(stage.links)
    client.asks(GET)
    assert len(stage.links) == count
    assert (client.session.exchange.ticket.server is not None) is stays
