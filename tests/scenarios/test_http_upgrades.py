"""Clients of frontends in TCP mode whose backend speaks HTTP, told beside haproxy: bytes, lines, timers, counters."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import (
    AGAIN,
    CLOSE,
    FIN,
    HEAD,
    OK,
    RESET,
    SERVER,
    SERVER_CLOSE,
    Move,
    head,
    perform,
)

pytestmark = pytest.mark.reference

STORIES = Stories()

DEFAULTS = """
defaults
    mode http
    log {host}:514 local0
    timeout connect 2s
    timeout client 1s
    timeout server 1s
    timeout http-request 400ms
    option tcplog
"""
FRONT = """
frontend {name}
    mode tcp
    bind {host}:1000
    bind {host}:1001 accept-proxy
    default_backend {name}.b
    """
BACK = "\nbackend {name}.b\n    server s {host}:2000\n    "
NOBODY = "\nbackend {name}.b\n"
REFUSES = "\nbackend {name}.b\n    retries 0\n    server s {host}:2001\n"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
UPGRADE = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello"
BAD = b"GET\r\n\r\n"



def tell(name: str, text: str, *moves: Move, lines: int = 1, port: int = 1000, wait: float = 0.15) -> None:
    """Register a story (see http_actors.perform)."""

    def play(scene: Scene) -> None:
        """A client of TCP mode speaks HTTP."""
        perform(scene, moves, lines, port, wait)

    play.__name__ = name
    STORIES.story(DEFAULTS + text, bare=True)(play)


tell("one", FRONT + BACK, GET, SERVER, (OK,), HEAD)
tell("late", FRONT + BACK, 0.2, GET, SERVER, (OK,), HEAD)
tell("two", FRONT + BACK, GET, SERVER, (OK,), HEAD, 0.2, GET, AGAIN, (OK,), HEAD, lines=2)
tell("pipelined", FRONT + BACK, GET * 2, SERVER, (OK,), HEAD, AGAIN, (OK,), HEAD, lines=2)
tell("in-pieces", FRONT + BACK, GET[:9], 0.2, GET[9:], SERVER, (OK,), HEAD)
tell("body", FRONT + BACK, POST + b"abc", SERVER, 0.1, b"def", (OK,), HEAD)
tell("silent", FRONT + BACK, wait=2)
tell("half", FRONT + BACK, b"GET", wait=2)
tell("half-of-the-second", FRONT + BACK, GET, SERVER, (OK,), HEAD, 0.1, b"GET", lines=2, wait=2)
tell("idle", FRONT + BACK, GET, SERVER, (OK,), HEAD, wait=3)
tell("bad", FRONT + BACK, BAD)
tell("bad-second", FRONT + BACK, GET, SERVER, (OK,), HEAD, 0.1, BAD, lines=2)
tell("left", FRONT + BACK, 0.1, CLOSE)
tell("reset", FRONT + BACK, 0.2, RESET)
tell("left-within-a-head", FRONT + BACK, b"GE", 0.1, CLOSE)
tell("fin", FRONT + BACK, 0.1, FIN)
tell("fin-behind-a-request", FRONT + BACK, GET, FIN, SERVER, (OK,), HEAD)
tell("fin-within-a-head", FRONT + BACK, b"GET", FIN)
tell("no-server", FRONT + NOBODY, GET)
tell("no-server-twice", FRONT + NOBODY, GET, HEAD, 0.1, GET, lines=2)
tell("server-refuses", FRONT + REFUSES, GET)
tell("server-fails", FRONT + BACK, GET, SERVER, (OK.replace(b"200", b"500"),), HEAD)
tell("server-closes", FRONT + BACK, GET, SERVER, SERVER_CLOSE)
tell("server-talks-nonsense", FRONT + BACK, GET, SERVER, (b"foo\r\n\r\n",))
tell("server-is-silent", FRONT + BACK, GET, SERVER, wait=2)
tell("server-says-close", FRONT + BACK, GET, SERVER, (OK.replace(b"Content", b"Connection: close\r\nContent"),), HEAD)
tell("client-says-close", FRONT + BACK, GET.replace(b"Host", b"Connection: close\r\nHost"), SERVER, (OK,), HEAD)
tell("httpclose-behind", FRONT + BACK + "option httpclose", GET, SERVER, (OK,), HEAD)
tell("tunnel", FRONT + BACK, UPGRADE, SERVER, (SWITCH,), HEAD, b"abc", 0.1, SERVER_CLOSE)
tell("buffered", FRONT + BACK + "option http-buffer-request", POST + b"abc", 0.1, b"def", SERVER, (OK,), HEAD)
tell("forwarded", FRONT + "option forwardfor header X-Not" + BACK + "option forwardfor", GET, SERVER, (OK,), HEAD)
tell("told-by-a-proxy", FRONT + BACK + "option forwardfor", b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n" + GET, SERVER,
     (OK,), HEAD, port=1001)
tell("dontlognull-left", FRONT + "option dontlognull" + BACK, 0.1, CLOSE, lines=0)
tell("dontlognull-silent", FRONT + "option dontlognull" + BACK, wait=2, lines=0)
tell("unformatted", FRONT + "log-format '%b/%s %U %Tw/%Td/%Tt %B %ts %rc'" + BACK, GET, SERVER, 0.2, (OK,), HEAD)
tell("early-lines", FRONT + "option logasap" + BACK, GET, SERVER, (OK,), HEAD, 0.2, GET, AGAIN, (OK,), HEAD, lines=2)
tell("ids", FRONT + "unique-id-format %ci-%b-%s-%rt-%rc\n    log-format '%ID %B %ts'" + BACK, GET, SERVER, (OK,), HEAD)
tell("timeout-of-the-frontend", FRONT + "timeout http-request 100ms" + BACK, b"GET", wait=2)
tell("timeout-of-the-backend", FRONT + BACK + "timeout http-request 100ms", b"GET", wait=2)  # fmt: skip

CHOICE = """
listen {name}
    mode tcp
    bind {host}:1000
    use_backend {name}.b if {{ src 127.0.0.1 }}
    server s {host}:2001
"""


@STORIES.story(DEFAULTS + CHOICE + BACK, bare=True)
def some_speak_http(scene: Scene) -> None:
    """Clients of one frontend go to a backend of HTTP or one of TCP, as the conditions say."""
    doors = {"127.0.0.1": scene.listen(2000, "http"), "127.0.0.9": scene.listen(2001, "tcp")}
    for source, door in doors.items():
        client = scene.connect(source=source)
        client.send(GET)
        link = door.accept()
        head(link)
        link.send(OK)
        head(client)
        link.close()
        client.close()
        scene.logged()
        scene.until("FRONTEND", scur=0)


UNFORMATTED = DEFAULTS.replace("    option tcplog\n", "")


@STORIES.story(UNFORMATTED + FRONT + BACK, bare=True)
def without_a_format(scene: Scene) -> None:
    """Each exchange has a line of its client, where no format was chosen."""
    door, client = scene.listen(2000), scene.connect()
    client.send(GET)
    link = door.accept()
    for number in range(2):
        if number:
            client.send(GET)
        head(link)
        link.send(OK)
        head(client)
    scene.logged(2)
    client.close()
    scene.until("FRONTEND", scur=0)


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Server and client see the same bytes, and lines and counters say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
