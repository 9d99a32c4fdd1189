"""Strategies that look at requests: which bytes they hash, and that HAProxy picks the same servers."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tcproxy.balance.hdr import first_of, label
from tcproxy.balance.uri import path_of
from tcproxy.interfaces import IFarmStrategy, IPicker, IRequest
from tests.balance.farms import Client, FakeFarm, FakeServer
from tests.balance.reference import hashing
from tests.balance.strategies import KEYED
from tests.running import HAPROXY, PATIENCE, TCPROXY, outstanding, program, wait_for

NAMES = "abcdefg"
WEIGHTS = (1, 3, 1, 2, 1, 1, 2)


def farm(balance: str, hash_type: str = "") -> FakeFarm:
    """Return the farm of seven servers, a prime total of weight."""
    name, bracket, rest = balance.partition("(")
    head, *words = balance.split() if not bracket else [name, *f"({rest}".split()]
    servers = [FakeServer(name, n, weight) for n, (name, weight) in enumerate(zip(NAMES, WEIGHTS, strict=True), 1)]
    return FakeFarm(KEYED[head], servers, hashing(hash_type), words)


@pytest.mark.parametrize("balance", ["uri", "url_param id", "hdr(host)"])
@pytest.mark.parametrize("hash_type", ["map-based", "consistent"])
def test_they_are_complete(balance: str, hash_type: str) -> None:
    """They provide what strategies provide; a request without a key takes its turn."""
    verifyObject(IRequest, Client())
    verifyObject(IFarmStrategy, KEYED[re.split(r"[ (]", balance)[0]])
    ours = farm(balance, hash_type)
    for _, picker in ours.groups:
        assert verifyObject(IPicker, picker)
    assert len({ours.serve(Client()) for _ in range(50 if hash_type == "map-based" else 4000)}) == len(NAMES)


@pytest.mark.parametrize(
    ("words", "uri", "key"),
    [
        ("uri", b"/a/b?c", b"/a/b"),
        ("uri whole", b"/a/b?c", b"/a/b?c"),
        ("uri len 3", b"/a/b?c", b"/a/"),
        ("uri depth 1", b"/a/b/c", b"/a"),
        ("uri depth 3", b"/a/b/c", b"/a/b/c"),
        ("uri path-only", b"http://h/a?b", b"/a"),
        ("uri path-only", b"*", b""),
        ("uri path-only", b"http://h", b""),
        ("url_param id", b"/?a=1&id=2&id=3", b"2"),
        ("url_param id", b"/?xid=1", None),
        ("url_param id", b"/?id", None),
    ],
)
def test_what_is_hashed(words: str, uri: bytes, key: bytes | None) -> None:
    """Each word cuts the URI where it says."""
    name, *rest = words.split()
    assert KEYED[name].parse(rest)(Client(target=uri)) == key


def test_parts_of_headers() -> None:
    """The first element of a list is one also behind quotes; a domain's own label is before its last dot."""
    values = [b" a , b", b'"a,b", c', b'"a\\",b", c', b"", b" "]
    assert [first_of(value) for value in values] == [b"a", b'"a,b"', b'"a\\",b"', b"", b""]
    hosts = [b"www.example.com", b"example.com", b"localhost", b".com", b"a.b.", b"a..b"]
    assert [label(host) for host in hosts] == [b"example", b"example", b"localhost", b".com", b"b", b"a."]
    assert path_of(b"/x?y") == b"/x?y"


@pytest.mark.parametrize(
    ("balance", "told"),
    [
        ("uri len", "'len' needs a number above 0"), ("uri len 0", "not '0'"), ("uri depth x", "not 'x'"),
        ("uri foo", "not 'foo'"), ("uri(x)", "parentheses"), ("url_param", "needs the name"),
        ("url_param foo bar", "not 'bar'"), ("url_param(x)", "parentheses"), ("hdr", "needs the name"),
        ("hdr()", "needs the name"), ("hdr(host", "not closed"), ("hdr(x) foo", "not 'foo'"),
    ],
)  # fmt: skip
def test_words_that_are_refused(balance: str, told: str) -> None:
    """What HAProxy refuses is refused."""
    with pytest.raises(ValueError, match=re.escape(told)):
        farm(balance)


@dataclass
class Request:
    """One request: its bytes, and the client that strategies see."""

    raw: bytes
    client: Client


def request(target: str, *headers: str, posted: str | None = None) -> Request:
    """Return a request for both sides."""
    lines = [f"{'GET' if posted is None else 'POST'} {target} HTTP/1.1", *headers]
    if not any(line.lower().startswith("host:") for line in headers):
        lines.append("Host: h")
    if posted is not None:
        lines.append(f"Content-Length: {len(posted)}")
    raw = "\r\n".join([*lines, "", posted or ""]).encode()
    pairs = [(name.encode(), value.strip().encode()) for name, _, value in (line.partition(":") for line in lines[1:])]
    content = None if posted is None else posted.encode()
    return Request(raw, Client(target=target.encode(), headers=pairs, content=content))


def any_uri(chance: random.Random) -> Request:
    """Return a request for some URI."""
    path = "".join(chance.choice("/ab?=&;:.%") for _ in range(chance.randrange(12)))
    return request(chance.choice(["/", "/", "http://h/", "http://h"]) + path if path[:1] == "/" else f"/{path}")


def any_parameters(chance: random.Random) -> Request:
    """Return a request with parameters in its query, its body or nowhere."""

    def some() -> str:
        names = (chance.choice(["id", "xid", "idx", "ID", ""]) for _ in range(chance.randrange(4)))
        values = ("".join(chance.choice('ab=;#+%1 \t"/') for _ in range(chance.randrange(4))) for _ in range(4))
        return "&".join(
            f"{name}{chance.choice(['=', '=', ''])}{value}" for name, value in zip(names, values, strict=False)
        )

    query = re.sub(r"[# \t]", "", some())
    return request(f"/x?{query}", posted=chance.choice([None, some()]))


def any_header(chance: random.Random) -> Request:
    """Return a request with a host and perhaps a header X-A, or several."""
    host = chance.choice(["localhost", "a.org", "www.a.org", "WWW.A.org", "10.0.0.1", "b.co.uk", "x.y.", "n.org:80"])
    values = ["".join(chance.choice('ab,. "x') for _ in range(chance.randrange(6))) for _ in range(chance.randrange(3))]
    return request("/", *(f"X-A: {value}" for value in values), f"Host: {host}")


STORIES: list[tuple[str, Callable[[random.Random], Request]]] = [
    *((f"uri{words}", any_uri) for words in (
        "", " whole", " path-only", " len 4", " depth 1", " depth 2 len 5", " whole depth 1 path-only",
    )),
    ("url_param id", any_parameters), ("url_param id check_post 3", any_parameters),
    ("hdr(X-A)", any_header), ("hdr(x-a) use_domain_only", any_header), ("hdr(host) use_domain_only", any_header),
    ("hdr(Host)", any_header),
]  # fmt: skip
HASH_TYPES = ["", "map-based djb2 avalanche", "consistent", "consistent wt6", "map-based crc32"]


class Servers:
    """HTTP servers that answer with their names."""

    def __init__(self) -> None:
        self.listeners = [socket.create_server(("127.0.0.1", 0), backlog=100) for _ in NAMES]
        for name, listener in zip(NAMES, self.listeners, strict=True):
            threading.Thread(target=self._serve, args=(name.encode(), listener), daemon=True).start()

    def _serve(self, name: bytes, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    data = b""
                    while b"\r\n\r\n" not in data:
                        data += client.recv(65536) or b"\r\n\r\n"
                    head, _, body = data.partition(b"\r\n\r\n")
                    length = re.search(rb"content-length: (\d+)", head)
                    while length and len(body) < int(length[1]):
                        body += client.recv(65536)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n" + name)

    def close(self) -> None:
        """Listen no more."""
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@contextlib.contextmanager
def proxy(folder: Path, stories: list[tuple[str, str]], command: str = HAPROXY) -> Iterator[None]:
    """Run a program with one farm for each story, on UNIX sockets of their numbers."""
    servers = Servers()
    text = "defaults\n mode http\n timeout connect 2s\n timeout client 9s\n timeout server 9s\n"
    for number, (balance, hash_type) in enumerate(stories):
        text += f"listen l{number}\n bind unix@{folder}/{number}\n balance {balance}\n"
        text += f" hash-type {hash_type}\n" if hash_type else ""
        for name, weight, listener in zip(NAMES, WEIGHTS, servers.listeners, strict=True):
            text += f" server {name} 127.0.0.1:{listener.getsockname()[1]} weight {weight}\n"
    (folder / "cfg").write_text(text)
    try:
        with program(command, "-db", "-f", str(folder / "cfg")) as process:
            last = folder / str(len(stories) - 1)
            wait_for(lambda: last.exists() or process.poll() is not None, what=command)
            assert process.poll() is None, process.communicate()[1]
            yield
    finally:
        servers.close()


def ask(client: socket.socket, raw: bytes) -> str:
    """Return the name of the server that answers, "" when HAProxy itself does."""
    client.sendall(raw)
    data = b""
    while not (b"\r\n\r\n" in data and not data.endswith(b"\r\n\r\n")):
        piece = client.recv(65536)
        if not piece:
            return ""
        data += piece
    return data[-1:].decode() if data.startswith(b"HTTP/1.1 200") else ""


@pytest.mark.reference
def test_picks_as_the_reference() -> None:
    """Whatever the requests, words and hash types, the same servers are picked, turns included."""
    chance = random.Random(3)
    stories = [
        (balance, hash_type, make)
        for balance, make in STORIES
        for hash_type in HASH_TYPES[:: 1 if make is any_uri else 2]
    ]
    with tempfile.TemporaryDirectory() as folder, proxy(Path(folder), [story[:2] for story in stories]):
        for number, (balance, hash_type, make) in enumerate(stories):
            ours = farm(balance, hash_type)
            for _ in range(25):
                one = make(chance)
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(PATIENCE)
                    client.connect(f"{folder}/{number}")
                    theirs = ask(client, one.raw)
                if theirs:
                    assert ours.serve(one.client) == theirs, (balance, hash_type, one.raw)


def in_pieces(raw: bytes) -> list[bytes]:
    """Return a request in two or three pieces: its head, and a body that comes later in halves."""
    head, _, body = raw.partition(b"\r\n\r\n")
    half = len(body) // 2
    return [piece for piece in (head + b"\r\n\r\n", body[:half], body[half:]) if piece]


def asked(folder: Path, number: int, pieces: list[bytes]) -> str:
    """Return the server that answers a request that comes in pieces."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(f"{folder}/{number}")
        for piece in pieces[:-1]:
            client.sendall(piece)
            while outstanding(client):  # pieces are to come one by one
                time.sleep(0)
        return ask(client, pieces[-1])


@pytest.mark.reference
def test_picks_of_the_program() -> None:
    """Each program as a whole sends the same requests to the same servers, posted bodies that come late included."""
    stories = [(balance, hash_type, make) for balance, make in STORIES for hash_type in ("", "consistent")]
    names = [story[:2] for story in stories]
    picks: dict[str, list[str]] = {}
    for name in (HAPROXY, TCPROXY):
        chance = random.Random(5)
        with tempfile.TemporaryDirectory() as folder, proxy(Path(folder), names, name):
            picks[name] = [
                asked(Path(folder), number, in_pieces(make(chance).raw))
                for number, (_, _, make) in enumerate(stories)
                for _ in range(12)
            ]
    assert picks[TCPROXY] == picks[HAPROXY]
    assert len(set(picks[HAPROXY])) == len(NAMES)
