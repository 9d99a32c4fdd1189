"""Bytes through the proxy, over real sockets and every reactor."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcproxy.grammar.addresses import Address, Family
from tests.transport.running import REACTORS, accept, listener, proxied, read_all, reset, sockets, wait_for, within

MEGABYTES = 24


def flood(link: socket.socket, size: int, enough: Callable[[], object]) -> int:
    """Send until that holds and nobody takes any more; return how many bytes were taken."""
    link.setblocking(False)
    sent = 0

    def full() -> bool:
        nonlocal sent
        try:
            while True:
                sent += link.send(bytes(size))
        except BlockingIOError:
            return bool(enough())

    wait_for(full, "the proxy to be full")
    return sent


def stalled_with_a_pipe(session: Any, client: socket.socket, read: bytearray) -> bool:
    """Return whether the link stands still with bytes in its pipe.

    Where it stands still behind a copied piece, since the last splice was a thin one, the client reads some more.
    """
    link = session.link
    if link and not link.reading and not link.piped:
        read += client.recv(1 << 18)
    return bool(link and link.piped and not link.reading)


@pytest.mark.parametrize("reactor", REACTORS)
def test_small_messages_go_both_ways(reactor: str) -> None:
    """Ten questions are answered one by one, and both sides then close in order."""
    with listener() as server, proxied(server, reactor) as proxy, proxy.connect() as client:
        with accept(server) as link:
            for number in range(10):
                client.sendall(b"ask %d" % number)
                assert link.recv(100) == b"ask %d" % number
                link.sendall(b"answer %d" % number)
                assert client.recv(100) == b"answer %d" % number
        assert client.recv(1) == b""
        client.close()
        assert proxy.line().endswith(" -- 0 50/80")


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize("upload", [False, True])
def test_bulk_arrives_whole(reactor: str, upload: bool) -> None:
    """Megabytes pass unchanged in either direction, faster than the receiver reads, and are counted."""
    data = os.urandom(1 << 20) * MEGABYTES
    with listener() as server, proxied(server, reactor) as proxy, proxy.connect() as client, accept(server) as link:
        source, target = (client, link) if upload else (link, client)
        sending = threading.Thread(target=lambda: (source.sendall(data), source.shutdown(socket.SHUT_WR)))
        sending.start()
        assert read_all(target) == data
        sending.join()
        target.close()
        counted = f"{len(data)}/0" if upload else f"0/{len(data)}"
        assert proxy.line().endswith(counted)


def test_bulk_is_spliced_and_pipes_come_back() -> None:
    """A stream of full reads borrows a pipe, and gives it back empty."""
    with listener() as server, proxied(server) as proxy, proxy.connect() as client, accept(server) as link:
        sending = threading.Thread(target=lambda: (link.sendall(bytes(8 << 20)), link.close()))
        sending.start()
        assert len(read_all(client)) == 8 << 20
        sending.join()
        assert proxy.pipes.open == 1
        assert proxy.pipes.take() is not None, "the pipe was not given back"
        proxy.pipes.open -= 1


def test_bulk_without_pipes_is_copied() -> None:
    """Where no pipe can be had, the bytes still arrive."""
    with listener() as server, proxied(server) as proxy, proxy.connect() as client, accept(server) as link:
        proxy.pipes.most = 0
        sending = threading.Thread(target=lambda: (link.sendall(bytes(8 << 20)), link.close()))
        sending.start()
        assert len(read_all(client)) == 8 << 20
        sending.join()


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize("first", ["client", "server"])
def test_half_close(reactor: str, first: str) -> None:
    """One side's FIN is passed on, and the other may go on talking."""
    with listener() as server, proxied(server, reactor) as proxy, proxy.connect() as client, accept(server) as link:
        one, other = (client, link) if first == "client" else (link, client)
        one.sendall(b"all I have")
        one.shutdown(socket.SHUT_WR)
        assert read_all(other) == b"all I have"
        other.sendall(b"a late answer")
        assert one.recv(100) == b"a late answer"
        other.close()
        assert one.recv(1) == b""
        assert " -- " in proxy.line()


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize(("breaker", "letters"), [("client", "CD"), ("server", "SD")])
def test_a_reset_is_told_and_reaches_the_other_side(reactor: str, breaker: str, letters: str) -> None:
    """A reset by one side ends the session, with the letters of who broke it."""
    with listener() as server, proxied(server, reactor) as proxy, proxy.connect() as client, accept(server) as link:
        client.sendall(b"x")
        assert link.recv(1) == b"x"
        one, other = (client, link) if breaker == "client" else (link, client)
        reset(one)
        assert f" {letters} " in proxy.line()
        try:
            assert other.recv(1) == b""
        except ConnectionResetError:
            assert breaker == "client", "the client must see an orderly end"


@pytest.mark.parametrize("spliced", [False, True])
def test_a_stalled_reader_stops_the_sender(spliced: bool) -> None:
    """What the proxy holds for a reader that stalls is one buffer, or one pipe: then it reads no more."""
    with listener() as server, proxied(server) as proxy:
        if not spliced:
            proxy.pipes.most = 0
        with proxy.connect() as client, accept(server) as link:
            (session,) = proxy.world.sessions.values()

            read = bytearray()

            def stalled() -> bool:
                if spliced:
                    return stalled_with_a_pipe(session, client, read)
                return bool(session.link and session.client.transport.queue) and not session.link.reading

            sent = flood(link, 65536, stalled)
            held = len(session.client.transport.queue)
            assert held <= 16384
            assert not session.link.reading
            assert session.link.piped <= 1 << 20 and bool(session.link.piped) is spliced
            link.shutdown(socket.SHUT_WR)
            assert len(read) + len(read_all(client)) == sent


def test_a_session_that_dies_with_a_full_pipe_leaks_nothing() -> None:
    """A pipe with bytes in it is closed with its session, not lent to another."""
    with listener() as server, proxied(server) as proxy, proxy.connect() as client, accept(server) as link:
        (session,) = proxy.world.sessions.values()
        flood(link, 1 << 20, lambda: stalled_with_a_pipe(session, client, bytearray()))
        reset(client)
        reset(link)
        assert proxy.line()
        wait_for(lambda: proxy.pipes.open == 0, "the pipe to be closed")


@pytest.mark.parametrize("reactor", REACTORS)
def test_ipv6_to_unix_and_back(reactor: str, tmp_path: Path) -> None:
    """Families may differ on the two sides."""
    path = str(tmp_path / "server.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(10)
        bind = Address(Family.INET6, "::1", 0)
        with proxied(Address(Family.UNIX, path), reactor, bind=bind) as proxy, proxy.connect() as client:
            with accept(server) as link:
                client.sendall(b"x")
                assert link.recv(1) == b"x"
                link.sendall(b"y")
                assert client.recv(1) == b"y"
            assert client.recv(1) == b""
            client.close()
            assert proxy.line().startswith("::1 ::1 ")


def test_bytes_sent_before_the_server_is_there_are_held_and_delivered() -> None:
    """What a client sends at once, FIN included, reaches the server in order."""
    with listener() as server, proxied(server) as proxy, proxy.connect() as client:
        client.sendall(b"early " * 1000)
        client.shutdown(socket.SHUT_WR)
        with accept(server) as link:
            assert read_all(link) == b"early " * 1000
            link.sendall(b"ok")
        assert read_all(client) == b"ok"


def test_a_thousand_sessions_leave_no_socket_behind() -> None:
    """However sessions end, every socket is closed."""
    before = sockets()
    with listener() as server, proxied(server) as proxy:
        for number in range(300):
            with proxy.connect() as client, accept(server) as link:
                client.sendall(b"x")
                assert link.recv(1) == b"x"
                if number % 3 == 0:
                    reset(client)
                elif number % 3 == 1:
                    reset(link)
        wait_for(lambda: not proxy.world.sessions, "all sessions to end")
    assert sockets() <= before


def test_bytes_are_copied_where_a_side_cannot_splice() -> None:
    """A transport says whether it can (TLS cannot); bulk comes through all the same."""
    size = 4 << 20
    with listener() as server, proxied(server) as proxy, proxy.connect() as client, accept(server) as link:
        wait_for(lambda: proxy.world.sessions, "the session")
        session = next(iter(proxy.world.sessions.values()))
        wait_for(lambda: session.link is not None and session.link.other is not None, "the relay")
        copying = type("Copying", (type(session.link.transport),), {"__slots__": (), "can_splice": False})
        within(proxy.reactor, lambda: setattr(session.link.transport, "__class__", copying))
        threading.Thread(target=client.sendall, args=(bytes(size),), daemon=True).start()
        got = 0
        while got < size:
            got += len(link.recv(1 << 20))
        assert proxy.pipes.open == 0
