"""Plays of persistence cookies, with a clock turned by hand: letters, dates, servers that are gone."""

from __future__ import annotations

from typing import Any

import pytest

from tcproxy.model.persistence import Cookie, PersistRule
from tcproxy.session.http import cookies
from tcproxy.session.state import Persistence
from tcproxy.wire.cookies import write_date
from tests.session.http.plays import FakeClient, HttpStage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
NOW = 1_700_000_000
INSERT = Cookie("C", "insert", indirect=True)


def stage_with(cookie: Cookie, servers: int = 2, **more: Any) -> HttpStage:
    """Return a stage whose servers have their names as cookies."""
    return HttpStage(servers=servers, cookie=cookie, server=lambda number: {"cookie": f"s{number}"}, **more)


def asks(client: FakeClient, cookie: bytes = b"") -> None:
    """Let a client ask with a cookie."""
    line = b"Cookie: %b\r\n" % cookie if cookie else b""
    client.asks(b"GET /x HTTP/1.1\r\nHost: a\r\n%b\r\n" % line)


def exchange(stage: HttpStage, cookie: bytes = b"") -> tuple[str, bytes]:
    """Let a new client ask with a cookie, and its server answer; return server and letters, and what was set."""
    client = stage.client()
    asks(client, cookie)
    link: Any = stage.links[-1]
    link.answers(OK)
    client.ends()
    words = stage.lines[-1].split()
    heads = client.got.split(b"\r\n")
    return f"{words[0]} {words[3][2:]}", b"".join(line[12:] for line in heads if line.startswith(b"set-cookie: "))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hold the wall clock."""
    times: list[float] = [NOW]
    monkeypatch.setattr(cookies, "time", lambda: times[0])
    return times


def dated(name: bytes, *ages: int) -> bytes:
    """Return a cookie with dates of so many seconds ago."""
    return b"C=" + b"|".join([name, *(write_date((NOW - age) // 4) for age in ages)])


def test_letters_of_inserted_cookies() -> None:
    """None, of a server, of none: the first one and the last one are given another."""
    stage = stage_with(INSERT)
    assert exchange(stage) == ("web/s1 NI", b"C=s1; path=/")
    assert exchange(stage, b"C=s1") == ("web/s1 VN", b"")
    assert exchange(stage, b"C=s3") == ("web/s2 II", b"C=s2; path=/")
    assert exchange(stage, b"a=1; C=s2; b=2") == ("web/s2 VN", b"")
    asked: Any = stage.links[-1]
    assert asked.asked[-1].value(b"cookie") == b"a=1; b=2"


@pytest.mark.parametrize(
    "cookie",
    [INSERT, Cookie("C", "insert"), Cookie("C", "rewrite"), Cookie("C", "prefix")],
    ids=["indirect", "insert", "rewrite", "prefix"],
)
@pytest.mark.parametrize("header", [b"C=s1", b"a=1; C=s1", b"C=s1; b=2", b"a=1; C=s1; b=2", b"C=s1~x; b=2", b"a=1"])
def test_a_header_that_came_before_says_the_same(cookie: Cookie, header: bytes) -> None:
    """A Cookie header that is remembered leads, is logged and reaches the server as it did the first time."""
    stage = stage_with(cookie, servers=1)
    seen = []
    for _ in range(3):
        told = exchange(stage, header)
        link: Any = stage.links[-1]
        seen.append((told, link.asked[-1].value(b"cookie")))
    assert seen == seen[:1] * 3


def test_a_remembered_header_finds_its_server_anew() -> None:
    """What is remembered is the name in the cookie: whether that server is up is asked for each request."""
    stage = stage_with(INSERT)
    assert [exchange(stage, b"C=s2")[0] for _ in range(2)] == ["web/s2 VN"] * 2
    stage.farm.servers[1].set_state("maint")
    assert exchange(stage, b"C=s2") == ("web/s1 DI", b"C=s1; path=/")


def test_remembered_headers_are_bounded() -> None:
    """However many different headers come, only so many are remembered, and no long one."""
    stage = stage_with(INSERT)
    reader = cookies.RequestCookie(INSERT, persists=False)
    client = stage.client()
    asks(client, b"C=s1")
    made: Any = client.session.exchange
    for number in range(cookies.REMEMBERED + 10):
        reader._read_header(made, Persistence(), b"C=%d" % number)
    reader._read_header(made, Persistence(), b"C=1; a=" + b"x" * cookies.LONGEST_REMEMBERED)
    assert 0 < len(reader.known) <= 10


def test_each_request_of_a_client_counts_by_itself() -> None:
    """What one request's cookie said is forgotten with the next one."""
    stage = stage_with(INSERT)
    client = stage.client()
    for cookie in (b"C=s2", b"", b"C=s2"):
        asks(client, cookie)
        link: Any = next(one for one in stage.links if one.session is client.session.exchange)
        link.answers(OK)
    assert [line.split()[3] for line in stage.lines] == ["--VN", "--NI", "--VN"]


def test_idle_cookies_expire_and_are_renewed(clock: list[float]) -> None:
    """`maxidle`: an old date makes the cookie nothing, any other one before now is renewed."""
    stage = stage_with(Cookie("C", "insert", maxidle=100))
    now = b"C=s1|%b; path=/" % write_date(NOW + 3 >> 2)
    assert exchange(stage, dated(b"s1", 104)) == ("web/s1 EI", now)
    assert exchange(stage, dated(b"s1", 100)) == ("web/s1 VU", now)
    assert exchange(stage, dated(b"s1", -4)) == ("web/s1 VN", b"")
    assert exchange(stage, dated(b"s1", -90_000))[0].endswith(" EI")
    assert exchange(stage, b"C=s1") == ("web/s1 VU", now)


def test_old_cookies_keep_their_first_date(clock: list[float]) -> None:
    """`maxlife`: the first date decides, and stays in the cookie when that is renewed."""
    stage = stage_with(Cookie("C", "insert", maxidle=100, maxlife=200))
    now = write_date(NOW + 3 >> 2)
    first = write_date(NOW - 160 >> 2)
    assert exchange(stage, dated(b"s1", 40, 160)) == ("web/s1 VU", b"C=s1|%b|%b; path=/" % (now, first))
    assert exchange(stage, dated(b"s1", 40, 204))[0] == "web/s1 OI"


def test_clients_leave_a_server_in_maintenance_unless_forced() -> None:
    """The cookie of a server that is down leads elsewhere, and to it under `force-persist`."""
    for rules, told in (((), "web/s2 DI"), ((PersistRule(True),), "web/s1 DN"), ((PersistRule(False),), "web/s2 UN")):
        stage = stage_with(INSERT, persist_rules=rules)
        stage.farm.servers[0].set_state("maint")
        assert exchange(stage, b"C=s1")[0] == told


def test_a_redispatched_client_is_given_another_cookie() -> None:
    """The last retry goes elsewhere, and what was valid counts as down."""
    stage = stage_with(INSERT, answers="refused", retries=1, redispatch=-1)
    client = stage.client()
    asks(client, b"C=s1")
    stage.wait(0.01)
    stage.wait(1.1)
    link: Any = stage.links[-1]
    link.answers(OK)
    assert b"set-cookie: C=s2; path=/" in client.got
    assert " --DI +1 " in stage.line


def test_clients_wait_for_their_server() -> None:
    """A client with a cookie waits in the queue of its server while the other one is free."""
    stage = HttpStage(servers=2, cookie=INSERT, server=lambda number: {"cookie": f"s{number}", "maxconn": 1})
    first, second = stage.client(), stage.client()
    asks(first, b"C=s1")
    asks(second, b"C=s1")
    assert [server.queued for server in stage.farm.servers] == [1, 0]
    link: Any = stage.links[0]
    link.answers(OK)
    stage.wait(0.01)
    assert [server.queued for server in stage.farm.servers] == [0, 0]
