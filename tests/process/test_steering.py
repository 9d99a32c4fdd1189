"""Leading clients from one socket of a port to another: the kernel does as it is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tcproxy.process import steering
from tests.running import free_port

HOSTS = ["127.0.0.1", "::1"]


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that shares the port."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen(100)
    sock.setblocking(False)
    return sock


@contextmanager
def clients(host: str, port: int, count: int = 40) -> Iterator[None]:
    """Connect many clients to the port."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((host, port), 5))
        yield


def waiting(sock: socket.socket) -> int:
    """Return how many clients wait at the socket."""
    count = 0
    while True:
        try:
            sock.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.parametrize("host", HOSTS)
def test_the_last_to_join_gets_every_client(host: str) -> None:
    """With three sockets on one port, the newest gets all clients once it leads."""
    port = free_port()
    with listener(host, port) as first, listener(host, port) as second, listener(host, port) as last:
        with clients(host, port):
            assert waiting(first) > 0
            assert waiting(second) > 0
            waiting(last)
        steering.lead_here([last])
        with clients(host, port):
            assert [waiting(first), waiting(second), waiting(last)] == [0, 0, 40]


def test_clients_are_spread_again_when_the_old_have_left() -> None:
    """A filter of an earlier hand-over does not bind those who share the port afterwards."""
    port = free_port()
    first, last = listener("127.0.0.1", port), listener("127.0.0.1", port)
    steering.lead_here([last])
    first.close()
    with last, clients("127.0.0.1", port):
        assert waiting(last) == 40
        with listener("127.0.0.1", port) as successor:
            steering.spread([successor])
            with clients("127.0.0.1", port):
                assert waiting(last) > 0
                assert waiting(successor) > 0


def test_a_socket_alone_is_left_alone(tmp_path: object) -> None:
    """Where nothing is shared there is nothing to lead, and UNIX sockets are no concern of ours."""
    with listener("127.0.0.1", free_port()) as alone, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"{tmp_path}/sock")
        steering.lead_here([alone, unix])
        steering.spread([alone, unix])
        with clients("127.0.0.1", alone.getsockname()[1]):
            assert waiting(alone) == 40
