"""A proxy in memory: its sessions, ends and codecs are those of the program, its sockets are lists of pieces.

What comes in one piece is read in one piece, and nothing happens between two moves of a test: cuts can be chosen to the
byte, thousands of conversations a second can be played, and an error in the program is an error in the test.
"""

from __future__ import annotations

import errno
import itertools
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from select import EPOLLIN, EPOLLOUT
from typing import Any
from unittest import mock

from twisted.internet.task import Clock

from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Balance, Proxy
from tcproxy.model.server import Server
from tcproxy.report import formats
from tcproxy.servers.farm import Farm
from tcproxy.session.backend import Backend
from tcproxy.session.frontend import Frontend
from tcproxy.session.world import World
from tcproxy.transport.listeners import FrontendFactory
from tcproxy.transport.protocols import with_servers
from tcproxy.transport.stream_socket import StreamSocket

FORM = "%ST %ts %B %U %{+Q}r"


class PipeSocket:
    """A socket whose other side is the test: it puts pieces into `inbox`, and finds in `sent` what was sent.

    ended: FIN follows the pieces. broken: RST came. shut: we sent FIN. room: bytes that may be sent, -1 for any.
    """

    numbers = itertools.count(1000)
    family = socket.AF_INET

    def __init__(self) -> None:
        self.number = next(self.numbers)
        self.inbox: list[bytes] = []
        self.sent = b""
        self.ended = self.broken = self.shut = self.closed = False
        self.room = -1

    def fileno(self) -> int:
        """Return a number of its own."""
        return self.number

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the next piece, or what fits of it."""
        if self.broken:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if not self.inbox:
            if self.ended:
                return b""
            raise BlockingIOError(errno.EAGAIN, "nothing yet")
        piece = self.inbox[0]
        if not flags & socket.MSG_PEEK:
            self.inbox[:1] = [piece[size:]] if len(piece) > size else []
        return piece[:size]

    def send(self, data: Any) -> int:
        """Take bytes, as far as there is room."""
        if self.broken or self.closed:
            raise BrokenPipeError(errno.EPIPE, "broken")
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        size = len(data) if self.room < 0 else min(len(data), self.room)
        self.sent += bytes(data[:size])
        self.room -= size if self.room > 0 else 0
        return size

    def shutdown(self, how: int) -> None:
        """Take our FIN."""
        self.shut = True

    def close(self) -> None:
        """Take our close."""
        self.closed = self.shut = True

    def getsockopt(self, *names: int) -> int:
        """Return 0: there is no error waiting."""
        return 0

    def setsockopt(self, *names: Any) -> None:
        """Take whatever is set."""

    def getsockname(self) -> tuple[str, int]:
        """Return an address."""
        return "192.0.2.254", 80

    def getpeername(self) -> tuple[str, int]:
        """Return an address."""
        return "192.0.2.1", self.number

    @property
    def readable(self) -> bool:
        """There is something to read."""
        return bool(self.inbox or self.ended or self.broken) and not self.closed


TIMED = ("opening", "relay", "stream_socket", "http1.client", "http1.ends", "http1.server")
"""Modules of transport that read the clock of the machine, which stands still here."""


@contextmanager
def in_memory(**words: Any) -> Iterator[MemoryProxy]:
    """Run a proxy in memory until the block ends."""
    proxy = MemoryProxy(**words)
    with ExitStack() as stack:
        for name in TIMED:
            stack.enter_context(mock.patch(f"tcproxy.transport.{name}.monotonic", proxy.clock.seconds))
        yield proxy


class MemoryProxy:
    """One frontend in HTTP mode with one server.

    links: the sockets to the server, in the order in which they were made. lines: of the log.
    """

    def __init__(self, **words: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.lines: list[str] = []
        self.links: list[PipeSocket] = []
        self.transports: list[StreamSocket] = []
        address = Address(Family.INET, "192.0.2.10", 80, 80, has_port=True)
        server = Server("s1", address, 1)
        self.proxy = Proxy(
            "listen", "web", mode="http", timeouts={"connect": 5000, "client": 20_000, "server": 20_000},
            binds=(Bind(address, id=1),), servers=(server,), balance=Balance("roundrobin", None, RoundRobin()), **words,
        )  # fmt: skip
        self.world = World(Configuration(Global(), (self.proxy,)), self.clock, 0.0, self.clock.seconds())
        self.world.dial = self.dial
        self.farm = Farm(self.proxy, self.clock, self.world.announce)
        self.world.farms["web"] = self.farm
        self.frontend = Frontend(self.proxy, self.world)
        self.backend = Backend(self.farm)
        self.frontend.route({"web": self.backend})
        self.frontend.log_with(self, formats.compile(FORM, http=True), None, formats.error_format())  # type: ignore[arg-type]
        self.entry = FrontendFactory(self.frontend.entrances[0])
        self.dialler = with_servers(self.proxy).links(self, server, self.proxy, self.entry.limit, None, {})

    def send(self, level: int, message: str, data: str = "") -> None:
        """Take a log line, as an outlet."""
        self.lines.append(message)

    def dial(self, session: Any, server: Any) -> Any:
        """Make a link, which stands at once."""
        self.links.append(PipeSocket())
        return self.dialler.open(session, self._transport(self.links[-1]), standing=True)

    def connect(self) -> PipeSocket:
        """Let a client in."""
        client = PipeSocket()
        transport = self._transport(client)
        self.entry.buildProtocol(client.getpeername()).makeConnection(transport)
        transport.startReading()
        self.turn()
        return client

    def _transport(self, connection: Any) -> StreamSocket:
        transport = StreamSocket(self, connection, connection.getpeername())  # type: ignore[arg-type]
        self.transports.append(transport)
        return transport

    # the loop

    def watch(self, transport: Any, interest: int) -> None:
        """Note what a transport waits for."""
        transport.interest = interest

    def forget(self, transport: Any) -> None:
        """Wait for nothing."""
        transport.interest = 0

    def callLater(self, delay: float, call: Any, *arguments: Any) -> Any:
        """Call later."""
        return self.clock.callLater(delay, call, *arguments)

    def turn(self) -> None:
        """Let everything happen that can."""
        busy = True
        while busy:
            busy = False
            self.transports = [one for one in self.transports if one.fd >= 0]
            for transport in self.transports:
                connection: Any = transport.socket
                if transport.interest & EPOLLOUT and connection.room:
                    busy = True
                    transport.doWrite()
                if transport.interest & EPOLLIN and connection.readable:
                    busy = True
                    transport.doRead()
            if any(call.getTime() <= self.clock.seconds() for call in self.clock.calls):
                self.clock.advance(0)
                busy = True

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.turn()

    # moves

    def says(self, connection: PipeSocket, *pieces: bytes, ends: bool = False) -> None:
        """Let the other side of a connection send pieces, each of which is read before the next one comes."""
        for piece in pieces:
            if piece:
                connection.inbox.append(piece)
                self.turn()
        if ends:
            connection.ended = True
            self.turn()

    def breaks(self, connection: PipeSocket) -> None:
        """Let the other side of a connection reset it."""
        connection.broken = True
        self.turn()
