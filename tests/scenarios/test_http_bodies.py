"""Requests that wait for their body, told beside haproxy: `option http-buffer-request`, and strategies that read it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import OK, head, story

pytestmark = pytest.mark.reference

STORIES = Stories()

WAIT = "    option http-buffer-request\n"
SHORT = "    timeout http-request 400ms\n"
FRONT = SHORT + "\nfrontend {name}\n    bind {host}:1000\n    default_backend {name}.b\n"
BACK = "\nbackend {name}.b\n    server s {host}:2000\n"
NOBODY = "\nbackend {name}.b\n"
POSTED = "\nbackend {name}.b\n    balance url_param id\n    server s {host}:2000\n"

POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
PUT = POST.replace(b"POST", b"PUT")
CHUNKS = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECT = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\nX: y\r\n\r\n"
LONG = POST.replace(b"6", b"30000") + b"x" * 20_000
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SERVER, ABSENT, HEAD, FIN, RESET = "server", "absent", "head", "fin", "reset"
Moves = Sequence[bytes | float | str | int]


def tell(name: str, text: str, *moves: bytes | float | str | int) -> None:
    """Register a story: what a client does; SERVER: one is asked, its body has the size that follows; it answers."""

    def play(scene: Scene) -> None:
        """A client sends a body in its own time."""
        door, client = scene.listen(2000), scene.connect()
        rest = iter(moves)
        for move in rest:
            if isinstance(move, bytes):
                client.send(move)
            elif isinstance(move, float):
                time.sleep(move)  # time of the story itself, longer or shorter than the timeouts in its text
            elif move == SERVER:
                link = door.accept()
                head(link)
                size = next(rest)
                assert isinstance(size, int)
                link.reads(size).send(OK)
            elif move == ABSENT:
                door.accept_if(0.05)
            elif move == HEAD:
                head(client)
            elif move == FIN:
                client.finish()
            else:
                client.reset()
        if RESET not in moves:
            client.sock.settimeout(0.25)
            client.ends()
        client.close()
        scene.logged()
        scene.until("FRONTEND", scur=0)

    play.__name__ = name
    story(STORIES, text)(play)


PLACES = {"front": FRONT + WAIT + BACK, "back": FRONT + BACK + WAIT, "strategy": FRONT + POSTED}
for place, text in PLACES.items():
    tell(f"{place}-whole", text, POST + b"abcdef", SERVER, 6)
    tell(f"{place}-in-pieces", text, POST + b"abc", ABSENT, 0.1, b"def", SERVER, 6)
    tell(f"{place}-never", text, POST + b"abc", ABSENT, 0.4)
    tell(f"{place}-client-timeout", text.replace("    bind", "    timeout client 200ms\n    bind"), POST, ABSENT, 0.2)
    tell(f"{place}-left", text, POST + b"abc", 0.1, FIN, ABSENT)
    tell(f"{place}-reset", text, POST + b"abc", 0.1, RESET)
    tell(f"{place}-continue", text, EXPECT, HEAD, b"abcdef", SERVER, 6)
    tell(f"{place}-continue-late", text, EXPECT + b"abcdef", SERVER, 6)
    tell(f"{place}-continue-never", text, EXPECT, HEAD, 0.4)
    tell(f"{place}-chunks", text, CHUNKS + b"3\r\nabc\r\n", ABSENT, b"3\r\ndef\r\n0\r\nFoo: x\r\n\r\n", SERVER, 24)
    tell(f"{place}-bad-chunk", text, CHUNKS + b"3\r\nabc\r\n", 0.1, b"xx\r\n")
    tell(f"{place}-full", "    option http-no-delay\n" + text, LONG, SERVER, 20_000, b"y" * 10_000)
    tell(f"{place}-no-body", text, GET, SERVER, 0)
    tell(f"{place}-empty-body", text, EXPECT.replace(b"Length: 6", b"Length: 0"), SERVER, 0)
    tell(f"{place}-other-method", text, PUT, 0.1, b"abcdef", SERVER, 6)
    tell(f"{place}-nobody", text.replace("    server s {host}:2000\n", ""), EXPECT + b"abc", 0.1, b"def")
    refuses = "    retries 0\n" + text.replace(":2000", ":2001")
    tell(f"{place}-refuses", refuses, EXPECT + b"abc", 0.1, b"def", 0.1)
TIED = POSTED.replace("    server s {host}:2000\n", "    cookie c\n    server s {host}:2000 cookie v\n")
NAMED = POST.replace(b"\r\n\r\n", b"\r\nCookie: c=v\r\n\r\n")
tell("strategy-needless", FRONT + TIED, NAMED, SERVER, 0, b"abcdef")
tell("strategy-unknown-cookie", FRONT + TIED, NAMED.replace(b"=v", b"=w"), ABSENT, b"abcdef", SERVER, 6)
tell("both", FRONT + WAIT + BACK + WAIT, POST + b"abc", 0.1, b"def", SERVER, 6)
tell("all", FRONT + WAIT + POSTED + WAIT, POST + b"abc", 0.1, b"def", SERVER, 6)
tell("slow-head", FRONT + WAIT + BACK, POST[:10], 0.3, POST[10:], 0.3, b"abcdef", SERVER, 6)
tell("timeout-of-the-backend", FRONT + BACK + WAIT + "    timeout http-request 100ms\n", POST, 0.1)
tell("timeout-of-the-frontend-only", FRONT + SHORT.replace("400", "100") + BACK + WAIT, POST, 0.4)
tell("no-timeout", FRONT.replace("400ms", "0") + "    timeout client 300ms\n" + WAIT + BACK, POST, 0.3)
tell("old-version", FRONT + WAIT + BACK, EXPECT.replace(b"HTTP/1.1", b"HTTP/1.0"), 0.1, b"abcdef", SERVER, 6)
tell("other-expectation", FRONT + WAIT + BACK, EXPECT.replace(b"100-c", b"200-c"), 0.1, b"abcdef", SERVER, 6)
tell("expects-twice", FRONT + WAIT + BACK, EXPECT.replace(b"X: y", b"Expect: 100-continue") + b"abcdef", SERVER, 6)
tell("connect", FRONT + WAIT + BACK, b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", SERVER, 0, FIN)
tell("switched-off", FRONT + BACK + WAIT + "    no option http-buffer-request\n", POST, SERVER, 0, b"abcdef")


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Server and client see the same bytes, and lines and counters say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
