"""A proxy in memory: its sessions, ends and codecs are those of the program, its sockets are lists of pieces.

What comes in one piece is read in one piece, and nothing happens between two moves of a test: cuts can be chosen to the
byte, thousands of conversations a second can be played, and an error in the program is an error in the test.
"""

from __future__ import annotations

import errno
import io
import itertools
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from select import EPOLLIN, EPOLLOUT
from typing import Any
from unittest import mock

from tcproxy import language
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Balance, Proxy
from tcproxy.model.server import Server
from tcproxy.registry import Registry
from tcproxy.report import formats
from tcproxy.report.outlets import NO_DATA
from tcproxy.servers.farm import Farm
from tcproxy.service import log_formats
from tcproxy.session.ends import LinkFailure
from tcproxy.session.frontend import Backend, Frontend
from tcproxy.session.settings import World
from tcproxy.transport.listeners import FrontendFactory
from tcproxy.transport.protocols import with_servers
from tcproxy.transport.stream_socket import StreamSocket
from tcproxy.transport.transports import Poll
from tests.clocks import Clock

FORM = "%ST %ts %B %U %{+Q}r"


class PipeSocket:
    """A socket whose other side is the test: it puts pieces into `inbox`, and finds in `sent` what was sent.

    ended: FIN follows the pieces. broken: RST came. deaf: RST came behind the pieces, which can still be read.
    shut: we sent FIN. room: bytes that may be sent, -1 for any.
    note: takes what becomes of it: "sent" with bytes, "shut", "closed".
    """

    family = socket.AF_INET

    def __init__(self, number: int, note: Callable[[int, str, bytes], None]) -> None:
        self.number = number
        self.note = note
        self.inbox: list[bytes] = []
        self.sent = b""
        self.ended = self.broken = self.deaf = self.shut = self.closed = False
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
        if self.broken or self.deaf or self.closed:
            raise BrokenPipeError(errno.EPIPE, "broken")
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        size = len(data) if self.room < 0 else min(len(data), self.room)
        self.sent += bytes(data[:size])
        self.note(self.number, "sent", bytes(data[:size]))
        self.room -= size if self.room > 0 else 0
        return size

    def shutdown(self, how: int) -> None:
        """Take our FIN."""
        self.note(self.number, "shut", b"")
        self.shut = True

    def close(self) -> None:
        """Take our close."""
        self.note(self.number, "closed", b"")
        self.closed = self.shut = True

    def connect_ex(self, address: Any) -> int:
        """Return 0: it stands."""
        return 0

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


WALL = 1_700_000_000
"""Seconds since 1970 when the clock of a proxy in memory is at 0."""


@contextmanager
def in_memory(**words: Any) -> Iterator[MemoryProxy]:
    """Run a proxy in memory, of whose section these are words, until the block ends."""
    with at_work(MemoryProxy(one_proxy(**words))) as proxy:
        yield proxy


@contextmanager
def at_work(proxy: MemoryProxy) -> Iterator[MemoryProxy]:
    """Let the whole program read the proxy's clock in the place of the machine's until the block ends."""
    clocks = {
        "monotonic": (time.monotonic, proxy.clock.seconds),
        "time": (time.time, lambda: WALL + proxy.clock.seconds()),
    }
    with ExitStack() as stack:
        for module in [module for name, module in sys.modules.items() if name.startswith("tcproxy.")]:
            for name, (of_machine, ours) in clocks.items():
                if vars(module).get(name) is of_machine:
                    stack.enter_context(mock.patch.object(module, name, ours))
        yield proxy


def one_proxy(**words: Any) -> Configuration:
    """Return a configuration of one section with one server; words: more of its Proxy."""
    address = Address(Family.INET, "192.0.2.10", 80, 80, has_port=True)
    proxy = Proxy(
        "listen", "web", mode="http", timeouts={"connect": 5000, "client": 20_000, "server": 20_000},
        binds=(Bind(address, id=1),), servers=(Server("s1", address, 1),),
        balance=Balance("roundrobin", None, RoundRobin()), **words,
    )  # fmt: skip
    return Configuration(Global(), (proxy,))


@cache
def configured(text: str, registry: Registry | None = None) -> Configuration:
    """Return the configuration that is given as text; the same object for the same text."""
    said = io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(text)
        file.flush()
        read = language.read([file.name], Environment({}), Diagnostics(0, said), registry=registry)
    assert read is not None, said.getvalue()
    return read


class MemoryProxy(Poll):
    """A configuration whose first section is in HTTP mode, and takes clients.

    links: the sockets to the servers, in the order in which they were made. lines: of the log; told: the same with
    level and structured data. events: what became of each socket when: seconds, its number, what, bytes.
    network: what becomes of a new link: it "stands" at once, is "slow" (it stands once it has room), or "refused".
    """

    def __init__(self, configuration: Configuration) -> None:
        self.clock: Any = Clock()
        self.clock.advance(1000)
        self.numbers = itertools.count(1000)
        self.lines: list[str] = []
        self.told: list[tuple[int, str, str]] = []
        self.events: list[tuple[float, int, str, bytes]] = []
        self.links: list[PipeSocket] = []
        self.network = "stands"
        self.transports: list[StreamSocket] = []
        self.proxy = configuration.proxies[0]
        self.world = World(configuration, self.clock, 0.0, self.clock.seconds())
        self.world.dial = self.dial
        farms = {one.name: Farm(one, self.clock, self.world.announce) for one in configuration.backends()}
        self.world.farms.update(farms)
        self.farm = farms[self.proxy.name]
        self.frontend = Frontend(self.proxy, self.world)
        self.backends = {name: Backend(farm) for name, farm in farms.items()}
        self.backend = self.backends[self.proxy.name]
        self.frontend.route(self.backends)
        self.log()
        self.entry = FrontendFactory(self.frontend.binds[0])
        self.diallers = {
            server: with_servers(farm.model).links(self, server.model, farm.model, self.entry.limit, None, {})
            for farm in farms.values()
            for server in farm.servers
        }
        self.dialler = self.diallers[self.farm.servers[0]]

    def log(self) -> None:
        """Log as the section says, in a form of ours where it says nothing."""
        if self.proxy.log_format:
            forms = log_formats(self.proxy)
        else:
            forms = formats.compile(FORM, http=True), None, formats.error_format()
        self.frontend.log_with(self, *forms)  # type: ignore[arg-type]

    def send(self, level: int, message: str, data: str = NO_DATA) -> None:
        """Take a log line, as an outlet."""
        self.lines.append(message)
        self.told.append((level, message, data))

    def note(self, number: int, what: str, data: bytes) -> None:
        """Take an event of a socket; what is sent in pieces at one time is one."""
        now = self.clock.seconds()
        if what == "sent" and self.events and self.events[-1][:3] == (now, number, what):
            data = self.events.pop()[3] + data
        self.events.append((now, number, what, data))

    def pipe(self) -> PipeSocket:
        """Return a new socket."""
        return PipeSocket(next(self.numbers), self.note)

    def dial(self, session: Any, server: Any) -> Any:
        """Make a link, as the network is; raises LinkFailure where that refuses."""
        if self.network == "refused":
            raise LinkFailure(errno.ECONNREFUSED, "refused", answered=True)
        self.links.append(self.pipe())
        standing = self.network == "stands"
        if not standing:
            self.links[-1].room = 0
        return self.diallers[session.server].open(session, self._transport(self.links[-1]), standing)

    def connect(self) -> PipeSocket:
        """Let a client in."""
        client = self.pipe()
        transport = self._transport(client)
        self.entry.buildProtocol(client.getpeername()).makeConnection(transport)
        transport.startReading()
        self.turn()
        return client

    def _transport(self, connection: Any) -> StreamSocket:
        transport = StreamSocket(self, connection, connection.getpeername())
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
        """Let time pass, from one delayed call to the next."""
        until = self.clock.seconds() + seconds
        while (due := min((call.getTime() for call in self.clock.getDelayedCalls()), default=until)) < until:
            self.clock.advance(max(0.0, due - self.clock.seconds()))
            self.turn()
        self.clock.advance(max(0.0, until - self.clock.seconds()))
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
