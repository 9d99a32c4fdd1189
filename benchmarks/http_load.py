"""The load of HTTP mode: a server to stand behind a proxy, and clients that go through it.

Requests are what a browser sends: eight headers, about 500 bytes. In a varied load the path, one header (a cookie), the
answer's ETag and the length of its body differ from request to request, so that a program which remembers the
last head gains nothing. The answer names the request's number, and the clients look for it.

The server takes log datagrams too, on the UDP port of the same number, and counts them.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable

CLIENTS = 32
"""Connections at a time."""
CLIENTS_OF_LARGE = 8
"""The same, for answers of 1 MiB."""
PATIENCE = 20
"""Seconds without any answer, after which a load gives up."""
IP_BIND_ADDRESS_NO_PORT = 24
"""Linux's <netinet/in.h>: the port is chosen at connect, when all four parts of the pair are known."""
END = b"end\n"
"""What every body ends with."""

BROWSER = (
    b"Host: www.example.org\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    b"Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Referer: https://www.example.org/news/2026/\r\n"
    b"Cookie: session=3f1b6ad2c49e47e8; seen=%08x\r\n"
    b"Connection: %s\r\n"
)
MORE = b"".join(b"X-Measure-%02d: value %d of a header\r\n" % (at, at * 7919) for at in range(56))

Ask = Callable[[int], bytes]
"""Makes the request of this number."""


def _asking(
    kind: bytes, connection: bytes = b"keep-alive", varied: bool = True, more: bytes = b"", cookie: bytes = b""
) -> Ask:
    """Return what makes requests; cookie: more of the Cookie header, "s1" in it every other time "s2"."""
    path = b"GET /" + kind + b"/%08x/articles/today.html?page=2 HTTP/1.1\r\n"
    text = path + BROWSER.replace(b"Connection: %s", b"Connection: " + connection) + more + b"\r\n"
    texts = [text.replace(b"seen=%08x", b"seen=%08x" + cookie.replace(b"s1", server)) for server in (b"s1", b"s2")]
    same = text % (0, 0)
    return (lambda number: texts[number & 1] % (number, number)) if varied else (lambda number: same)


VARIED_REQUEST = _asking(b"v")
SAME_REQUEST = _asking(b"s", varied=False)
REQUEST_OF_64 = _asking(b"v", more=MORE)
REQUEST_WITH_COOKIE = _asking(b"v", cookie=b"; SRV=s1")
"""Its client knows its server by a cookie: of two servers half of the clients' requests each."""
LAST_REQUEST = _asking(b"v", b"close")
ASKED = {
    "varied": VARIED_REQUEST, "cookies": REQUEST_WITH_COOKIE, "headers": REQUEST_OF_64, "single": LAST_REQUEST,
}  # fmt: skip
"""Requests of the loads whose answers are small and differ, by the load's name."""

# the server

HEADERS = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: measured\r\n"
    b"Date: %s\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n"
    b"Cache-Control: max-age=60, public\r\n"
    b"Vary: Accept-Encoding\r\n"
)
REST = b'ETag: "%s"\r\nContent-Length: %d\r\n\r\n'


def _body(size: int) -> bytes:
    return (b"<p>what is asked for</p>\n" * (size // 25 + 1))[: size - len(END)] + END


SIZES = {b"s": 256, b"k": 16 << 10, b"m": 1 << 20}
BODIES = {kind: _body(size) for kind, size in SIZES.items()}
SMALL = BODIES[b"s"]
VARIED = [_body(128 + 4 * at) for at in range(64)]
"""Of 128 to 380 bytes, one after the other."""


def varied_answer(head: bytes, number: bytes) -> bytes:
    """Return the answer to the request of this number (eight hexadecimal digits), the beginning of its head given."""
    body = VARIED[int(number, 16) & 63]
    return head + REST % (number, len(body)) + body


class Server:
    """Answers requests by the first letter of their path: s the same, v varied, k 16 KiB, m 1 MiB, l the lines counted.

    begun: heads that are not whole. late: what the kernel did not take yet.
    """

    def __init__(self) -> None:
        self.listener, self.sink = _same_ports()
        self.poll = select.epoll()
        for one in (self.listener, self.sink):
            one.setblocking(False)
            self.poll.register(one, select.EPOLLIN)
        self.clients: dict[int, socket.socket] = {}
        self.begun: dict[int, bytes] = {}
        self.late: dict[int, memoryview] = {}
        self.lines = 0
        self.second = 0
        self.head = b""

    def run(self) -> None:
        """Tell the port, and serve until the process is ended."""
        print(self.listener.getsockname()[1], flush=True)
        listener, sink = self.listener.fileno(), self.sink.fileno()
        while True:
            events = self.poll.poll(maxevents=256)
            self._date()
            for fd, event in events:
                if fd == listener:
                    self._accept()
                elif fd == sink:
                    self._drain()
                elif event & select.EPOLLOUT:
                    self._send_rest(fd)
                else:
                    self._read(fd)

    def _date(self) -> None:
        now = int(time.time())
        if now != self.second:
            self.second = now
            self.head = HEADERS % time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now)).encode()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self.listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.clients[client.fileno()] = client
                self.poll.register(client, select.EPOLLIN)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sink.recv(65536)
                self.lines += 1

    def _read(self, fd: int) -> None:
        try:
            data = self.clients[fd].recv(65536)
        except OSError:
            data = b""
        if not data:
            self._close(fd)
            return
        if self.begun:
            data = self.begun.pop(fd, b"") + data
        if data[-4:] != b"\r\n\r\n":
            self.begun[fd] = data
            return
        self._answer(fd, data)

    def _answer(self, fd: int, data: bytes) -> None:
        kind = data[5:6]
        number = data[7:15]
        if kind == b"v":
            answer = varied_answer(self.head, number)
        elif kind == b"l":
            body = b"%08x" % self.lines + END
            answer = self.head + REST % (number, len(body)) + body
        else:
            body = BODIES.get(kind, SMALL)  # a check asks for something else
            answer = self.head + REST % (number, len(body)) + body
        try:
            sent = self.clients[fd].send(answer)
        except OSError:
            self._close(fd)
            return
        if sent < len(answer):
            self.late[fd] = memoryview(answer)[sent:]
            self.poll.modify(fd, select.EPOLLOUT)
        elif b"onnection: close" in data:
            self._close(fd)

    def _send_rest(self, fd: int) -> None:
        try:
            sent = self.clients[fd].send(self.late[fd])
        except OSError:
            self._close(fd)
            return
        rest = self.late[fd][sent:]
        if rest:
            self.late[fd] = rest
        else:
            del self.late[fd]
            self.poll.modify(fd, select.EPOLLIN)

    def _close(self, fd: int) -> None:
        self.clients.pop(fd).close()
        self.begun.pop(fd, None)
        self.late.pop(fd, None)


def _same_ports() -> tuple[socket.socket, socket.socket]:
    """Return a listening socket, and one for datagrams with the same port."""
    while True:
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        try:
            sink.bind(listener.getsockname())
        except OSError:
            listener.close()
            sink.close()
            continue
        return listener, sink


def lines(port: int) -> int:
    """Return how many log datagrams the server on this port has taken."""
    with socket.create_connection(("127.0.0.1", port), 5) as asker:
        asker.sendall(b"GET /l/00000000/ HTTP/1.1\r\nConnection: close\r\n\r\n")
        with asker.makefile("rb") as answer:
            return int(answer.read()[-len(END) - 8 : -len(END)], 16)


def serve() -> None:
    """Be the server."""
    Server().run()


# the clients


def keep_alive(ask: Ask) -> Callable[[int, int], int]:
    """Return a load of small answers on a few connections that stay open."""

    def load(port: int, number: int) -> int:
        poll = select.epoll()
        by_fd = connected(port, poll, min(CLIENTS, number))
        asked: dict[int, bytes] = {}
        begun: dict[int, bytes] = {}
        sent = done = 0
        for fd, client in by_fd.items():
            request = ask(sent)
            asked[fd] = request[7:15]
            client.send(request)
            sent += 1
        while done < number:
            for fd in _ready(poll):
                client = by_fd[fd]
                data = client.recv(65536)
                if data[-4:] != END or begun:
                    data = _gathered(begun, fd, data)
                    if not data:
                        continue
                check(data, asked[fd])
                done += 1
                if sent < number:
                    request = ask(sent)
                    asked[fd] = request[7:15]
                    client.send(request)
                    sent += 1
        return done

    return load


def _ready(poll: select.epoll) -> list[int]:
    """Return the descriptors that have something to read."""
    events = poll.poll(PATIENCE, CLIENTS)
    if not events:
        raise RuntimeError(f"no answer for {PATIENCE} s")
    return [fd for fd, _ in events]


def _gathered(begun: dict[int, bytes], fd: int, data: bytes) -> bytes:
    """Return the whole answer, or nothing while it is not whole."""
    if not data:
        raise RuntimeError("the proxy closed a connection")
    data = begun.pop(fd, b"") + data
    if data.endswith(END):
        return data
    begun[fd] = data
    return b""


def check(data: bytes, number: bytes) -> None:
    """See that this is the answer to the request of a number; raises RuntimeError."""
    if data[:12] != b"HTTP/1.1 200" or number not in data:
        raise RuntimeError(f"this is no answer to {number!r}: {data[:200]!r}")


def large(ask: Ask, clients: int) -> Callable[[int, int], int]:
    """Return a load of large answers, which are thrown away in the kernel, on a few connections that stay open."""

    def load(port: int, number: int) -> int:
        poll = select.epoll()
        by_fd = connected(port, poll, min(clients, number))
        left = dict.fromkeys(by_fd, 0)
        room = bytearray(1 << 20)
        sent = done = 0
        for client in by_fd.values():
            client.send(ask(sent))
            sent += 1
        while done < number:
            for fd in _ready(poll):
                client = by_fd[fd]
                if not left[fd]:
                    left[fd] = _left(client.recv(65536))
                else:
                    got = client.recv_into(room, 0, socket.MSG_TRUNC)
                    if not got:
                        raise RuntimeError("the answer ended too early")
                    left[fd] -= got
                if not left[fd]:
                    done += 1
                    if sent < number:
                        client.send(ask(sent))
                        sent += 1
        return done

    return load


def _left(data: bytes) -> int:
    """Return how many bytes of an answer are still to come, by its first ones."""
    head, _, body = data.partition(b"\r\n\r\n")
    _, found, after = head.lower().partition(b"content-length: ")
    if data[:12] != b"HTTP/1.1 200" or not found:
        raise RuntimeError(f"this is no answer: {data[:200]!r}")
    return int(after.partition(b"\r\n")[0]) - len(body)


def single(ask: Ask) -> Callable[[int, int], int]:
    """Return a load of connections, a few at a time, each of which carries one request."""

    def load(port: int, number: int) -> int:
        poll = select.epoll()
        by_fd: dict[int, socket.socket] = {}
        got: dict[int, bytes] = {}
        opened = done = 0
        while done < number:
            while len(by_fd) < CLIENTS and opened < number:
                client = _connect(port, opened)
                client.send(ask(opened))
                by_fd[client.fileno()] = client
                got[client.fileno()] = b""
                poll.register(client, select.EPOLLIN)
                opened += 1
            for fd in _ready(poll):
                data = by_fd[fd].recv(65536)
                if data:
                    got[fd] += data
                    continue
                if not got[fd].endswith(END):
                    raise RuntimeError(f"this is no answer: {got[fd][:200]!r}")
                by_fd.pop(fd).close()
                done += 1
        return done

    return load


def _connect(port: int, number: int) -> socket.socket:
    """Return a connection. Many source addresses, so that ports do not run out."""
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((f"127.0.1.{1 + number % 200}", 0))
    client.connect(("127.0.0.1", port))
    return client


def connected(port: int, poll: select.epoll, number: int) -> dict[int, socket.socket]:
    """Return that many connections, by their descriptors, whose bytes the poll tells of."""
    by_fd: dict[int, socket.socket] = {}
    for _ in range(number):
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        by_fd[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
    return by_fd


CLIENT_LOADS = {
    "http-varied": keep_alive(VARIED_REQUEST),
    "http-same": keep_alive(SAME_REQUEST),
    "http-headers": keep_alive(REQUEST_OF_64),
    "http-single": single(LAST_REQUEST),
    "http-cookies": keep_alive(REQUEST_WITH_COOKIE),
    "http-16k": large(_asking(b"k"), CLIENTS),
    "http-1m": large(_asking(b"m"), CLIENTS_OF_LARGE),
}
"""By name."""
