"""Clients that leave within a response, and servers that answer within a request, told beside haproxy.

A client that leaves a large response is noticed at once, whether its bytes pass by splice, as a copy or in chunks, and
so is each client with `option abortonclose`. The answer of a server that closes within a large request is passed on.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program
from tests.scenarios.actors import Actor
from tests.scenarios.beside import Play, Scene, Stories, Told, differences
from tests.scenarios.test_http_lines import read_head

pytestmark = pytest.mark.reference

STORIES = Stories()

DEFAULTS = """
defaults
    mode http
    option httplog
    log {host}:514 local0
    timeout connect 1500ms
    timeout client 2500ms
    timeout server 2500ms
    retries 1
    option http-no-delay
"""
LISTEN = """
listen {name}
    bind {host}:1000
    server s {host}:2000
"""
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MUCH = 1 << 28
"""Bytes: more than all buffers on the way hold."""
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MUCH
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % MUCH
UNKNOWN = b"HTTP/1.1 200 OK\r\n\r\n"
SOME = 400_000
"""Bytes that a client reads of a large response before it leaves."""

WAYS: dict[str, Callable[[Actor], object]] = {"resets": Actor.reset, "closes": Actor.close, "finishes": Actor.finish}
"""How a client leaves: a large response is left with bytes that were not read, so closing is a reset, too."""


def tell(name: str, text: str, play: Play, settings: str = "", apart: tuple[str, ...] = ()) -> None:
    """Register a story. settings: of the global section."""
    play.__name__ = name
    play.__doc__ = play.__doc__ or name
    apart = (*apart, "h1_open_connections", "idle_conn_cur", "srv_icur")
    STORIES.story(DEFAULTS + text, bare=True, settings=settings, apart=apart)(play)


def ended(scene: Scene) -> None:
    """Wait for the line and for the end of it all; how many bytes passed is not compared."""
    scene.logged()
    scene.until("FRONTEND", scur=0)
    lines = scene.read_log()
    lines[:] = [replace(line, text=re.sub(r" \d+ (?=- - |[CScs]D )", " MUCH ", line.text)) for line in lines]


# a client leaves a large response


def leaves_download(way: str, head: bytes) -> Play:
    """Return the story of a client that reads the beginning of a large response, and leaves."""

    def play(scene: Scene) -> None:
        """CD at once: the client leaves a large response, and its server's connection is closed."""
        door, client = scene.listen(2000), scene.connect(buffer=65536).send(GET)
        link = door.accept()
        read_head(link)
        link.send(head)
        read_head(client)
        scene.timed = False  # how long it takes to fill all buffers
        _flood_and_read(link, client)
        with scene.lasting():
            WAYS[way](client)
            link.ends(reset=False)
            ended(scene)

    return play


def _flood_and_read(source: Actor, sink: Actor) -> None:
    """Let one side send as much as is taken, and the other read some of it, and no more."""
    source.flood()
    read = 0
    while read < SOME:
        read += len(sink.sock.recv(65536))
    source.flood()


for _way in ("resets", "closes"):
    for _kind, _head in {"length": LENGTH, "chunks": CHUNKED, "unknown": UNKNOWN}.items():
        tell(f"download_of_{_kind}_{_way}", LISTEN, leaves_download(_way, _head), apart=("bout",))
    tell(f"download_copied_{_way}", LISTEN, leaves_download(_way, LENGTH), "    nosplice\n", ("bout",))
    tell(
        f"download_by_tcp_{_way}", LISTEN + "    mode tcp\n    option tcplog\n", leaves_download(_way, LENGTH),
        apart=("bout",),
    )  # fmt: skip
    tell(
        f"download_of_closed_{_way}", LISTEN + "    option httpclose\n    option splice-response\n",
        leaves_download(_way, LENGTH), apart=("bout",),
    )  # fmt: skip


def _next_in_line(scene: Scene) -> None:
    """The slot of a server is free at once for who waits behind a client that leaves a large response."""
    door, client = scene.listen(2000), scene.connect(buffer=65536).send(GET)
    link = door.accept()
    read_head(link)
    link.send(LENGTH)
    read_head(client)
    _flood_and_read(link, client)
    scene.timed = False  # how long it takes to fill all buffers
    waiting = scene.connect(name="waiting").send(GET)
    scene.until("BACKEND", qcur=1)
    with scene.lasting():
        client.reset()
        following = door.accept()
        read_head(following)
        following.send(OK)
        read_head(waiting)
        waiting.reads(2)
    waiting.close()
    scene.logged()
    ended(scene)


tell("next_in_line", LISTEN.rstrip() + " maxconn 1\n", _next_in_line, apart=("bout",))


def _reads_to_the_end(scene: Scene) -> None:
    """A client that sends FIN within a large response gets all of it."""
    door, client = scene.listen(2000), scene.connect(buffer=65536).send(GET)
    link = door.accept()
    read_head(link)
    link.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
    read_head(client)
    scene.timed = False  # how long so many bytes take
    sending = threading.Thread(target=link.send, args=(b"x" * 20_000_000,))
    sending.start()
    client.reads(SOME).finish()
    client.reads(20_000_000 - SOME)
    sending.join()
    client.ends()
    ended(scene)


tell("reads_to_the_end", LISTEN, _reads_to_the_end)


# a server leaves a large request


def leaves_upload(way: str) -> Play:
    """Return the story of a server that reads the beginning of a large request, and leaves."""

    def play(scene: Scene) -> None:
        """SD or SH at once: the server leaves a large request."""
        door, client = scene.listen(2000, buffer=65536), scene.connect()
        client.send(POST.replace(b"3000000", b"%d" % MUCH))
        link = door.accept()
        read_head(link)
        _flood_and_read(client, link)
        scene.timed = False  # how long it takes to fill all buffers
        with scene.lasting():
            WAYS[way](link)
            scene.logged()
            scene.until("FRONTEND", scur=0)

    return play


for _way in ("resets", "closes"):
    tell(f"upload_{_way}", LISTEN, leaves_upload(_way), apart=("bin",))


# a server answers within a large request


REST = 400_000


def answers_early(sent: int, way: str) -> Play:
    """Return the story of a server that answers and leaves when it has read so many bytes of a body."""

    def play(scene: Scene) -> None:
        """SD: the server answers within a large body, and leaves; the client reads the answer, and FIN.

        The rest is one write that the kernel takes whole before it looks at a reset: below 16 segments of 64 KiB.
        With a larger rest, either program is done before the client has written it, once in a while.
        """
        door, client = scene.listen(2000), scene.connect()
        client.send(POST.replace(b"3000000", b"%d" % (sent + REST)) + b"x" * sent)
        link = door.accept()
        read_head(link)
        link.reads(sent)
        link.send(OK)
        WAYS[way](link)
        read_head(client)
        client.reads(2)
        client.send(b"x" * REST)
        client.ends()
        client.close()
        if way == "finishes":
            link.ends(reset=False)
        ended(scene)

    return play


for _sent in (10_000, 100_000, 300_000, 1_000_000):
    for _way in ("closes", "finishes"):
        tell(f"early_answer_{_sent}_{_way}", LISTEN, answers_early(_sent, _way), apart=("bin",))


def answers_and_waits(pieces: int, size: int = 3_000_000, leave: str = "closes") -> Play:
    """Return the story of a server that answers and closes within a body, of which so many pieces come then."""

    def play(scene: Scene) -> None:
        """The server's connection breaks behind its answer, and the client stays."""
        door, client = scene.listen(2000), scene.connect()
        client.send(POST.replace(b"3000000", b"%d" % size) + b"x" * 1000)
        link = door.accept()
        read_head(link)
        link.reads(1000).send(OK)
        read_head(client)
        client.reads(2)
        WAYS[leave](link)
        with scene.lasting():
            for _ in range(pieces):
                client.quiet(0.1).send(b"x" * 1000)
            client.ends()
        client.close()
        ended(scene)

    return play


for _pieces in range(3):
    for _way in ("closes", "resets"):
        tell(f"stays_{_pieces}_{_way}", LISTEN, answers_and_waits(_pieces, leave=_way), apart=("bin",))


for _way in ("closes", "resets"):
    tell(f"stays_to_the_end_{_way}", LISTEN, answers_and_waits(1, 2000, _way), apart=("bin",))

# option abortonclose

ABORT = LISTEN + "    option abortonclose\n"
BEGUN = {
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "event": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab",
    "unknown": b"HTTP/1.1 200 OK\r\n\r\nab",
}


def leaves_silence(way: str, answer: bytes = b"", request: bytes = GET) -> Play:
    """Return the story of a client that leaves while its server is silent, when it has heard `answer`."""

    def play(scene: Scene) -> None:
        """The client leaves while its server is silent."""
        door, client = scene.listen(2000), scene.connect().send(request)
        link = door.accept()
        read_head(link)
        if answer:
            link.send(answer)
            read_head(client)
            client.reads(len(answer.partition(b"\r\n\r\n")[2]))
        with scene.lasting():
            WAYS[way](client)
            link.ends(reset=False)
            scene.logged()
            scene.until("FRONTEND", scur=0)

    return play


def leaves_connecting(way: str) -> Play:
    """Return the story of a client that leaves while its server's connection is not there."""

    def play(scene: Scene) -> None:
        """CC: the client leaves while its server does not answer the connection."""
        scene.blackhole()
        client = scene.connect().send(GET)
        scene.until("BACKEND", scur=1)
        with scene.lasting():
            WAYS[way](client)
            scene.logged()
            scene.until("FRONTEND", scur=0)

    return play


def leaves_queue(way: str) -> Play:
    """Return the story of a client that leaves while it waits for the slot of another one."""

    def play(scene: Scene) -> None:
        """CQ: the client leaves the queue."""
        door, client = scene.listen(2000), scene.connect().send(GET)
        link = door.accept()
        read_head(link)
        waiting = scene.connect(name="waiting").send(GET)
        scene.until("BACKEND", qcur=1)
        with scene.lasting():
            WAYS[way](waiting)
            scene.logged()
        link.send(OK)
        read_head(client)
        client.reads(2).close()
        scene.logged()
        scene.until("FRONTEND", scur=0)

    return play


def leaves_second(way: str) -> Play:
    """Return the story of a client that leaves within its second request."""

    def play(scene: Scene) -> None:
        """The client leaves while the answer of its second request is waited for."""
        door, client = scene.listen(2000), scene.connect().send(GET)
        link = door.accept()
        read_head(link)
        link.send(OK)
        read_head(client)
        client.reads(2).send(GET)
        read_head(link)
        with scene.lasting():
            WAYS[way](client)
            link.ends(reset=False)
            scene.logged(2)
            scene.until("FRONTEND", scur=0)

    return play


for _way in WAYS:
    tell(f"aborts_queued_{_way}", ABORT.replace("s {host}:2000", "s {host}:2000 maxconn 1"), leaves_queue(_way))
    tell(f"aborts_second_{_way}", ABORT, leaves_second(_way))
    tell(f"aborts_pipelined_{_way}", ABORT, leaves_silence(_way, request=GET + GET))
    tell(f"stays_second_{_way}", LISTEN, leaves_second(_way))
    for _option, _text in {"aborts": ABORT, "stays": LISTEN}.items():
        tell(f"{_option}_waiting_{_way}", _text, leaves_silence(_way))
        tell(f"{_option}_connecting_{_way}", _text, leaves_connecting(_way))
        for _kind, _answer in BEGUN.items():
            tell(f"{_option}_{_kind}_{_way}", _text, leaves_silence(_way, _answer))
    for _word in ("splice-response", "httpclose", "http-server-close"):
        _text = f"{ABORT}    option {_word}\n"
        tell(f"aborts_{_word.replace('-', '_')}_{_way}", _text, leaves_silence(_way, BEGUN["event"]))


# how many answers come through, which is chance

MANY = 10
"""Clients, one after another."""
BODIES = {
    "length": b"Content-Length: 2500000\r\n\r\n" + b"x" * 2_500_000,
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n2625a0\r\n" + b"x" * 2_500_000 + b"\r\n0\r\n\r\n",
}
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nok"


def refuse(door: socket.socket) -> None:
    """Answer each request when the first of it is read, and close: with bytes unread, which resets the connection."""
    with contextlib.suppress(OSError):
        while True:
            with door.accept()[0] as link:
                link.recv(4096)
                link.sendall(REFUSAL)


def hears_refusal(port: int, body: bytes) -> bool:
    """Return whether a client that sends all of a large body before it reads gets the answer."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, contextlib.suppress(OSError):
        with contextlib.suppress(OSError):
            client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\n" + body)
        return client.recv(65536).startswith(b"HTTP/1.1 413 ")
    return False


@pytest.mark.parametrize("kind", list(BODIES))
def test_early_answers_come_through_as_often(kind: str, tmp_path: Path) -> None:
    """Of clients whose server answers at once and resets, at least half as many hear the answer as with haproxy."""
    heard = {}
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=refuse, args=(door,), daemon=True).start()
        for name in (HAPROXY, TCPROXY):
            port = free_port()
            listen = f"listen l\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{door.getsockname()[1]}\n"
            (tmp_path / "a.cfg").write_text(
                f"defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n{listen}"
            )
            with program(name, "-db", "-f", str(tmp_path / "a.cfg"), port=port):
                heard[name] = sum(hears_refusal(port, BODIES[kind]) for _ in range(MANY))
    assert heard[TCPROXY] >= MANY // 4 and 2 * heard[TCPROXY] >= heard[HAPROXY], heard


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """What clients and servers see, the log line, its times and the counters are the same with either program."""
    assert not differences(told[name])
