"""Every interface and enumeration that the author of a plugin needs, and nothing else.

A plugin is an object that provides IBalancingStrategy, IHealthChecker, IFetch, IConverter, IAction or IService, and
stands as a module-level name in a file of a `tcproxy/plugins/` folder on sys.path, or is
named by an entry point of the group `tcproxy.plugins`. docs/extending shows one file of each kind.

Nothing here imports Twisted: strategies and checkers are plain objects, driven by plain calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag

from zope.interface import Attribute, Interface

WEIGHT_SCALE = 16
"""An effective weight counts sixteenths of the configured one, so that slow start can grow in steps."""


class ServerState(Enum):
    """Operational state of a server, with the number that `show servers state` prints (manual 9.3)."""

    STOPPED = 0
    STARTING = 1
    RUNNING = 2
    STOPPING = 3


class Admin(IntFlag):
    """Administrative state of a server, with the bits that `show servers state` prints (manual 9.3)."""

    NONE = 0x00
    FORCED_MAINTENANCE = 0x01
    INHERITED_MAINTENANCE = 0x02
    CONFIGURED_MAINTENANCE = 0x04
    FORCED_DRAIN = 0x08
    INHERITED_DRAIN = 0x10
    RESOLUTION_MAINTENANCE = 0x20
    HOSTNAME_MAINTENANCE = 0x40
    MAINTENANCE = 0x01 | 0x02 | 0x20  # the others only remember where these came from
    DRAIN = 0x08 | 0x10


class CheckStatus(Enum):
    """The status of a check: its short code in the statistics, its words in logs, and whether the check passed.

    The codes and words are those of HAProxy's statistics page and logs (management 9.1, `check_status`).
    """

    UNKNOWN = ("UNK", "Unknown", None)
    INITIALIZING = ("INI", "Initializing", None)
    CHECKED = ("CHECKED", "No status change", None)
    FORCED = ("HANA", "Health analyze", None)
    SOCKET_ERROR = ("SOCKERR", "Socket error", False)
    L4_OK = ("L4OK", "Layer4 check passed", True)
    L4_TIMEOUT = ("L4TOUT", "Layer4 timeout", False)
    L4_CONNECTION = ("L4CON", "Layer4 connection problem", False)
    L6_OK = ("L6OK", "Layer6 check passed", True)
    L6_TIMEOUT = ("L6TOUT", "Layer6 timeout", False)
    L6_RESPONSE = ("L6RSP", "Layer6 invalid response", False)
    L7_OK = ("L7OK", "Layer7 check passed", True)
    L7_OK_CONDITIONAL = ("L7OKC", "Layer7 check conditionally passed", True)
    L7_TIMEOUT = ("L7TOUT", "Layer7 timeout", False)
    L7_RESPONSE = ("L7RSP", "Layer7 invalid response", False)
    L7_STATUS = ("L7STS", "Layer7 wrong status", False)
    PROCESS_ERROR = ("PROCERR", "External check error", False)
    PROCESS_TIMEOUT = ("PROCTOUT", "External check timeout", False)
    PROCESS_OK = ("PROCOK", "External check passed", True)

    def __init__(self, code: str, words: str, passed: bool | None) -> None:
        self.code = code
        self.words = words
        self.passed = passed


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check: its status, a few words about it, and the status code of a layer 7 answer, or 0."""

    status: CheckStatus
    message: str = ""
    code: int = 0


class IClock(Interface):
    """Time passed in: the part of Twisted's IReactorTime that decisions need."""

    def seconds() -> float:
        """Return monotonic seconds."""

    def callLater(delay: float, call: object, *arguments: object) -> IDelayedCall:
        """Call after `delay` seconds."""


class IDelayedCall(Interface):
    """A call to come."""

    def cancel() -> None:
        """Forget it; raises when it was called or cancelled already."""

    def active() -> bool:
        """Return whether it is still to come."""

    def reset(seconds: float) -> None:
        """Put it off to `seconds` from now."""


class IServer(Interface):
    """A server as strategies and checkers see it. Read only."""

    name = Attribute("str: the name in the configuration")
    id = Attribute("int: the numeric id (`id` of the manual), unique in its backend")
    weight = Attribute(
        "int: effective weight, in sixteenths of the configured one (0 to 4096); "
        "slow start lowers it, drain makes it 0"
    )
    usable = Attribute("bool: up (or going up) and of weight above zero: new clients may be sent to it")
    served = Attribute("int: how many sessions it serves at this moment")
    queued = Attribute("int: how many sessions wait in its own queue")
    maxconn = Attribute("int: how many sessions it serves at the most (`maxconn`, `minconn`), 0 for no limit")
    saturated = Attribute(
        "bool: its maxconn is reached (or its queue is not empty), so a session would have to wait"
    )
    full = Attribute(
        "bool: it has a maxconn, and served and queued together reach maxconn plus maxqueue: no room even to wait"
    )
    address = Attribute("Address of tcproxy.grammar.addresses, or None while unresolved")


class IRequest(Interface):
    """The client that a server is chosen for."""

    source = Attribute("bytes: the client's address, packed (4 or 16 bytes; empty for a UNIX socket)")

    def uri() -> bytes | None:
        """Return the request's target as it is forwarded, query included; None in TCP mode."""

    def header(name: bytes) -> bytes | None:
        """Return the whole value of the first header of this name, which is in lower case; None without one."""

    def body() -> bytes | None:
        """Return the body of a POST as far as it has come, without chunking; None for other requests and in TCP mode.

        Where the options that `parse` returned have a true attribute `wants_body`, the session waits for the whole
        body, or a full buffer of it, before it picks.
        """

    def data() -> bytes:
        """Return the bytes that the client has sent so far in TCP mode, maybe none; empty in HTTP mode."""


class IPicker(Interface):
    """A strategy at work over one group of servers (the active ones of a backend, or its backups).

    The group calls `changed` after each change of a server's `usable` or `weight`, and once for each server
    when the picker is made. Calls come from one thread. A picker with an attribute `counts_load` that is false is
    spared `took` and `dropped`.

    A server that is added or deleted at run time (`add server`, `del server`) is told to a picker that has methods
    `joined` and `left`, which take the server: `changed` follows `joined`, and a server that `left` was made unusable
    before. In the place of a picker without them the strategy is asked for new ones.
    """

    dynamic = Attribute(
        "bool: weights may change while it works (slow start, `set weight`); "
        "False: a server counts fully or not at all"
    )
    queue_first = Attribute(
        "bool: while sessions wait in the backend's queue and others are served, "
        "a new one joins the queue and no pick is asked for"
    )

    def pick(request: IRequest, avoid: IServer | None) -> IServer | None:
        """Choose a usable server, one that is not saturated if there is any; None when none is usable.

        `avoid` is the server that just failed this client; it is taken only where nothing else is left.
        A strategy bound to one server (a hash, say) returns it even when it is saturated: the session queues.
        A strategy free to choose returns None when all usable servers are saturated: the session then waits
        in the backend's queue.
        """

    def changed(server: IServer) -> None:
        """Take notice: `usable` or `weight` of this server changed."""

    def took(server: IServer) -> None:
        """Take notice: the server serves one session more (`served` is already counted)."""

    def dropped(server: IServer) -> None:
        """Take notice: the server serves one session fewer."""


class IBalancingStrategy(Interface):
    """A word of `balance` (manual 4.2): chooses the server of each client.

    A strategy with an attribute `needs_http` that is true is for `mode http` only: it may ask an IRequest for its
    URI, headers and body. In TCP mode roundrobin takes its place, with a warning.
    """

    name = Attribute("str: the word in the configuration")
    manual = Attribute("str: one sentence for help and docs")

    def parse(words: Sequence[str]) -> object:
        """Check the words that follow the name; return the options for `picker`, or raise ValueError.

        What stands in parentheses right behind the name is the first word, with them: `random(3)` gives
        ("(3)",).
        """

    def picker(servers: Sequence[IServer], hashing: object, options: object) -> IPicker:
        """Return a picker over these servers, in the order of the configuration.

        `hashing` is the backend's tcproxy.model.proxy.HashType; `options` is what `parse` returned.
        """


class IFarmStrategy(IBalancingStrategy):
    """A strategy whose pickers for active servers and for backups know each other: asked for both at once."""

    def pickers(
        active: Sequence[IServer],
        backups: Sequence[IServer],
        all_backups: bool,
        hashing: object,
        options: object,
    ) -> tuple[IPicker, IPicker]:
        """Return the pickers of both groups of one backend.

        Without `option allbackups` (`all_backups` is false) a backend sends all clients to its first usable backup. A
        strategy of this interface does that in its second picker, which is asked in that case, too.
        """


class IConversation(Interface):
    """One run of a check over one connection: bytes in, bytes out, and at last a Verdict.

    Each method returns a Verdict to end the check, bytes to send, or None to wait for more. The schedule owns
    the connection and the time limit: a refused connection or a timeout never reaches the conversation.
    """

    layer = Attribute("int: 4, 6 or 7; which timeout status a silent server gets")

    def connected() -> Verdict | bytes | None:
        """The connection stands."""

    def received(data: bytes) -> Verdict | bytes | None:
        """The server sent these bytes, a piece of any size."""

    def ended() -> Verdict | None:
        """The server closed its side; None counts as a connection problem."""


class IHealthChecker(Interface):
    """A kind of health check, chosen by `option NAME`; without an option a check is of TCP."""

    name = Attribute("str: the word behind `option` in the configuration, as `tcp-check`")
    manual = Attribute("str: one sentence for help and docs")

    def parse(words: Sequence[str]) -> object:
        """Check the words that follow; return the options for `conversation`, or raise ValueError."""

    def conversation(server: IServer, options: object) -> IConversation:
        """Return a fresh conversation for one check of this server."""


class IFacts(Interface):
    """What samples of plugins see of a client's session. Read only.

    It is good until the call that it is given to returns: a plugin must not keep it for longer.
    """

    source = Attribute("bytes: the client's address, packed (4 or 16 bytes; empty for a UNIX socket)")
    source_port = Attribute("int: the client's port")
    destination = Attribute("bytes: the address that the client connected to, packed likewise")
    method = Attribute("bytes: the method of the request; None in TCP mode")
    path = Attribute("bytes: the path of the request, without the query; None in TCP mode, and where there is none")

    def header(name: bytes) -> bytes | None:
        """Return the whole value of the request's first header of this name, in any case; None without one."""

    def variable(name: str) -> bool | int | bytes | None:
        """Return a variable, as `txn.user`: bool, int, or bytes (texts; addresses packed); None where it is not set."""


class IFetch(Interface):
    """A sample, wherever expressions of rules stand: `NAME` or `NAME(ARGUMENTS)`."""

    name = Attribute("str: the word in the configuration: letters, digits, and . _ - : +")
    manual = Attribute("str: one sentence for help and docs")
    kind = Attribute(
        "str: what `take` returns: `str` or `bin` (bytes; a str is encoded in UTF-8), `int` (of 64 bits), `bool`, "
        "`ip` (4 or 16 bytes)"
    )

    def parse(arguments: Sequence[str]) -> object:
        """Check what stands in parentheses, parted at commas; return anything for `take`, or raise ValueError."""

    def take(facts: IFacts, parsed: object) -> bool | int | str | bytes | None:
        """Return the sample, None where there is none."""


class IConverter(Interface):
    """What makes another sample of one: `FETCH,NAME` or `FETCH,NAME(ARGUMENTS)`."""

    name = Attribute("str: the word in the configuration: letters, digits, and . _ - : +")
    manual = Attribute("str: one sentence for help and docs")
    takes = Attribute("str: the kind of what it is given (see IFetch): what comes is cast to it")
    gives = Attribute("str: the kind of what it returns")

    def parse(arguments: Sequence[str]) -> object:
        """Check what stands in parentheses, parted at commas; return anything for `convert`, or raise ValueError."""

    def convert(value: bool | int | bytes, parsed: object) -> bool | int | str | bytes | None:
        """Return the converted value, None for no sample. Texts and addresses come as bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is sent in a server's place.

    status: 200 to 599. body: bytes, or an iterator of pieces, which is asked for the next one when the client has taken
    those before; it is closed (`close()`, where it has that) when the client leaves. headers: names and values, without
    those that tell where the body ends and whether the connection is kept.
    """

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: Sequence[tuple[str, str]] = ()


class Outcome(Enum):
    """What else an action may return."""

    REJECT = "close the client's connection without an answer, as the action `reject` does"


class IMessage(IFacts):
    """What actions of plugins see of a session, and what they may change.

    Headers are those of the message that the rule is about: of the request in `http-request` rules, of the response in
    `http-response` and `http-after-response` rules. In TCP mode there are none, and to change one is an error.
    """

    status = Attribute("int: the status of the response; 0 where there is none yet")

    def set_header(name: str, value: str) -> None:
        """Replace all headers of a name by one. Raises ValueError where name or value cannot stand in a head."""

    def add_header(name: str, value: str) -> None:
        """Add a header behind all others. Raises ValueError likewise."""

    def remove_header(name: str) -> None:
        """Remove all headers of a name."""

    def values(name: str) -> Sequence[bytes]:
        """Return the values of all headers of a name of the message."""

    def set_variable(name: str, value: bool | int | str | bytes) -> None:
        """Set a variable, as `txn.user`. Raises ValueError where the name is none, or its scope is not there."""


class IAction(Interface):
    """What a rule does: `http-request NAME [words] [if|unless CONDITION]`, and likewise in the other rule sets."""

    name = Attribute("str: the word in the configuration")
    manual = Attribute("str: one sentence for help and docs")
    kinds = Attribute(
        "Sequence[str]: the rule sets where it may stand: `http-request`, `http-response`, `http-after-response`, "
        "`tcp-request connection`, `tcp-request session`, `tcp-request content`, `tcp-response content`"
    )
    waits = Attribute("bool: whether `act` may return a Deferred, in `http-request` rules")

    def parse(words: Sequence[str]) -> object:
        """Check the words between the name and the condition; return anything for `act`, or raise ValueError."""

    def act(message: IMessage, parsed: object) -> object:
        """Do it; return what follows.

        None: the next rule. An Answer (in `http-request` and `http-response`): the client gets it, and no more rules
        are looked at. Outcome.REJECT (not in the two response sets of HTTP): the connection is closed. In
        `http-request`, where `waits` is true, a Deferred of one of these: this request waits for it, and nothing else
        does. It is cancelled when the client leaves meanwhile; `message` may be used until it fires.
        """


class IServiceRequest(IFacts):
    """The request that a service answers. Read only; good until the answer is there."""

    uri = Attribute("bytes: the target of the request, with its query")
    body = Attribute("bytes: the body, as far as it fits a buffer (16 KiB); empty unless the service wants it")
    body_is_whole = Attribute("bool: whether `body` is all of it")

    def headers() -> Sequence[tuple[bytes, bytes]]:
        """Return names, in lower case, and values of all headers."""


class IService(Interface):
    """What answers requests in a server's place: `http-request use-service NAME`."""

    name = Attribute("str: the word in the configuration")
    manual = Attribute("str: one sentence for help and docs")
    wants_body = Attribute("bool: whether the body is waited for, for `timeout http-request` at the most")

    def serve(request: IServiceRequest) -> object:
        """Return an Answer, or a Deferred of one, which is cancelled when the client leaves meanwhile."""
