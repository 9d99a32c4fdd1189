"""One request played through the real sessions, with no socket and no server: a rehearsal of a configuration.

The proxy is made as it is for serving, of a watched configuration (watching.py). The client is a pipe in memory, and so
is the server that is chosen, which gives one answer. Time stands still, and moves on where the session waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tcproxy.explain.memory import Loop, Pipe, joined
from tcproxy.explain.others import PATIENCE, turned
from tcproxy.explain.watching import Note, Watch
from tcproxy.interfaces import Admin
from tcproxy.model.logs import LogTarget
from tcproxy.model.process import Configuration
from tcproxy.report.outlets import Outlet
from tcproxy.report.sinks import Sinks
from tcproxy.service import ProxyService, log_formats
from tcproxy.session.ends import Address
from tcproxy.session.frontend import Frontend
from tcproxy.session.http.plugin_waits import PluginWait
from tcproxy.session.http.sliced_answers import SlicedAnswer
from tcproxy.transport.listeners import FrontendFactory
from tcproxy.transport.protocols import with_servers

CLIENT_PORT = 50000
SERVER_ADDRESS = ("127.0.0.1", 60000)
STEP = 0.25
"""Seconds that the clock moves on at a time while the session waits."""
MOST = 1 << 22
"""Bytes of an answer after which its rest is left."""
LONGEST = 7200.0
"""Seconds after which a session that still waits is left."""
PORTS = {"http": 80, "https": 443}


class WrongQuestion(ValueError):
    """What is asked does not fit the configuration; the sentence says why."""


@dataclass(slots=True)
class Question:
    """What is played. data: the bytes of the client. source: its address.

    frontend: whose client it is; bind: the address it comes in by, as configured; "" for the only one there is.
    answer: what the server sends back. down: servers out of service, as BACKEND/SERVER.
    """

    data: bytes
    source: str = "127.0.0.1"
    frontend: str = ""
    bind: str = ""
    port: int = 0
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    down: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What came of it.

    notes: the rules that were looked at. backend, server: those chosen, "" for none; why: of the server.
    forwarded: bytes that the server got; received: bytes that the client got. waited: seconds. log: the lines.
    told: messages, as of a plugin that failed. closed: the client's connection is closed.
    """

    frontend: str
    notes: list[Note]
    backend: str = ""
    server: str = ""
    why: str = ""
    forwarded: bytes = b""
    received: bytes = b""
    waited: float = 0.0
    log: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def status(self) -> int:
        """Return the status of the client's answer, 0 for none."""
        words = self.received.partition(b"\r\n")[0].split(b" ")
        return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0


class _Lines:
    """A log target that keeps its lines."""

    fd = False

    def __init__(self) -> None:
        self.dropped = 0
        self.kept: list[str] = []

    def write(self, line: bytes) -> None:
        """Keep a line."""
        self.kept.append(line.decode("utf-8", "surrogateescape").rstrip("\n"))

    def close(self) -> None:
        """Take the end."""


class Rehearsal:
    """A configuration that can be asked what it would do. Each question is played in a proxy of its own."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def play(self, question: Question) -> Outcome:
        """Play a question. Raises WrongQuestion."""
        return _Play(self.configuration, question).run()


class _Play:
    def __init__(self, configuration: Configuration, question: Question) -> None:
        self.question = question
        self.watch = Watch()
        self.loop: Any = Loop()
        self.lines = _Lines()
        self.links: list[Pipe] = []
        self.told: list[str] = []
        watched = self.watch.watched(configuration)
        self.service = ProxyService(watched, self.loop, lambda level, text: self.told.append(text), self.loop.clock)
        self.world = self.service.world
        self.world.dial = self._dial
        self.frontend = self._chosen()
        self.outcome = Outcome(self.frontend.name, self.watch.notes)

    def run(self) -> Outcome:
        """Play, and return what came of it."""
        self._take_out(self.question.down)
        self._keep_lines()
        pipe = self._enter()
        pipe.given = self.question.data
        pipe.wake()
        self._serve(pipe)
        outcome = self.outcome
        outcome.received, outcome.closed = pipe.sent, pipe.closed or pipe.shut
        outcome.log, outcome.told = self.lines.kept, self.told
        if self.links:
            outcome.forwarded = self.links[-1].sent
        else:
            self._tell_why_none()
        return outcome

    def _tell_why_none(self) -> None:
        """Note the backend that was entered, and why none of its servers was asked, if that is the reason."""
        for name, farm in self.world.farms.items():
            if farm.counters.total:
                self.outcome.backend = name
                if not any(server.usable for server in farm.servers) and farm.model.dispatch is None:
                    self.outcome.why = "none of its servers is usable" if farm.servers else "it has no servers"

    def _serve(self, pipe: Pipe) -> None:
        """Let the server answer, and the clock go on, until the client has all that it will get."""
        answered: set[int] = set()
        while self.outcome.waited < LONGEST:
            fresh = [link for link in self.links if link.number not in answered and link.sent]
            for link in fresh:
                answered.add(link.number)
                link.given = self.question.answer
                link.wake()
            if not fresh:
                if pipe.sent or pipe.closed or answered:
                    break
                if self._waits_for_a_plugin():
                    if not turned(lambda: not self._waits_for_a_plugin()):
                        self.told.append(f"a plug-in has not answered within {PATIENCE} s")
                        break
                    continue
                self.loop.move(STEP)
                self.outcome.waited += STEP
        self._finish_answer(pipe)
        pipe.over = True
        pipe.wake()

    def _waits_for_a_plugin(self) -> bool:
        """Return whether a request waits for the Deferred of a plug-in."""
        exchanges = [getattr(one, "exchange", None) for one in self.world.sessions.values()]
        return any(isinstance(one.inner, PluginWait) for one in exchanges if one is not None)

    def _finish_answer(self, pipe: Pipe) -> None:
        """Let an answer that is made in pieces come to its end, if it is not too long."""
        exchanges = [getattr(one, "exchange", None) for one in self.world.sessions.values()]
        for exchange in exchanges:
            while exchange is not None and isinstance(exchange.inner, SlicedAnswer) and len(pipe.sent) < MOST:
                before = len(pipe.sent)
                self.loop.move(0)
                if len(pipe.sent) == before or exchange.connection.exchange is not exchange:
                    break

    # the proxy

    def _chosen(self) -> Frontend:
        """Return the frontend that is asked for."""
        frontends: dict[str, Frontend] = self.world.frontends
        named = self.question.frontend
        if named:
            if named not in frontends:
                raise WrongQuestion(f"there is no frontend '{named}'; there are {_listed(frontends)}")
            return frontends[named]
        found = [one for one in frontends.values() if any(self._fits(bind) for bind in one.binds)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise WrongQuestion(f"no frontend has such a 'bind' line; there are {_listed(frontends)}")
        raise WrongQuestion(f"several frontends take such clients: say which, --frontend NAME; {_listed(frontends)}")

    def _fits(self, bind: Any) -> bool:
        """Return whether a client may come in by this address, as far as the question tells."""
        address = bind.model.address
        if self.question.bind:
            return self.question.bind in (bind.name, str(address), f"{address.host}:{address.port}", f":{address.port}")
        return True if len(self.world.frontends) == 1 else address.port == self.question.port

    def _bind(self) -> Any:
        binds = self.frontend.binds
        if not binds:
            raise WrongQuestion(f"the frontend '{self.frontend.name}' has no 'bind' line")
        return next((bind for bind in binds if self._fits(bind)), binds[0])

    def _take_out(self, down: Iterable[str]) -> None:
        for name in down:
            backend, _, server = name.partition("/")
            farm = self.world.farms.get(backend)
            found = [one for one in farm.servers if one.name == server] if farm is not None else []
            if not found:
                raise WrongQuestion(f"there is no server '{name}'")
            found[0].set_admin(Admin.FORCED_MAINTENANCE)

    def _keep_lines(self) -> None:
        for frontend in self.world.frontends.values():
            sinks: Any = Sinks()
            sinks.sink = lambda address: self.lines
            model = frontend.model
            if model.log_targets:
                target = LogTarget(model.log_targets[0].address, format="raw", length=65535)
                frontend.log_with(Outlet([target], "", None, sinks), *log_formats(model))

    # the two ends

    def _enter(self) -> Pipe:
        bind = self._bind()
        address = bind.model.address
        host = address.host if address.host not in ("", "*", "0.0.0.0", "::") else "127.0.0.1"
        pipe = Pipe(1000, (self.question.source, CLIENT_PORT), (host, address.port))
        transport = joined(self.loop, pipe)
        factory = FrontendFactory(bind)
        protocol: Any = factory.buildProtocol(pipe.peer)
        protocol.makeConnection(transport)
        transport.startReading()
        return pipe

    def _dial(self, session: Any, server: Any) -> Any:
        """Make a link to the server that was chosen, which stands at once; note it, and why."""
        pipe = Pipe(2000 + len(self.links), _address_of(server), SERVER_ADDRESS)
        self.links.append(pipe)
        proxy = session.backend.model
        self.outcome.backend, self.outcome.server = proxy.name, server.name
        self.outcome.why = _why(session)
        factory = with_servers(proxy).links(self.loop, server.model, proxy, 16384, None, {})
        return factory.open(session, joined(self.loop, pipe), standing=True)


def _address_of(server: Any) -> Address:
    address = server.model.address
    return (address.host or "127.0.0.1", address.port or 1)


def _why(session: Any) -> str:
    """Return why this server was chosen."""
    persistence, proxy = session.persistence, session.backend.model
    if persistence is not None and persistence.server is session.server:
        return "force-persist, or what the client sent, led there" if persistence.forced else "the client's cookie"
    if proxy.dispatch is not None:
        return "dispatch"
    usable = [one.name for one in session.backend.farm.servers if one.usable]
    return f"balance {proxy.balance.name if proxy.balance is not None else 'roundrobin'} among {', '.join(usable)}"


def _listed(frontends: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in frontends) or "none"
