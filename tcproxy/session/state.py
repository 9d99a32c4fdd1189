"""What a session remembers: the facts and fields that all files of this room may read. What it does stands above.

    Connection   one accepted connection of a client
    Stream       one way from a client to a server: all of a TCP session, or one exchange of HTTP

A TCP session is both at once (session.py). A client of HTTP is a Connection that has one Exchange, which is a Stream,
after another (http/). Methods that raise NotImplementedError here are those that lower files call.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from tcproxy.grammar.statements import Origin
from tcproxy.interfaces import IRequest
from tcproxy.samples.facts import CapturedFacts, Endpoint
from tcproxy.samples.variables import Store
from tcproxy.servers.farm import Farm
from tcproxy.servers.state import LiveServer, Ticket
from tcproxy.session.ends import Address, End
from tcproxy.session.settings import BackendSettings, FrontendSettings, LiveBind, World
from tcproxy.session.stages import CHOOSING, CLOSED, NEVER, Stage
from tcproxy.session.timers import Alarm
from tcproxy.wire.messages import RequestHead, ResponseHead
from tcproxy.wire.proxy_protocol import ProxyHeader

CONNECTION_FIELDS = (
    "accepted", "alarm", "began", "bind", "client", "client_done", "client_limit", "client_shut", "front",
    "frontend", "greeting", "handshake", "kept_variables", "moved", "number", "packed_source", "relay",
)  # fmt: skip
STREAM_FIELDS = (
    "avoid", "backend", "connected_at", "error", "expires", "link", "local", "logged", "next_step", "persistence",
    "phase", "previous", "queued_until", "redispatched", "remote", "retries", "scopes", "server", "server_limit",
    "stage", "steps", "ticket", "unique",
)  # fmt: skip


class Moved:
    """Addresses that rules have set, None where they have not (`set-src`, `set-dst` ...).

    source, destination: as most samples and lines have them. real_source, real_destination: of the connection, which
    only rules about connections set.
    """

    __slots__ = ("destination", "real_destination", "real_source", "source")

    def __init__(self) -> None:
        self.source: Address | None = None
        self.destination: Address | None = None
        self.real_source: Address | None = None
        self.real_destination: Address | None = None


class Persistence:
    """What leads a stream to a server before balancing: rules of persistence, and cookies.

    server: the one that the stream goes to without balancing, None for any. direct: a cookie, or something else that
    the client sent, led there (and `option redispatch` may lead elsewhere). forced: the stream goes there even if the
    server is down, and stays. ignored: nothing that the client sent counts (`force-persist`, `ignore-persist`).
    asked, answered: letters of the request's cookie and of the response's (manual 8.5). last, first: dates of the
    request's cookie, in seconds since 1970, 0 for none.
    """

    __slots__ = ("answered", "asked", "direct", "first", "forced", "ignored", "last", "server")

    def __init__(self) -> None:
        self.server: LiveServer | None = None
        self.direct = False
        self.forced = False
        self.ignored = False
        self.asked = "N"
        self.answered = "N"
        self.last = 0
        self.first = 0

    def lead(self, server: LiveServer) -> None:
        """Lead to a server, as the client asks."""
        self.server = server
        self.direct = True

    def release(self) -> None:
        """Give the server up: balance from now on."""
        self.server = None
        self.direct = False


@implementer(IRequest)
class SessionFacts:
    """Read-only facts of a session for rules, strategies and log lines. request, response: None outside exchanges."""

    if not TYPE_CHECKING:
        __slots__ = ()  # the classes above have slots for these fields, which mypy cannot know

    client: End
    bind: LiveBind
    frontend: FrontendSettings
    request: RequestHead | None = None
    response: ResponseHead | None = None
    # no rule of tcproxy sets these two yet, and none is asked of a connection that failed
    last_rule: Origin | None = None
    client_error: str = ""
    first: bool = True
    captured: CapturedFacts | None = None
    tunnel_limit: float = 0.0
    priority: tuple[int, int] = (0, 0)

    @property
    def world(self) -> World:
        """Return the process."""
        return self.frontend.world

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return self.frontend.world.clock.seconds()

    @property
    def source(self) -> bytes:
        """Return the client's packed address, empty for a UNIX socket."""
        raise NotImplementedError

    @property
    def source_port(self) -> int:
        """Return the client's port."""
        return self.client_address[1]

    @property
    def destination(self) -> bytes:
        """Return the packed address that the client connected to, empty for a UNIX socket."""
        return packed(self.front_address[0])

    @property
    def destination_port(self) -> int:
        """Return the port that the client connected to."""
        return self.front_address[1]

    @property
    def priority_class(self) -> int:
        """Return the class in queues that a rule has set."""
        return self.priority[0]

    @property
    def priority_offset(self) -> int:
        """Return the milliseconds by which it counts as come later in queues, as a rule has set them."""
        return self.priority[1]

    @property
    def connection_source(self) -> Address:
        """Return the address of the client's connection, whatever a PROXY header says, or later rules have set."""
        raise NotImplementedError

    @property
    def connection_destination(self) -> Address:
        """Return the address that the connection came to, whatever a PROXY header says, or later rules have set."""
        raise NotImplementedError

    @property
    def farm(self) -> Farm | None:
        """Return the servers of the backend, None before it is chosen."""
        return None

    @property
    def proxy_header(self) -> ProxyHeader | None:
        """Return the PROXY header, None without one."""
        raise NotImplementedError

    @property
    def client_address(self) -> Address:
        """Return the client's address: the PROXY header's, if there was one. Raises OSError once the socket is gone."""
        raise NotImplementedError

    @property
    def front_address(self) -> Address:
        """Return the address the client connected to: the PROXY header's, if there was one. Raises OSError as above."""
        raise NotImplementedError

    def variables(self, scope: str) -> Store | None:
        """Return the variables of a scope, to read and to set; None while there is none."""
        raise NotImplementedError

    @property
    def wait_over(self) -> bool:
        """Return True: no rule of tcproxy waits for more bytes of TCP yet."""
        return True

    def response_data(self) -> bytes | None:
        """Return None: a connection alone has no server."""
        return None

    @property
    def link_remote(self) -> Endpoint | None:
        """Return None: a connection alone has no link."""
        return None

    @property
    def link_local(self) -> Endpoint | None:
        """Return None: a connection alone has no link."""
        return None

    @property
    def link_error(self) -> str | None:
        """Return None: a connection alone has no link."""
        return None

    @property
    def server_timeout(self) -> int:
        """Return 0: a connection alone has no server."""
        return 0

    @property
    def tunnel_timeout(self) -> int:
        """Return 0: a connection alone has no server."""
        return 0

    def client_tcp_info(self) -> bytes | None:
        """Return what the kernel measured of the client's connection, None where it is no TCP."""
        return self.client.tcp_info()

    def request_line(self) -> tuple[bytes, bytes] | None:
        """Return None: there is no request in TCP mode."""
        return None

    def request_body(self) -> bytes:
        """Return nothing: there is no request in TCP mode."""
        return b""

    def response_body(self) -> bytes:
        """Return nothing: there is no response in TCP mode."""
        return b""

    def unique_id(self) -> bytes | None:
        """Return None: a connection has no id, what goes to a server has one."""
        return None

    # interfaces.IRequest, for strategies: in TCP mode there is no request

    def uri(self) -> bytes | None:
        """Return None: there is no request in TCP mode."""
        return None

    def header(self, name: bytes) -> bytes | None:
        """Return None: there is no request in TCP mode."""
        return None

    def body(self) -> bytes | None:
        """Return None: there is no request in TCP mode."""
        return None

    def data(self) -> bytes:
        """Return the bytes that were read from the client so far."""
        return self.client.held


class Connection(SessionFacts):
    """One accepted connection of a client.

    accepted: wall-clock seconds of the accept, in HTTP mode of the last request's first byte. alarm: its one deadline.
    began: monotonic seconds of the same moment. client: its end. client_done: the client will send no more.
    client_limit: seconds of silence allowed on the client's side now, 0 for no limit. client_shut: we send it no more.
    bind, frontend: where it came in. kept_variables: those of the scope `sess`, None before there is one. front: the
    address it connected to, once asked for. greeting: the PROXY header, or what reads it (greeting.py). handshake:
    milliseconds that this took. moved: addresses that rules have set, None without any. number: unique in the process.
    packed_source: the client's packed address, once asked for. relay: its two joined ends (relay.py), None before.
    """

    if not TYPE_CHECKING:
        __slots__ = ()  # the classes above have slots for these fields, which mypy cannot know

    accepted: float
    alarm: Alarm | None
    began: float
    client_done: bool
    client_limit: float
    client_shut: bool
    front: Address | None
    greeting: Any
    handshake: int
    kept_variables: Store | None
    moved: Moved | None
    number: int
    packed_source: bytes | None
    relay: Any

    @property
    def source(self) -> bytes:
        """Return the client's packed address, empty for a UNIX socket."""
        source = self.packed_source
        if source is None:
            source = self.packed_source = packed(self.client_address[0])
        return source

    @property
    def proxy_header(self) -> ProxyHeader | None:
        """Return the PROXY header, None without one."""
        return self.greeting if isinstance(self.greeting, ProxyHeader) else None

    @property
    def client_address(self) -> Address:
        """Return the client's address: the PROXY header's, if there was one. Raises OSError once the socket is gone."""
        if self.moved is not None and self.moved.source is not None:
            return self.moved.source
        header = self.proxy_header
        if header is not None and header.usable and header.source is not None:
            return header.source
        return self.connection_source

    @property
    def connection_source(self) -> Address:
        """Return the address of the client's connection, whatever a PROXY header says, or later rules have set."""
        if self.moved is not None and self.moved.real_source is not None:
            return self.moved.real_source
        host, port = self.client.source()
        return (host, port) if host != "unix" else (host, self.bind.model.id)

    @property
    def front_address(self) -> Address:
        """Return the address the client connected to: the PROXY header's, if there was one. Raises OSError as above."""
        if self.moved is not None and self.moved.destination is not None:
            return self.moved.destination
        header = self.proxy_header
        if header is not None and header.usable and header.destination is not None:
            return header.destination
        return self.connection_destination

    @property
    def connection_destination(self) -> Address:
        """Return the address that the connection came to, whatever a PROXY header says, or later rules have set."""
        if self.moved is not None and self.moved.real_destination is not None:
            return self.moved.real_destination
        if self.front is None:
            self.front = self.client.destination()
        host, port = self.front
        return (host, port) if host != "unix" else (host, self.bind.model.id)

    def move(self, source: Address | None, destination: Address | None, real: bool) -> None:
        """Set addresses, those that are given. real: those of the connection, too."""
        moved = self.moved
        if moved is None:
            moved = self.moved = Moved()
        if source is not None:
            moved.source = source
            moved.real_source = source if real else moved.real_source
            self.packed_source = None
        if destination is not None:
            moved.destination = destination
            moved.real_destination = destination if real else moved.real_destination

    def variables(self, scope: str) -> Store | None:
        """Return the variables of the process or of this connection; None of any other scope."""
        if scope == "proc":
            return self.frontend.world.variables
        if scope != "sess":
            return None
        if self.kept_variables is None:
            self.kept_variables = self.frontend.world.variables.inner("sess")
        return self.kept_variables

    # methods of connections that lower files call

    def alarmed(self) -> None:
        """The deadline struck: act on what is really due, and set it anew."""
        raise NotImplementedError

    def rearm(self) -> None:
        """See that the alarm strikes no later than anything that can be due."""
        raise NotImplementedError

    def close_client(self) -> None:
        """Close the client's connection: from now on both of its directions have ended."""
        raise NotImplementedError

    def refused(self) -> Stream:
        """Return the stream that the log line tells of, of a connection that is refused before it is a session."""
        raise NotImplementedError

    def greeted(self) -> None:
        """Go on: the PROXY header is read."""
        raise NotImplementedError

    def finish_client(self) -> None:
        """Note that the client will send no more."""
        self.client_done = True
        if self.client_shut:
            self.close_client()

    def _close_client(self, reset: bool) -> None:
        """Close the client's connection, with RST if asked."""
        if not self.client_done and not self.client_shut and not reset:
            # bytes that nobody read make the kernel reset the client: send FIN before that
            self.client.finish()
        self.client_done = self.client_shut = True
        self.client.close(reset)

    def end(self) -> None:
        """Close whatever is open, give back what was taken, and write the log line. Does nothing the second time."""
        raise NotImplementedError

    def crashed(self, error: BaseException, end: Any = None) -> None:
        """Code of this session raised an exception: tell it, and end (crashes.py). Raises nothing."""
        raise NotImplementedError

    def strike_by(self, at: float) -> None:
        """See that the alarm strikes no later than `at`, monotonic seconds."""
        alarm, world = self.alarm, self.frontend.world
        if alarm is None:
            newcomers = world.newcomers
            if at == NEVER or newcomers.see(self.number, at):
                return
            self.alarm = world.deadlines.set(at, self)
            if newcomers.at == NEVER:
                newcomers.expect()
        elif at < alarm.at:
            self.alarm = world.deadlines.advance(alarm, at)

    def cancel_alarm(self) -> None:
        """Cancel the deadline."""
        if self.alarm is not None:
            self.frontend.world.deadlines.cancel(self.alarm)
            self.alarm = None


class Stream(SessionFacts):
    """One way from a client to a server.

    avoid: the server that the next attempt had better not take. backend: None before it is chosen. began: monotonic
    seconds when it began. connection: whose client it comes from; a TCP session is its own. connected_at,
    queued_until: monotonic seconds when the link stood, and when the wait for a slot ended (0.0: never).
    error, phase: the two letters of the termination state. expires: when the present wait (queue, turnaround, connect)
    ends, NEVER without one. link: the server's end. local, remote: addresses of the link, where lines name them.
    logged: its log line is written, or not wanted. steps, next_step: what is done in order, and the index of the step
    that follows. persistence: leads it to a server, None for nothing. previous: the server that failed it.
    redispatched: it went to another server than the first. retries: attempts after the first. scopes: its variables by
    their scope, None before there is one. server: whose slot it
    holds. server_limit: seconds of silence allowed to the server now, 0 for no limit. ticket: its place in a queue.
    unique: its unique id, None until it was asked for.
    """

    if not TYPE_CHECKING:
        __slots__ = ()  # the classes above have slots for these fields, which mypy cannot know

    avoid: LiveServer | None
    backend: BackendSettings | None
    began: float
    connection: Connection
    connected_at: float
    error: str
    expires: float
    link: Any  # an End; in HTTP mode a ServerEnd (http/messages.py), once it stands
    local: Address | None
    logged: bool
    next_step: int
    persistence: Persistence | None
    phase: str
    previous: LiveServer | None
    queued_until: float
    redispatched: bool
    remote: Address | None
    retries: int
    scopes: dict[str, Store] | None
    server: LiveServer | None
    server_limit: float
    stage: Stage
    steps: Any  # a Steps (steps.py, above)
    ticket: Ticket | None
    unique: str | None

    # of TCP mode only: the level of the log line that a rule has set, -1 for no line
    level: int | None = None

    # of HTTP mode only: links of the client's own (http/private.py), and a request to send again (http/retries.py)
    kept: Any = None
    replay: Any = None

    @property
    def farm(self) -> Farm | None:
        """Return the backend's servers, None before it is chosen."""
        return self.backend.farm if self.backend is not None else None

    def response_data(self) -> bytes | None:
        """Return the bytes that were read from the server in TCP mode and not passed on, None before a link stands."""
        link = self.link
        return link.held if link is not None and link.connected else None

    @property
    def link_remote(self) -> Endpoint | None:
        """Return the packed address and port that the link leads to, or led to if it failed; None without one."""
        return _endpoint(self.remote, self.link and self.link.source)

    @property
    def link_local(self) -> Endpoint | None:
        """Return the packed address and port of our side of the link; None where they are not known (any more)."""
        return _endpoint(self.local, self.link and self.link.destination)

    @property
    def link_error(self) -> str | None:
        """Return "" once the link stood, None before: of an attempt that failed, nothing is left."""
        return "" if self.connected_at else None

    @property
    def server_timeout(self) -> int:
        """Return the milliseconds of silence allowed to the server now, 0 for no limit and before a link stood."""
        if not self.connected_at:
            return 0
        relay = self.connection.relay
        return round(1000 * (self.server_limit if relay is None else relay.server_limit))

    @property
    def tunnel_timeout(self) -> int:
        """Return the milliseconds of silence allowed in a tunnel, 0 for no limit and before a link stood."""
        return round(1000 * self.backend.tunnel) if self.connected_at and self.backend is not None else 0

    @property
    def is_responding(self) -> bool:
        """Return whether the variables of the request have ended: a server was asked for, or we answer."""
        if self.queued_until != 0.0 or self.ticket is not None:
            return True
        return self.scopes is not None and "res" in self.scopes

    def begin_responding(self) -> None:
        """End the variables of the request, and begin those of the response: an answer of our own is made."""
        scopes = self.scopes
        if scopes is None:
            scopes = self.scopes = {}
        if "res" not in scopes:
            scopes.pop("req", None)
            limited = self.frontend.world.variables.limits is not None
            around = self.variables("txn") if limited else None
            scopes["res"] = around.inner("res") if around is not None else Store(scope="res")

    def variables(self, scope: str) -> Store | None:
        """Return the variables of a scope: of the process, the connection, or this stream; None while it has none."""
        if scope in ("proc", "sess"):
            return Connection.variables(self.connection, scope)
        if scope == "check" or (scope != "txn" and (scope == "res") is not self.is_responding):
            return None
        scopes = self.scopes
        if scopes is None:
            scopes = self.scopes = {}
        found = scopes.get(scope)
        if found is None:
            if scope == "res":
                scopes.pop("req", None)
            around = Connection.variables(self.connection, "sess") if scope == "txn" else self.variables("txn")
            assert around is not None
            found = scopes[scope] = around.inner(scope)
        return found

    def unique_id(self) -> bytes | None:
        """Return the unique id (`unique-id-format`), made when it is first asked for; None without a format."""
        if not self.frontend.model.unique_id_format:
            return None
        if self.unique is None:
            self.unique = self.frontend.identify(self)
        return self.unique.encode("utf-8", "surrogateescape")

    # methods of streams that lower files call

    def run(self) -> None:
        """Take steps until one has to wait."""
        raise NotImplementedError

    def settle(self) -> None:
        """Set the alarm, and act on a side that has ended."""
        raise NotImplementedError

    def decide(self, error: str, phase: str = "") -> None:
        """Note why it ends, unless that is known already."""
        raise NotImplementedError

    def end(self) -> None:
        """End it, with its connection."""
        raise NotImplementedError

    def crashed(self, error: BaseException, end: Any = None) -> None:
        """Code of this stream raised an exception: end its connection (crashes.py). Raises nothing."""
        raise NotImplementedError

    def shut(self, cause: str) -> None:
        """End it on command. `cause`: K killed, D its server is down, U a better server is up."""
        raise NotImplementedError

    def connected(self) -> None:
        """The link that was being established stands."""
        raise NotImplementedError

    def connect_failed(self, errno: int, cause: str) -> None:
        """The link that was being established failed."""
        raise NotImplementedError

    def give_up(self) -> None:
        """End it for want of a server; `error` and `phase` already say why."""
        raise NotImplementedError

    def reused(self) -> Any:
        """Return an idle link to the server that this stream may use; None: connect."""
        return None

    def link_key(self) -> Any:
        """Return the key of a link to the server: all that it tells of the client, or depends on (servers/links.py)."""
        raise NotImplementedError

    # events of the farm

    def granted(self, server: LiveServer) -> None:
        """A slot of this server is free for us: go on from the event loop, not within the end of another stream."""
        if self.stage is CLOSED:
            server.farm.release(server)  # it crashed before it knew of its place
            return
        self.server = server
        self._go_on_soon()

    def turned_away(self) -> None:
        """No server is left that could take the place in the queue."""
        if self.stage is not CLOSED:
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        self.stage = CHOOSING
        self.expires = self.now()
        self.connection.rearm()


def packed(host: str) -> bytes:
    """Return the packed form of an address, empty for the name of a UNIX socket."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    except OSError:
        return b""


def _endpoint(noted: Address | None, ask: Callable[[], Address] | None) -> Endpoint | None:
    """Return an address of the link: as noted for log lines, or as the link says, or None."""
    if noted is None:
        if ask is None:
            return None
        try:
            noted = ask()
        except OSError:
            return None
    return packed(noted[0]), noted[1]
