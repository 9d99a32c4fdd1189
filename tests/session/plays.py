"""Actors for plays of sessions: a clock that is turned by hand, ends and links without sockets, a log to read."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.task import Clock

from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.source import SourceHash
from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Balance, HashType, Proxy
from tcproxy.model.server import Server
from tcproxy.report import formats
from tcproxy.servers.farm import Farm
from tcproxy.session.backend import Backend
from tcproxy.session.ends import LinkFailure
from tcproxy.session.frontend import Frontend
from tcproxy.session.session import Session
from tcproxy.session.stages import NEVER
from tcproxy.session.world import World

STRATEGIES = {"roundrobin": RoundRobin(), "leastconn": LeastConn(), "source": SourceHash()}
FORM = "%b/%s %Tc/%Tt %ts %rc %U/%B %ac/%fc/%bc/%sc"


class FakeEnd:
    """An end that a play moves: what it `says` goes to the other end's `heard` list."""

    def __init__(self, clock: Clock, host: str = "192.0.2.1") -> None:
        self.clock = clock
        self.host = host
        self.session: Any = None
        self.connected = True
        self.moved = 0
        self.stamp = 0.0
        self.held = b""
        self.other: FakeEnd | None = None
        self.got = b""
        self.stuck = False
        self.waiting = b""
        self.wrote = 0.0
        self.muted = False
        self.finished = False
        self.closed = ""

    # as the session sees it

    @property
    def empty(self) -> bool:
        """True when all went to the other end."""
        return not self.held and (self.other is None or not self.other.waiting)

    @property
    def reading(self) -> bool:
        """True while bytes are waited for."""
        return not self.muted and not self.closed and (self.other is None or not self.other.waiting)

    @property
    def stalled_since(self) -> float | None:
        """Since when this side takes nothing."""
        return self.wrote if self.waiting else None

    def join(self, other: FakeEnd) -> None:
        """Pass bytes both ways."""
        self.other, other.other = other, self
        data, self.held = self.held, b""
        if data:
            other.take(data)

    def mute(self) -> None:
        """Read no more."""
        self.muted = True

    def look(self) -> None:
        """Find nothing yet."""

    def listen(self) -> None:
        """Read."""

    def finish(self) -> None:
        """Send FIN."""
        assert not self.finished, "FIN twice"
        self.finished = True

    def close(self, reset: bool = False) -> None:
        """Close."""
        if not self.closed:
            self.closed = "reset" if reset else "closed"
        self.connected = False

    def source(self) -> tuple[str, int]:
        """Who it is."""
        return self.host, 40000

    def destination(self) -> tuple[str, int]:
        """Our side."""
        return "192.0.2.254", 80

    # as the play moves it

    def take(self, data: bytes) -> None:
        """Receive from the other end."""
        if self.stuck:
            self.waiting += data
            self.wrote = self.clock.seconds()
        else:
            self.got += data

    def says(self, data: bytes) -> None:
        """This side sends."""
        self.moved += len(data)
        self.stamp = self.clock.seconds()
        if self.other is None:
            self.held += data
            self.session.heard(self)
        else:
            self.other.take(data)

    def ends(self) -> None:
        """This side sends FIN."""
        self.muted = True
        self.session.ended(self)

    def breaks(self) -> None:
        """This side resets."""
        self.session.broke(self, errno.ECONNRESET)

    def unsticks(self) -> None:
        """This side reads again."""
        self.stuck = False
        self.got, self.waiting = self.got + self.waiting, b""
        assert self.other is not None
        self.other.stamp = self.clock.seconds()
        if self.other.muted:
            self.session.emptied(self.other)


class Stage:
    """One frontend with its servers, and the links that were asked for.

    server: words of every server, or a function from its number to them.
    answers: what each attempt meets, in turn: "stands", "refused" (later), "refused now", "ports", or "silent".
    """

    def __init__(self, servers: int = 1, answers: str = "", balance: str = "roundrobin", **more: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.answers = answers.split()
        self.links: list[FakeEnd] = []
        self.lines: list[str] = []
        self.levels: list[int] = []
        self.announced: list[str] = []
        server_words = more.pop("server", {})
        words_of = server_words if callable(server_words) else lambda number: server_words
        bind_words = more.pop("bind", {})
        global_words = more.pop("process", {})
        form = more.pop("form", FORM)
        early = more.pop("early", False)
        timeouts = {"connect": 5000, "client": 50_000, "server": 60_000} | more.pop("timeouts", {})
        address = Address(Family.INET, "192.0.2.10", 80, 80, has_port=True)
        proxy = Proxy(
            "listen", "web", timeouts={name: value for name, value in timeouts.items() if value},
            binds=(Bind(address, id=1, **bind_words),),
            servers=tuple(Server(f"s{n}", address, n, **words_of(n)) for n in range(1, servers + 1)),
            balance=Balance(balance, None, STRATEGIES[balance]), hash_type=HashType(), **more,
        )  # fmt: skip
        configuration = Configuration(Global(**global_words), (proxy,))
        self.world = World(configuration, self.clock, 0.0, self.clock.seconds(), maxconn=more.get("maxconn", 0))
        self.world.dial = self.dial
        self.world.announce = lambda level, message: self.announced.append(message)
        self.farm = Farm(proxy, self.clock, self.world.announce)
        self.world.farms["web"] = self.farm
        self.frontend = Frontend(proxy, self.world)
        self.frontend.route({"web": Backend(self.farm)})
        compiled = formats.compile(form, early) if form else formats.DEFAULT
        self.frontend.log_with(self, compiled, None, formats.error_format())  # type: ignore[arg-type]

    def send(self, level: int, message: str, data: str = "") -> None:
        """Take a log line, as an outlet."""
        self.lines.append(message)
        self.levels.append(level)

    def dial(self, session: Session, server: Any) -> FakeEnd:
        """Make a link, as transport would."""
        answer = self.answers.pop(0) if self.answers else "stands"
        if answer == "ports":
            raise LinkFailure(errno.EADDRNOTAVAIL, "no free ports", resource=True)
        if answer == "now":
            raise LinkFailure(errno.ENOENT, "ENOENT")
        link = FakeEnd(self.clock, "192.0.2.10")
        link.session = session
        link.connected = answer == "stands"
        self.links.append(link)
        if answer == "refused":
            self.clock.callLater(0, session.connect_failed, errno.ECONNREFUSED, "ECONNREFUSED")
        return link

    def client(self, host: str = "192.0.2.1") -> FakeEnd:
        """A client comes in."""
        end = FakeEnd(self.clock, host)
        session = Session(self.frontend.entrances[0])
        end.session = session
        session.begin(end)
        self.clock.advance(0)
        return end

    def wait(self, seconds: float) -> None:
        """Let time pass, from one delayed call to the next."""
        until = self.clock.seconds() + seconds
        while True:
            due = min((call.getTime() for call in self.clock.getDelayedCalls()), default=until)
            if due > until:
                break
            self.clock.advance(max(0.0, due - self.clock.seconds()))
            if due == until:
                break
        self.clock.advance(max(0.0, until - self.clock.seconds()))

    @property
    def link(self) -> FakeEnd:
        """The last link."""
        return self.links[-1]

    @property
    def line(self) -> str:
        """The one log line."""
        assert len(self.lines) == 1, self.lines
        return self.lines[0]

    def at_rest(self) -> bool:
        """Say whether nothing is left of any session."""
        counters = (self.world.counters, self.frontend.counters, self.farm.counters, self.farm.servers[0].counters)
        return (
            not self.world.sessions
            and not any(one.current for one in counters)
            and not any(server.served or server.sessions for server in self.farm.servers)
            and len(self.world.deadlines) == (self.world.newcomers.at != NEVER)
            and all(link.closed for link in self.links)
        )
