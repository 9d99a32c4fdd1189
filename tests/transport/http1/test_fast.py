"""The fast path leaves what the general way leaves: bytes, lines, counters."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tcproxy.report.counters import Counters
from tests.transport.http1.both_ways import fast_paths, general_way
from tests.transport.http1.test_exchanges import GET, OK, read_exactly, read_head
from tests.transport.running import Proxied, accept, listener, proxied, wait_for

FORM = "%ST %ts %tsc %B %U %rc %b/%s %ac/%fc/%bc/%sc %HM %HU %{+Q}r"
OTHER = b"GET /other?a=b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
HEAD = b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
SECRET = b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\n"
LAST = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NONE = b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
DENIED = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno"
ENDING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"0123456789" * 4000
HINTED = (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK)
HALVES = (LARGE[:20000], LARGE[20000:])
"""In two pieces: the second is sent when the client has got something of the first."""
COOKIE = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok"
EXCHANGES = (
    *[(GET, OK)] * 4, *[(GET, LARGE)] * 4, (HEAD, EMPTY), (POST, LARGE), (OTHER, OK), (POST, OK),
    *[(GET, EMPTY)] * 3, (GET, NONE), (GET, OK), (GET, CHUNKS), (GET, HALVES), (GET, OK),
    (GET, HINTED), (GET, OK),
    (HEAD, EMPTY), (OLD, OK), (GET, CHUNKS), (GET, OK), *[(SECRET, COOKIE)] * 3, *[(GET, DENIED)] * 3, (GET, OK),
    (GET, OK), *[(GET, ENDING)] * 3, (GET, OK), (GET, OK), (LAST, OK),
)  # fmt: skip
"""What a client sends, and the server answers, in turn."""


def exchanged(server: socket.socket, proxy: Proxied) -> tuple[list[bytes], list[bytes]]:
    """Play the exchanges with one client; return what the server and the client got, one by one."""
    asked, answered = [], []
    link: socket.socket | None = None
    with proxy.connect() as client:
        for number, (request, response) in enumerate(EXCHANGES, 1):
            client.sendall(request)
            head = _read(server, link, asked)
            link = head
            first, *rest = response if isinstance(response, tuple) else (response,)
            link.sendall(first)
            for piece in rest:
                wait_for(lambda: select.select([client], [], [], 0)[0])
                link.sendall(piece)
            if response is ENDING:
                link.close()
                link = None
            wait_for(lambda number=number: len(proxy.lines) == number)
            answered.append(_all_there(client, len(first) + sum(map(len, rest))))
        assert link is not None
        link.close()
    wait_for(lambda: not proxy.world.sessions)
    return asked, answered


def parted(server: socket.socket, proxy: Proxied) -> tuple[list[bytes], list[bytes]]:
    """Play exchanges with clients that ask once and want no more; return what the server and they got."""
    asked, answered = [], []
    answers = [answer for answer in (OK, LARGE, EMPTY, ENDING, COOKIE) for _ in range(9)]
    with ExitStack() as stack:
        for number, answer in enumerate(answers, 1):
            with proxy.connect() as client:
                client.sendall(LAST)
                link = stack.enter_context(_read(server, None, asked))
                link.sendall(answer)
                answered.append(b"".join(iter(lambda: client.recv(65536), b"")))
            wait_for(lambda number=number: len(proxy.lines) == number)
    wait_for(lambda: not proxy.world.sessions)
    return asked, answered


def _read(server: socket.socket, link: socket.socket | None, asked: list[bytes]) -> socket.socket:
    """Read one request over the link that stands, or over a new one."""
    if link is not None and (data := _begin(link)):
        asked.append(data)
        return link
    link = accept(server)
    asked.append(b"new " + _begin(link))
    return link


def _begin(link: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(1)
        if not piece:
            return b""
        data += piece
    return data + (read_exactly(link, 3) if b"content-length: 3" in data else b"")


def _all_there(client: socket.socket, size: int) -> bytes:
    """Return the response: no less than most of it, since our form of a head has a few bytes more or less."""
    data = read_exactly(client, size - 100) if size > 1000 else b""
    client.setblocking(False)
    try:
        return data + client.recv(65536)
    finally:
        client.settimeout(10)


def counted(proxy: Proxied) -> dict[str, object]:
    """Return what all counters say, times and rates left out."""
    found: dict[str, object] = {}
    farm = proxy.backend.farm
    every = {
        "process": proxy.world.counters,
        "frontend": proxy.frontend.counters,
        "listener": proxy.frontend.binds[0].counters,
        "backend": farm.counters,
        "server": farm.servers[0].counters,
    }
    for place, counters in every.items():
        for name in Counters.__slots__:
            if not ("time" in name or "rate" in name or name.endswith("highest")):
                found[f"{place} {name}"] = getattr(counters, name)
    return found


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "new"])
def test_responses_that_are_known_mean_something_else_to_head_and_connect(kept: bool) -> None:
    """A response that GET made known has no body where HEAD asked, and opens a tunnel where CONNECT did.

    kept: the request comes behind others of its client, over a link that stands; else it is a new client's first.
    """
    connect = b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"
    for last, answer in ((HEAD, OK), (connect, EMPTY)):
        with listener() as server, proxied(server, mode="http", form=FORM) as proxy, ExitStack() as stack:
            client = stack.enter_context(proxy.connect())
            link: socket.socket | None = None
            for request in (GET, GET, GET, last):
                if request is last and link is not None and not kept:
                    link.close()
                    wait_for(lambda pool=proxy.farm.servers[0].links: not len(pool))
                    client, link = stack.enter_context(proxy.connect()), None
                client.sendall(request)
                link = _read(server, link, [])
                stack.enter_context(link)
                link.sendall(answer)
                got = read_head(client)
                if b"content-length: 3" in got and request is not last:
                    got += read_exactly(client, 3)
            assert link is not None
            if last is connect:
                client.sendall(b"any bytes")
                assert read_exactly(link, 9) == b"any bytes"
            else:
                client.sendall(GET)
                link = stack.enter_context(_read(server, None, []))
                link.sendall(OK)
                assert read_head(client) + read_exactly(client, 3) == OK.replace(b"Content-Length", b"content-length")


@pytest.mark.parametrize("played", [exchanged, parted])
def test_the_fast_path_leaves_what_the_general_one_leaves(played: Any) -> None:
    """Exchanges of kept clients, and of others, look alike whether plain ones may take the fast path or not."""
    seen = []
    for fast in (True, False):
        with ExitStack() as stack:
            server = stack.enter_context(listener())
            proxy = stack.enter_context(proxied(server, mode="http", form=FORM))
            if not fast:
                stack.enter_context(general_way(proxy))
            ways = stack.enter_context(fast_paths())
            seen.append((*played(server, proxy), proxy.lines, counted(proxy)))
            assert ways["responses"] >= 7 if fast else ways == dict.fromkeys(ways, 0)
    for one, other in zip(*seen, strict=True):
        assert one == other
