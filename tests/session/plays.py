"""Actors for plays of sessions: a clock that is turned by hand, ends and links without sockets, a log to read."""

from __future__ import annotations

import errno
from typing import Any, Generic, TypeVar

from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.source import SourceHash
from tcproxy.grammar.addresses import Address, Family
from tcproxy.interfaces import CheckStatus
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Balance, HashType, Proxy
from tcproxy.model.server import Server
from tcproxy.report import formats
from tcproxy.servers.farm import Farm
from tcproxy.servers.state import LiveServer, Watching
from tcproxy.session.ends import End, LinkFailure
from tcproxy.session.frontend import Backend, Frontend
from tcproxy.session.session import TcpSession
from tcproxy.session.settings import World
from tcproxy.session.stages import NEVER
from tcproxy.session.state import Stream
from tests.clocks import Clock

STRATEGIES = {"roundrobin": RoundRobin(), "leastconn": LeastConn(), "source": SourceHash()}
FORM = "%b/%s %Tc/%Tt %ts %rc %U/%B %ac/%fc/%bc/%sc"


class FakeEnd(End):
    """An end that a play moves: what it `says` goes to the other end's `heard` list."""

    def __init__(self, clock: Clock, host: str = "192.0.2.1") -> None:
        self.clock = clock
        self.made = clock.seconds()
        self.host = host
        self.session: Any = None
        self.connected = True
        self.bytes_read = 0
        self.last_progress = 0.0
        self.held = b""
        self.other: FakeEnd | None = None
        self.got = b""
        self.stuck = False
        self.unread = b""
        self.wrote = 0.0
        self.muted = self.listens = self.breaks_at_once = self.held_back = False
        self.finished = self.vanished = False
        self.marks: tuple[int, ...] = ()
        self.closed = ""

    # as the session sees it

    @property
    def empty(self) -> bool:
        """True when all went to the other end."""
        return not self.held and (self.other is None or not self.other.unread)

    @property
    def reading(self) -> bool:
        """True while bytes are waited for."""
        return not self.muted and not self.closed and (self.other is None or not self.other.unread)

    @property
    def stalled_since(self) -> float | None:
        """Since when this side takes nothing."""
        return self.wrote if self.unread else None

    def mark(self, value: int) -> None:
        """Keep the mark of packets."""
        self.marks = (*self.marks, value)

    def set_type_of_service(self, value: int) -> None:
        """Keep the type of service."""
        self.marks = (*self.marks, value)

    def vanish(self) -> None:
        """Be closed unheard, when that comes."""
        self.vanished = True

    def join(self, other: End) -> None:
        """Pass bytes both ways."""
        assert isinstance(other, FakeEnd)
        self.other, other.other = other, self
        data, self.held = self.held, b""
        if data:
            other.receive(data)

    def hold_back(self) -> None:
        """Keep what comes."""
        self.held_back = True

    def let_go(self) -> None:
        """Pass what was kept, and what follows."""
        self.held_back = False
        data, self.held = self.held, b""
        if data and self.other is not None:
            self.other.receive(data)

    def mute(self) -> None:
        """Read no more."""
        self.muted = True

    def look(self) -> None:
        """Find nothing yet."""

    def listen(self) -> None:
        """Read."""
        self.listens = True

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

    def tcp_info(self) -> bytes | None:
        """No kernel knows this end."""
        return None

    def destination(self) -> tuple[str, int]:
        """Our side."""
        return "192.0.2.254", 80

    # as the play moves it

    def receive(self, data: bytes) -> None:
        """Receive from the other end."""
        if self.breaks_at_once:
            self.breaks()
        elif self.stuck:
            self.unread += data
            self.wrote = self.clock.seconds()
        else:
            self.got += data

    def says(self, data: bytes) -> None:
        """This side sends."""
        self.bytes_read += len(data)
        self.last_progress = self.clock.seconds()
        if self.other is None or self.held_back:
            self.held += data
            self.session.heard(self)
        else:
            self.other.receive(data)

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
        self.got, self.unread = self.got + self.unread, b""
        assert self.other is not None
        self.other.last_progress = self.clock.seconds()
        if self.other.muted:
            self.session.emptied(self.other)


class FakeWatch(Watching):
    """A server's health watch, which remembers what it is told of live traffic.

    heard: each verdict with its cause. current: how many sessions the server's counters had each time.
    marks_down: the server is down at the first bad one (`on-error mark-down`).
    """

    enabled = True
    check_port = 0
    check_address = None

    def __init__(self, server: LiveServer, marks_down: bool = False) -> None:
        self.server = server
        self.marks_down = marks_down
        self.heard: list[tuple[bool, str]] = []
        self.current: list[int] = []

    def stop(self) -> None:
        """Nothing is checked."""

    def pause(self) -> None:
        """Nothing is checked here."""

    def resume(self) -> None:
        """Nothing is checked here."""

    def force(self, healthy: bool) -> None:
        """Nothing is checked here."""

    def restore(self, status: CheckStatus | None) -> None:
        """Nothing is checked here."""

    def observed(self, ok: bool, cause: str = "", gone: int = 0) -> None:
        """Remember it."""
        self.heard.append((ok, cause))
        self.current.append(self.server.counters.current)
        if self.marks_down and not ok:
            self.server.down(None, gone=gone)


LinkT = TypeVar("LinkT", bound=FakeEnd)


class StageOf(Generic[LinkT]):
    """One frontend with its servers, and the links that were asked for.

    server: words of every server, or a function from its number to them.
    answers: what each attempt meets, in turn: "stands", "refused" (later), "answered" (refused at once), "now" (it
    cannot begin), "ports" (there are none left), or "silent".
    """

    def __init__(self, servers: int = 1, answers: str = "", balance: str = "roundrobin", **more: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.answers = answers.split()
        self.links: list[LinkT] = []
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

    def new_link(self) -> LinkT:
        """Return an end of the kind that this stage's mode has."""
        raise NotImplementedError

    def dial(self, session: Stream, server: Any) -> LinkT:
        """Make a link, as transport would."""
        answer = self.answers.pop(0) if self.answers else "stands"
        if answer == "ports":
            raise LinkFailure(errno.EADDRNOTAVAIL, "no free ports", resource=True)
        if answer == "now":
            raise LinkFailure(errno.ENOENT, "ENOENT")
        if answer == "answered":
            failure = LinkFailure(errno.ECONNREFUSED, "ECONNREFUSED", answered=True)
            failure.local, failure.remote = ("192.0.2.254", 5000), ("192.0.2.10", 80)
            raise failure
        link = self.new_link()
        link.session = session
        link.connected = answer == "stands"
        self.links.append(link)
        if answer == "refused":
            self.clock.callLater(0, session.connect_failed, errno.ECONNREFUSED, "ECONNREFUSED")
        return link

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
    def link(self) -> LinkT:
        """The last link."""
        return self.links[-1]

    @property
    def line(self) -> str:
        """The one log line."""
        assert len(self.lines) == 1, self.lines
        return self.lines[0]

    def at_rest(self) -> bool:
        """Return whether nothing is left of any session."""
        counters = (self.world.counters, self.frontend.counters, self.farm.counters, self.farm.servers[0].counters)
        return (
            not self.world.sessions
            and not any(one.current for one in counters)
            and not any(server.served or server.sessions for server in self.farm.servers)
            and len(self.world.deadlines) == (self.world.newcomers.at != NEVER)
            and all(link.closed for link in self.links)
        )


class Stage(StageOf[FakeEnd]):
    """One frontend in TCP mode."""

    def new_link(self) -> FakeEnd:
        """Return a link that passes bytes."""
        return FakeEnd(self.clock, "192.0.2.10")

    def client(self, host: str = "192.0.2.1", data: bytes = b"") -> FakeEnd:
        """A client comes in, whose first bytes are here already."""
        end = FakeEnd(self.clock, host)
        end.held, end.bytes_read = data, len(data)
        session = TcpSession(self.frontend.binds[0])
        end.session = session
        session.begin(end)
        self.clock.advance(0)
        return end
