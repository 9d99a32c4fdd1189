"""The fields of an HTTP connection and its exchanges, and the methods that lower files may call.

    ClientConnection   one client of a frontend in HTTP mode; what it does stands in connection.py
    Exchange           a request and its response; what it does stands in exchange.py

Rules are functions of an Exchange. They call its methods that raise NotImplementedError here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from tcproxy.samples.variables import Store
from tcproxy.servers.state import LiveServer, Ticket
from tcproxy.session.ends import Address
from tcproxy.session.http.messages import ClientEnd, ServerEnd
from tcproxy.session.http.settings import HttpSettings, Route
from tcproxy.session.log_lines import unique_id
from tcproxy.session.settings import BackendSettings, FrontendSettings, LiveBind
from tcproxy.session.stages import Stage
from tcproxy.session.state import Connection, Moved, Persistence, Stream, packed
from tcproxy.wire.http1 import RequestHead, ResponseHead
from tcproxy.wire.proxy_protocol import ProxyHeader

Rule = Callable[["Exchange"], bool]
"""Done with a request. True: go on. False: it was answered, or waits; whatever ends the wait calls `exchange.run`."""
ResponseEdit = Callable[["Exchange", ResponseHead], None]
"""Done with a server's final response before it goes to the client; it may `exchange.answer` in the server's place."""


EXCHANGE_FIELDS = (
    "answered_at", "asked_at", "avoid", "backend", "began", "byte_counts", "bytes_ahead", "captured", "changes",
    "client",
    "connected_at", "connection", "error", "expires", "fast", "first", "frontend", "handshake", "idle_from",
    "inner", "keep", "kept", "link", "local", "logged", "looking", "moved", "next_step", "number", "persistence",
    "phase", "previous", "queued_until", "redispatched", "remote", "replay", "request", "response", "response_whole",
    "retries", "route", "scopes", "sent", "server", "server_limit", "settings", "stage", "status", "steps", "ticket",
    "times_ms", "unique",
)  # fmt: skip


NOT_COUNTED: tuple[int, int] = (0, 0)
"""The bytes of an exchange that is not counted yet: this object itself, whatever was moved."""


class ClientConnection(Connection):
    """One client of a frontend in HTTP mode.

    broken: nothing can be sent to it any more. choice: the backend of all its requests, where rules only look at what
    is the same for the whole connection (fast.py), once chosen. closed: it has ended. exchange: the one under way, None
    between two.
    expires: monotonic seconds when the wait for a request is over, NEVER without an end. first: no request came before
    the present one. idle_from: monotonic seconds when the wait for this request began; began: when its first byte came,
    or idle_from. kept: links that only this client may use. leaving: the connection is closed as soon as all is sent.
    peer: its address, once a line named it. soonest: seconds of the shortest timeout that may begin, 0 while that is
    not known. unread: its last answer began before its request was whole. The connection waits for the rest of that
    request no longer than `timeout client`.
    """

    if not TYPE_CHECKING:
        __slots__ = ()  # HttpConnection has slots for these fields, which mypy cannot know

    broken: bool
    choice: BackendSettings | None
    client: ClientEnd
    closed: bool
    exchange: Exchange | None
    expires: float
    first: bool
    idle_from: float
    kept: Any  # PrivateLinks (private.py, above)
    leaving: bool
    peer: Address | None
    settings: HttpSettings
    soonest: float
    unread: bool

    def without_request(self) -> Exchange:
        """Return an exchange for bytes that never become a request, or for none."""
        raise NotImplementedError

    def refuse(self, exchange: Exchange, status: int, silent: bool = False) -> None:
        """Answer that there is no request, or say nothing, and close. exchange: of `without_request`."""
        raise NotImplementedError

    def tunnel(self, exchange: Exchange) -> None:
        """Leave HTTP: the client and the exchange's link are one connection of bytes from now on."""
        raise NotImplementedError

    def go_on_from(self, exchange: Exchange) -> None:
        """An exchange is over and counted: wait for the next one, or close."""
        raise NotImplementedError

    def count_request_error(self) -> None:
        """Count that the client sent no request, or a bad one."""
        self.frontend.counters.request_errors += 1
        self.bind.counters.request_errors += 1


class Exchange(Stream):
    """A request of a client, and its response.

    request, response: their heads; no request: it never became one. status: what the client was answered, -1 for
    nothing. first: it is the connection's first. idle_from, began: see ClientConnection; asked_at: monotonic seconds
    when its head was whole; answered_at: when the response's head was (0.0: never). keep: the client's connection
    lasts. response_whole: the response's body is there. route: of the frontend to the backend, once that is chosen.
    fast: it took the fast path, as far as it went (fast.py).
    bytes_ahead: bytes sent ahead of the response, which are counted with it. byte_counts, times_ms: accounting.py has
    counted them: bytes of both sides (NOT_COUNTED before); milliseconds of the clock when the wait began, the link
    stood, the answer came, all was over. captured: headers and cookies for the log (captures.py). changes: what
    rules have changed (changes.py), None for nothing of that. handshake: milliseconds of the PROXY header. inner: the
    server inside the process that takes the request's body (inner.py), None without one. number: of the request in the
    process, where lines name that. replay: the request, where it may be sent again (retries.py). sent: bytes of answers
    of ours. kept: links that only this client may use, None without any. moved: addresses that rules have set, None
    without any. looking: a link that could not be written to is being read once more.
    """

    if not TYPE_CHECKING:
        __slots__ = ()  # HttpExchange has slots for these fields, which mypy cannot know

    bytes_ahead: int
    answered_at: float
    asked_at: float
    avoid: LiveServer | None
    backend: BackendSettings | None
    began: float
    byte_counts: tuple[int, int]
    captured: Any  # a Captured (captures.py, above)
    changes: Any  # a Changes (changes.py, above)
    client: ClientEnd
    connected_at: float
    connection: ClientConnection
    error: str
    expires: float
    fast: bool
    first: bool
    frontend: FrontendSettings
    handshake: int
    idle_from: float
    inner: Any  # an InnerServer (inner.py, above)
    kept: Any  # PrivateLinks (private.py, above)
    keep: bool
    link: ServerEnd | Any
    local: Address | None
    logged: bool
    looking: bool
    moved: Moved | None
    next_step: int
    number: int
    persistence: Persistence | None
    phase: str
    previous: LiveServer | None
    queued_until: float
    redispatched: bool
    remote: Address | None
    replay: Any  # a Replay (retries.py, above)
    request: RequestHead | None
    response: ResponseHead | None
    response_whole: bool
    retries: int
    route: Route
    scopes: dict[str, Store] | None
    sent: int
    server: LiveServer | None
    server_limit: float
    settings: HttpSettings
    stage: Stage
    status: int
    ticket: Ticket | None
    times_ms: tuple[int, int, int, int]
    unique: str | None

    # facts of the connection

    @property
    def bind(self) -> LiveBind:  # type: ignore[override]  # of a TCP session it is a field
        """Return the listening address where the client came in."""
        return self.connection.bind

    @property
    def source(self) -> bytes:
        """Return the client's packed address, empty for a UNIX socket."""
        moved = self.moved
        return self.connection.source if moved is None or moved.source is None else packed(moved.source[0])

    @property
    def proxy_header(self) -> ProxyHeader | None:
        """Return the PROXY header, None without one."""
        return self.connection.proxy_header

    @property
    def client_address(self) -> Address:
        """Return the client's address. Raises OSError once the socket is gone."""
        moved = self.moved
        return self.connection.client_address if moved is None or moved.source is None else moved.source

    @property
    def front_address(self) -> Address:
        """Return the address the client connected to. Raises OSError once the socket is gone."""
        moved = self.moved
        return self.connection.front_address if moved is None or moved.destination is None else moved.destination

    @property
    def connection_source(self) -> Address:
        """Return the address of the client's connection, whatever later rules have set."""
        return self.connection.connection_source

    @property
    def connection_destination(self) -> Address:
        """Return the address that the connection came to, whatever later rules have set."""
        return self.connection.connection_destination

    def move(self, source: Address | None, destination: Address | None, real: bool) -> None:
        """Set addresses of this exchange, those that are given."""
        moved = self.moved
        if moved is None:
            moved = self.moved = Moved()
        moved.source = source or moved.source
        moved.destination = destination or moved.destination
        self.connection.peer = None  # what lines name is asked for anew

    def link_key(self) -> Hashable:
        """Return the key of a link to the server: all that it tells the server of the client, or depends on."""
        server = self.server
        assert server is not None
        model = server.model
        named = model.send_proxy and "unique-id" in model.proxy_v2_options
        return (
            self.client_address if model.send_proxy or server.comes_from_client else None,
            self.front_address if model.send_proxy or server.follows_client else None,
            unique_id(self) if named else None,
        )

    @property
    def tunnel_limit(self) -> float:  # type: ignore[override]  # of a TCP session it never changes
        """Return the seconds of `timeout tunnel` that a rule has set, 0 for none."""
        return self.changes.tunnel if self.changes is not None else 0.0

    @property
    def priority(self) -> tuple[int, int]:  # type: ignore[override]  # of a TCP session it never changes
        """Return the class in queues, and the milliseconds by which it counts as come later."""
        return self.changes.priority if self.changes is not None else (0, 0)

    @property
    def wait_over(self) -> bool:
        """Return False while a condition may be answered by "not known yet"."""
        inner = self.inner
        return inner is None or bool(inner.wait_over)

    def request_line(self) -> tuple[bytes, bytes] | None:
        """Return method and target of the request as it came; None without a request."""
        request, changes = self.request, self.changes
        if changes is not None and changes.line is not None:
            return changes.line[0], changes.line[1]
        return None if request is None else (request.method, request.target)

    def request_body(self) -> bytes:
        """Return what came of the request's body and was not sent to a server yet."""
        return b"".join(self.client.pieces)

    def response_body(self) -> bytes:
        """Return what came of the response's body, while its head is looked at."""
        link, response = self.link, self.response
        return b"" if link is None or response is None else link.body_at_hand(response)

    def unique_id(self) -> bytes | None:
        """Return the unique id, made when it is first asked for; None without a format, or without a request."""
        if self.request is None:
            return None
        first = self.settings.identify_first
        if self.unique is None and first is not None:
            self.unique = first(self)
        return Stream.unique_id(self)

    # interfaces.IRequest, for strategies

    def uri(self) -> bytes | None:
        """Return the request's target, as it is forwarded."""
        assert self.request is not None
        return self.request.target

    def header(self, name: bytes) -> bytes | None:
        """Return the value of the first header of this name, in lower case; None without one."""
        assert self.request is not None
        return self.request.value(name)

    def body(self) -> bytes | None:
        """Return the bytes of a POST's body that are there; None for any other request."""
        assert self.request is not None
        return b"".join(self.client.pieces) if self.request.method == b"POST" else None

    def data(self) -> bytes:
        """Return no bytes: an HTTP client sends messages."""
        return b""

    # methods of exchanges that lower files call

    def answer(self, status: int, page: Any = None) -> None:
        """Answer in the server's place: with the page of this status, or another one (a Page, pages.py)."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close both connections: the exchange cannot be completed."""
        raise NotImplementedError

    def finish(self) -> None:
        """The exchange is over: count it, log it, and go on with the connections."""
        raise NotImplementedError

    def close_own_link(self) -> None:
        """Give up the link of this exchange."""
        raise NotImplementedError

    def fail_response(self, status: int) -> None:
        """The response cannot be had: answer in its place, if nothing of it is with the client yet."""
        raise NotImplementedError

    def count_response_error(self) -> None:
        """Count that the server gave no response, or a bad one."""
        raise NotImplementedError

    def response_ended(self) -> None:
        """The response's body is whole."""
        raise NotImplementedError

    def stay_silent(self) -> None:
        """Close without an answer: a kept client then sends its request again."""
        raise NotImplementedError

    def leave_servers(self) -> None:
        """Count and log the exchange, and give back what it holds of its server."""
        raise NotImplementedError

    def responded(self, head: ResponseHead) -> bool:
        """The response's head came. Return False if its body is not to be passed on."""
        raise NotImplementedError

    def forward(self, head: ResponseHead) -> bool:
        """Send the client a response's head, as rules have made it. Return False if its body is not to be passed on."""
        raise NotImplementedError
