"""One port for SSH, TLS by its name, RDP by its cookie, and HTTP, each to a server of its own, beside haproxy."""

from __future__ import annotations

import ssl

import pytest

from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import head

STORIES = Stories()
story = STORIES.story

ONE_PORT = """
frontend {name}
    bind {host}:1000
    tcp-request inspect-delay 500ms
    acl hello req.ssl_hello_type 1
    acl speaks_http req.proto_http
    acl remote_desktop req.rdp_cookie(mstshash) -m found
    tcp-request content accept if hello
    tcp-request content accept if remote_desktop
    tcp-request content switch-mode http if speaks_http
    use_backend {name}.shop if hello {{ req.ssl_sni -i shop.example.org }}
    use_backend {name}.mail if hello {{ req.ssl_sni -m end .mail.example.org }}
    use_backend {name}.rdp if remote_desktop
    use_backend {name}.http if {{ path -m found }}
    default_backend {name}.ssh
backend {name}.ssh
    server ssh {host}:2000
backend {name}.shop
    server shop {host}:2001
backend {name}.mail
    server mail {host}:2002
backend {name}.rdp
    server rdp {host}:2003
backend {name}.http
    mode http
    server http {host}:2004
"""
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
COOKIE = b"Cookie: mstshash=alice\r\n\x01\x00\x08\x00\x03\x00\x00\x00"
RDP = b"\x03\x00" + (len(COOKIE) + 11).to_bytes(2, "big") + bytes([len(COOKIE) + 6, 0xE0, 0, 0, 0, 0, 0]) + COOKIE
STEPS = (1, 3, 5, 11, 60, 100, 1 << 20)
"""Where a client's first bytes are cut."""


def client_hello(name: str) -> bytes:
    """Return the first bytes of a TLS client that asks for this name."""
    context = ssl.create_default_context()
    there = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), there, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return there.read()


def _in_pieces(scene: Scene, client: Actor, data: bytes) -> None:
    """Send bytes piece by piece, each when the one before was read."""
    begin = 0
    for end in STEPS:
        client.send(data[begin:end])
        scene.turn()
        begin = end


def _pass(scene: Scene, client: Actor, door: Doorman, data: bytes) -> None:
    """See that a server is given all of a client's bytes, and the client the answer."""
    server = door.accept()
    got = b""
    while len(got) < len(data):
        got += server.sock.recv(65536)
    scene.note(f"{door.name} has all: {got == data}")
    server.send(b"bye").close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(ONE_PORT)
def one_port(scene: Scene) -> None:
    """Whatever is spoken, and however its bytes are cut, it comes to its server; who waits for a banner gets one."""
    names = ("ssh", "shop", "mail", "rdp", "http")
    doors = {name: scene.listen(2000 + at, name) for at, name in enumerate(names)}
    for name, data in (
        ("shop", client_hello("Shop.example.org")), ("mail", client_hello("in.mail.example.org")), ("rdp", RDP),
        ("ssh", client_hello("another.example.org")),
    ):  # fmt: skip
        scene.note(name)
        client = scene.connect()
        _in_pieces(scene, client, data)
        _pass(scene, client, doors[name], data)
    client = scene.connect()
    _in_pieces(scene, client, GET)
    link = doors["http"].accept()
    head(link)
    link.send(OK)
    head(client)
    client.reads(2).close()
    link.close()
    scene.logged()
    scene.left()
    with scene.lasting():
        client = scene.connect()
        server = doors["ssh"].accept().send(b"SSH-2.0-x\r\n")
        client.reads(11)
    client.send(b"SSH-2.0-y\r\n")
    server.reads(11).close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(ONE_PORT)
def clients_that_leave(scene: Scene) -> None:
    """A client that leaves within what it began to say goes where its bytes lead."""
    door = scene.listen(2000, "ssh")
    for data in (client_hello("shop.example.org")[:11], RDP[:20], b"GE"):
        client = scene.connect().send(data)
        scene.turn()
        client.finish()
        server = door.accept()
        server.reads(len(data)).close()
        client.ends().close()
        scene.logged()
    scene.left()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
