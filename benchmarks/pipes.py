"""The program in memory: its sessions, ends and codecs over sockets that are two lists (memory.py measures it)."""

from __future__ import annotations

import io
import os
import socket
import tempfile
from collections.abc import Sequence
from errno import EAGAIN
from select import EPOLLIN
from typing import Any

from twisted.internet.task import Clock

from benchmarks.http_load import END
from benchmarks.kinds import Kind
from benchmarks.programs import configuration
from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.report.outlets import Outlet
from tcproxy.report.sinks import Sinks
from tcproxy.service import ProxyService, log_formats
from tcproxy.transport.listeners import FrontendFactory
from tcproxy.transport.protocols import with_servers
from tcproxy.transport.stream_socket import StreamSocket

CLIENTS = 32
"""Connections at a time: all of them ask before the first one is answered."""
NOWHERE = 9
"""The port of servers and of the syslog server, which nobody connects to."""
PEEK = int(socket.MSG_PEEK)


class Pipe:
    """A socket whose other side is the benchmark. given: what is read next; heard: gets the pipe when bytes were sent.

    over: FIN follows what is given.
    """

    __slots__ = ("given", "heard", "number", "over", "sent", "transport")
    family = socket.AF_INET

    def __init__(self, number: int, heard: list[Pipe]) -> None:
        self.number = number
        self.given = b""
        self.heard = heard
        self.over = False
        self.sent: list[bytes] = []
        self.transport: Any = None

    def fileno(self) -> int:
        """Return a number of its own."""
        return self.number

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what was given, all of it."""
        data = self.given
        if not data and not self.over:
            raise BlockingIOError(EAGAIN, "nothing yet")
        if not flags & PEEK:
            self.given = b""
        return data

    def send(self, data: bytes) -> int:
        """Take all that is sent."""
        self.sent.append(data)
        self.heard.append(self)
        return len(data)

    def shutdown(self, how: int) -> None:
        """Take FIN."""

    def close(self) -> None:
        """Take the end: the two let go of each other, or the collector had them to find."""
        self.transport = None

    def setsockopt(self, *words: object) -> None:
        """Take an option."""

    def getsockname(self) -> tuple[str, int]:
        """Return an address."""
        return "127.0.0.1", 80

    def getpeername(self) -> tuple[str, int]:
        """Return an address."""
        return "127.0.0.1", self.number

    def wake(self) -> None:
        """Let the program read, if it waits for that."""
        transport = self.transport
        if transport is not None and transport.interest & EPOLLIN:
            transport.doRead()


class Loop(Clock):
    """What transports know of a reactor; its delayed calls are never due."""

    def watch(self, transport: Any, interest: int) -> None:
        """Note what a transport waits for."""
        transport.interest = interest

    def forget(self, transport: Any) -> None:
        """Wait for nothing."""
        transport.interest = 0


class Told:
    """A syslog server in memory. lines: how many it was sent."""

    fd = False

    def __init__(self) -> None:
        self.dropped = self.lines = 0

    def write(self, line: bytes) -> None:
        """Take a line."""
        self.lines += 1

    def close(self) -> None:
        """Take the end."""


class InMemory:
    """The program with one configuration, in memory.

    asked: the links that a request was sent over and that have not answered it. answered: clients that were sent
    something. sent: what those were sent that are gone.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.numbers = iter(range(1000, 1 << 30))
        self.loop: Any = Loop()
        self.asked: list[Pipe] = []
        self.answered: list[Pipe] = []
        self.sent: list[bytes] = []
        self.told = Told()
        read = _read(configuration(kind, "http", 80, NOWHERE))
        self.service = ProxyService(read, self.loop)
        self.world = self.service.world
        self.world.dial = self.dial
        self._factories: dict[object, Any] = {}
        frontend = self.world.frontends["measured"]
        sinks: Any = Sinks()
        sinks.sink = lambda address: self.told
        model = frontend.model
        frontend.log_with(Outlet(model.log_targets, "haproxy", None, sinks), *log_formats(model))
        self.entry = FrontendFactory(frontend.binds[0])
        self.clients: list[Pipe] = []

    def dial(self, session: Any, server: Any) -> Any:
        """Make a link, which stands at once."""
        factory = self._factories.get(session.server)
        if factory is None:
            proxy = session.backend.model
            factory = with_servers(proxy).links(self.loop, session.server.model, proxy, self.entry.limit, None, {})
            self._factories[session.server] = factory
        return factory.open(session, self._transport(Pipe(next(self.numbers), self.asked)), standing=True)

    def connect(self) -> Pipe:
        """Let a client in."""
        pipe = Pipe(next(self.numbers), self.answered)
        transport = self._transport(pipe)
        self.entry.buildProtocol(pipe.getpeername()).makeConnection(transport)
        transport.startReading()
        return pipe

    def _transport(self, pipe: Pipe) -> StreamSocket:
        connection: Any = pipe
        pipe.transport = StreamSocket(self.loop, connection, pipe.getpeername())
        transport: StreamSocket = pipe.transport
        return transport

    # exchanges

    def play(self, requests: Sequence[bytes], answers: Sequence[bytes]) -> None:
        """Exchange them, as many at a time as there are clients."""
        play = self._once if self.kind.load == "single" else self._kept
        for at in range(0, len(requests), CLIENTS):
            play(requests[at : at + CLIENTS], answers[at : at + CLIENTS])

    def _kept(self, requests: Sequence[bytes], answers: Sequence[bytes]) -> None:
        while len(self.clients) < len(requests):
            self.clients.append(self.connect())
        for client, request in zip(self.clients, requests, strict=False):
            client.given = request
            client.wake()
        asked = self.asked[:]
        self.asked.clear()
        if not asked:
            return  # the proxy answers itself
        for link, answer in zip(asked, answers, strict=True):
            link.given = answer
            link.wake()

    def _once(self, requests: Sequence[bytes], answers: Sequence[bytes]) -> None:
        clients = []
        for request in requests:
            client = self.connect()
            client.given = request
            client.wake()
            clients.append(client)
        asked = self.asked[:]
        self.asked.clear()
        for link, answer in zip(asked, answers, strict=True):
            link.given = answer
            link.over = True
            link.wake()
        for pipe in (*clients, *asked):
            pipe.over = True
            pipe.wake()
        # the pipes are not kept, since nothing keeps a connection that is closed
        for client in clients:
            self.sent += client.sent
        self.answered.clear()

    def check(self, number: int) -> None:
        """See that so many answers have come, and lines of the log; raises RuntimeError."""
        data = b"".join([*self.sent, *(piece for pipe in dict.fromkeys(self.answered) for piece in pipe.sent)])
        came, ends = data.count(b"HTTP/1.1 200 OK\r\n"), data.count(END)
        lines = self.told.lines if self.kind.logged else number
        if (came, ends, lines) != (number, number, number):
            raise RuntimeError(f"{came} answers, {ends} ends and {lines} lines of {number} exchanges: {data[:300]!r}")
        for pipe in self.answered:
            pipe.sent.clear()
        self.answered.clear()
        self.sent.clear()
        self.told.lines = 0


def _read(text: str) -> Any:
    """Return a configuration given as text."""
    said = io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(text)
        file.flush()
        read = language.read([file.name], Environment(os.environ), Diagnostics(os.getpid(), said))
    if read is None:
        raise ValueError(said.getvalue())
    return read
