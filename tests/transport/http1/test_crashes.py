"""An exception anywhere in the code of a session ends that session, and nothing else.

Each play is run once to learn which functions of the sessions, of the farm and of the strategy it calls; then once more
for each of them, which raises an exception at that call. Whatever function that is: one message tells it, nothing is
left of the session, and the next client is served.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

import pytest

import tcproxy
from tcproxy.guards import PluginFailed
from tcproxy.registry import Registry
from tcproxy.session import attempts
from tcproxy.session.http.exchange import HttpExchange
from tcproxy.session.stages import NEVER
from tests.transport.http1.memory import MemoryProxy, PipeSocket, at_work, configured

HOUSE = Path(tcproxy.__file__).parent
ROOMS = tuple(str(HOUSE / name) for name in ("session", "servers", "balance", "report/formats", "samples", "rules"))
ALONE = frozenset(
    {
        # of no session: the listener, or the loop, tells what these raise
        "TcpSession.__init__", "HttpConnection.__init__", "Deadlines._start", "Deadlines._strike", "Deadlines._settle",
        "Newcomers.alarmed", "_silent",
        # between the hand that gives and the one that takes: a few sums, which raise nothing
        "Farm.release", "Farm._tell_granted", "take_result", "_assigned", "IdleLinks._use_more",
    }
)  # fmt: skip
"""Functions that are not made to raise."""
GET = b"GET /x HTTP/1.1\r\nHost: a\r\nCookie: who=s1\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\nabc"


class Crash(Exception):
    """What the functions raise."""


DEFAULTS = """
defaults
    mode {mode}
    timeout client 20s
    timeout server 20s
    timeout connect 5s
    timeout queue 5s
    log-format "{form}"
"""
HTTP_FORM = "%ts %ST %b/%s %U %B %ID"
TCP_FORM = "%ts %b/%s %U %B %ID"
SERVER = "    server s1 192.0.2.10:80 cookie s1 {words}\n"


def section(more: str = "", server: str = "", mode: str = "http") -> str:
    """Return a configuration of one section with one server; more: words of it, a line each."""
    lines = "".join(f"    {line.strip()}\n" for line in more.splitlines() if line.strip())
    form = HTTP_FORM if mode == "http" else TCP_FORM
    text = DEFAULTS.format(mode=mode, form=form)
    return f"{text}listen web\n    bind 192.0.2.254:80\n{lines}{SERVER.format(words=server)}"


class Proxy(MemoryProxy):
    """A proxy in memory, of which a play keeps what it is told.

    said: messages, with their syslog level. clients: all that came in.
    """

    def __init__(self, text: str, registry: Registry | None = None) -> None:
        # not the one that is kept: functions that are made at the first use of a configuration are to raise, too
        super().__init__(configured.__wrapped__(text, registry))
        self.said: list[tuple[int, str]] = []
        self.clients: list[PipeSocket] = []
        self.world.announce = lambda level, message: self.said.append((level, message))
        self.frontend.binds[0].listener = SimpleNamespace(factory=self.entry)  # type: ignore[assignment]

    def comes(self) -> PipeSocket:
        """Let a client in."""
        client = self.connect()
        self.clients.append(client)
        return client

    def answers(self, response: bytes = OK, **more: Any) -> None:
        """Let the server of the last link send something, if it is there still."""
        if self.links and not self.links[-1].closed:
            self.says(self.links[-1], response, **more)

    def ends(self) -> None:
        """Let everybody leave, and drop what is idle."""
        for one in (*self.clients, *self.links):
            self.breaks(one)
        self.pass_time(60)
        for backend in self.backends.values():
            backend.farm.close_links()
        self.pass_time(2)

    def left(self) -> list[str]:
        """Return what is left of the sessions, by name: nothing, when all have ended."""
        world = self.world
        current = {"process": world.counters, "frontend": self.frontend.counters}
        current["bind"] = self.frontend.binds[0].counters
        for farm in world.farms.values():
            current[farm.name] = farm.counters
            current |= {server.label: server.counters for server in farm.servers}
        left = [f"{name}: {one.current} current" for name, one in current.items() if one.current]
        left += [f"{name}: {one.queue_current} in the queue" for name, one in current.items() if one.queue_current]
        for farm in world.farms.values():
            for server in farm.servers:
                left += [f"{server.label} has {word}" for word in ("sessions", "serving") if getattr(server, word)]
                if server.links is not None and (server.links.used or len(server.links)):
                    left.append(f"{server.label}: {server.links.used} links used, {len(server.links)} idle")
        left += ["links in the budget"] * bool(world.budget.links)
        left += ["sessions"] * bool(world.sessions)
        left += ["deadlines"] * (len(world.deadlines) != (world.newcomers.at != NEVER))
        left += [f"socket {one.number} open" for one in (*self.clients, *self.links) if not one.closed]
        return left


# what is raised where


@contextmanager
def calls_noted(noted: list[CodeType]) -> Iterator[None]:
    """Note each function of the rooms above that is called in the block, once."""

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(ROOMS) and code.co_qualname not in ALONE and code not in noted:
            noted.append(code)

    before = sys.gettrace()
    sys.settrace(note)  # type: ignore[arg-type]  # no lines are traced
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def raising(code: CodeType, times: int = 1) -> Iterator[list[str]]:
    """Let a function raise at its first calls in the block; return the names of those that did."""
    raised: list[str] = []

    def crash(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code is code:
            raised.append(code.co_qualname)
            raise Crash(f"in {code.co_qualname}")  # with this, Python traces no more

    before = sys.gettrace()
    sys.settrace(crash)  # type: ignore[arg-type]  # no lines are traced
    try:
        yield raised
    finally:
        sys.settrace(before)


# plays


def asks_twice(proxy: Proxy) -> None:
    """A kept client asks, is answered, and asks again."""
    client = proxy.comes()
    for _ in range(2):
        proxy.says(client, GET)
        proxy.answers()


def asks_in_pieces(proxy: Proxy) -> None:
    """A request comes in pieces with its body, and its response, too."""
    client = proxy.comes()
    proxy.says(client, POST[:20], POST[20:], b"abc", b"def")
    proxy.answers(b"HTTP/1.1 100 Continue\r\n\r\n")
    proxy.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    proxy.answers(b"3\r\nabc\r\n")
    proxy.answers(b"0\r\n\r\n")


def waits_in_vain(proxy: Proxy) -> None:
    """The server says nothing."""
    proxy.says(proxy.comes(), GET)
    proxy.pass_time(25)


def waits_for_a_slot(proxy: Proxy) -> None:
    """Two clients, one slot: the second one is served when the first is answered, the third one's time runs out."""
    first, second, third = proxy.comes(), proxy.comes(), proxy.comes()
    for client in (first, second, third):
        proxy.says(client, GET)
    proxy.answers()
    proxy.pass_time(1)
    proxy.answers()
    proxy.pass_time(1)
    proxy.pass_time(10)


def loses_its_server(proxy: Proxy) -> None:
    """Clients wait for a server that goes down, and comes back."""
    for _ in range(3):
        proxy.says(proxy.comes(), GET)
    proxy.farm.servers[0].down(None, "test")
    proxy.pass_time(1)
    proxy.farm.servers[0].up(None, "test")
    proxy.pass_time(1)


def is_killed(proxy: Proxy) -> None:
    """Commands end sessions."""
    proxy.says(proxy.comes(), GET)
    proxy.says(proxy.comes(), GET)
    proxy.farm.servers[0].shut_sessions("K")
    proxy.pass_time(1)


def says_nothing(proxy: Proxy) -> None:
    """A client stays silent, another one leaves, one talks nonsense, and one waits between two requests."""
    silent, leaving, wrong, kept = (proxy.comes() for _ in range(4))
    proxy.says(leaving, b"GET /", ends=True)
    proxy.says(wrong, b"\0\0\r\n\r\n")
    proxy.says(kept, GET)
    proxy.answers()
    proxy.pass_time(25)
    assert silent.closed


def is_cut_off(proxy: Proxy) -> None:
    """A server closes within a response, another one before it, and a client resets."""
    proxy.says(proxy.comes(), GET)
    proxy.answers(OK[:-1], ends=True)
    proxy.says(proxy.comes(), GET)
    proxy.answers(b"", ends=True)
    proxy.says(proxy.comes(), GET)
    proxy.answers(b"nonsense\r\n\r\n")
    client = proxy.comes()
    proxy.says(client, GET)
    proxy.breaks(client)
    proxy.says(proxy.comes(), GET)
    if proxy.links:
        proxy.breaks(proxy.links[-1])


def has_a_tunnel(proxy: Proxy) -> None:
    """A tunnel is made, and passes bytes both ways until it ends."""
    client = proxy.comes()
    proxy.says(client, b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: b\r\n\r\n")
    proxy.answers(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: b\r\n\r\nhello")
    proxy.says(client, b"bytes")
    proxy.answers(b"more")
    proxy.says(client, ends=True)
    proxy.answers(b"", ends=True)


def passes_bytes(proxy: Proxy) -> None:
    """Bytes pass both ways, then both sides end; another client and its server break."""
    client = proxy.comes()
    proxy.says(client, b"hello")
    proxy.answers(b"world")
    proxy.says(client, ends=True)
    proxy.answers(b"", ends=True)
    client = proxy.comes()
    proxy.breaks(client)
    proxy.comes()
    if proxy.links:
        proxy.breaks(proxy.links[-1])
    proxy.comes()
    proxy.pass_time(25)


def waits_with_bytes(proxy: Proxy) -> None:
    """The same as `waits_for_a_slot` in TCP mode."""
    clients = [proxy.comes() for _ in range(4)]
    proxy.says(clients[3], ends=True)
    proxy.says(clients[0], ends=True)
    proxy.answers(b"", ends=True)
    proxy.pass_time(1)
    proxy.pass_time(10)


def greets(proxy: Proxy) -> None:
    """A PROXY header comes in pieces, a wrong one comes, and none."""
    client, wrong, _ = proxy.comes(), proxy.comes(), proxy.comes()
    proxy.says(client, b"PROXY TCP4 192.0.2.7 192.0.2.8 ", b"1000 80\r\n")
    proxy.says(client, GET)
    proxy.answers()
    proxy.says(wrong, b"nonsense")
    proxy.pass_time(25)


@dataclass(frozen=True)
class Play:
    """What happens to a proxy. text: its configuration. answer: what a client gets from it who is served.

    inner: functions of sessions alone are to raise, since the play itself calls others, as a command or a check does.
    make: makes the proxy.
    """

    name: str
    text: str
    act: Callable[[Proxy], None]
    answer: bytes = b"abc"
    inner: bool = False
    make: Callable[[str], Proxy] = Proxy

    def serves(self, proxy: Proxy) -> bool:
        """Return whether a new client is served as if nothing had happened."""
        client = proxy.comes()
        if proxy.frontend.binds[0].model.accept_proxy:
            proxy.says(client, b"PROXY UNKNOWN\r\n")
        proxy.says(client, GET)
        proxy.answers()
        proxy.pass_time(3)
        return self.answer in client.sent


RULES = """
    acl here src 192.0.2.0/24
    option forwardfor
    option originalto
    option checkcache
    monitor-uri /alive
    capture request header host len 10
    capture response header x len 10
    capture cookie who len 10
    cookie who insert indirect
    unique-id-format %ci:%cp-%rt
    unique-id-header X-Id
    http-request deny if !here
"""
"""One of each kind of rule that requests and responses meet."""


PLAYS = [
    Play("fast", section(), asks_twice),
    Play("leastconn", section("balance leastconn"), asks_twice),
    Play("never reused", section("http-reuse never"), asks_twice),
    Play("closing", section("option httpclose"), asks_twice),
    Play("rules", section(RULES), asks_twice),
    Play("rules and bodies", section(RULES), asks_in_pieces),
    Play("bodies", section(), asks_in_pieces),
    Play("buffered", section("option http-buffer-request\n" + RULES), asks_in_pieces),
    Play("in vain", section(), waits_in_vain),
    Play("retries", section("retry-on all-retryable-errors\nretries 2"), is_cut_off),
    Play("queue", section(server="maxconn 1"), waits_for_a_slot),
    Play("backend's queue", section("balance leastconn", server="maxconn 1"), waits_for_a_slot),
    Play("lost", section(server="maxconn 1 on-marked-down shutdown-sessions"), loses_its_server, inner=True),
    Play("killed", section(server="maxconn 1"), is_killed, inner=True),
    Play("silent", section("timeout http-request 3s\ntimeout http-keep-alive 2s"), says_nothing),
    Play("cut off", section("option abortonclose"), is_cut_off),
    Play("tunnel", section(), has_a_tunnel),
    Play("denied", section("http-request deny if { src 192.0.2.1 }"), asks_twice, b"403 Forbidden"),
    Play("tarpit", section("http-request tarpit\ntimeout tarpit 2s"), waits_in_vain, b"500 Internal"),
    Play("redirect", section("redirect location /there"), asks_twice, b"302 Found"),
    Play("proxy header", section().replace("254:80", "254:80 accept-proxy"), greets),
    Play("tcp", section(mode="tcp"), passes_bytes),
    Play("tcp leastconn", section("balance leastconn", mode="tcp"), passes_bytes),
    Play("tcp queue", section(mode="tcp", server="maxconn 1"), waits_with_bytes),
    Play("tcp lost", section("option redispatch", mode="tcp", server="maxconn 1"), loses_its_server, inner=True),
    Play("tcp killed", section(mode="tcp", server="maxconn 1"), is_killed, inner=True),
    Play("tcp proxy header", section(mode="tcp").replace("254:80", "254:80 accept-proxy"), greets),
    Play(
        "upgraded",
        DEFAULTS.format(mode="tcp", form=TCP_FORM)
        + f"listen web\n    bind 192.0.2.254:80\n    default_backend b\n{SERVER.format(words='')}"
        + f"backend b\n    mode http\n{SERVER.format(words='')}",
        asks_twice,
    ),
]


def played(play: Play) -> Proxy:
    """Return the proxy of a play before it begins."""
    return play.make(play.text)


@cache
def functions_of(play: Play) -> tuple[CodeType, ...]:
    """Return the functions that a play calls."""
    noted: list[CodeType] = []
    with at_work(played(play)) as proxy:
        assert isinstance(proxy, Proxy)
        with calls_noted(noted):
            play.act(proxy)
        proxy.ends()
        assert play.serves(proxy)
        proxy.ends()
        assert not proxy.left() and not proxy.said, (proxy.left(), proxy.said)
    return tuple(code for code in noted if not play.inner or "/session/" in code.co_filename)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_whatever_raises_ends_its_session_alone(play: Play) -> None:
    """Each function that a play calls raises once: it is told once, nothing is left, and the next client is served."""
    wrong = [said for code in functions_of(play) for said in faults(play, code)]
    assert not wrong, "\n".join(wrong)


def faults(play: Play, code: CodeType) -> list[str]:
    """Play with a function that raises; return what is wrong then."""
    with at_work(played(play)) as proxy:
        assert isinstance(proxy, Proxy)
        try:
            with raising(code):
                play.act(proxy)
            proxy.ends()
            served = play.serves(proxy)
            proxy.ends()
        except BaseException as error:
            return [f"{code.co_qualname} ({code.co_filename}): {error!r} came out"]
        wrong = proxy.left()
        if len(proxy.said) != 1:
            wrong.append(f"told {proxy.said}")
        if not served:
            wrong.append("the next client is not served")
        if [line[0] for line in proxy.lines].count("I") > 1:  # none where the line was written before, or failed itself
            wrong.append(f"more than one line of the internal error: {proxy.lines}")
        return [f"{code.co_qualname} ({Path(code.co_filename).name}): {what}" for what in wrong]


# what is told


def crashed(text: str, function: Callable[..., Any], act: Callable[[Proxy], None]) -> Proxy:
    """Return a proxy after a play in which a function raised."""
    with at_work(Proxy(text)) as proxy:
        assert isinstance(proxy, Proxy)
        with raising(function.__code__) as raised:
            act(proxy)
        assert raised
        assert not proxy.world.sessions
    return proxy


def asks(proxy: Proxy) -> None:
    """A client asks, and is answered."""
    proxy.says(proxy.comes(), GET)
    proxy.answers()


def test_a_request_that_crashes_is_answered_with_500() -> None:
    """The client gets the page of an internal error, the line the letter I, and one message says what and where."""
    proxy = crashed(section(), attempts.connect_anew, asks)
    client = proxy.clients[0]
    assert client.sent.startswith(b"HTTP/1.1 500 Internal Server Error\r\n") and client.closed
    assert b"connection: close\r\n" in client.sent
    assert [line.split()[:3] for line in proxy.lines] == [["IC", "500", "web/s1"]]
    said = "internal error in session 1 of frontend web, backend web, server s1: Crash: in connect_anew ("
    assert [level for level, _ in proxy.said] == [1] and proxy.said[0][1].startswith(said)


def fails(exchange: object, head: object) -> None:
    """Fail to edit a response."""
    raise Crash("no edit")


def test_a_response_that_crashes_before_it_is_sent_becomes_500() -> None:
    """As long as nothing of the response is with the client, an answer can be given still, on both ways."""
    for more in ("", "option http-server-close"):
        with at_work(Proxy(section(more))) as proxy:
            assert isinstance(proxy, Proxy)
            route = proxy.frontend.http.route(proxy.backend)  # type: ignore[union-attr]  # it speaks HTTP
            route.responses = (fails,)
            asks(proxy)
            assert proxy.clients[0].sent.startswith(b"HTTP/1.1 500 ") and proxy.clients[0].sent.count(b"HTTP/1.1") == 1
            assert [line.split()[1] for line in proxy.lines] == ["500"] and proxy.lines[0][0] == "I"
            assert len(proxy.said) == 1 and not proxy.left()


def test_a_response_that_crashes_on_its_way_is_cut_off() -> None:
    """Behind a part of a response nothing else is sent."""

    def halves(proxy: Proxy) -> None:
        proxy.says(proxy.comes(), GET)
        proxy.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        proxy.answers(b"def")

    proxy = crashed(section(), HttpExchange.response_ended, halves)
    client = proxy.clients[0]
    assert client.sent.endswith(b"\r\n\r\nabcdef") and client.sent.count(b"HTTP/1.1") == 1 and client.closed
    assert [line.split()[:2] for line in proxy.lines] == [["ID", "200"]]


def test_a_tcp_session_that_crashes_is_closed() -> None:
    """Its line has the letter I, and the message names the session."""
    proxy = crashed(section(mode="tcp"), attempts.connect_anew, lambda proxy: proxy.says(proxy.comes(), b"x"))
    assert proxy.clients[0].closed and not proxy.clients[0].sent
    assert [line.split()[:2] for line in proxy.lines] == [["IC", "web/s1"]]
    assert proxy.said[0][1].startswith("internal error in session 1 of frontend web, backend web, server s1: Crash: ")


def test_the_same_error_is_told_once_a_minute() -> None:
    """Three sessions end by one error, and a fourth after a minute: two messages, the second says how many were not."""
    with at_work(Proxy(section(mode="tcp"))) as proxy:
        assert isinstance(proxy, Proxy)
        for pause in (0, 0, 61, 0):
            with raising(attempts.connect_anew.__code__):
                proxy.says(proxy.comes(), b"x")
            proxy.pass_time(pause)
        texts = [text for _, text in proxy.said]
        assert len(texts) == 2 and "session 1 " in texts[0] and "session 4 " in texts[1]
        assert "more since" not in texts[0] and "(2 more since the last such message)" in texts[1]
        proxy.world.tell_error(ValueError("another"), "this test")
        assert len(proxy.said) == 3


@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_a_line_that_cannot_be_written_is_told_and_ends_nothing(mode: str) -> None:
    """The client is served all the same; the message names the line, and the next line is written."""
    with at_work(Proxy(section(mode=mode))) as proxy:
        assert isinstance(proxy, Proxy)
        send, failing = proxy.send, [True]

        def fail_once(*words: Any) -> None:
            if failing and failing.pop():
                raise Crash("no line")
            send(*words)

        proxy.send = fail_once  # type: ignore[method-assign]
        for _ in range(2):
            client = proxy.comes()
            proxy.says(client, GET)
            proxy.answers()
            assert b"abc" in client.sent
            proxy.ends()
        assert len(proxy.lines) == 1 and proxy.lines[0][0] != "I"
        assert [text.partition(" of frontend")[0] for _, text in proxy.said] == [
            "internal error in the log line of session 1"
        ]
        assert not proxy.left()


class Theirs:
    """A picker of a third party, which raises."""

    dynamic = True
    queue_first = False

    def pick(self, request: object, avoid: object) -> None:
        """Fail."""
        raise PluginFailed("told by its guard")

    def took(self, server: object) -> None:
        """Take no notice."""

    dropped = changed = took


@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_a_strategy_of_a_third_party_is_told_by_its_guard_alone(mode: str) -> None:
    """Its sessions end as others that crash do, without another message."""
    with at_work(Proxy(section(mode=mode))) as proxy:
        assert isinstance(proxy, Proxy)
        proxy.farm._picker = Theirs()  # type: ignore[assignment]
        client = proxy.comes()
        proxy.says(client, GET)
        assert client.closed and client.sent[:12] == (b"HTTP/1.1 500" if mode == "http" else b"")
        assert [line[0] for line in proxy.lines] == ["I"] and not proxy.said and not proxy.left()


@pytest.mark.parametrize("words", ["", "maxconn 1"])
@pytest.mark.parametrize("request_", [GET, GET.replace(b"who=s1", b"a=b")])
def test_a_slot_that_the_strategy_fails_to_note_is_given_back(request_: bytes, words: str) -> None:
    """Whether a cookie or balancing led there, and with a limit or without: the server counts no session."""
    with at_work(Proxy(section("balance leastconn\ncookie who insert indirect", server=words))) as proxy:
        assert isinstance(proxy, Proxy)
        picker = proxy.farm.servers[0].picker
        assert picker is not None
        picker.took = lambda server: 1 // 0  # type: ignore[assignment,method-assign,return-value]
        client = proxy.comes()
        proxy.says(client, request_)
        assert client.sent[:12] == b"HTTP/1.1 500"
        del picker.took
        assert not proxy.left()


@pytest.mark.parametrize("leaves", ["server", "client", "nobody"])
@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_link_whose_body_nobody_wants_is_closed_like_others(response: bytes, leaves: str) -> None:
    """Rules made GET of HEAD: whoever leaves within the body, or if nobody does, nothing crashes or is left."""
    with at_work(Proxy(section("http-request set-method GET"))) as proxy:
        assert isinstance(proxy, Proxy)
        client = proxy.comes()
        proxy.says(client, b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")
        proxy.answers(response)
        if leaves == "nobody":
            proxy.pass_time(25)
        else:
            proxy.breaks(client if leaves == "client" else proxy.links[-1])
        proxy.ends()
        assert client.sent.startswith(b"HTTP/1.1 200 OK\r\n") and b"abc" not in client.sent
        assert not proxy.said and not proxy.left()


@pytest.mark.parametrize("more", ["", "http-request set-header a b"])
@pytest.mark.parametrize("body", [b"", b"ab"])
def test_a_client_that_leaves_within_a_pipelined_request_leaves_nothing(more: str, body: bytes) -> None:
    """Its FIN came while the request before was answered: the one behind, whose body never comes, is aborted."""
    with at_work(Proxy(section(more))) as proxy:
        assert isinstance(proxy, Proxy)
        client = proxy.comes()
        proxy.says(client, GET)
        proxy.says(client, POST + body, ends=True)
        proxy.answers()
        assert client.closed and [line.split()[:2] for line in proxy.lines] == [["--", "200"], ["CD", "-1"]]
        proxy.ends()
        assert not proxy.left()
