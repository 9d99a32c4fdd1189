"""Listeners: limits, pauses, and the end."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.running import PATIENCE, free_port
from tests.transport.running import REACTORS, accept, connect, inet, listener, proxied, reset, wait_for, within


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize("words", [{"maxconn": 2}, {"bind_words": {"maxconn": 2}}])
def test_clients_beyond_the_limit_wait_in_the_backlog(reactor: str, words: dict[str, object]) -> None:
    """At maxconn nobody is accepted, and nobody is refused: the next is served when one ends."""
    with listener() as server, proxied(server, reactor, **words) as proxy:
        clients = [proxy.connect() for _ in range(4)]
        links = [accept(server), accept(server)]
        wait_for(lambda: proxy.listener.state == "full", "the listener to be full")
        assert proxy.frontend.counters.current == 2
        reset(links.pop())
        links.append(accept(server))
        assert proxy.frontend.counters.highest == 2
        for one in clients + links:
            one.close()
        wait_for(lambda: proxy.frontend.counters.total == 4, "the last client to be accepted")


def test_rate_limit() -> None:
    """`rate-limit sessions` lets the others wait for the next seconds."""
    with listener() as server, proxied(server, rate_limit=4) as proxy:
        clients = [proxy.connect() for _ in range(6)]
        for _ in clients:
            accept(server).close()
        assert proxy.frontend.counters.total == 6
        assert proxy.frontend.counters.most_sessions_a_second() <= 4
        for client in clients:
            client.close()


@pytest.mark.parametrize("reactor", REACTORS)
def test_pause_and_resume(reactor: str) -> None:
    """A paused listener refuses new clients and keeps those it has; resumed, it accepts again."""
    # of a port that the kernel chose, the kernel would choose another one behind a pause
    with (
        listener() as server, proxied(server, reactor, bind=inet(free_port())) as proxy,
        proxy.connect() as client, accept(server) as link,
    ):  # fmt: skip
        within(proxy.reactor, proxy.listener.pause)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy.address)
        client.sendall(b"still here")
        assert link.recv(20) == b"still here"
        within(proxy.reactor, proxy.listener.resume)
        with proxy.connect(), accept(server):
            pass


def test_close_refuses_and_keeps_the_sessions() -> None:
    """A closed listener is gone; its sessions go on."""
    with listener() as server, proxied(server) as proxy, proxy.connect() as client, accept(server) as link:
        before = within(proxy.reactor, proxy.reactor.getReaders)
        within(proxy.reactor, proxy.listener.stopListening)
        after = within(proxy.reactor, proxy.reactor.getReaders)
        assert proxy.listener in before and proxy.listener not in after
        with pytest.raises(ConnectionRefusedError):
            connect(proxy.address)
        client.sendall(b"x")
        assert link.recv(1) == b"x"


def test_a_crowd_is_served() -> None:
    """Hundreds of clients at once are all accepted, in batches."""
    with listener(backlog=500) as server, proxied(server) as proxy:
        served: list[socket.socket] = []
        taking = threading.Thread(target=lambda: served.extend(accept(server) for _ in range(200)))
        taking.start()
        clients = [proxy.connect() for _ in range(200)]
        taking.join(PATIENCE)
        assert len(served) == 200 == proxy.frontend.counters.current
        for one in clients + served:
            one.close()
