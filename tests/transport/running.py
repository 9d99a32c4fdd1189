"""A proxy of real sockets in a thread of its own, over a reactor of one's choice, and peers to talk with."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, time
from typing import Any

from twisted.internet import asyncioreactor, epollreactor, pollreactor

from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Balance, Proxy
from tcproxy.model.server import Server
from tcproxy.report import formats
from tcproxy.servers.farm import Farm
from tcproxy.session.frontend import Backend, Frontend
from tcproxy.session.settings import World
from tcproxy.transport.binding import listen
from tcproxy.transport.dial import LinkDial
from tcproxy.transport.listeners import FrontendFactory, Listener
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.reactor import Reactor, SteadyClock
from tcproxy.transport.stream_socket import StreamSocket
from tests.running import PATIENCE

RESET = struct.pack("ii", 1, 0)
OWN = f"127.{os.getpid() % 100 + 100}.{os.getpid() // 100 % 250}.1"
"""The address of this test run's servers: a check of another run, whose port the system gave again, goes elsewhere."""


def _asyncio() -> Any:
    import asyncio

    return asyncioreactor.AsyncioSelectorReactor(asyncio.new_event_loop())


REACTORS: dict[str, Callable[[], Any]] = {
    "ours": Reactor,
    "epoll": epollreactor.EPollReactor,
    "poll": pollreactor.PollReactor,
    "asyncio": _asyncio,
}


def wait_for(condition: Callable[[], object], what: str = "the condition") -> Any:
    """Return the condition's first true value; fail when none comes in time."""
    deadline = monotonic() + PATIENCE
    pause = threading.Event()
    while not (value := condition()):
        assert monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        pause.wait(0.01)
    return value


@contextmanager
def running(name: str = "ours") -> Iterator[Any]:
    """Run a reactor in a thread until the block ends; its descriptors are all closed then."""
    reactor = REACTORS[name]()
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    wait_for(lambda: reactor.running, "the reactor")
    try:
        yield reactor
    finally:
        reactor.callFromThread(reactor.stop)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def within(reactor: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """Make a call in the reactor's thread; return its result, or raise its error."""
    done = threading.Event()
    result: list[tuple[Any, BaseException | None]] = []

    def make() -> None:
        try:
            result.append((call(*arguments), None))
        except BaseException as error:
            result.append((None, error))
        done.set()

    reactor.callFromThread(make)
    assert done.wait(PATIENCE)
    value, error = result[0]
    if error is not None:
        raise error
    return value


def inet(port: int, host: str = OWN) -> Address:
    """Return an address of the model."""
    family = Family.INET6 if ":" in host else Family.INET
    return Address(family, host, port, port, has_port=bool(port))


def connect(address: Any) -> socket.socket:
    """Return a connection to an address as getsockname() gives it."""
    kind = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    client = socket.socket(kind if isinstance(address, tuple) else socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(address)
    return client


def listener(host: str = OWN, backlog: int = 50) -> socket.socket:
    """Return a listening socket on a free port."""
    made = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=backlog)
    made.settimeout(PATIENCE)
    return made


def accept(server: socket.socket) -> socket.socket:
    """Return the next connection."""
    connection, _ = server.accept()
    connection.settimeout(PATIENCE)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Return everything up to FIN."""
    pieces = []
    while piece := connection.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def sockets() -> set[str]:
    """Return the sockets open in this process (a reactor's own pipes and poll sets are its own)."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{fd.name} {fd.readlink()}")
        except OSError:
            continue  # the one that listed the folder
    return {one for one in found if "socket:" in one}


class Proxied:
    """One proxy over a running reactor: `bind` options and `server` options by keyword, the rest of its Proxy."""

    def __init__(self, reactor: Any, server: Address, bind: Address | None = None, **more: Any) -> None:
        self.reactor = reactor
        self.lines: list[str] = []
        self.announced: list[str] = []
        self.pipes = PipePool(most=4)
        self.form = more.pop("form", "%ci %fi %bi:%bp %si:%sp %Tw/%Tc/%Tt %ts %rc %U/%B")
        bind_words, server_words = more.pop("bind_words", {}), more.pop("server_words", {})
        timeouts = {"connect": 5000, "client": 20_000, "server": 20_000} | more.pop("timeouts", {})
        self.proxy = Proxy(
            "listen", "web", timeouts=timeouts, binds=(Bind(bind or inet(0), id=1, **bind_words),),
            servers=(Server("s1", server, 1, **server_words),),
            balance=Balance("roundrobin", None, RoundRobin()), **more,
        )  # fmt: skip
        within(reactor, self._make)

    def _make(self) -> None:
        clock: Any = SteadyClock(self.reactor)
        self.world = World(Configuration(Global(), (self.proxy,)), clock, time(), clock.seconds())
        self.world.announce = lambda level, message: self.announced.append(message)
        dial: Any = LinkDial(self.reactor, pipes=self.pipes)
        self.world.dial = dial
        self.farm = Farm(self.proxy, clock, self.world.announce)
        self.world.farms["web"] = self.farm
        self.frontend = Frontend(self.proxy, self.world)
        self.backend = Backend(self.farm)
        self.frontend.route({"web": self.backend})
        form = formats.compile(self.form, http=self.proxy.mode == "http")
        self.frontend.log_with(self, form, None, formats.error_format())  # type: ignore[arg-type]
        bind = self.frontend.binds[0]
        sock = listen(bind.model, 100)
        self.address = sock.getsockname()
        self.listener = Listener(self.reactor, sock, FrontendFactory(bind, pipes=self.pipes))
        self.listener.startListening()

    def send(self, level: int, message: str, data: str = "") -> None:
        """Take a log line, as an outlet."""
        self.lines.append(message)

    def line(self) -> str:
        """Return the first log line, once it is there."""
        wait_for(lambda: self.lines, "a log line")
        return self.lines[0]

    def connect(self) -> socket.socket:
        """Return a client's connection."""
        return connect(self.address)

    def close(self) -> None:
        """Close everything; what is left open then is a leak."""
        within(self.reactor, self._close)

    def _close(self) -> None:
        self.listener.close()
        for session in list(self.world.sessions.values()):
            session.end()
        self.backend.farm.close_links()
        self.world.deadlines.close()
        self.pipes.close()
        assert self.pipes.open == 0
        assert self.farm.servers[0].served == 0


@contextmanager
def proxied(server: socket.socket | Address, reactor: str = "ours", **more: Any) -> Iterator[Proxied]:
    """Run a proxy in front of a listening socket; nothing may be left open behind it."""
    address = server if isinstance(server, Address) else inet(server.getsockname()[1], server.getsockname()[0])
    with running(reactor) as loop:
        proxy = Proxied(loop, address, **more)
        try:
            yield proxy
        finally:
            proxy.close()
            ours = (Listener, StreamSocket)
            assert not [one for one in within(loop, loop.getReaders) if isinstance(one, ours)]
            assert not within(loop, loop.getWriters)
