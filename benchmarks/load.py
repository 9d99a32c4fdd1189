"""The load: servers that are stood behind a proxy, and clients that go through it. Each runs as a process.

    python -m benchmarks.load echo|source                     prints its port, then serves
    python -m benchmarks.load messages|connections|bulk PORT NUMBER   does that many, and prints the number
    python -m benchmarks.load idle PORT NUMBER                holds connections, prints the number, waits
    python -m benchmarks.load paced PORT NUMBER RATE          as many requests, RATE a second (paced.py); prints
                                                              percentiles of their times in microseconds
    python -m benchmarks.load http                            a server of HTTP (http_load.py); its clients are http-*

Plain sockets and epoll, so that the load is light beside what it measures.
"""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable

from benchmarks import http_load, paced

MESSAGE = b"0123456789abcdef" * 4
"""One small message: 64 bytes each way."""
CLIENTS = 32
"""Connections at a time, of messages and of connections."""
PIECE = bytes(1 << 20)
BACKLOG = 4096
IP_BIND_ADDRESS_NO_PORT = 24
"""Linux's <netinet/in.h>: the port is chosen at connect, when all four parts of the pair are known."""


def listener() -> socket.socket:
    """Return a listening socket whose port was told on standard output."""
    server = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    print(server.getsockname()[1], flush=True)
    return server


def echo() -> None:
    """Send back what comes, on every connection."""
    server = listener()
    server.setblocking(False)
    poll = select.epoll()
    poll.register(server, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll(maxevents=256):
            if fd == server.fileno():
                _accept(server, poll, clients)
            elif not _echoed(clients[fd]):
                clients.pop(fd).close()


def _accept(server: socket.socket, poll: select.epoll, clients: dict[int, socket.socket]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except BlockingIOError:
            return
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)


def _echoed(client: socket.socket) -> bool:
    try:
        data = client.recv(65536)
        if data:
            client.sendall(data)
    except OSError:
        return False
    return bool(data)


def source() -> None:
    """Send as many MiB as the client's first line says, to one client after the other."""
    server = listener()
    while True:
        client, _ = server.accept()
        with client:
            wanted = client.makefile("rb").readline()
            try:
                for _ in range(int(wanted or b"0")):
                    client.sendall(PIECE)
            except OSError:
                continue


def messages(port: int, number: int) -> int:
    """Exchange that many messages over a few connections that stay open; return how many were exchanged."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS)]
    poll = select.epoll()
    by_fd = {client.fileno(): client for client in clients}
    for client in clients:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(client, select.EPOLLIN)
        client.send(MESSAGE)
    done = 0
    while done < number:
        for fd, _ in poll.poll(maxevents=CLIENTS):
            client = by_fd[fd]
            if len(client.recv(65536)) != len(MESSAGE):
                raise RuntimeError("a message came back changed")
            done += 1
            client.send(MESSAGE)
    return done


def connections(port: int, number: int) -> int:
    """Open that many connections, a few at a time; each exchanges one message and is closed."""
    poll = select.epoll()
    by_fd: dict[int, socket.socket] = {}
    opened = done = 0
    while done < number:
        while len(by_fd) < CLIENTS and opened < number:
            client = _connect(port, opened)
            by_fd[client.fileno()] = client
            poll.register(client, select.EPOLLIN)
            opened += 1
        for fd, _ in poll.poll(maxevents=CLIENTS):
            client = by_fd.pop(fd)
            if client.recv(65536) != MESSAGE:
                raise RuntimeError("a message came back changed")
            client.close()
            done += 1
    return done


def _connect(port: int, number: int) -> socket.socket:
    """Return a connection that a message was sent on. Many source addresses, so that ports do not run out."""
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((f"127.0.1.{1 + number % 200}", 0))
    client.connect(("127.0.0.1", port))
    client.send(MESSAGE)
    return client


def bulk(port: int, number: int) -> int:
    """Receive that many MiB over one connection, and throw them away in the kernel."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"%d\n" % number)
    wanted = number << 20
    room = bytearray(1 << 20)
    while wanted > 0:
        got = client.recv_into(room, 0, socket.MSG_TRUNC)
        if not got:
            raise RuntimeError("the stream ended too early")
        wanted -= got
    return number


def idle(port: int, number: int) -> int:
    """Hold that many connections, each of which has exchanged one message, until the process is ended."""
    held = []
    for at in range(number):
        client = _connect(port, at)
        if client.recv(65536) != MESSAGE:
            raise RuntimeError("a message came back changed")
        held.append(client)
    print(len(held), flush=True)
    sys.stdin.read()
    return len(held)


SERVERS: dict[str, Callable[[], None]] = {"echo": echo, "source": source, "http": http_load.serve}
CLIENT_LOADS = {
    "messages": messages, "connections": connections, "bulk": bulk, "idle": idle, **http_load.CLIENT_LOADS,
}  # fmt: skip


def main(arguments: list[str]) -> None:
    """Serve, or do one load."""
    name, *rest = arguments
    if name in SERVERS:
        SERVERS[name]()
        return
    if name == "paced":
        print(paced.told(paced.paced(*map(int, rest))), flush=True)
        return
    port, number = map(int, rest)
    print(CLIENT_LOADS[name](port, number), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
