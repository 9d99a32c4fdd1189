"""HTTP mode under load: bodies of gigabytes, more clients than there is room for, and clients that are slow on purpose.

One proxy serves all of it, with a section for each.
"""

from __future__ import annotations

import contextlib
import csv
import os
import resource
import select
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.running import PATIENCE, TCPROXY, answers, assert_sound, end, free_port, program, wait_for
from tests.scenarios.beside import order
from tests.scenarios.test_real_clients import found

CLIENTS = 2000
SIZE = 4 << 30
MORE = 16 << 20
"""Bytes that the proxy's memory may grow by: a small part of any body."""

CONFIGURATION = """
global
    stats socket {folder}/control level admin
    log stdout format raw local0
    maxconn 4000
defaults
    mode http
    log global
    option httplog
    timeout connect 60s
    timeout client 60s
    timeout server 60s
listen bulk
    bind 127.0.0.1:{bulk[0]}
    server s 127.0.0.1:{bulk[1]}
listen burst
    bind 127.0.0.1:{burst[0]} backlog 4096
    maxconn 400
    timeout queue 60s
    server s 127.0.0.1:{nginx[1]} maxconn 40
defaults slow
    mode http
    log global
    option httplog
    maxconn 100
    timeout connect 5s
    timeout http-request 1s
    timeout client 1s
    timeout server 10s
listen headers from slow
    bind 127.0.0.1:{headers[0]}
    server s 127.0.0.1:{nginx[1]}
listen body from slow
    bind 127.0.0.1:{body[0]}
    option http-buffer-request
    server s 127.0.0.1:{nginx[1]}
listen read from slow
    bind 127.0.0.1:{read[0]}
    server s 127.0.0.1:{nginx[1]}
"""
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/err;
events {{ worker_connections 2000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location /up/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


class Proxy:
    """The proxy under test, with a port of its own and one of a server for each section."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("bulk", "burst", "headers", "body", "read", "nginx")
        self.ports = {name: (free_port(), free_port()) for name in names}
        self.pid = 0

    def row(self, name: str, server: str = "FRONTEND") -> dict[str, int]:
        """Return the numbers of a row of `show stat`."""
        table = order(self.folder / "control", "show stat").removeprefix("# ")
        [row] = [row for row in csv.DictReader(table.splitlines()) if (row["pxname"], row["svname"]) == (name, server)]
        return {column: int(value) for column, value in row.items() if value and value.isdigit()}

    def lines(self, name: str) -> list[str]:
        """Return the log lines of a section."""
        return [line for line in (self.folder / "log").read_text().splitlines() if f"] {name} " in line]

    def memory(self) -> int:
        """Return the most bytes of memory that the process ever held."""
        [line] = [line for line in self.status() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def status(self) -> list[str]:
        """Return what the kernel tells of the process."""
        return Path(f"/proc/{self.pid}/status").read_text().splitlines()

    def pipes(self) -> int:
        """Return how many ends of pipes the process has open."""
        count = 0
        for one in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                count += one.readlink().name.startswith("pipe:")
        return count


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run the proxy."""
    folder = tmp_path_factory.mktemp("load")
    for one in [folder, *list(folder.parents)[:2]]:
        one.chmod(0o755)
    made = Proxy(folder)
    path = folder / "haproxy.cfg"
    path.write_text(CONFIGURATION.format(folder=folder, **made.ports))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [TCPROXY, "-db", "-f", str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True
        )
        try:
            wait_for(lambda: process.poll() is not None or answers(made.ports["read"][0]), what="the proxy")
            assert process.poll() is None
            made.pid = process.pid
            yield made
        finally:
            end(process)
    assert_sound((folder / "log").read_text())


@pytest.fixture(scope="module")
def nginx(proxy: Proxy) -> Iterator[Proxy]:
    """Run nginx, with a small page and ten megabytes of nothing."""
    folder, port = proxy.folder, proxy.ports["nginx"][1]
    (folder / "index.html").write_text("hello")
    with (folder / "big").open("wb") as big:
        big.truncate(10_000_000)
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, port=port))
    words = ["-e", str(folder / "err"), "-c", str(conf)]
    with program(found("nginx"), *words, *(["-g", "user root;"] if os.getuid() == 0 else []), port=port):
        yield proxy


# bodies of gigabytes


def send_zeros(sock: socket.socket, size: int) -> None:
    """Send so many bytes, of a file that has none on disk."""
    with tempfile.TemporaryFile() as sparse:
        sparse.truncate(64 << 20)
        while size:
            size -= os.sendfile(sock.fileno(), sparse.fileno(), 0, min(size, 64 << 20))


def send_chunks(sock: socket.socket, size: int) -> None:
    """Send so many bytes, in chunks."""
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    for _ in range(size // 65536):
        sock.sendall(chunk)
    sock.sendall(b"0\r\n\r\n")


def discard(sock: socket.socket, size: int) -> None:
    """Take so many bytes from the kernel without looking at them."""
    buffer = bytearray(1 << 20)
    while size:
        taken = sock.recv_into(buffer, min(size, len(buffer)), socket.MSG_TRUNC)
        assert taken, f"{size} bytes are missing"
        size -= taken


def head_of(sock: socket.socket) -> bytes:
    """Read a head, and nothing behind it."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, data
        data += byte
    return data


def serve_bulk(sock: socket.socket, size: int, chunked: int) -> None:
    """Answer one request: with a body for GET, once the whole body is there for PUT."""
    with sock:
        head = head_of(sock)
        if head.startswith(b"PUT"):
            discard(sock, size)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        elif head.startswith(b"GET /chunks"):
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            send_chunks(sock, chunked)
        else:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            send_zeros(sock, size)


def test_bodies_of_gigabytes(proxy: Proxy) -> None:
    """Four gigabytes each way, and many chunks, pass at the same time through pipes; memory stays as it was."""
    chunked = 256 << 20
    listener = socket.create_server(("127.0.0.1", proxy.ports["bulk"][1]))

    def fetch(path: bytes, size: int) -> None:
        with socket.create_connection(("127.0.0.1", proxy.ports["bulk"][0])) as client:
            client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path)
            assert b" 200 " in head_of(client)
            discard(client, size)

    def put() -> None:
        with socket.create_connection(("127.0.0.1", proxy.ports["bulk"][0])) as client:
            client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE)
            send_zeros(client, SIZE)
            assert b" 200 " in head_of(client)

    Path(f"/proc/{proxy.pid}/clear_refs").write_text("5")  # the highest memory is what it is now
    before, pipes = proxy.memory(), proxy.pipes()
    with listener, ThreadPoolExecutor(6) as pool:
        moves: list[Callable[[], None]] = [lambda: fetch(b"/", SIZE), put, lambda: fetch(b"/chunks", chunked)]
        clients = [pool.submit(move) for move in moves]
        servers = [pool.submit(serve_bulk, listener.accept()[0], SIZE, chunked) for _ in moves]
        for one in [*clients, *servers]:
            one.result()
    assert proxy.memory() - before < MORE
    assert proxy.pipes() > pipes, "large bodies pass by splice"
    row = proxy.row("bulk")
    assert row["bin"] > SIZE and row["bout"] > SIZE + chunked
    assert (row["hrsp_2xx"], row["req_tot"]) == (3, 3)


# more clients than there is room for


def burst(port: int) -> list[bytes]:
    """Let all clients come at once; return what each was answered."""
    poll = select.epoll()
    waiting: dict[int, tuple[socket.socket, bytearray]] = {}
    for _ in range(CLIENTS):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        waiting[client.fileno()] = client, bytearray()
        poll.register(client, select.EPOLLOUT)
    answers: list[bytes] = []
    while waiting:
        ready = poll.poll(PATIENCE)
        assert ready, f"{len(waiting)} clients got no answer"
        for fd, event in ready:
            client, answer = waiting[fd]
            if event == select.EPOLLOUT:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                poll.modify(fd, select.EPOLLIN)
            elif data := client.recv(4096):
                answer += data
            else:
                answers.append(bytes(answer))
                del waiting[fd]
                client.close()
    poll.close()
    return answers


@pytest.mark.program("nginx")
def test_a_burst_of_clients(nginx: Proxy) -> None:
    """Two thousand at once, with room for 400, 40 of them at the server: all wait in line, and all are served."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2 * CLIENTS:
        pytest.skip("needs more descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2 * CLIENTS), limits[1]))
    try:
        said = burst(nginx.ports["burst"][0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert {data.partition(b"\r\n")[0] for data in said} == {b"HTTP/1.1 200 OK"}
    assert {data.rpartition(b"\r\n")[2] for data in said} == {b"hello"}
    front, back, host = nginx.row("burst"), nginx.row("burst", "BACKEND"), nginx.row("burst", "s")
    assert [row["hrsp_2xx"] for row in (front, back, host)] == [CLIENTS] * 3
    assert [row["scur"] for row in (front, back, host)] == [0] * 3
    assert (front["smax"], host["smax"]) == (400, 40)
    assert back["qmax"] > 100


# clients that are slow on purpose

ATTACK = ["-c", "200", "-r", "1000", "-l", "3", "-v", "0"]
ATTACKS = {
    "headers": ["-H", "-i", "2"],
    "body": ["-B", "-i", "2", "-s", "100000", "-t", "PUT"],
    "read": ["-X", "-w", "256", "-y", "512", "-n", "3", "-z", "16"],
}
PATHS = {"headers": "", "body": "up/x", "read": "big"}


@pytest.mark.program("slowhttptest")
@pytest.mark.program("nginx")
def test_slow_clients_starve_nobody(nginx: Proxy) -> None:
    """More slow clients than there is room for: each is sent away in time, and others are served all the while."""
    urls = {name: f"http://127.0.0.1:{nginx.ports[name][0]}/" for name in ATTACKS}
    served = 0
    with contextlib.ExitStack() as stack:
        attacks = [
            stack.enter_context(program("slowhttptest", *ATTACK, *words, "-u", urls[name] + PATHS[name]))
            for name, words in ATTACKS.items()
        ]
        while any(attack.poll() is None for attack in attacks):
            for url in urls.values():
                with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                    assert answer.read() == b"hello"
                served += 1
    wait_for(lambda: not any(nginx.row(name)["scur"] for name in ATTACKS), what="the last slow client to leave")
    assert served >= 3
    assert sum(" 408 " in line for line in nginx.lines("headers")) >= 100
    assert sum(" 408 " in line for line in nginx.lines("body")) >= 100
    assert sum(" cD-- " in line for line in nginx.lines("read")) >= 50
    assert max(nginx.row(name)["smax"] for name in ATTACKS) == 100
