"""Exchanges of HTTP mode, played against haproxy and against tcproxy: what client and server see, the log line,
and the counters.

All plays run at the same time, each in a section of its own.
"""

from __future__ import annotations

import csv
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.running import HAPROXY, TCPROXY, program
from tests.scenarios.beside import order
from tests.scenarios.likeness import rows_of
from tests.transport.running import wait_for

pytestmark = pytest.mark.reference

GLOBAL = """
global
    stats socket {control} level admin
    nbthread 1
    log 127.0.0.1:{log} format raw local0
defaults
    mode http
    log global
    timeout client 600ms
    timeout server 600ms
    timeout connect 300ms
    timeout http-request 400ms
    timeout queue 200ms
    option socket-stats
    retries 1
"""
LINE = (
    "%f %b/%s %TR/%Tw/%Tc/%Tr/%Ta/%Ti %ST %B %U %CC %CS %tsc %fc/%bc/%sc/%rc %sq/%bq %HM %HU %HV %{+Q}r"
)

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
CHUNKS = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nabc"
UPGRADE = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello"
SLOW = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
CLOSE, FIN, RESET = "close", "fin", "reset"
FIRST_PORT = 10001
PAUSE = 0.11
"""Seconds: long against what a machine needs, short against the timeouts."""

Move = bytes | float | str


@dataclass
class Play:
    """What a client does (bytes to send, pauses, an end), and how the server answers each request: by as much.

    A server that answers its requests differently has a tuple for each; the last one holds for all that follow.

    words: of the section. server: None for no server at all, "refuses" for one that nobody listens at.
    """

    name: str
    client: tuple[Move, ...]
    server: tuple[Any, ...] | str | None = (OK,)
    words: str = ""


PLAYS = (
    Play("one request", (GET,)),
    Play("two requests", (GET, PAUSE, GET)),
    Play("pipelined", (GET * 3,)),
    Play("left behind a request", (GET, FIN)),
    Play("silent client", ()),
    Play("half a request", (b"GET",)),
    Play("half a second request", (GET, PAUSE, b"GET")),
    Play("leaves within a request", (b"GET", PAUSE, CLOSE)),
    Play("fin within a request", (b"GET", PAUSE, FIN)),
    Play("leaves without a request", (PAUSE, CLOSE)),
    Play("resets without a request", (PAUSE, RESET)),
    Play("leaves without a request, dontlognull", (PAUSE, CLOSE), words="option dontlognull"),
    Play("silent client, dontlognull", (), words="option dontlognull"),
    Play("ignored probe", (PAUSE, CLOSE), words="option http-ignore-probes"),
    Play("ignored silence", (), words="option http-ignore-probes"),
    Play("keep-alive timeout", (GET,), words="timeout http-keep-alive 150ms"),
    Play("bad request", (b"GET x\r\n\r\n",)),
    Play("bad second request", (GET, PAUSE, b"GET x\r\n\r\n")),
    Play("no server", (GET, PAUSE, GET), None),
    Play("no server, HEAD", (b"HEAD / HTTP/1.1\r\n\r\n",), None),
    Play("no server, 1.0", (b"GET / HTTP/1.0\r\n\r\n",), None),
    Play("no server, body to come", (POST, PAUSE, b"abc"), None),
    Play("server refuses", (GET,), "refuses"),
    Play("server closes", (GET,), (CLOSE,)),
    Play("server closes the second", (GET, PAUSE, GET), ((OK,), (CLOSE,))),
    Play("server resets", (GET,), (RESET,)),
    Play("server resets the second", (GET, PAUSE, GET), ((OK,), (RESET,))),
    Play("server talks nonsense", (GET,), (b"FOO\r\n\r\n", PAUSE, CLOSE)),
    Play("server is silent", (GET,), (1.5,)),
    Play("server is silent, client leaves", (GET, PAUSE, CLOSE), (1.5,)),
    Play("server is silent, client resets", (GET, PAUSE, RESET), (1.5,)),
    Play("abortonclose", (GET, PAUSE, CLOSE), (1.5,), "option abortonclose"),
    Play("server stops in a body", (GET,), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", PAUSE, CLOSE)),
    Play("server stalls in a body", (GET,), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 1.5)),
    Play("server resets in a body", (GET,), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", PAUSE, RESET)),
    Play("client resets in a body", (GET, PAUSE, RESET), (SLOW, PAUSE, PAUSE, b"d", PAUSE, b"e", PAUSE, b"f", PAUSE)),
    Play("client closes in a body", (GET, PAUSE, CLOSE), (SLOW, PAUSE, PAUSE, b"d", PAUSE, b"e", PAUSE, b"f", PAUSE)),
    Play("nothing but an interim answer", (GET,), (b"HTTP/1.1 103 Early\r\n\r\n", PAUSE, CLOSE)),
    Play("odd statuses", (GET, PAUSE, GET), ((OK.replace(b"200", b"999"),), (OK.replace(b"200", b"404"),))),
    Play("chunked answer", (GET,), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",)),
    Play("half a chunk", (GET,), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na", PAUSE, CLOSE)),
    Play("bad chunk", (GET,), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", PAUSE, b"zz\r\n", PAUSE)),
    Play("close-delimited", (GET,), (b"HTTP/1.1 200 OK\r\n\r\nabcdef", CLOSE)),
    Play("close-delimited, 1.0", (b"GET / HTTP/1.0\r\n\r\n",), (b"HTTP/1.0 200 OK\r\n\r\nabcdef", CLOSE)),
    Play("kept 1.0", (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", PAUSE, GET)),
    Play("HEAD", (b"HEAD / HTTP/1.1\r\n\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n",)),
    Play("204", (GET, PAUSE, GET), (b"HTTP/1.1 204 No\r\n\r\n",)),
    Play("304", (GET,), (b"HTTP/1.1 304 Not\r\nContent-Length: 30\r\n\r\n",)),
    Play("100-continue", (POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"), PAUSE, b"abcdef"),
         (b"HTTP/1.1 100 Continue\r\n\r\n", PAUSE, 0.1, OK)),
    Play("early answer", (POST, b"abc", PAUSE, b"def", PAUSE, GET), (OK,)),
    Play("early answer, body never comes", (POST, b"abc"), (OK,)),
    Play("body never comes", (POST, b"abc"), (1.5,)),
    Play("body never comes, impatient client", (POST, b"abc"), (1.5,), "timeout client 200ms"),
    Play("body stalls, then goes on", (POST, b"abc", 0.4, b"def"), (0.5, OK), "timeout client 200ms"),
    Play("body never comes, answer does", (POST, b"abc"), (PAUSE, OK), "timeout client 300ms"),
    Play("body cut short", (POST, b"abc", PAUSE, FIN), (1.5,)),
    Play("chunked request", (CHUNKS, b"3\r\nabc\r\n", PAUSE, b"0\r\n\r\n"), (PAUSE, PAUSE, OK)),
    Play("request body reset", (POST, b"abc", PAUSE, RESET), (1.5,)),
    Play("bad chunk in a request, later", (CHUNKS + b"3\r\nabc\r\n", PAUSE, b"zz\r\n"), (1.5,)),
    Play("bad chunk in a request", (CHUNKS + b"zz\r\n",)),
    Play("upgrade", (UPGRADE, PAUSE, b"abc", PAUSE), (SWITCH, PAUSE, PAUSE, b"bye", FIN, 0.3)),
    Play("a tunnel in silence", (UPGRADE, PAUSE), (SWITCH, 1.5)),
    Play("a tunnel that is reset", (UPGRADE, PAUSE, PAUSE, PAUSE), (SWITCH, PAUSE, RESET)),
    Play("CONNECT", (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", PAUSE, b"x"),
         (b"HTTP/1.1 200 OK\r\n\r\n", PAUSE, PAUSE, CLOSE)),
    Play("upgrade refused", (UPGRADE, PAUSE, GET), (OK,)),
    Play("httpclose", (GET,), words="option httpclose"),
    Play("http-server-close", (GET, PAUSE, GET), words="option http-server-close"),
    Play("server says close", (GET, PAUSE, GET), (OK.replace(b"Server: x", b"Connection: close"), CLOSE)),
    Play("client says close", (GET.replace(b"Host: a", b"Connection: close"),)),
    Play("odd target", (b'GET /"a|b{}?q=1 HTTP/1.1\r\nHost: a\r\n\r\n',)),
    Play("spaces", (b"\r\n\r\n" + GET,)),
)  # fmt: skip


@dataclass
class Seen:
    """What came of a play."""

    client: bytes = b""
    end: str = ""
    server: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rows: dict[str, dict[str, str]] = field(default_factory=dict)


class Actors:
    """The servers of all plays, and the log, around one program."""

    def __init__(self, host: str, control: Path) -> None:
        self.host, self.control = host, control
        self.seen = {number: Seen() for number in range(len(PLAYS))}
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind(("127.0.0.1", 0))
        self.log.settimeout(0.1)
        self.stopped = False
        self.sockets: list[socket.socket] = []
        self.ports: list[int] = []
        self._listener = self._start(self._listen)

    def _start(self, call: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=call, args=arguments, daemon=True)
        thread.start()
        return thread

    def configuration(self) -> str:
        """Return the configuration of all plays; the log line of each begins with its number."""
        text = GLOBAL.format(log=self.log.getsockname()[1], control=self.control)
        for number, play in enumerate(PLAYS):
            self.ports.append(FIRST_PORT + number)
            bind = f"bind {self.host}:{self.ports[-1]}"
            text += f"listen p{number}\n    {bind}\n    log-format '{LINE}'\n    {play.words}\n"
            if play.server is not None:
                port = FIRST_PORT - 1 if play.server == "refuses" else self._serve(number, play)
                text += f"    server s {self.host}:{port}\n"
        return text

    def _serve(self, number: int, play: Play) -> int:
        server = socket.create_server((self.host, 0))
        self.sockets.append(server)
        self._start(self._accept, server, number, play)
        port: int = server.getsockname()[1]
        return port

    def _accept(self, server: socket.socket, number: int, play: Play) -> None:
        moves = list(play.server) if isinstance(play.server, tuple) else []
        while not self.stopped:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self._start(self._answer, connection, number, moves)

    def _answer(self, connection: socket.socket, number: int, moves: list[Any]) -> None:
        seen = self.seen[number]
        connection.settimeout(5)
        try:
            while data := _head(connection):
                seen.server.append(data)
                answer = moves[0] if moves and isinstance(moves[0], tuple) else moves
                if answer is not moves and len(moves) > 1:
                    moves.pop(0)
                if _perform(connection, answer):
                    return
        except OSError:
            pass
        finally:
            connection.close()

    def _listen(self) -> None:
        while True:
            try:
                line = self.log.recv(9000).decode()
            except TimeoutError:
                if self.stopped:
                    return
                continue
            except OSError:
                return
            name, _, rest = line.partition(" ")
            if re.fullmatch(r"p\d+", name):
                self.seen[int(name[1:])].lines.append(_plain(rest.strip()))

    def play(self, number: int) -> None:
        """Perform a play."""
        play, seen = PLAYS[number], self.seen[number]
        connection = socket.create_connection((self.host, self.ports[number]))
        connection.settimeout(1.0)
        if not _perform(connection, play.client):
            seen.client, seen.end = _all(connection)
            connection.close()
        wait_for(lambda: self._is_over(number), what=f"the end of {play.name}")

    def _is_over(self, number: int) -> bool:
        """Return whether no session of a play is left, so that all its lines are written."""
        table = order(self.control, f"show stat p{number} -1 -1").removeprefix("# ")
        rows = [row for row in csv.DictReader(table.splitlines()) if row["pxname"] == f"p{number}"]
        assert rows
        return not any(int(row["scur"] or 0) for row in rows)

    def read_counters(self) -> None:
        """Put down the rows of `show stat` of each play."""
        table = order(self.control, "show stat")
        for number, seen in self.seen.items():
            seen.rows = rows_of(table, f"p{number}")

    def close(self) -> None:
        """Close everything."""
        self.stopped = True
        self._listener.join()  # it reads what is there
        self.log.close()
        for server in self.sockets:
            server.close()


def _perform(connection: socket.socket, moves: Sequence[Any]) -> bool:
    """Do these; True when the connection is closed then."""
    for move in list(moves):
        if isinstance(move, float):
            time.sleep(move)  # time of the play itself, longer or shorter than its timeouts
        elif isinstance(move, bytes):
            connection.sendall(move)
        elif move == FIN:
            connection.shutdown(socket.SHUT_WR)
        else:
            if move == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return True
    return False


def _head(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        data += byte
    return data


def _all(connection: socket.socket) -> tuple[bytes, str]:
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except TimeoutError:
        return data, "open"
    except OSError as error:
        return data, type(error).__name__
    return data, "fin"


def _plain(line: str) -> str:
    """Return a line with its times in steps of 100 ms."""

    def stepped(matched: re.Match[str]) -> str:
        return "/".join(word if word == "-1" else str((int(word) + 40) // 100) for word in matched[0].split("/"))

    return re.sub(r"(?:-?\d+/){5}-?\d+", stepped, line, count=1)


def _run(actors: Actors, numbers: Sequence[int]) -> None:
    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(actors.play, numbers))


@contextmanager
def _program(name: str, text: str, folder: Path) -> Iterator[None]:
    path = folder / f"{name}.cfg"
    path.write_text(text)
    words = [HAPROXY if name == "haproxy" else TCPROXY, "-db", "-f", str(path)]
    with program(*words):
        yield


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, Seen]]:
    """Run all plays around both programs; those that differ again, since a busy machine is late at times."""
    found: dict[str, dict[int, Seen]] = {"haproxy": {}, "tcproxy": {}}
    numbers = list(range(len(PLAYS)))
    for _ in range(3):
        for name, seen in _perform_all(numbers, tmp_path_factory).items():
            found[name].update(seen)
        numbers = [number for number in numbers if found["tcproxy"][number] != found["haproxy"][number]]
        if not numbers:
            break
    return found


def _perform_all(numbers: Sequence[int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, Seen]]:
    """Run these plays around both programs."""
    found = {}
    for place, name in enumerate(("haproxy", "tcproxy")):
        # an address of their own, so that no port of the plays is anybody else's
        folder = tmp_path_factory.mktemp(name)
        actors = Actors(f"127.{os.getpid() >> 8 & 127 | 64}.{os.getpid() & 255}.{place + 1}", folder / "control")
        with _program(name, actors.configuration(), folder):
            wait_for(lambda actors=actors: _serves(actors.control), "the program")
            _run(actors, numbers)
            actors.read_counters()
        actors.close()
        found[name] = {number: actors.seen[number] for number in numbers}
    return found


def _serves(control: Path) -> bool:
    try:
        return "Uptime" in order(control, "show info")
    except OSError:
        return False


@pytest.mark.parametrize("number", range(len(PLAYS)), ids=[play.name for play in PLAYS])
def test_an_exchange_is_the_same(number: int, both: dict[str, dict[int, Seen]]) -> None:
    """Client and server see the same bytes and ends with either program; log and counters say the same."""
    assert both["tcproxy"][number] == both["haproxy"][number]
