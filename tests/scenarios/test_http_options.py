"""Options of HTTP mode that decide what becomes of connections, names and oddities, told beside haproxy."""

from __future__ import annotations

import itertools
import os
import re
import select
import signal
import socket
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY, free_port, program, wait_for
from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import OK, head, story

STORIES = Stories()

FRONT = "\nfrontend {name}\n    bind {host}:1000\n    default_backend {name}.b\n"
BACK = "\nbackend {name}.b\n    server s {host}:2000\n"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OLD = b"GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
LENGTH = "    tune.http.maxhdr 20\n"
"""For all stories: more lines than this have only those that are about it."""


def tell(name: str, text: str, *requests: bytes, answer: bytes = OK, settings: str = LENGTH) -> None:
    """Register a story: a client asks, and each link, when it comes and goes, is put down."""

    def play(scene: Scene) -> None:
        """A client asks for this and that."""
        door, client = scene.listen(2000), scene.connect()
        link: Actor | None = None
        for request in requests:
            client.send(request)
            link = _asked(scene, client, door, link)
            if link is not None:
                head(link)
                link.send(answer)
            length = re.search(rb"content-length: (\d+)", head(client).lower())
            if length and not request.startswith(b"HEAD"):
                client.reads(int(length[1]))
        client.sock.settimeout(0.2)
        client.ends()
        client.close()
        if link is not None:
            link.sock.settimeout(0.2)
            link.ends()
        scene.logged(len(requests))
        scene.until("FRONTEND", scur=0)

    play.__name__ = name
    story(STORIES, text, settings, alone=settings != LENGTH)(play)


def _asked(scene: Scene, client: Actor, door: Doorman, link: Actor | None) -> Actor | None:
    """Return the link that a request comes by; None when the proxy itself answers."""
    while True:
        waiting = [one.sock for one in (client, door, link) if one is not None]
        ready = select.select(waiting, [], [], 10)[0]
        assert ready
        if link is not None and link.sock in ready and (end := _ended(link)):
            scene.note(f"the link ends: {end}")
            link = None
        elif door.sock in ready and link is None:
            scene.note("a new link")
            return door.accept()
        elif link is not None and link.sock in ready:
            return link
        elif client.sock in ready:
            return None


def _ended(link: Actor) -> str:
    try:
        return "" if link.sock.recv(1, socket.MSG_PEEK) else "FIN"
    except ConnectionResetError:
        return "RST"


# what becomes of connections

WAYS = {"none": "", "keep": "option http-keep-alive", "server": "option http-server-close", "close": "option httpclose"}
for front, back in itertools.product(WAYS, WAYS):
    text = FRONT + f"    {WAYS[front]}\n" + BACK + f"    {WAYS[back]}\n"
    tell(f"{front}-{back}", text, GET, *([] if "close" in (front, back) else [GET]))
for way in WAYS:
    tell(f"{way}-old", FRONT + BACK + f"    {WAYS[way]}\n", OLD)
    tell(f"{way}-client-closes", FRONT + BACK + f"    {WAYS[way]}\n", CLOSE)
    tell(f"{way}-pretends", FRONT + BACK + f"    {WAYS[way]}\n    option http-pretend-keepalive\n", GET)
for way, word in list(WAYS.items())[1:]:
    given = f"    {word}\n"
    tell(f"inherited-{way}", given + FRONT + BACK, GET)
    tell(f"inherited-{way}-undone", given + FRONT + f"    no {word}\n" + BACK + f"    no {word}\n", GET)
    tell(f"inherited-{way}-undone-in-front", given + FRONT + f"    no {word}\n" + BACK, GET)
    tell(f"inherited-{way}-replaced", given + FRONT + f"    {WAYS['keep']}\n" + BACK + f"    {WAYS['keep']}\n", GET)
tell("the-last-one-holds", FRONT + "    option httpclose\n    option http-server-close\n" + BACK, GET, GET)
tell("no-undoes-only-its-own", FRONT + "    option httpclose\n    no option http-server-close\n" + BACK, GET)

# option nolinger

ENDS = OK.replace(b"Content-Length: 0", b"Connection: close\r\nContent-Length: 0")
NOLINGER = "    option nolinger\n"
for place, text in (("front", FRONT + NOLINGER + BACK), ("back", FRONT + BACK + NOLINGER)):
    tell(f"nolinger-{place}-client-closes", text, CLOSE)
    tell(f"nolinger-{place}-server-closes", text, GET, answer=ENDS)
    tell(f"nolinger-{place}-bad-request", text, b"GET\r\n\r\n")

# option http-restrict-req-hdr-names

NAMES = b"GET /x HTTP/1.1\r\nHost: a\r\nFoo_Bar: 1\r\nBaz.x: 2\r\nA-b9: 3\r\nX!: y\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nA_b: c\r\nContent-Length: 6\r\n\r\nabc"
POLICIES = {policy: f"    option http-restrict-req-hdr-names {policy}\n" for policy in ("preserve", "delete", "reject")}
for policy, words in POLICIES.items():
    tell(f"{policy}-in-front", FRONT + words + BACK, NAMES, NAMES, GET)
    tell(f"{policy}-behind", FRONT + BACK + words, NAMES, NAMES, GET)
    tell(f"{policy}-inherited", words + FRONT + BACK, NAMES)
tell("delete-then-reject", FRONT + POLICIES["delete"] + BACK + POLICIES["reject"], NAMES)
tell("reject-then-preserve", FRONT + POLICIES["reject"] + BACK + POLICIES["preserve"], NAMES)
tell("reject-with-a-body", FRONT + POLICIES["reject"] + BACK, POST)
tell("reject-head", FRONT + POLICIES["reject"] + BACK, NAMES.replace(b"GET", b"HEAD"))
tell("reject-before-it-is-added", FRONT + POLICIES["reject"] + BACK + "    option forwardfor header A_B\n", GET)

# option accept-invalid-http-request and -response, tune.http.maxhdr

ODD = (
    b'GET /a"b HTTP/1.1\r\nHost: a\r\n\r\n', b"GET /\xe9\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nFoo Bar: 1\r\n\r\n", b"GET /x HTTP/1.1\r\nHost: a\r\nX: \x01\x7f\r\n\r\n",
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /x HTTP/1.1\r\nHost: a\r\nF(): 1\r\n\r\n",
)  # fmt: skip
for (number, request), (way, words) in itertools.product(
    enumerate(ODD), (("strict", ""), ("lenient", "    option accept-invalid-http-request\n"))
):
    tell(f"request-{number}-{way}", FRONT + words + BACK, request)
ANSWERS = (
    OK.replace(b"Content", b"A B: c\r\nContent"), OK.replace(b"HTTP/1.1", b"HTTP/A.B"),
)  # fmt: skip
for (number, answer), (way, words) in itertools.product(
    enumerate(ANSWERS), (("strict", ""), ("lenient", "    option accept-invalid-http-response\n"))
):
    tell(f"response-{number}-{way}", FRONT + BACK + words, GET, answer=answer)
for count in (18, 19, 20):
    many = b"".join(b"A: %d\r\n" % number for number in range(count - 1))
    tell(f"request-of-{count}-headers", FRONT + BACK, GET.replace(b"\r\n\r\n", b"\r\n%b\r\n" % many))
    tell(f"response-of-{count}-headers", FRONT + BACK, GET, answer=OK.replace(b"\r\n\r\n", b"\r\n%b\r\n" % many))

# bodies of HTTP/1.0, with h1-accept-payload-with-any-method and without it

WITH_BODY = b"%b /x HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
ANY = "    h1-accept-payload-with-any-method\n"
for method in (b"GET", b"HEAD", b"DELETE", b"POST"):
    tell(f"body-of-{method.decode()}", FRONT + BACK, WITH_BODY % method)
for method in (b"GET", b"DELETE"):
    tell(f"body-of-{method.decode()}-taken", FRONT + BACK, WITH_BODY % method, settings=ANY)


@pytest.mark.reference
@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Server and client see the same bytes and ends, and lines and counters say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])


# option idle-close-on-response

BOTH = [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)]


@pytest.mark.parametrize("command", BOTH, ids=["tcproxy", "haproxy"])
@pytest.mark.parametrize("waits", [False, True])
def test_idle_clients_of_a_soft_stop(command: str, waits: bool, tmp_path: Path) -> None:
    """A soft stop closes idle clients at once, or, with the option, behind one more exchange."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        lines = [
            "defaults", "mode http", "timeout connect 5s", "timeout client 30s", "timeout server 30s", "listen a",
            f"bind 127.0.0.1:{port}", f"server s 127.0.0.1:{server.getsockname()[1]}", "http-reuse never",
            "option http-server-close", *(["option idle-close-on-response"] if waits else []), "",
        ]  # fmt: skip
        (tmp_path / "a.cfg").write_text("\n".join(lines))
        with program(command, "-db", "-f", str(tmp_path / "a.cfg"), port=port) as process:
            with socket.create_connection(("127.0.0.1", port), 20) as client:
                assert _exchange(client, server).endswith(b"0\r\n\r\n")
                os.kill(process.pid, signal.SIGUSR1)
                wait_for(lambda: not _listens(port), what="the listener to close")
                if waits:
                    assert not select.select([client], [], [], 0.3)[0]
                    assert b"connection: close" in _exchange(client, server)
                assert client.recv(10) == b""
            assert process.wait(20) == 0


def _exchange(client: socket.socket, server: socket.socket) -> bytes:
    client.sendall(GET)
    link, _ = server.accept()
    with link:
        link.settimeout(20)
        _head_of(link)
        link.sendall(OK)
    return _head_of(client)


def _head_of(sock: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = sock.recv(1)
        assert piece, data
        data += piece
    return data


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
