"""Answers of the proxy itself, in plays: pages of a section's own, redirections, monitoring."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tcproxy.model.redirects import Redirect
from tcproxy.model.replies import STATUSES, Reply
from tcproxy.session.http import answers, pages, redirects
from tcproxy.session.http.pages import ComposedPage
from tcproxy.session.http.redirects import Redirection
from tcproxy.wire.http1 import Codec, RequestHead, RequestReader
from tests.rules.world import condition
from tests.running import HAPROXY, free_port, program
from tests.session.http.plays import HttpStage

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def request_of(text: bytes) -> RequestHead:
    """Return the head of a request."""
    head = RequestReader(Codec()).feed(text)
    assert head is not None
    return head


class Condition:
    """A condition of a rule, as far as rules use it. value: whether it holds."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def holds(self, facts: object) -> bool:
        """Return whether it holds."""
        return self.value


@pytest.mark.parametrize(
    ("rule", "target", "location"),
    [
        (Redirect("location", "http://b/%ci"), b"/x", b"http://b/%ci"),
        (Redirect("prefix", "/p"), b"/x?y", b"/p/x?y"),
        (Redirect("prefix", "/"), b"http://a/x", b"/x"),
        (Redirect("prefix", "/p", flags=frozenset({"drop-query"})), b"/x?y?z", b"/p/x"),
        (Redirect("prefix", "/p", flags=frozenset({"append-slash"})), b"/x?y", b"/p/x?y/"),
        (Redirect("prefix", "/p", flags=frozenset({"append-slash", "drop-query"})), b"/x/?y", b"/p/x/"),
        (Redirect("scheme", "https"), b"/x", b"https://a/x"),
        (Redirect("scheme", "https"), b"http://a", b"https://a/"),
    ],
)
def test_where_a_redirection_leads(rule: Redirect, target: bytes, location: bytes) -> None:
    """The Location follows from the rule and the request's path."""
    exchange: Any = None  # a fixed text needs none
    assert Redirection(rule).target(exchange, request_of(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)) == location


def test_a_redirection_keeps_the_client_and_is_told() -> None:
    """The first rule whose condition holds answers; no server is asked, and the line says LR."""
    rules = (Redirect("location", "/no", condition=condition("FALSE")), Redirect("location", "/r", 301, "A; path=/;"))
    stage = HttpStage(redirects=rules)
    client = stage.client()
    client.asks(GET)
    assert (
        client.got
        == b"HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nlocation: /r\r\nset-cookie: A; path=/;\r\n\r\n"
    )
    assert stage.line == 'web/<NOSRV> 0/-1/-1/-1/0 301 LR-- 0 "GET /x HTTP/1.1"'
    assert not client.closed
    assert not stage.links
    assert stage.frontend.counters.intercepted == 1
    client.asks(POST, whole=True)
    assert client.got.endswith(b"connection: close\r\n\r\n")
    assert client.closed


def test_a_server_that_clients_ask_themselves() -> None:
    """`redir`: those who only fetch are sent there, and their slot is free again; all others are served."""
    stage = HttpStage(server={"redir": "http://s"})
    client = stage.client()
    client.asks(GET)
    assert b"\r\nlocation: http://s/x\r\nconnection: close\r\n" in client.got
    assert stage.line == 'web/s1 0/0/-1/-1/0 302 LC-- 0 "GET /x HTTP/1.1"'
    assert client.closed
    assert not stage.farm.servers[0].counters.current
    other = stage.client()
    other.asks(POST)
    stage.link.answers(OK)
    assert other.got.startswith(b"HTTP/1.1 200 OK")


def test_monitoring_sees_no_server_and_leaves_no_line() -> None:
    """`monitor-uri` is answered by 200, or 503 while a condition says so; other paths go on."""
    fails = Condition(False)
    stage = HttpStage(monitor_uri="/m", monitor_fails=(fails,))
    client = stage.client()
    for value, status in ((False, b"200"), (True, b"503")):
        fails.value = value
        client.got = b""
        client.asks(GET.replace(b"/x", b"http://a/m"))
        assert client.got.startswith(b"HTTP/1.1 " + status)
    assert not stage.lines
    assert not stage.links
    client.asks(GET)
    assert stage.links


def test_pages_of_a_section() -> None:
    """A section's answers take the place of built-in ones; an empty one ends the connection without a word."""
    composed = Reply(503, None, "a/b", b"%HM  %ci%ID", True, (("X-Y", "%ST"),))
    stage = HttpStage(servers=0, replies={503: composed, 400: Reply(400, b"")})
    client = stage.client()
    client.asks(GET)
    assert client.got == (
        b"HTTP/1.1 503 Service Unavailable\r\nx-y: 503\r\ncontent-length: 14\r\ncontent-type: a/b\r\n\r\nGET  192.0.2.1"
    )
    assert not client.closed
    client.got = b""
    client.errs()
    assert client.got == b""
    assert client.closed
    assert " 400 PR-- " in stage.lines[-1]


def test_an_answer_too_large_for_a_buffer() -> None:
    """What fits into no buffer becomes a 500, and the proxy's own fault."""
    stage = HttpStage(servers=0, replies={503: Reply(503, None, "a/b", b"x" * 16384)})
    client = stage.client()
    client.asks(GET)
    assert client.got.startswith(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 97\r\n")
    assert " 500 PC-- " in stage.line


def test_there_is_a_page_for_each_status() -> None:
    """Whatever the proxy tells of its own accord has a built-in page and a reason."""
    assert set(answers.PAGES) == set(STATUSES) <= set(answers.REASONS)


@pytest.mark.reference
def test_built_in_pages_are_the_references(tmp_path: Path) -> None:
    """Each built-in page, and each reason of an answer that is composed, is the reference's."""
    port = free_port()
    rules = "".join(
        f"    http-request return status {status} default-errorfiles if {{ path /{status} }}\n"
        for status in STATUSES
    )
    rules += "".join(
        f"    http-request return status {status} hdr a b if {{ path /c{status} }}\n" for status in range(200, 600)
    )
    path = tmp_path / "haproxy.cfg"
    path.write_text(
        f"defaults\n    mode http\n    timeout client 9s\nfrontend f\n    bind 127.0.0.1:{port}\n{rules}",
        encoding="ascii",
    )
    with program(HAPROXY, "-db", "-f", str(path), port=port):
        for status in STATUSES:
            assert ask(port, f"/{status}") == page(status)
        for status in range(200, 600):
            assert ask(port, f"/c{status}").startswith(b"HTTP/1.1 %d %b\r\n" % (status, answers.reason(status)))


def ask(port: int, target: str) -> bytes:
    """Return what is answered to the last request of a connection."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"GET %b HTTP/1.1\r\nConnection: close\r\n\r\n" % target.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def page(status: int) -> bytes:
    """Return the built-in page of a status, as the last answer of a connection."""
    whole = answers.PAGES[status]
    return whole.head.forward(request_of(GET), False) + whole.body


def test_a_composed_page_is_the_same_when_it_is_remembered() -> None:
    """Answers of one length share a head; each has the body, and the headers, that its own request asks for."""
    page = ComposedPage(Reply(200, None, "text/plain", b"%r", True, (("x-name", "%HM"),)), "web")
    stage = HttpStage(servers=1)
    seen = []
    for line in (b"GET /aa", b"PUT /bb", b"GET /cc", b"GET /longer", b"GET /aa"):
        client = stage.client()
        client.asks(line + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        whole = page.response(client.session.exchange)
        assert whole is not None
        seen.append((whole.body, whole.head.value(b"x-name"), whole.head.value(b"content-length")))
    assert seen == [
        (b"GET /aa HTTP/1.1", b"GET", b"16"), (b"PUT /bb HTTP/1.1", b"PUT", b"16"),
        (b"GET /cc HTTP/1.1", b"GET", b"16"),
        (b"GET /longer HTTP/1.1", b"GET", b"20"), (b"GET /aa HTTP/1.1", b"GET", b"16"),
    ]  # fmt: skip
    assert len(page.known) == 3


def test_pages_and_redirections_remember_no_more_than_some() -> None:
    """However many different answers are asked for, a rule keeps a bounded number of them, and no long Location."""
    page = ComposedPage(Reply(200, None, "text/plain", b"%r", True), "web")
    to_path = Redirection(Redirect("prefix", "http://b"))
    stage = HttpStage(servers=1)
    client = stage.client()
    client.asks(GET)
    exchange: Any = client.session.exchange
    for number in range(pages.REMEMBERED + redirects.REMEMBERED + 5):
        exchange.request = request_of(b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * number))
        page.response(exchange)
        assert to_path.response(exchange).head.value(b"location") == b"http://b/" + b"x" * number
        assert len(page.known) <= pages.REMEMBERED and len(to_path.known) <= redirects.REMEMBERED
    assert max(map(len, to_path.known)) <= redirects.LONGEST_REMEMBERED
