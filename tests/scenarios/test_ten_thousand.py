"""Ten thousand clients at once: held, used, closed, and nothing left behind."""

from __future__ import annotations

import resource
import select
import socket
import sys
from pathlib import Path

import pytest

from tests.running import PATIENCE, TCPROXY, free_port, program, wait_for

CLIENTS = 10_000

ECHO = """
import select, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
poll, open_ = select.epoll(), {}
poll.register(listener, select.EPOLLIN)
while True:
    for fd, _ in poll.poll():
        if fd == listener.fileno():
            connection = listener.accept()[0]
            open_[connection.fileno()] = connection
            poll.register(connection, select.EPOLLIN)
            continue
        data = open_[fd].recv(4096)
        if data:
            open_[fd].sendall(data)
        else:
            open_.pop(fd).close()
"""


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def memory(pid: int) -> int:
    """Return the bytes of memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def exchange(clients: list[socket.socket], text: bytes) -> None:
    """Send the text on every connection, then read it back from every one."""
    poll = select.epoll()
    waiting = {client.fileno(): client for client in clients}
    for client in clients:
        poll.register(client, select.EPOLLIN)
        client.sendall(text)
    while waiting:
        ready = poll.poll(PATIENCE)
        assert ready, f"{len(waiting)} clients got no answer"
        for fd, _ in ready:
            assert waiting.pop(fd).recv(100) == text
            poll.unregister(fd)


def allowed(wanted: int) -> tuple[int, int]:
    """Raise this process's limit of descriptors so far, or as far as the system lets us; return what it was."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, before[1])))
    except (ValueError, PermissionError):
        # root of a container often lacks CAP_SYS_RESOURCE, and may not pass the hard limit it was given
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    return before


@pytest.mark.slow
def test_ten_thousand_clients_leave_nothing_behind(tmp_path: Path) -> None:
    """10,000 clients, or as many as the system allows, are held and used, and leave nothing behind."""
    # a session takes two descriptors of the proxy, and the proxy has this process's limit
    before = allowed(2 * CLIENTS + 1000)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # where that is refused, and 20,000 descriptors are all, 9,900 clients are
    count = min(CLIENTS, (limit - 200) // 2)
    assert count > 1000, f"only {limit} descriptors are allowed (ulimit -Hn)"
    port, server_port, cfg = free_port(), free_port(), tmp_path / "haproxy.cfg"
    cfg.write_text(
        f"global\n maxconn {count + 40}\n"
        "defaults\n mode tcp\n timeout client 60s\n timeout server 60s\n timeout connect 20s\n"
        f"listen one\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{server_port}\n"
    )
    try:
        with (
            program(sys.executable, "-c", ECHO, str(server_port), port=server_port),
            program(TCPROXY, "-db", "-f", str(cfg), port=port) as proxy,
        ):
            warm(port)
            wait_for(lambda: descriptors(proxy.pid) < 100, what="the first connections to end")
            fds, kept = descriptors(proxy.pid), []
            for _ in range(4):
                clients = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(count)]
                exchange(clients, b"Hello")
                assert descriptors(proxy.pid) >= 2 * count
                exchange(clients, b"Hello again")
                for client in clients:
                    client.close()
                wait_for(lambda: descriptors(proxy.pid) <= fds, what="every descriptor to be closed")
                kept.append(memory(proxy.pid))
            # what the allocator keeps grows from wave to wave, less and less, by some megabytes in all; sessions that
            # are left behind would be 3 KiB each, which is 60 MB in two waves
            assert kept[3] - kept[1] < 10_000_000, kept
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def warm(port: int) -> None:
    """Use a hundred connections, so that what is made once is made."""
    clients = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(100)]
    exchange(clients, b"Hello")
    for client in clients:
        client.close()
