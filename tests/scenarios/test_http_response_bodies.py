"""Responses that wait for their body, told beside haproxy: `http-response wait-for-body`."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import (
    AGAIN,
    CLOSE,
    HEAD,
    SERVER,
    SERVER_CLOSE,
    SERVER_FIN,
    SERVER_RESET,
    Move,
    perform,
    story,
)  # fmt: skip

pytestmark = pytest.mark.reference

STORIES = Stories()

FRONT = "\nfrontend {name}\n    bind {host}:1000\n    default_backend {name}.b\n"
BACK = "\nbackend {name}.b\n    server s {host}:2000\n"
WAIT = "    http-response wait-for-body time 400ms"
SHOW = "    http-response set-header x-body %[res.body,hex]:%[res.body_len]\n"
WHOLE = BACK + WAIT + "\n" + SHOW
FOUR = BACK + WAIT + " at-least 4\n" + SHOW
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ASKED = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
SIX = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OPEN = b"HTTP/1.1 200 OK\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"x" * 20_000


def tell(name: str, text: str, *moves: Move, lines: int = 1) -> None:
    """Register a story: what a client and a server do."""

    def play(scene: Scene) -> None:
        """A server sends a body in its own time."""
        perform(scene, moves, lines)

    play.__name__ = name
    story(STORIES, FRONT + text)(play)


for which, text in (("whole", WHOLE), ("four", FOUR)):
    tell(f"{which}-at-once", text, GET, SERVER, (SIX + b"abcdef",), HEAD)
    tell(f"{which}-in-pieces", text, GET, SERVER, (SIX + b"ab",), 0.1, (b"cde",), 0.1, (b"f",), HEAD)
    tell(f"{which}-head-alone", text, GET, SERVER, (SIX,), 0.1, (b"abcdef",), HEAD)
    tell(f"{which}-never", text, GET, SERVER, (SIX + b"abc",), 0.5)
    tell(
        f"{which}-chunks",
        text,
        GET,
        SERVER,
        (CHUNKS + b"3\r\nabc\r\n",),
        0.1,
        (b"3\r\ndef\r\n0\r\nx-t: 1\r\n\r\n",),
        HEAD,
    )
    tell(f"{which}-empty-chunks", text, GET, SERVER, (CHUNKS,), 0.1, (b"0\r\n\r\n",), HEAD)
    tell(f"{which}-until-the-end", text, GET, SERVER, (OPEN + b"abc",), 0.1, (b"def",), SERVER_CLOSE, HEAD)
    tell(f"{which}-empty-until-the-end", text, GET, SERVER, (OPEN,), 0.1, SERVER_CLOSE, HEAD)
    tell(f"{which}-cut", text, GET, SERVER, (SIX + b"abc",), 0.1, SERVER_FIN)
    tell(f"{which}-reset", text, GET, SERVER, (SIX + b"abc",), 0.1, SERVER_RESET)
    tell(
        f"{which}-full",
        text.replace("%[res.body,hex]:%[res.body_len]", "x"),
        GET,
        SERVER,
        (LONG,),
        HEAD,
        (b"y" * 20_000,),
    )
    tell(f"{which}-client-leaves", text, GET, SERVER, (SIX + b"abc",), 0.1, CLOSE, 0.1, (b"def",))
    tell(f"{which}-no-body", text, GET, SERVER, (b"HTTP/1.1 204 No Content\r\n\r\n",), HEAD)
    tell(f"{which}-asked-by-head", text, ASKED, SERVER, (SIX,), HEAD)
    tell(f"{which}-bad-chunk", text, GET, SERVER, (CHUNKS + b"3\r\nabc\r\n",), 0.1, (b"xx\r\n",))
    tell(
        f"{which}-two",
        text,
        GET,
        SERVER,
        (SIX + b"ab",),
        0.1,
        (b"cdef",),
        HEAD,
        GET,
        AGAIN,
        (SIX + b"ghijkl",),
        HEAD,
        lines=2,
    )
TAIL = BACK + WAIT + "\n    http-response "
tell(
    "then-denied",
    TAIL + "deny if {{ res.body -m sub bad }}\n",
    GET,
    SERVER,
    (SIX + b"ab",),
    0.1,
    (b"adef",),
    HEAD,
    GET,
    AGAIN,
    (SIX + b"b",),
    0.1,
    (b"adefg",),
    HEAD,
    lines=2,
)
tell(
    "then-returned",
    TAIL + "return status 299 content-type text/plain string x\n",
    GET,
    SERVER,
    (SIX + b"ab",),
    0.1,
    (b"cdef",),
    HEAD,
)
tell("then-allowed", TAIL + "allow\n" + SHOW, GET, SERVER, (SIX + b"ab",), 0.1, (b"cdef",), HEAD)
tell(
    "allowed-before",
    BACK + "    http-response allow\n" + WAIT + "\n" + SHOW,
    GET,
    SERVER,
    (SIX + b"ab",),
    HEAD,
    (b"cdef",),
)
tell("twice", FOUR + WAIT + "\n" + SHOW.replace("x-body", "x-all"), GET, SERVER, (SIX + b"abcd",), 0.1, (b"ef",), HEAD)
tell(
    "both",
    FOUR.replace("\nbackend", WAIT + "\n" + SHOW + "\nbackend"),
    GET,
    SERVER,
    (SIX + b"abcd",),
    0.1,
    (b"ef",),
    HEAD,
)
tell("not-asked", BACK + WAIT + " if FALSE\n" + SHOW, GET, SERVER, (SIX + b"ab",), HEAD, (b"cdef",))
tell("silent-server", BACK + "    timeout server 200ms\n" + WAIT + "\n", GET, SERVER, (SIX + b"ab",), 0.3)
tell(
    "no-time", BACK + "    timeout server 300ms\n" + WAIT.replace("400ms", "0") + "\n", GET, SERVER, (SIX + b"ab",), 0.4
)


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Server and client see the same bytes, and lines and counters say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
