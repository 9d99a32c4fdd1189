"""The objects that samples are taken from, as protocols: a client's session, and the live objects around it.

The session and the live objects have these attributes. A plain object with the same attributes does too, so that the
question "where would this client go?" can be answered without a socket. This file takes no samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tcproxy.grammar.statements import Origin
from tcproxy.interfaces import IClock, ServerState
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.samples.variables import Store
from tcproxy.wire.messages import RequestHead, ResponseHead
from tcproxy.wire.proxy_protocol import ProxyHeader

Endpoint = tuple[bytes, int]
"""A packed address, empty for a UNIX socket, and a port."""


class CounterFacts(Protocol):
    """The counters that samples read."""

    @property
    def current(self) -> int:
        """Sessions now."""
        ...

    def sessions_a_second(self, now: float) -> int:
        """Return how many sessions began in the second that ends at `now`."""
        ...

    def requests_a_second(self, now: float) -> int:
        """Return how many requests of HTTP came in the second that ends at `now`."""
        ...


class BindFacts(Protocol):
    """The address that the client came in by."""

    @property
    def model(self) -> Bind:
        """Its configuration."""
        ...

    @property
    def counters(self) -> CounterFacts:
        """Its counters."""
        ...


class FrontendFacts(Protocol):
    """A frontend at work."""

    @property
    def model(self) -> Proxy:
        """Its configuration."""
        ...

    @property
    def counters(self) -> CounterFacts:
        """Its counters."""
        ...


class ServerFacts(Protocol):
    """A server at work. weight: sixteenths; user_weight, initial_weight: as configured."""

    @property
    def model(self) -> Server:
        """Its configuration."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def id(self) -> int:
        """Its number in the backend."""
        ...

    @property
    def state(self) -> ServerState:
        """Its operational state."""
        ...

    @property
    def usable(self) -> bool:
        """True when new clients may be sent to it."""
        ...

    @property
    def weight(self) -> int:
        """Effective weight, in sixteenths."""
        ...

    @property
    def user_weight(self) -> int:
        """The weight as set at run time, or as configured."""
        ...

    @property
    def initial_weight(self) -> int:
        """The weight as configured."""
        ...

    @property
    def served(self) -> int:
        """Sessions that hold a slot."""
        ...

    @property
    def queued(self) -> int:
        """Sessions in its queue."""
        ...

    @property
    def maxconn(self) -> int:
        """Sessions at the most, 0 for no limit."""
        ...

    @property
    def counters(self) -> CounterFacts:
        """Its counters."""
        ...


class SizedFacts(Protocol):
    """Something with a length: a queue."""

    def __len__(self) -> int: ...


class FarmFacts(Protocol):
    """The servers of a backend at work."""

    @property
    def model(self) -> Proxy:
        """The backend's configuration."""
        ...

    @property
    def counters(self) -> CounterFacts:
        """The backend's counters."""
        ...

    @property
    def servers(self) -> Sequence[ServerFacts]:
        """All servers, in the order of the configuration."""
        ...

    @property
    def queue(self) -> SizedFacts:
        """Those who wait for any server."""
        ...


class CapturedFacts(Protocol):
    """What was captured of a request and its response: a value for each slot, None for what is not there."""

    @property
    def request(self) -> list[bytes | None]:
        """Of the request."""
        ...

    @property
    def response(self) -> list[bytes | None]:
        """Of the response."""
        ...


class WorldFacts(Protocol):
    """The process."""

    @property
    def configuration(self) -> Configuration:
        """What was read."""
        ...

    @property
    def clock(self) -> IClock:
        """Monotonic time."""
        ...

    @property
    def frontends(self) -> Mapping[str, FrontendFacts]:
        """By name."""
        ...

    @property
    def farms(self) -> Mapping[str, FarmFacts]:
        """By name."""
        ...

    @property
    def announce(self) -> Callable[[int, str], None]:
        """Tells an event of the whole process, with a level of syslog."""
        ...

    @property
    def stopping(self) -> bool:
        """True during a soft stop."""
        ...

    def tell_sample(self, destination: str, line: bytes) -> None:
        """Tell what the converter `debug` saw: to `buf0`, `stdout` or `stderr`."""
        ...


class Facts(Protocol):
    """One client's session.

    source, destination: packed addresses, 4 or 16 bytes, empty for a UNIX socket. farm, server: None before
    they are chosen. proxy_header: what the client sent in front, None without one. request, response: the heads of an
    exchange of HTTP, None before they came, and in TCP mode.
    """

    @property
    def request(self) -> RequestHead | None:
        """The request, as rules have changed it."""
        ...

    @property
    def response(self) -> ResponseHead | None:
        """The response, as rules have changed it."""
        ...

    @property
    def first(self) -> bool:
        """True for the first request of a connection of HTTP."""
        ...

    @property
    def captured(self) -> CapturedFacts | None:
        """What the frontend's `capture` lines captured, None where there are none."""
        ...

    def request_line(self) -> tuple[bytes, bytes] | None:
        """Return method and target of the request as it came, before rules changed it; None without a request."""
        ...

    def request_body(self) -> bytes:
        """Return what came of the request's body and was not sent to a server yet."""
        ...

    def response_body(self) -> bytes:
        """Return what came of the response's body, while its head is looked at."""
        ...

    def unique_id(self) -> bytes | None:
        """Return the unique id (`unique-id-format`), made when it is first asked for; None without a format."""
        ...

    def data(self) -> bytes:
        """Return the bytes that were read from the client in TCP mode, and not passed on."""
        ...

    def response_data(self) -> bytes | None:
        """Return the bytes that were read from the server in TCP mode and not passed on, None before a link stands."""
        ...

    @property
    def wait_over(self) -> bool:
        """Return False while a condition may be answered by "wait" (rows.py), True everywhere else.

        That is: False in the conditions of tcp-request and tcp-response content rules, until their inspect-delay has
        passed, or no more bytes can come (FIN, a buffer that is full).
        """
        ...

    def variables(self, scope: str) -> Store | None:
        """Return the variables of a scope (samples/variables.py), to read and to set; None while there is none."""
        ...

    @property
    def source(self) -> bytes:
        """The client's address."""
        ...

    @property
    def source_port(self) -> int:
        """The client's port."""
        ...

    @property
    def destination(self) -> bytes:
        """The address that the client connected to."""
        ...

    @property
    def destination_port(self) -> int:
        """The port that the client connected to."""
        ...

    def client_tcp_info(self) -> bytes | None:
        """Return what the kernel measured of the client's connection (struct tcp_info), None where it is no TCP."""
        ...

    @property
    def connection_source(self) -> tuple[str, int]:
        """The address of the client's connection, whatever later rules have set."""
        ...

    @property
    def connection_destination(self) -> tuple[str, int]:
        """The address that the connection came to, whatever later rules have set."""
        ...

    @property
    def proxy_header(self) -> ProxyHeader | None:
        """The PROXY header."""
        ...

    @property
    def bind(self) -> BindFacts:
        """Where it came in."""
        ...

    @property
    def frontend(self) -> FrontendFacts:
        """Whose client it is."""
        ...

    @property
    def farm(self) -> FarmFacts | None:
        """The backend chosen."""
        ...

    @property
    def server(self) -> ServerFacts | None:
        """The server chosen."""
        ...

    @property
    def link_remote(self) -> Endpoint | None:
        """Where the connection to the server leads, or led if that failed; None before there was one."""
        ...

    @property
    def link_local(self) -> Endpoint | None:
        """Our side of the connection to the server; None before there was one, or where it is not known any more."""
        ...

    @property
    def client_error(self) -> str:
        """What is wrong with the client's connection, in HAProxy's words (links.ERRORS), "" for nothing."""
        ...

    @property
    def link_error(self) -> str | None:
        """What is wrong with the connection to the server, in HAProxy's words, "" for nothing; None without one."""
        ...

    @property
    def server_timeout(self) -> int:
        """Milliseconds of silence allowed to the server now; 0 for no limit, and before the connection stands."""
        ...

    @property
    def tunnel_timeout(self) -> int:
        """Milliseconds of silence allowed in a tunnel, likewise."""
        ...

    @property
    def priority_class(self) -> int:
        """The class in queues (set-priority-class), 0 unless a rule set it."""
        ...

    @property
    def priority_offset(self) -> int:
        """The milliseconds by which it is older or younger in queues (set-priority-offset), 0 unless a rule set it."""
        ...

    @property
    def last_rule(self) -> Origin | None:
        """Where the last final rule stands that was applied to the stream; None before one was."""
        ...

    @property
    def world(self) -> WorldFacts:
        """The process."""
        ...
