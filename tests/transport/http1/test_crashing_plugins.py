"""Actions and services of plug-ins that fail at any moment, and code of ours that fails around them: nothing is left.

The plays are those of test_crashes.py: each function of the sessions that one calls raises once. Besides, the plug-ins
themselves fail in every way that Python has, at each of their calls.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tcproxy.interfaces import Answer, IAction, IMessage, IService, IServiceRequest, Outcome
from tcproxy.registry import Registry
from tests.transport.http1.memory import at_work
from tests.transport.http1.test_crashes import GET, OK, POST, Play, Proxy, faults, functions_of, section

EVERY = (
    "http-request", "http-response", "http-after-response", "tcp-request connection", "tcp-request session",
    "tcp-request content", "tcp-response content",
)  # fmt: skip


class Script:
    """What plug-ins of one proxy do: `do` is asked at each of their calls.

    wrong: what is raised instead. header: one that is added. held: Deferreds that have not fired. open: bodies that are
    not closed.
    """

    def __init__(self) -> None:
        self.do: Callable[[str], Any] = lambda word: None
        self.calls: list[str] = []
        self.held: list[Deferred[Any]] = []
        self.open: list[object] = []
        self.wrong: type[BaseException] | None = None
        self.header = ""

    def asked(self, word: str) -> Any:
        """Do what the script says."""
        self.calls.append(word)
        if self.wrong is not None:
            raise self.wrong
        return self.do(word)

    def hold(self) -> Deferred[Any]:
        """Return a Deferred that fires when `free` says so."""
        self.held.append(Deferred(self._cancelled))
        return self.held[-1]

    def _cancelled(self, deferred: Deferred[Any]) -> None:
        self.held.remove(deferred)
        self.asked("cancelled")

    def free(self, what: Any = None) -> None:
        """Let what is held go on."""
        held, self.held = self.held, []
        for one in held:
            one.callback(what) if not isinstance(what, Exception) else one.errback(what)

    def pieces(self, *pieces: bytes) -> Iterator[bytes]:
        """Return a body in pieces."""
        return Pieces(self, pieces)


class Pieces(Iterator[bytes]):
    """A body in pieces, which is noted as open until it is closed."""

    def __init__(self, script: Script, pieces: Sequence[bytes]) -> None:
        self.script, self.rest = script, iter(pieces)
        script.open.append(self)

    def __next__(self) -> bytes:
        """Return the next piece."""
        self.script.asked("piece")
        return next(self.rest)

    def close(self) -> None:
        """Note the end."""
        if self in self.script.open:
            self.script.open.remove(self)
        self.script.asked("closed")


@implementer(IAction)
class Acting:
    """An action that does what a script says."""

    name, manual, kinds, waits = "acting", "Does what a script says.", EVERY, True

    def __init__(self, script: Script) -> None:
        self.script = script

    def parse(self, words: Sequence[str]) -> object:
        """Take one word."""
        return words[0]

    def act(self, message: IMessage, parsed: object) -> object:
        """Do it."""
        message.set_variable("sess.seen", 1)
        if self.script.header:
            message.add_header("x-new", self.script.header)
        return self.script.asked(str(parsed))


@implementer(IService)
class Serving:
    """A service that does what a script says."""

    name, manual, wants_body = "serving", "Does what a script says.", True

    def __init__(self, script: Script) -> None:
        self.script = script

    def serve(self, request: IServiceRequest) -> object:
        """Answer."""
        return self.script.asked("serve")


class Scripted(Proxy):
    """A proxy in memory with plug-ins that a script moves."""

    def __init__(self, text: str) -> None:
        self.script = Script()
        registry = Registry()
        registry.offer(Acting(self.script), __file__)
        registry.offer(Serving(self.script), __file__)
        super().__init__(text, registry)


# what is raised


class Odd(Exception):
    """An exception that cannot even be told."""

    def __str__(self) -> str:
        raise ValueError("no words")


RAISED: tuple[type[BaseException], ...] = (KeyError, Odd, SystemExit, GeneratorExit, RecursionError, StopIteration)


def raises(*words: object) -> Any:
    """Raise an exception."""
    raise KeyError


RULES = {
    "tcp-request connection": section("tcp-request connection acting a"),
    "tcp-request session": section("tcp-request session acting a"),
    "tcp-request content": section("tcp-request content acting a"),
    "http-request": section("http-request acting a"),
    "http-response": section("http-response acting a"),
    "http-after-response": section("http-after-response acting a"),
    "tcp-response content": section("tcp-response content acting a"),
    "content in TCP": section("tcp-request content acting a", mode="tcp"),
    "response in TCP": section("tcp-response content acting a", mode="tcp"),
    "service": section("http-request use-service serving"),
}


def asks(proxy: Proxy) -> None:
    """A client asks, and is answered."""
    client = proxy.comes()
    proxy.says(client, GET)
    proxy.answers()
    proxy.says(client, ends=True)
    proxy.pass_time(1)


def is_clean(proxy: Scripted, lines: bool = True) -> None:
    """Assert that nothing is left, and that the plug-in alone was told."""
    proxy.ends()
    assert not proxy.left()
    assert [text.split()[:2] for _, text in proxy.said] in ([["the", "action"]], [["the", "service"]]), proxy.said
    assert len(proxy.said) == 1 and not proxy.script.held


@pytest.mark.parametrize("wrong", RAISED, ids=lambda wrong: wrong.__name__)
@pytest.mark.parametrize("rules", RULES)
def test_whatever_a_plugin_raises_ends_its_session_alone(rules: str, wrong: type[BaseException]) -> None:
    """In each rule set: it is told as the plug-in's own, nothing is left, and the next client is served."""
    proxy = Scripted(RULES[rules])
    with at_work(proxy):
        proxy.script.wrong = wrong
        asks(proxy)
        assert proxy.script.calls
        is_clean(proxy)
        proxy.script.wrong = None
        proxy.script.do = lambda word: Answer(200, b"abc") if word == "serve" else None
        asks(proxy)
        assert b"abc" in proxy.clients[-1].sent
        proxy.ends()
        assert not proxy.left()


WRONG: dict[str, Callable[[], object]] = {
    "number": lambda: 7,
    "bytes": lambda: b"bytes",
    "class": lambda: Answer,
    "status": lambda: Answer("200"),  # type: ignore[arg-type]
    "interim": lambda: Answer(100),
    "body": lambda: Answer(200, "text"),  # type: ignore[arg-type]
    "no body": lambda: Answer(200, None),  # type: ignore[arg-type]
    "table": lambda: Answer(200, b"", {"a": "b"}),  # type: ignore[arg-type]
    "framing": lambda: Answer(200, b"", iter([("Content-Length", "7")])),  # type: ignore[arg-type]
    "no headers": lambda: Answer(200, b"", None),  # type: ignore[arg-type]
    "almost a Deferred": lambda: SimpleNamespace(addBoth=raises, cancel=raises),
}


@pytest.mark.parametrize("thing", WRONG)
@pytest.mark.parametrize("rules", RULES)
def test_whatever_a_plugin_returns_wrongly_ends_its_session_alone(rules: str, thing: str) -> None:
    """Likewise with what the interface does not have; in HTTP the client is told."""
    proxy = Scripted(RULES[rules])
    with at_work(proxy):
        proxy.script.do = lambda word: WRONG[thing]()
        asks(proxy)
        assert proxy.script.calls
        is_clean(proxy)
        closes = "TCP" in rules or "connection" in rules or "session" in rules or "after" in rules
        assert closes or proxy.clients[0].sent.startswith(b"HTTP/1.1 500 ")


# what waits


def holds(proxy: Proxy) -> None:
    """Requests wait for a plug-in: one goes on to a server, one is answered, one whose body is not whole leaves."""
    assert isinstance(proxy, Scripted)
    script = proxy.script
    script.do = lambda word: script.hold() if word == "a" else None
    for what in (None, Answer(200, b"xyz"), Answer(200, script.pieces(b"x", b"yz"))):
        proxy.says(proxy.comes(), GET)
        script.free(what)
        proxy.turn()
        proxy.answers()
    leaving = proxy.comes()
    proxy.says(leaving, POST)
    proxy.breaks(leaving)
    script.do = lambda word: None


def serves_in_pieces(proxy: Proxy) -> None:
    """A service waits for a body, and answers later, and in pieces, of which a slow client leaves some."""
    assert isinstance(proxy, Scripted)
    script = proxy.script
    client = proxy.comes()
    script.do = lambda word: script.hold() if word == "serve" else None
    proxy.says(client, POST, b"abc", b"def")
    script.free(Answer(200, script.pieces(b"x", b"yz"), [("a", "b")]))
    proxy.turn()
    script.do = lambda word: Answer(200, script.pieces(*[b"x" * 9000] * 9)) if word == "serve" else None
    client.room = 20000
    proxy.says(client, GET)
    proxy.breaks(client)
    script.do = lambda word: Answer(200, b"abc") if word == "serve" else None


def replaces(proxy: Proxy) -> None:
    """An action answers in a response's place, on a kept connection, and rejects."""
    assert isinstance(proxy, Scripted)
    client = proxy.comes()
    for what in (Answer(204), Answer(200, b"xyz"), None):
        proxy.script.do = lambda word, what=what: what  # type: ignore[misc]
        proxy.says(client, GET)
        proxy.answers()


PLAYS = [
    Play("holds", section("http-request acting a\nhttp-after-response acting b"), holds, make=Scripted),
    Play("service", section("http-request use-service serving"), serves_in_pieces, make=Scripted),
    Play("replaces", section("http-response acting a"), replaces, make=Scripted),
]


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_whatever_of_ours_raises_around_a_plugin_ends_its_session_alone(play: Play) -> None:
    """Each function of ours that such a play calls raises once: it is told once, nothing is left."""
    wrong = [said for code in functions_of(play) for said in faults(play, code)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["http-request", "http-response"])
def test_a_header_that_does_not_fit_is_an_error_of_the_plugin(kind: str) -> None:
    """As with `set-header`, a message stays within a buffer; the client is answered 500."""
    proxy = Scripted(section(f"{kind} acting a"))
    with at_work(proxy):
        proxy.script.header = "x" * 20000
        asks(proxy)
        assert proxy.clients[0].sent.startswith(b"HTTP/1.1 500 ")
        assert "ValueError: the header 'x-new' does not fit the buffer (tune.bufsize)" in proxy.said[0][1]
        is_clean(proxy)


# by chance


BY_CHANCE = """
tcp-request connection acting c if FALSE
tcp-request content acting t
http-request acting a
http-request use-service serving if { path_beg /s }
http-request acting b
http-response acting r
http-after-response acting z
"""


class Chance:
    """Moves of clients, servers and plug-ins by chance, each decided by one number."""

    def __init__(self, proxy: Scripted, seed: int) -> None:
        self.proxy, self.random = proxy, random.Random(seed)
        proxy.script.do = self.does

    def does(self, word: str) -> Any:
        """Do something as a plug-in: mostly nothing, sometimes what the interface has, seldom what it has not."""
        script = self.proxy.script
        chosen = self.random.random()
        if chosen < 0.03:
            raise self.random.choice(RAISED)
        if word in ("piece", "closed", "cancelled"):
            return None
        if chosen < 0.05:
            return WRONG[self.random.choice(list(WRONG))]()
        if chosen < 0.2 or word == "serve":
            what = self.random.randrange(6 if word in ("serve", "a", "b", "r") else 4)
            if what > 3:
                body = [b"y" * self.random.choice((0, 1, 9000))] * self.random.randrange(5)
                return Answer((200, 304)[what % 2], script.pieces(*body))
            return script.hold() if what == 0 else (Answer(200, b"x"), Answer(204), Outcome.REJECT)[what - 1]
        return None

    def move(self) -> None:
        """Let something happen."""
        proxy, choice = self.proxy, self.random.choice
        clients = [one for one in proxy.clients if not one.closed][-4:]
        what = self.random.randrange(10)
        if not clients or what == 0:
            proxy.says(proxy.comes(), choice((GET, GET.replace(b"/x", b"/s"))))
            return
        client = choice(clients)
        if what in (1, 2, 3):
            asked = b"".join(choice((GET, POST, GET.replace(b"GET /x", b"HEAD /s"), b"abcdef", b"x")) for _ in range(3))
            cut = self.random.randrange(len(asked))
            proxy.says(client, asked[:cut], asked[cut:])
        elif what in (4, 5):
            proxy.answers(choice((OK, OK[:30], b"HTTP/1.1 204 No\r\n\r\n")), ends=choice((False, True)))
        elif what == 6:
            self.frees()
        elif what == 7:
            client.room = choice((-1, 0, 5000))
            proxy.turn()
        elif what == 8:
            choice((proxy.breaks, lambda one: proxy.says(one, ends=True), self.kills))(client)
        else:
            proxy.pass_time(choice((0.1, 6.0, 21.0)))

    def frees(self) -> None:
        """Let what is held go on, somehow."""
        self.proxy.script.free(self.random.choice((None, Answer(201, b"z"), KeyError("no"), 7, Outcome.REJECT)))
        self.proxy.turn()

    def kills(self, client: object) -> None:
        """End a session by a command."""
        for session in list(self.proxy.world.sessions.values())[:1]:
            try:
                session.shut("K")
            except Exception as error:
                session.crashed(error)  # as commands do
        self.proxy.turn()

    def ends(self) -> None:
        """Let everything come to its end."""
        self.proxy.script.do = lambda word: None
        for client in self.proxy.clients:
            client.room = -1
        self.proxy.turn()
        self.proxy.script.free(Answer(200, b"the end"))
        self.proxy.ends()


@pytest.mark.parametrize("seed", range(0, 60, 20))
def test_nothing_is_left_by_chance(seed: int) -> None:
    """Whatever clients, servers and plug-ins do in whatever order: no session, link or Deferred is left."""
    for one in range(seed, seed + 20):
        proxy = Scripted(section(BY_CHANCE + "timeout http-request 5s\noption abortonclose" * (one % 2)))
        with at_work(proxy):
            chance = Chance(proxy, one)
            for _ in range(60):
                chance.move()
            chance.ends()
            assert (one, proxy.left(), proxy.script.held, proxy.script.open) == (one, [], [], [])
            told = [text for _, text in proxy.said if not text.startswith(("the action 'acting'", "the service 'serv"))]
            assert (one, told) == (one, [])
