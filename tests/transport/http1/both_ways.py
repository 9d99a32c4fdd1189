"""The fast path and the general way of exchanges: settings and scripts for both, and all that they leave.

The names of the fast path that tests need stand here, and nowhere else: `general_way`, `fast_paths`, `exchange_facts`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

from hypothesis import strategies as st

from tcproxy.report.counters import Counters, RateOfTotal
from tcproxy.report.log_variables import HTTP_VARIABLES, VARIABLES
from tcproxy.session.http import fast as fast_path
from tcproxy.session.http.connection import HttpConnection
from tcproxy.session.http.state import EXCHANGE_FIELDS
from tcproxy.transport.http1 import server as links
from tcproxy.wire.http1.learned import OFTEN
from tests.scenarios.lanes import request_end
from tests.transport.http1.memory import MemoryProxy, PipeSocket, at_work, configured

# the fast path, as far as tests know of it


@contextmanager
def general_way(proxy: Any) -> Iterator[None]:
    """Let all exchanges of a proxy go the general way until the block ends."""
    http = proxy.frontend.http
    for backend in [one for one in getattr(proxy, "backends", {"": proxy.backend}).values() if one.http is not None]:
        http.route(backend).fast_requests = http.route(backend).fast_responses = False
    http.fast = {}
    with mock.patch.object(fast_path, "may_close", lambda exchange: False):
        yield


@contextmanager
def fast_paths() -> Iterator[dict[str, int]]:
    """Give how many requests, responses, ends and answers of ours took the fast path so far, until the block ends."""
    seen = {"requests": 0, "responses": 0, "ends": 0, "answers": 0}

    def spied(name: str, original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            result = original(*arguments)
            seen[name] += result is not False
            return result

        return call

    with ExitStack() as stack:
        for name, place, function in (
            ("requests", fast_path, "ask"), ("responses", links, "answered"), ("ends", fast_path, "close"),
            ("answers", fast_path, "answer"),
        ):  # fmt: skip
            spy = spied(name, getattr(place, function))
            stack.enter_context(mock.patch.object(place, function, spy))
        yield seen


@contextmanager
def general_steps() -> Iterator[list[str]]:
    """Give the dearer steps of the general way that were made, until the block ends.

    They are "deadline" (a session worked out when something is due) and "account" (an end was counted in full).
    """
    seen: list[str] = []

    def recorded(name: str, original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            seen.append(name)
            return original(*arguments)

        return call

    with ExitStack() as stack:
        for name, place, function in (("deadline", HttpConnection, "rearm"), ("account", fast_path, "account")):
            original = getattr(place, function)
            stack.enter_context(mock.patch.object(place, function, recorded(name, original)))
        yield seen


WAYS_OWN = {"alarm", "next_step", "times_ms", "fast", "byte_counts", "soonest", "steps", "choice", "packed_source"}
"""What a connection and its exchange remember of the way that it went, which decides nothing of what is sent."""


def exchange_facts(connection: Any) -> dict[str, object]:
    """Return what a connection remembers, and its exchange, numbers and texts."""
    found = {name: value for name, value in facts(connection).items() if name not in WAYS_OWN}
    exchange = connection.exchange
    if exchange is not None:
        for name in sorted({*EXCHANGE_FIELDS} - WAYS_OWN):
            value = getattr(exchange, name, None)
            if value is None or isinstance(value, PLAIN):
                found[f"exchange {name}"] = value
    return found


PLAIN = (bool, int, float, str, bytes, tuple)

# what a proxy leaves


def facts(thing: Any) -> dict[str, object]:
    """Return the plain values that an object's slots have: numbers, texts, lists of them; the counters' rates."""
    found: dict[str, object] = {}
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            value = getattr(thing, name, None)
            if isinstance(value, RateOfTotal):
                found |= {f"{name}.{one}": getattr(value, one) for one in RateOfTotal.__slots__}
            elif value is None or isinstance(value, PLAIN):
                found[name] = value
            elif isinstance(value, list):
                found[name] = tuple(value)
    return found


def left(proxy: MemoryProxy) -> dict[str, object]:
    """Return all that a proxy tells, counts, remembers, and keeps open."""
    world, found = proxy.world, dict[str, object]()
    places: dict[str, Any] = {
        "process": world.counters, "frontend": proxy.frontend.counters, "listener": proxy.entry.bind.counters,
    }  # fmt: skip
    for farm in world.farms.values():
        places[farm.model.name] = farm.counters
        for server in farm.servers:
            name = f"{farm.model.name}/{server.name}"
            places[name] = server.counters
            found[f"{name} served"] = (server.served, len(server.sessions))
            found |= {f"{name} idle links: {one}": value for one, value in idle_links(server.links).items()}
    for place, counters in places.items():
        assert isinstance(counters, Counters)
        found |= {f"{place} {name}": value for name, value in facts(counters).items()}
    for number, session in world.sessions.items():
        found |= {f"session {number} {name}": value for name, value in exchange_facts(session).items()}
        found[f"session {number} strikes in time"] = strikes_in_time(session)
    for connection in {one.socket for one in proxy.transports}:
        found[f"socket {connection.number}"] = connection.closed, connection.shut
    found["told"], found["events"] = tuple(proxy.told), grouped(proxy)
    found["descriptors of links"], found["lines"] = world.budget.links, proxy.frontend.lines
    return found


def idle_links(pool: Any) -> dict[str, object]:
    """Return what the links of a server are counted as, those that are idle, and when they are looked through."""
    found = facts(pool)
    for name in (name for name in type(pool).__slots__ if isinstance(getattr(pool, name, None), deque)):
        found[name] = [(link.transport.socket.number, link.uses, link.last_progress) for link in getattr(pool, name)]
    found["alarm"] = pool.alarm.at if pool.alarm is not None else None
    return found


def strikes_in_time(session: Any) -> bool:
    """Return whether a session's alarm, or the next look at newcomers, comes no later than what is due first."""
    world = session.frontend.world
    at = session.alarm.at if session.alarm is not None else world.newcomers.at
    return bool(at <= due(session) + 0.001)


def due(session: Any) -> float:
    """Return when a wait for a request, a server or an answer of ours is over; infinity for all else."""
    if session.leaving or session.relay is not None:
        return float("inf")
    return float(session.expires if session.exchange is None else session.exchange.expires)


def grouped(proxy: MemoryProxy) -> dict[int, list[tuple[float, str, bytes]]]:
    """Return what became of each socket, whatever the order between two sockets at one time."""
    found: dict[int, list[tuple[float, str, bytes]]] = {}
    for now, number, what, data in proxy.events:
        mine = found.setdefault(number, [])
        if what == "sent" and mine and mine[-1][:2] == (now, what):
            data = mine.pop()[2] + data
        mine.append((now, what, data))
    return found


# settings


NAMES = sorted({*VARIABLES, *HTTP_VARIABLES} - {"pid"})
EVERY = " ".join(f"{name}=%{name}" for name in NAMES)
"""A log format that names every variable: exchanges of the fast path note the facts of them all."""
CONFIGURATION = """\
listen web
    mode http
    bind 127.0.0.1:80
    timeout connect 5s
    timeout client {client}
    timeout server {server}
    log-format "{form}"
{lines}
    server s1 127.0.0.1:8001 {words}
    server s2 127.0.0.1:8002 {words}
backend other
    mode http
    timeout connect 3s
    timeout server {other}
{behind}
    server s3 127.0.0.1:8003 {words}
    server s4 127.0.0.1:8004 {words}
"""
SOME = "{{ src_port 1002 1004 1006 1008 1010 }}"
"""The second client of each script, and some of those behind it: sockets of a proxy in memory count from 1000."""
BUSY = "{{ be_conn(web) gt 0 }}"
"""While another request is under way: it holds of some requests of a client, and of others not."""
LINES = (
    "    timeout http-request 4s\n    timeout http-keep-alive 1500ms",
    "    timeout http-request 9s\n    timeout http-keep-alive 3s",
    "    option forwardfor",
    "    option originalto",
    "    cookie SRV insert indirect nocache",
    "    cookie SRV rewrite",
    "    cookie SRV prefix",
    "    capture request header Host len 20\n    capture response header Server len 20",
    "    capture cookie SRV len 10",
    f"    use_backend other if {SOME}",
    f"    http-request deny if {SOME}",
    f"    http-request tarpit if {SOME}\n    timeout tarpit 1s",
    f"    use_backend other if {BUSY}",
    f"    http-request deny if {BUSY}",
    f"    http-request tarpit if {BUSY}\n    timeout tarpit 100ms",
    f"    redirect prefix http://b if {SOME}",
    f"    http-request return lf-string %[path] content-type text/plain hdr x-was %[method] if {SOME}",
    f"    http-request return status 204 hdr x-was %[path] if {BUSY}",
    "    monitor-uri /c",
    "    balance leastconn",
    "    balance uri",
    "    balance source",
    "    http-reuse always",
    "    http-reuse aggressive",
    "    http-reuse never",
    "    option http-server-close",
    "    option httpclose",
    "    option dontlog-normal",
    "    option log-separate-errors",
    "    option logasap",
    "    option checkcache",
    "    option redispatch\n    retries 2",
    "    timeout queue 100ms",
    "    timeout connect 100ms\n    retries 0",
    "    maxconn 2",
    "    fullconn 3",
    '    log-format-sd "%TR %B"',
    '    unique-id-format "%ci-%rt-%Ts"\n    unique-id-header X-Id',
    "    option prefer-last-server",
)
"""What the section of the clients may have besides."""
BEHIND = (
    "    option forwardfor", "    cookie SRV insert indirect nocache", f"    http-request deny if {SOME}",
    "    balance leastconn", "    http-reuse never", "    option http-server-close", "    timeout queue 100ms",
    f"    http-request tarpit if {BUSY}\n    timeout tarpit 100ms",
)  # fmt: skip
"""What the other backend may have besides."""
WORDS = (
    "", "maxconn 1", "maxconn 1 maxqueue 1", "minconn 1 maxconn 2", "pool-max-conn 1", "pool-purge-delay 2s",
    "pool-max-conn 0", "disabled",
)  # fmt: skip
"""What servers may have besides."""


class Setting(NamedTuple):
    """One configuration. other: `timeout server` of the other backend, and behind: more lines of it."""

    form: str = EVERY
    client: str = "20s"
    server: str = "20s"
    lines: tuple[str, ...] = ()
    words: str = ""
    other: str = "20s"
    behind: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the configuration file."""
        return CONFIGURATION.format(
            form=self.form.replace('"', ""), client=self.client, server=self.server, other=self.other,
            lines=_filled(self.lines), behind=_filled(self.behind),
            words=self.words + " cookie s1" * any("cookie SRV" in line for line in (*self.lines, *self.behind)),
        )  # fmt: skip


def _filled(lines: tuple[str, ...]) -> str:
    return "\n".join(lines).replace("{{", "{").replace("}}", "}")


SHUNT, OVERFLOW = (line for line in LINES if "use_backend" in line)
"""Sends some clients, or some requests of each, to the other backend."""
settings = st.builds(
    Setting,
    form=st.sampled_from([EVERY, EVERY, EVERY, "%r"]),
    client=st.sampled_from(["20s", "3s"]),
    server=st.sampled_from(["20s", "2s"]),
    lines=st.lists(st.sampled_from([SHUNT, OVERFLOW, *LINES]), max_size=3, unique=True).map(tuple),
    words=st.sampled_from(["", "", *WORDS]),
    other=st.sampled_from(["20s", "1s"]),
    behind=st.lists(st.sampled_from(BEHIND), max_size=1).map(tuple),
)

# scripts

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
HEAD = b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"
REQUESTS: dict[str, bytes] = {
    "get": GET,
    "other": b"GET /other?a=b HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nConnection: keep-alive\r\n\r\n",
    "cookie": b"GET /c HTTP/1.1\r\nHost: a\r\nCookie: a=b; SRV=s1\r\n\r\n",
    "head": HEAD,
    "post": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "old": b"GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    "secret": b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\n",
    "last": LAST,
    "two": GET + GET,
    "cut": GET[:9],
    "rest": GET[9:],
    "bad": b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
}
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nabc"
ANSWERS: dict[str, tuple[bytes, bool]] = {
    "ok": (OK, False),
    "large": (b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"0123456789" * 4000, False),
    "half": (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc", False),
    "abc": (b"abc", False),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
    "none": (b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", False),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", False),
    "cookie": (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok", False),
    "denied": (b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno", False),
    "failed": (b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", False),
    "ending": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", True),
    "till": (b"HTTP/1.1 200 OK\r\n\r\nuntil its end", True),
    "hinted": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, False),
    "much": (OK + b"beyond", False),
    "bad": (b"HTTP/1.1 200\r\nServer x\r\n\r\n", False),
    "gone": (b"", True),
}
"""What a server says, and whether its FIN follows."""

Step = tuple[str, Any, str]

clients = st.sampled_from([0, 0, 0, 1, 2])
asks = st.tuples(st.just("ask"), clients, st.sampled_from(["get"] * 6 + [*REQUESTS]))
answers = st.tuples(st.just("answer"), clients, st.sampled_from(["ok"] * 6 + [*ANSWERS]))
waits = st.tuples(
    st.just("wait"), st.sampled_from([0.0, 0.0004, 0.0123, 0.4, 0.7, 1.0, 1.6, 2.5, 6.0, 30.0]), st.just("")
)
acts = st.tuples(st.sampled_from(["leave", "break", "snap", "stick", "loosen", "fin", "reset"]), clients, st.just(""))
networks = st.tuples(st.just("network"), st.just(0), st.sampled_from(["stands", "slow", "refused"]))
stands: st.SearchStrategy[Step] = st.just(("stand", 0, ""))
begun: list[Step] = [step for which in (0, 1) for step in (("ask", which, "get"), ("answer", 0, "ok"))]
"""Two exchanges, which leave two idle links."""


def _steps(asked: Step, waited: Step, answered: Step) -> list[Step]:
    return [asked, waited, answered]


exchanges = st.builds(_steps, asks, waits, answers)
"""Each may be one of the plain ones, with time in it."""
scripts = st.lists(
    st.one_of(
        exchanges, exchanges, exchanges, exchanges,
        st.one_of(waits, asks, answers, acts, networks, stands).map(lambda step: [step]),
    ),
    min_size=2, max_size=12,
).map(lambda parts: begun + [step for part in parts for step in part])  # fmt: skip


class Play:
    """A script with one proxy. read: bytes of each link that were taken as requests; owed: links that are to answer."""

    def __init__(self, proxy: MemoryProxy) -> None:
        self.proxy = proxy
        self.clients: dict[int, PipeSocket] = {}
        self.read: dict[int, int] = {}
        self.owed: list[PipeSocket] = []

    def run(self, script: list[Step]) -> Iterator[dict[str, object]]:
        """Play the steps, and all that time brings at last; give what is left after each of them."""
        yield from self.steps(script)
        for client in self.clients.values():
            client.room = -1
            self.proxy.says(client, ends=True)
        yield left(self.proxy)
        self.proxy.pass_time(100)
        yield left(self.proxy)

    def steps(self, script: list[Step]) -> Iterator[dict[str, object]]:
        """Play the steps; give what is left after each of them."""
        for what, which, kind in script:
            getattr(self, f"_{what}")(which, kind)
            self._see_requests()
            yield left(self.proxy)

    def _see_requests(self) -> None:
        for link in self.proxy.links:
            while not link.closed and (size := request_end(link.sent[self.read.get(link.number, 0) :])) is not None:
                self.read[link.number] = self.read.get(link.number, 0) + size
                self.owed.append(link)

    def _client(self, which: int) -> PipeSocket:
        client = self.clients.get(which)
        if client is None or client.closed or client.ended or client.broken:
            client = self.clients[which] = self.proxy.connect()
        return client

    def _ask(self, which: int, kind: str) -> None:
        self.proxy.says(self._client(which), REQUESTS[kind])

    def _answer(self, which: int, kind: str) -> None:
        owed = [link for link in self.owed if not (link.closed or link.ended or link.broken)]
        if owed:
            link = owed[which % len(owed)]
            self.owed.remove(link)
            data, ends = ANSWERS[kind]
            self.proxy.says(link, data, ends=ends)

    def _wait(self, seconds: float, kind: str) -> None:
        self.proxy.pass_time(seconds)

    def _leave(self, which: int, kind: str) -> None:
        self.proxy.says(self._client(which), ends=True)

    def _break(self, which: int, kind: str) -> None:
        self.proxy.breaks(self._client(which))

    def _snap(self, which: int, kind: str) -> None:
        """Reset a client, of which the proxy learns with what comes next: maybe only when it sends."""
        self._client(which).broken = True

    def _stick(self, which: int, kind: str) -> None:
        self._client(which).room = 0

    def _loosen(self, which: int, kind: str) -> None:
        self._client(which).room = -1
        self.proxy.turn()

    def _network(self, which: int, kind: str) -> None:
        self.proxy.network = kind

    def _stand(self, which: int, kind: str) -> None:
        for link in self.proxy.links:
            link.room = -1
        self.proxy.turn()

    def _link(self, which: int) -> PipeSocket | None:
        links = [link for link in self.proxy.links if not (link.closed or link.ended or link.broken)]
        return links[which % len(links)] if links else None

    def _fin(self, which: int, kind: str) -> None:
        if (link := self._link(which)) is not None:
            self.proxy.says(link, ends=True)

    def _reset(self, which: int, kind: str) -> None:
        if (link := self._link(which)) is not None:
            self.proxy.breaks(link)


def teach(proxy: MemoryProxy) -> None:
    """Let the proxy learn the templates of the heads that scripts have, as if each had come often."""
    for _ in range(OFTEN):
        for request in (GET, LAST, HEAD, REQUESTS["other"], REQUESTS["cookie"]):
            proxy.entry.codec.requests.learn(request)
        for dialler in proxy.diallers.values():
            for name in ("ok", "large", "empty", "none", "cookie", "denied", "ending"):
                dialler.codec.responses.learn(ANSWERS[name][0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


def played(setting: Setting, script: list[Step], fast: bool) -> list[dict[str, object]]:
    """Return what a script leaves after each step: by the fast path where it may be taken, or by the general way."""
    with at_work(MemoryProxy(configured(setting.text))) as proxy, ExitStack() as stack:
        if not fast:
            stack.enter_context(general_way(proxy))
        teach(proxy)
        return list(Play(proxy).run(script))


def differences(setting: Setting, script: list[Step]) -> dict[str, tuple[object, object]]:
    """Return in what the fast path and the general one differ, after the first step behind which they do."""
    for number, (one, other) in enumerate(zip(*(played(setting, script, fast) for fast in (True, False)), strict=True)):
        if one != other:
            names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
            return {"step": (number, script[number : number + 1])} | {
                name: (one.get(name), other.get(name)) for name in names
            }
    return {}
