"""What sections say, as sessions use it: times in seconds, options as plain booleans, with their counters.

    World        one running proxy: its configuration and its live parts
    LiveBind     one listening address of a frontend
    FrontendSettings, BackendSettings
    HttpBackend  what a backend says of exchanges

frontend.py, which nothing here knows, makes these of a configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import process_time
from typing import Any, Protocol

from tcproxy.grammar.addresses import Address, Family
from tcproxy.guards import PluginFailed, Seldom, place_of, reason
from tcproxy.interfaces import IClock
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy
from tcproxy.model.replies import BUFSIZE, MAXREWRITE
from tcproxy.report.counters import Counters
from tcproxy.report.error_captures import ErrorCaptures
from tcproxy.report.events import Events
from tcproxy.report.formats import Format
from tcproxy.report.info import Load
from tcproxy.report.messages import Captures
from tcproxy.report.outlets import Outlet
from tcproxy.report.seen import SeenPipes
from tcproxy.report.sinks import Sinks
from tcproxy.samples.variables import Store, store_of_process
from tcproxy.servers.farm import Farm
from tcproxy.servers.links import LinkBudget
from tcproxy.servers.state import LiveServer, Watching
from tcproxy.servers.wording import ALERT, INTERNAL_ERROR
from tcproxy.session.ends import End
from tcproxy.session.stages import NEVER
from tcproxy.session.timers import Deadlines, Newcomers

TURNAROUND = 1.0
"""Seconds between a failed attempt and the next one on the same server (manual, `retries`)."""

ROOM = BUFSIZE - MAXREWRITE
"""Bytes of a client that a buffer has room for, with the defaults of `tune.bufsize` and `tune.maxrewrite`."""

PROXY_HEADER, CLIENT_IP_HEADER = 1, 2
"""Headers in front of a client's bytes (greeting.py), as bits."""

HASHING = frozenset({"hash", "hdr", "rdp-cookie", "source", "uri", "url_param"})
"""Strategies that lead the same client to the same server."""

Step = Callable[[Any], bool]
"""One step of a connection or a stream (state.py, which stands above): True: the next one may follow at once."""


def seconds_of(timeouts: Mapping[str, int] | None, name: str) -> float:
    """Return a timeout in seconds; 0 for none."""
    return (timeouts or {}).get(name, 0) / 1000


_STREAMS = {"stdout": Address(Family.FD, "1"), "stderr": Address(Family.FD, "2")}


def _silent(level: int, message: str) -> None:
    """Drop the message."""


def _untraced(error: BaseException) -> None:
    """Show no traceback."""


class LinkDialler(Protocol):
    """Makes links to servers."""

    def __call__(self, session: Any, server: Any) -> End:
        """Begin to connect, and return the link, which may be connected already.

        Later the stream is told `connected()` or `connect_failed(errno, cause)`. Raises LinkFailure when the
        attempt fails at once.
        """


class Accepting(Protocol):
    """A listener, as far as runtime commands use it."""

    def pause(self) -> None:
        """Stop listening for a while."""

    def resume(self) -> None:
        """Listen again. Raises OSError when the address was taken."""

    def close(self) -> None:
        """Stop for good."""


class HttpBackend:
    """What a backend says of exchanges.

    closes: each link carries one request. pretends: its servers are not told so (`option http-pretend-keepalive`).
    shortest: seconds of its shortest timeout once a link stands, NEVER without one. prefers: a client's next request
    goes to the server that has a link of its own (`option prefer-last-server`), unless as many as queue_limit wait
    there (`max-keep-alive-queue`, -1 for no limit). observes: servers are watched by their answers (`observe
    layer7`). shows_cookie: log lines have the letters of the persistence cookie, as of a backend whose cookie is not
    only read.
    """

    __slots__ = ("closes", "observes", "prefers", "pretends", "queue_limit", "shortest", "shows_cookie")

    def __init__(self, model: Proxy) -> None:
        self.closes = "httpclose" in model.options or "http-server-close" in model.options
        self.shows_cookie = shows_letters(model)
        self.pretends = "http-pretend-keepalive" in model.options
        self.prefers = "prefer-last-server" in model.options
        self.observes = any(server.observe == "layer7" for server in model.servers)
        self.queue_limit = model.max_keep_alive_queue
        self.shortest = seconds_of(model.timeouts, "server") or NEVER


def shows_letters(back: Proxy) -> bool:
    """Return whether log lines have the letters of a backend's cookie: not where the cookie is only read."""
    return back.cookie is not None and (bool(back.cookie.mode) or back.cookie.indirect)


class BackendSettings:
    """One backend as sessions see it. All timeouts in seconds, 0 for none.

    contents: the step of its `tcp-request content` rules in TCP mode, None without any.
    relay_of: makes the relay of a session whose servers `tcp-response content` rules inspect, None without any.
    persistence_steps: done with each session in TCP mode, once the backend is known; HTTP mode has http/rule_table.py.
    retries: how often a request is tried again at the most; connect_retries: of these, attempts to connect that failed.
    rotates: its strategy ties no client to a server, so that another one may be tried at once.
    http: of a backend in HTTP mode, None in TCP mode.
    """

    __slots__ = (
        "abort_on_close", "connect", "connect_retries", "contents", "dispatch", "farm", "http", "independent", "model",
        "name", "nolinger", "persistence_steps", "queue", "redispatch", "redispatches", "relay_of", "retries",
        "rotates", "server", "server_fin", "tunnel", "turnaround",
    )  # fmt: skip

    def __init__(self, farm: Farm) -> None:
        model: Proxy = farm.model
        self.farm = farm
        self.model = model
        self.name = model.name
        self.connect = seconds_of(model.timeouts, "connect")
        self.server = seconds_of(model.timeouts, "server")
        self.server_fin = seconds_of(model.timeouts, "server-fin")
        self.queue = seconds_of(model.timeouts, "queue") or self.connect
        self.tunnel = seconds_of(model.timeouts, "tunnel")
        self.turnaround = min(TURNAROUND, self.connect or TURNAROUND)
        self.retries = model.retries
        self.connect_retries = model.retries if "conn-failure" in model.retry_on else 0
        self.redispatches = "redispatch" in model.options or model.redispatch != 0
        self.redispatch = model.redispatch or -1
        self.dispatch = model.dispatch
        self.abort_on_close = "abortonclose" in model.options
        self.nolinger = "nolinger" in model.options
        self.independent = "independent-streams" in model.options
        self.rotates = model.balance.name not in HASHING
        self.contents: Step | None = None
        self.relay_of: Callable[[Any], Any] | None = None
        self.persistence_steps: tuple[Step, ...] = ()
        self.http = HttpBackend(model) if model.mode == "http" else None

    def redispatch_due(self, retries: int) -> bool:
        """Return whether retry number `retries` may go to another server (`option redispatch n`)."""
        if not self.redispatches:
            return False
        every = self.redispatch if self.redispatch > 0 else self.retries + 1 + self.redispatch
        return every > 0 and retries % every == 0


class LiveBind:
    """One listening address of a frontend: its limits, its counters, and the steps of the clients that come in there.

    steps: of a TCP session. connection_rules, session_rules: what `tcp-request connection` and `session` rules say of
    a connection; True: let it in. expected: the headers that it must begin with. screened: a connection is no session
    before it has passed these, or has sent a header (greeting.py). resume: set while the listener accepts nobody
    because of a limit; called when a place is free. listener: accepts there, once it is open; runtime commands pause
    and close it. passed: the counters that each client of this address counts in.
    """

    __slots__ = (
        "connection_rules", "counters", "expected", "frontend", "listener", "maxconn", "model", "name", "passed",
        "resume", "screened", "session_rules", "steps",
    )  # fmt: skip

    def __init__(self, frontend: FrontendSettings, model: Bind) -> None:
        self.frontend: Any = frontend  # a Frontend (frontend.py, above), which runtime commands and listeners need
        self.model = model
        self.name = model.name or str(model.id)
        self.maxconn = model.maxconn
        self.counters = Counters()
        self.passed = (frontend.world.counters, frontend.counters, self.counters)
        self.connection_rules: Step | None = None
        self.session_rules: Step | None = None
        self.expected = (PROXY_HEADER if model.accept_proxy else 0) | (CLIENT_IP_HEADER if model.cip else 0)
        self.screened = self.expected != 0
        self.steps: Any = None  # a Steps (steps.py, above); None in HTTP mode
        self.resume: Callable[[], None] | None = None
        self.listener: Accepting | None = None

    def wake(self) -> None:
        """Let the listener try again."""
        resume, self.resume = self.resume, None
        if resume is not None:
            resume()


class FrontendSettings:
    """One frontend or listen section as sessions see it. Timeouts in seconds, 0 for none.

    form: of log lines; data_form: of the structured data that RFC 5424 adds; refusal_form: of connections that
    never became a session; needs: the addresses they name; notes_links: those of links are among them.
    identify: makes the id of a stream (`unique-id-format`), "" without a format.
    backend_rules: (condition or None, backend or the function that finds it) of each use_backend, in order. fallback:
    the default backend, or None.
    choose: gives the backend of a stream by these.
    rules_are_fixed: rules choose the same backend for all requests of a connection.
    home: the farm of a `listen` section, which is its own backend until another one is chosen; None of a frontend.
    """

    def __init__(self, model: Proxy, world: World) -> None:
        self.model = model
        self.world = world
        self.name = model.name
        self.counters = Counters()
        self.client = seconds_of(model.timeouts, "client")
        self.client_fin = seconds_of(model.timeouts, "client-fin")
        self.nolinger = "nolinger" in model.options
        self.independent = "independent-streams" in model.options
        self.skip_null = "dontlognull" in model.options
        self.skip_normal = "dontlog-normal" in model.options
        self.separate_errors = "log-separate-errors" in model.options
        self.outlet: Outlet | None = None
        self.form: Format | None = None
        self.data_form: Format | None = None
        self.refusal_form: Format | None = None
        self.id_form: Format | None = None
        self.no_captures: tuple[Captures, Captures] = (
            (None,) * len(model.request_captures), (None,) * len(model.response_captures),
        )  # fmt: skip
        self.backend_rules: list[tuple[Any, Any]] = []
        self.fallback: BackendSettings | None = None
        self.choose: Callable[[Any], BackendSettings | None] = lambda stream: None
        self.rules_are_fixed = True
        self.lines = 0
        self.needs: frozenset[str] = frozenset()
        self.identify: Callable[[Any], str] = _no_id

    @property
    def home(self) -> Farm | None:
        """Return the farm that counts while no backend is chosen."""
        return self.world.farms.get(self.name) if self.model.is_backend else None

    @property
    def needs(self) -> frozenset[str]:
        """The facts that lines, ids and answers name: pairs of addresses, and `unique_id`."""
        return self._needs

    @needs.setter
    def needs(self, names: frozenset[str]) -> None:
        self._needs = names
        self.notes_links = not names.isdisjoint(("local", "remote"))


def _no_id(stream: Any) -> str:
    return ""


@dataclass(slots=True)
class World:
    """One running proxy: its configuration and its live parts.

    started: wall-clock seconds of the start; birth: the same moment of the monotonic clock.
    sessions: by unique number. maxconn: connections at the most, process-wide, 0 for no limit; counters: process-wide.
    rate_limit: new connections a second at the most, process-wide (maxconnrate, maxsessrate), 0 for no limit;
    rate_limits: each of these.
    dial: makes links to servers (transport). stopping: set by a soft stop.
    release: called when a frontend's last session ended (a soft stop waits for that).
    announce: tells the log targets and the terminal (syslog level, message).
    trace: shows where an exception of the program's own was raised, to whoever debugs it.
    waiting: binds whose listener stopped accepting at a limit.
    sinks: where log lines go. startup_logs: what was said at the start. load: how busy the process is.
    budget: of the descriptors that idle links take. pipes: for splicing (transport), None with `nosplice`.
    watch: makes and starts the health checks of a server that was added at run time; None where nothing is checked.
    events: what the converter `debug` told. errors: bad messages that were captured. variables: those of the scope
    `proc`. errors_told: exceptions of the program's own, by kind and place. room: see ROOM.
    """

    configuration: Configuration
    clock: IClock
    started: float
    birth: float
    frontends: dict[str, Any] = field(default_factory=dict)  # Frontend (frontend.py)
    farms: dict[str, Farm] = field(default_factory=dict)
    sessions: dict[int, Any] = field(default_factory=dict)  # Connection (state.py)
    counters: Counters = field(default_factory=Counters)
    maxconn: int = 0
    stopping: bool = False
    release: Callable[[], None] | None = None
    dial: LinkDialler | None = None
    announce: Callable[[int, str], None] = _silent
    trace: Callable[[BaseException], None] = _untraced
    waiting: list[LiveBind] = field(default_factory=list)
    sinks: Sinks = field(default_factory=Sinks)
    startup_logs: str = ""
    budget: LinkBudget = field(default_factory=LinkBudget)
    pipes: SeenPipes | None = None
    watch: Callable[[LiveServer], Watching] | None = None
    events: Events = field(default_factory=Events)
    errors: ErrorCaptures = field(default_factory=ErrorCaptures)
    variables: Store = field(init=False)
    rate_limit: int = field(init=False)
    rate_limits: dict[str, int] = field(default_factory=dict)
    room: int = field(init=False)
    load: Load = field(init=False)
    errors_told: dict[tuple[str, str], Seldom] = field(default_factory=dict)
    deadlines: Deadlines = field(init=False)
    newcomers: Newcomers = field(init=False)

    def __post_init__(self) -> None:
        settings = self.configuration.process
        tune = settings.tune
        self.room = max(1, tune.get("tune.bufsize", BUFSIZE) - tune.get("tune.maxrewrite", MAXREWRITE))
        self.variables = store_of_process(settings.tune)
        for name, sample in settings.variables.items():
            self.variables.put(name, sample)
        for destination, line in settings.told:
            self.tell_sample(destination, line)
        self.limit_rates(connections=settings.maxconnrate, sessions=settings.maxsessrate)
        self.deadlines = Deadlines(self.clock)
        self.newcomers = Newcomers(self.deadlines, self.sessions)
        self.load = Load(self.birth, process_time())

    def limit_rates(self, **limits: int) -> None:
        """Set how many `connections` or `sessions` may begin in a second, process-wide, 0 for no limit."""
        self.rate_limits = {**self.rate_limits, **limits}
        self.rate_limit = min(filter(None, self.rate_limits.values()), default=0)

    def tell_sample(self, destination: str, line: bytes) -> None:
        """Tell what the converter `debug` saw: to `buf0`, `stdout` or `stderr`."""
        if destination == "buf0":
            self.events.add(line)
        else:
            self.sinks.sink(_STREAMS[destination]).write(line + b"\n")

    def tell_error(self, error: BaseException, where: str) -> None:
        """Tell that code of this program raised an exception; where: in what, as `session 7`.

        The same error at the same place is told once a minute at the most, however many sessions it ends. An exception
        of a third party's plugin is told by its guard (tcproxy/guards.py), and not here again.
        """
        if isinstance(error, PluginFailed):
            return
        seldom = self.errors_told.setdefault(place_of(error), Seldom())
        if seldom.tells(self.clock.seconds()):
            self.announce(ALERT, f"{INTERNAL_ERROR} in {where}: {reason(error)}{seldom.kept_back}.")
            self.trace(error)
