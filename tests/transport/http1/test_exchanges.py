"""Exchanges over real sockets: framing both ways, keep-alive, pipelining, backpressure, tunnels, links used again."""

from __future__ import annotations

import gc
import hashlib
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.running import free_port
from tests.transport.http1.memory import in_memory
from tests.transport.running import Proxied, accept, inet, listener, proxied, read_all, wait_for

FORM = "%ST %ts %B %U %TR/%Tw/%Tc %rc %{+Q}r"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
SENT = OK.replace(b"Content-Length", b"content-length")


def read_head(connection: socket.socket) -> bytes:
    """Return a head, byte by byte, so that what follows stays."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, head
        head += byte
    return head


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece, data
        data += piece
    return data


@contextmanager
def serving(**more: object) -> Iterator[tuple[Proxied, socket.socket]]:
    """Run a proxy in HTTP mode in front of a server that the test plays."""
    with listener() as server, proxied(server, mode="http", form=FORM, **more) as proxy:
        yield proxy, server


def test_a_kept_client_uses_the_same_link_again() -> None:
    """The second request of a client goes over the link of the first, and each has its line."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(GET)
        link = accept(server)
        for number in (1, 2):
            assert read_head(link) == GET.replace(b"Host", b"host")
            link.sendall(OK)
            assert read_exactly(client, len(SENT)) == SENT
            wait_for(lambda number=number: len(proxy.lines) == number)
            if number == 1:
                client.sendall(GET)
        assert proxy.farm.counters.reuses == 1
        link.close()
        assert proxy.lines[1].startswith("200 -- 52 39 ")
        assert proxy.lines[1].endswith('0 "GET /x HTTP/1.1"')


def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests that come in one piece go to the server one after another."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(b"".join(GET.replace(b"/x", b"/%d" % number) for number in range(5)))
        link = accept(server)
        for number in range(5):
            assert read_head(link).startswith(b"GET /%d " % number)
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
            assert read_head(client)
            assert client.recv(1) == b"%d" % number
        link.close()


@pytest.mark.parametrize("size", [1, 17, 5000, 300_000])
def test_bodies_of_every_framing_arrive_whole(size: int) -> None:
    """A chunked request and a chunked response, cut at odd places, arrive as they were sent."""
    body = bytes(number % 251 for number in range(size))
    parts = [body[at : at + 777] for at in range(0, size, 777)]
    chunks = b"".join(b"%x;e=1\r\n%b\r\n" % (len(part), part) for part in parts)
    with serving() as (proxy, server), proxy.connect() as client:
        head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        sender = threading.Thread(target=client.sendall, args=(head + chunks + b"0\r\nT: 1\r\n\r\n",))
        sender.start()
        link = accept(server)
        assert b"transfer-encoding: chunked" in read_head(link)
        assert read_chunked(link) == (body, b"t: 1\r\n")
        sender.join()
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        sender = threading.Thread(target=link.sendall, args=(head + chunks + b"0\r\n\r\n",))
        sender.start()
        read_head(client)
        assert read_chunked(client) == (body, b"")
        sender.join()
        link.close()


def read_chunked(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return a chunked body, and its trailers."""
    body = b""
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += read_exactly(connection, 1)
        size = int(line, 16)
        if not size:
            break
        body += read_exactly(connection, size)
        assert read_exactly(connection, 2) == b"\r\n"
    trailers = b""
    while not trailers.endswith(b"\r\n\r\n") and trailers != b"\r\n":
        trailers += read_exactly(connection, 1)
    return body, trailers[:-2]


@pytest.mark.parametrize("size", [40_000, 30_000_000])
def test_large_bodies_pass_both_ways_and_the_connections_last(size: int) -> None:
    """A body of known length, large enough to move by splice, arrives whole; another request follows on it."""
    block = hashlib.sha512(b"x").digest() * 1024
    body = (block * (size // len(block) + 1))[:size]
    with serving() as (proxy, server), proxy.connect() as client:
        link = None
        for _ in range(2):
            head = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
            sender = threading.Thread(target=client.sendall, args=(head + body,))
            sender.start()
            link = link or accept(server)
            read_head(link)
            assert read_exactly(link, size) == body
            sender.join()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
            sender = threading.Thread(target=link.sendall, args=(answer + body,))
            sender.start()
            read_head(client)
            assert read_exactly(client, size) == body
            sender.join()
        wait_for(lambda: len(proxy.lines) == 2)
        assert proxy.farm.counters.reuses == 1
        link.close()


def test_a_client_that_takes_nothing_holds_the_server_up() -> None:
    """What a client does not take stays with the server: nothing grows here."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(GET)
        link = accept(server)
        read_head(link)
        link.setblocking(False)
        link.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        session = next(iter(proxy.world.sessions.values()))
        data = memoryview(b"4000\r\n%b\r\n" % bytes(16384) * (1 << 12))
        sent = 0

        def full() -> bool:
            nonlocal sent
            try:
                while sent < len(data):
                    sent += link.send(data[sent : sent + (1 << 16)])
            except BlockingIOError:
                return bool(session.client.waiting) and not session.link.reading
            return True

        wait_for(full, "the proxy to read no more")
        assert sent < len(data)
        assert session.client.waiting < 1 << 17
        link.close()
        client.close()
        wait_for(lambda: proxy.lines)


def test_a_client_that_asks_and_takes_no_answer_is_read_no_more() -> None:
    """Answers of ours do not pile up for a client that pipelines requests and reads nothing; all come at last."""
    number = 4000
    with proxied(inet(free_port()), mode="http", form=FORM, retries=0) as proxy, proxy.connect() as client:
        session = next(iter(wait_for(lambda: list(proxy.world.sessions.values()))))
        # little room in the kernel, so that few answers fill it
        session.client.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        sender = threading.Thread(target=client.sendall, args=(GET * number,))
        sender.start()
        wait_for(lambda: session.client.waiting, "answers that the client does not take")
        most, page = 0, b"HTTP/1.1 503 Service Unavailable"
        got, tail = 0, b""
        while got < number:
            most = max(most, session.client.waiting)
            data = tail + client.recv(1 << 16)
            got += data.count(page)
            tail = data[-len(page) + 1 :]
        sender.join()
        assert most < 1 << 18


def test_an_upgraded_connection_is_a_tunnel() -> None:
    """Behind 101, bytes pass both ways, those that came with the head first, and half closes too."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n")
        link = accept(server)
        assert b"upgrade: foo" in read_head(link)
        link.sendall(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello")
        assert b"101" in read_head(client)
        assert read_exactly(client, 5) == b"hello"
        client.sendall(b"there")
        assert read_exactly(link, 5) == b"there"
        client.shutdown(socket.SHUT_WR)
        assert read_all(link) == b""
        link.sendall(b"bye")
        link.close()
        assert read_all(client) == b"bye"
        assert proxy.line().startswith("101 -- ")


def test_connect_opens_a_tunnel() -> None:
    """CONNECT answered with 2xx is a tunnel; what the client sent behind its head goes first."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nearly")
        link = accept(server)
        assert read_head(link).startswith(b"CONNECT a:443 ")
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        read_head(client)
        assert read_exactly(link, 5) == b"early"
        link.sendall(b"data")
        link.close()
        assert read_all(client) == b"data"


def test_an_idle_link_that_the_server_closes_is_not_used_again() -> None:
    """A link closed while it was idle is gone before the next request, which gets a new one."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(GET)
        link = accept(server)
        read_head(link)
        link.sendall(OK)
        read_exactly(client, len(SENT))
        link.close()
        pool = proxy.farm.servers[0].links
        wait_for(lambda: not pool.used and not len(pool))
        client.sendall(GET)
        link = accept(server)
        read_head(link)
        link.sendall(OK)
        assert read_exactly(client, len(SENT)) == SENT
        assert proxy.farm.counters.reuses == 0
        link.close()


def test_the_first_request_of_a_client_meets_no_used_link() -> None:
    """`http-reuse safe`: a new client's first request goes over a link of its own."""
    with serving() as (proxy, server):
        links = []
        for _ in range(2):
            with proxy.connect() as client:
                client.sendall(GET)
                links.append(accept(server))
                read_head(links[-1])
                links[-1].sendall(OK)
                assert read_exactly(client, len(SENT)) == SENT
        for link in links:
            link.close()


def test_a_slow_client_gets_the_last_response_whole() -> None:
    """A close-delimited response that the kernel does not take at once is sent to its end before the close."""
    body = bytes(3_000_000)
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(GET)
        link = accept(server)
        read_head(link)
        sender = threading.Thread(target=lambda: (link.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body), link.close()))
        sender.start()
        assert b"connection: close" in read_head(client)
        threading.Event().wait(0.3)
        assert len(read_all(client)) == len(body)
        sender.join()
        assert proxy.line().startswith("200 -- ")


def test_an_ended_client_leaves_no_circle_behind() -> None:
    """When a client and its link are gone, so is their memory, without a collection."""
    gc.collect()
    gc.disable()
    try:
        with serving(options=frozenset({"httpclose"})) as (proxy, server), proxy.connect() as client:
            client.sendall(GET)
            link = accept(server)
            read_head(link)
            session = next(iter(proxy.world.sessions.values()))
            ends = [weakref.ref(session.client.transport), weakref.ref(session.link.transport)]
            del session
            link.sendall(OK)
            assert b"connection: close" in read_head(client)
            assert read_all(client) == b"abc"
            link.close()
            wait_for(lambda: not proxy.world.sessions)
            wait_for(lambda: not any(one() for one in ends))
    finally:
        gc.enable()


def test_interim_responses_pass_before_the_final_one() -> None:
    """100 and 103 go to the client; the final response ends the exchange."""
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        link = accept(server)
        read_head(link)
        link.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n")
        assert read_head(client) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert read_head(client) == b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"
        client.sendall(b"abc")
        assert read_exactly(link, 3) == b"abc"
        link.sendall(OK)
        assert read_exactly(client, len(SENT)) == SENT
        link.close()


def test_an_early_answer_that_ends_by_closing_is_told_to_its_end() -> None:
    """A client that has not sent all of its request gets the answer, and FIN behind it; then it may send the rest."""
    body = bytes(3_000_000)
    with serving() as (proxy, server), proxy.connect() as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        link = accept(server)
        read_head(link)
        read_exactly(link, 2)
        sender = threading.Thread(target=lambda: (link.sendall(b"HTTP/1.1 401 No\r\n\r\n" + body), link.close()))
        sender.start()
        assert b"connection: close" in read_head(client)
        assert read_all(client) == body
        sender.join()
        assert not proxy.lines
        client.sendall(b"cde")
        assert proxy.line().startswith("401 -- ")
        wait_for(lambda: not proxy.world.sessions)


def test_a_client_that_is_lost_at_a_switch_has_no_tunnel() -> None:
    """The head of a 101 that cannot be sent ends the session, and nothing is tunnelled."""
    with in_memory() as proxy:
        client = proxy.connect()
        proxy.says(client, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n")
        client.broken = True
        proxy.says(proxy.links[0], b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello")
        assert not proxy.world.sessions
        assert proxy.links[0].closed and client.closed
