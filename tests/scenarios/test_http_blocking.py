"""`http-request deny` and `tarpit`, told beside haproxy: answers, ends, whole lines of httplog, counters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pytest

from tests.scenarios.actors import Actor
from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import head
from tests.scenarios.test_own_answers import (
    CHUNKED,
    CONNECT,
    EMPTY_POST,
    EXPECTING,
    GET,
    HEAD,
    OLD,
    OLD_KEPT,
    PAGES,
    POST,
    UPGRADE,
    converse,
)

pytestmark = pytest.mark.reference

STORIES = Stories()
PORT = 1001

DEFAULTS = """
defaults
    mode http
    option httplog
    log {host}:514 local0
    timeout connect 400ms
    timeout client 2s
    timeout server 2s
    option http-no-delay
"""
FRONT = "frontend {name}\n    bind {host}:1000\n    default_backend {name}.b\n"
BACK = "backend {name}.b\n    server s {host}:{free}\n    retries 0\n"
LISTEN = "listen {name}\n    bind {host}:1000\n    server s {host}:{free}\n    retries 0\n"
SHORT = "    timeout tarpit 300ms\n"
DENY, TARPIT = "    http-request deny\n", "    http-request tarpit\n"
PLACES = {
    "front": lambda words: FRONT + words + BACK,
    "back": lambda words: FRONT + BACK + words,
    "listen": lambda words: LISTEN + words,
}
"""Where rules may stand."""


def ask(
    name: str, sections: Sequence[str], requests: Sequence[bytes], *, begin: str = "", rest: str = "",
    unlogged: int = 0,
) -> None:  # fmt: skip
    """Register a story: each section, at a port of its own, is asked these requests, and kept clients once more.

    begin, rest: sections in front and behind. unlogged: how many of the exchanges leave no line.
    """
    text = begin
    for number, words in enumerate(sections):
        kind, _, words = words.partition(":")
        text += f"\n{kind} {{name}}.{number}\n    bind {{host}}:{PORT + number}\n    {words}\n"

    def play(scene: Scene) -> None:
        """Clients ask."""
        for number in range(len(sections)):
            for request in requests:
                converse(scene, PORT + number, request)
        scene.logged(len(scene.seen) + sum("\\x01" in text for text in scene.seen) - unlogged)

    play.__name__ = name
    STORIES.story(DEFAULTS + text + rest, bare=True)(play)


Move = bytes | float | str
FIN, CLOSE, RESET, ANSWER = "fin", "close", "reset", "answer"


def tell(name: str, text: str, *moves: Move, lines: int = 1, apart: tuple[str, ...] = ()) -> None:
    """Register a story of one client: it sends bytes, hears nothing for some seconds, leaves, or reads an answer.

    How long it takes is part of it. apart: columns of `show stat` that differ for a known reason.
    """

    def play(scene: Scene) -> None:
        """A client is refused."""
        client = scene.connect()
        with scene.lasting():
            for move in moves:
                _do(client, move)
            if not {CLOSE, RESET} & set(moves):
                client.sock.settimeout(0.6)
                client.ends()
                client.close()
            scene.logged(lines)
        scene.until("FRONTEND", scur=0)

    play.__name__ = name
    STORIES.story(DEFAULTS + text, bare=True, apart=apart)(play)


def _do(client: Actor, move: Move) -> None:
    if isinstance(move, bytes):
        client.send(move)
    elif isinstance(move, float):
        client.quiet(move)
    elif move == ANSWER:
        _read_answer(client)
    else:
        {FIN: client.finish, CLOSE: client.close, RESET: client.reset}[move]()


def _read_answer(client: Actor) -> None:
    found = re.search(rb"content-length: (\d+)", head(client))
    client.reads(int(found[1]) if found else 0)


# what is answered

FORMS = (
    "", "deny_status 404", "status 404", "status 404 default-errorfiles", "deny_status 429 hdr X-A %ci",
    f"errorfile {PAGES}/a.http", f"status 401 errorfile {PAGES}/not-found.http", f"errorfile {PAGES}/nothing.http",
    f"errorfile {PAGES}/no-content.http", f"status 402 errorfile {PAGES}/a.http", "status 410 errorfiles {name}-g",
    "errorfiles {name}-g", "content-type text/plain string hello",
    f"status 200 content-type a/b file {PAGES}/format.txt", f"status 402 content-type a/b lf-file {PAGES}/format.txt",
    "status 599 content-type a/b lf-string '%f %b %s %ST %Tc/%Tr/%Ta %B %U %tsc %rc' hdr a %bi:%bp hdr b %si",
    "hdr x-a b hdr x-a c hdr Connection close", "content-type a/b string x hdr content-type z",
    "status 204", "status 304 hdr a b", "status 302 hdr location /x", "status 405 status 503",
)  # fmt: skip
GROUPS = f"http-errors {{name}}-g\n    errorfile 410 {PAGES}/b.http\n"
for action, place in itertools.product(("deny", "tarpit"), ("frontend", "listen")):
    words = [f"{place}:timeout tarpit 20ms\n    http-request {action} {form}" for form in FORMS]
    ask(f"{action}-forms-{place}", words, (GET, HEAD), rest=GROUPS)
EVERY = (GET, HEAD, OLD, OLD_KEPT, POST, CHUNKED, EXPECTING, EMPTY_POST, CONNECT, UPGRADE)
ask("deny-requests", ("frontend:http-request deny", "listen:http-request deny content-type a/b string x"), EVERY)
ask(
    "tarpit-requests",
    ("frontend:http-request tarpit", "listen:timeout tarpit 100ms\n    http-request tarpit status 300"),
    EVERY,
)
FORMAT = "content-type a/b lf-string '%f %b %s %Tc %si %bi'"
ask(
    "of-backends",
    [f"frontend:use_backend {{name}}.b{number}\n    errorfile 403 {PAGES}/a.http" for number in range(5)],
    (GET, POST),
    begin="    timeout tarpit 50ms\n",
    rest=f"""
backend {{name}}.b0
    http-request deny
backend {{name}}.b1
    errorfile 403 {PAGES}/b.http
    http-request deny
backend {{name}}.b2
    http-request tarpit deny_status 403
    server s {{host}}:{{free}}
backend {{name}}.b3
    http-request deny {FORMAT} if FALSE
    http-request tarpit {FORMAT}
backend {{name}}.b4
    http-request tarpit if FALSE
    http-request deny status 402
""",
)

# which rule, and when

ask(
    "conditions",
    (
        "frontend:http-request deny status 401 if FALSE\n    http-request deny status 402 unless TRUE\n"
        "    http-request deny status 404 if {{ dst_port 1001 }}\n    http-request tarpit",
        "frontend:http-request tarpit if FALSE or\n    http-request deny\n    http-request tarpit",
        "frontend:timeout tarpit 100ms\n    http-request tarpit if TRUE\n    http-request deny",
        "frontend:http-request deny if FALSE\n    redirect location /x",
        "frontend:redirect location /x\n    http-request deny",
        "frontend:monitor-uri /x\n    http-request deny",
        "frontend:option http-restrict-req-hdr-names reject\n    http-request deny status 404",
        "listen:retry-on all-retryable-errors\n    http-request disable-l7-retry\n    http-request deny",
        "frontend:option httpclose\n    http-request deny",
        "listen:option http-server-close\n    http-request deny",
    ),
    (GET, POST, HEAD),
    unlogged=2,
)
ask(
    "named-defaults",
    ("frontend:http-request deny status 404", "frontend:"),
    (GET,),
    begin=DEFAULTS.replace("defaults", "defaults {name}")
    + "    http-request deny status 405 if {{ dst_port 1002 }}\n"
    + "    http-request tarpit deny_status 503 if {{ dst_port 1003 }}\n",
)
tell(
    "named-defaults-of-a-backend",
    FRONT + DEFAULTS.replace("defaults", "defaults {name}") + SHORT + TARPIT + BACK + DENY,
    GET,
)

# how long

for place, words in {
    "front-none": FRONT + TARPIT + BACK,
    "front-own": FRONT + SHORT + TARPIT + BACK + "    timeout tarpit 1s\n",
    "front-zero": FRONT + "    timeout tarpit 0\n" + TARPIT + BACK,
    "back-none": FRONT + BACK + TARPIT,
    "back-own": FRONT + "    timeout tarpit 1s\n" + BACK + SHORT + TARPIT,
    "back-of-front-only": FRONT + SHORT + BACK + TARPIT,
    "back-zero": FRONT + BACK + "    timeout tarpit 0\n" + TARPIT,
    "back-no-connect": FRONT + BACK + "    timeout connect 0\n" + TARPIT,
    "listen-none": LISTEN + TARPIT,
    "listen-own": LISTEN + SHORT + TARPIT,
    "listen-no-connect": LISTEN + "    timeout connect 0\n" + TARPIT,
    "defaults": SHORT + FRONT + TARPIT + BACK,
    "defaults-back": SHORT + FRONT + BACK + TARPIT,
    "longer-than-the-client": LISTEN + SHORT + TARPIT + "    timeout client 100ms\n    timeout http-request 100ms\n",
}.items():
    tell(f"lasts-{place}", words, GET)

# the client, meanwhile

HALF = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"
HALF_CHUNKED = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
LARGE = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000
LAST = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
BAD = b"zz\r\n"
LEAVING: dict[str, tuple[Move, ...]] = {
    "fin": (GET, 0.1, FIN), "closes": (GET, 0.1, CLOSE), "resets": (GET, 0.1, RESET), "fin-at-once": (GET, FIN),
    "fin-in-the-body": (HALF, 0.1, FIN), "resets-in-the-body": (HALF, 0.1, RESET),
}  # fmt: skip
ALONE: dict[str, tuple[Move, ...]] = LEAVING | {
    "closes-at-once": (GET, CLOSE), "closes-in-the-body": (HALF, 0.1, CLOSE), "fin-in-the-body-at-once": (HALF, FIN),
    "fin-in-a-chunk": (HALF_CHUNKED, 0.1, FIN), "old-fin": (OLD, 0.1, FIN), "last-closes": (LAST, 0.1, CLOSE),
    "bad-chunk": (HALF_CHUNKED, 0.1, BAD), "bad-chunk-at-once": (HALF_CHUNKED + BAD,),
    "rest": (HALF, 0.1, b"def", ANSWER), "half": (HALF,), "rest-and-fin": (HALF, 0.1, b"def", 0.05, FIN),
    "rest-and-reset": (HALF, 0.1, b"def", 0.05, RESET), "rest-chunked": (HALF_CHUNKED, 0.1, b"0\r\n\r\n", ANSWER),
}  # fmt: skip
"""Of one request."""
TWICE: dict[str, tuple[Move, ...]] = {
    "half-a-second-request": (GET, b"GET /y HT", ANSWER, b"TP/1.1\r\n\r\n"), "next-and-fin": (GET + GET, 0.1, FIN),
    "one-after-the-other": (GET, ANSWER, 0.2, GET, ANSWER), "at-once": (GET + POST, ANSWER, ANSWER),
}  # fmt: skip
HELD: dict[str, tuple[Move, ...]] = {
    "large-body-in-pieces": (LARGE[:200000], 0.1, LARGE[200000:], ANSWER),
    "large-body-unfinished": (LARGE[:200000],),
    "bad-chunk-and-fin": (HALF_CHUNKED, 0.05, BAD, 0.05, FIN),
    "bad-chunk-and-reset": (HALF_CHUNKED, 0.05, BAD, 0.05, RESET),
    "bad-chunk-and-more": (HALF_CHUNKED, 0.05, BAD, 0.05, BAD + b"0\r\n\r\n"),
}
"""While a tarpit lasts."""
for (place, text), (name, moves) in itertools.product(PLACES.items(), ALONE.items()):
    tell(f"{place}-{name}", text(SHORT + TARPIT), *moves)
    if place == "back" or name in LEAVING:
        tell(f"{place}-{name}-denied", text(DENY), *moves)
for (place, text), (name, moves) in itertools.product(PLACES.items(), TWICE.items()):
    tell(f"{place}-{name}", text(SHORT + TARPIT), *moves, lines=2)
    if place == "listen":
        tell(f"{place}-{name}-denied", text(DENY), *moves, lines=2)
for (place, text), (name, moves) in itertools.product(PLACES.items(), HELD.items()):
    tell(f"{place}-{name}", text(SHORT + TARPIT), *moves)
for place, text in PLACES.items():
    quick = "    timeout client 100ms\n" + text(SHORT + TARPIT)
    tell(f"{place}-silent-within-the-body", quick, HALF)
    tell(f"{place}-silent-behind-some-of-the-body", quick, HALF, 0.05, b"d")
    tell(f"{place}-silent-behind-a-bad-chunk", quick, HALF_CHUNKED, 0.05, BAD)
    tell(f"{place}-large-body", text(SHORT + TARPIT), LARGE, ANSWER, LARGE, ANSWER, lines=2)
    tell(f"{place}-connects", text("    http-request deny status 200\n"), CONNECT, ANSWER)
    tell(f"{place}-connects-tarpitted", text(SHORT + "    http-request tarpit status 200\n"), CONNECT, ANSWER)
    # how much of the body has been read by then differs
    tell(f"{place}-large-body-denied", text(DENY), LARGE, apart=("bin",))
ABORT = "    option abortonclose\n"
for name, moves in LEAVING.items():
    for place, text in {
        "listen": LISTEN + ABORT + SHORT + TARPIT,
        "back": FRONT + BACK + ABORT + SHORT + TARPIT,
        "listen-back": LISTEN + ABORT + "    use_backend {name}.b if TRUE\n" + BACK + SHORT + TARPIT,
        "defaults": ABORT + FRONT + SHORT + TARPIT + BACK,
        "defaults-back": ABORT + FRONT + BACK + SHORT + TARPIT,
    }.items():
        tell(f"abortonclose-{place}-{name}", text, *moves)
BUFFER = "    option http-buffer-request\n    timeout http-request 200ms\n" + SHORT
for (place, text), (action, rule) in itertools.product(PLACES.items(), (("deny", DENY), ("tarpit", TARPIT))):
    tell(f"{place}-buffered-{action}", text(BUFFER + rule), HALF, 0.1, b"def", ANSWER)
    tell(f"{place}-buffered-nothing-{action}", text(BUFFER + rule), GET, ANSWER)
    tell(f"{place}-buffered-late-{action}", text(BUFFER + rule), HALF)
    tell(f"{place}-buffered-fin-{action}", text(BUFFER + rule), HALF, 0.1, FIN)
    tell(f"{place}-buffered-large-{action}", text(BUFFER + rule), LARGE, apart=("bin",) if rule == DENY else ())

# a client that is silent for longer than `timeout client`, while longer timeouts wait for its request

PATIENT = "    timeout client 300ms\n    timeout http-request 700ms\n    timeout http-keep-alive 900ms\n"
SILENT: dict[str, tuple[Move, ...]] = {
    "from-the-start": (), "in-the-request": (GET[:9],), "in-a-late-request": (0.2, GET[:9]),
    "never-for-long": (GET[:9], 0.2, GET[9:12], 0.2, GET[12:14], 0.2, GET[14:16]), "behind-an-answer": (GET, ANSWER),
    "in-the-next-request": (GET, ANSWER, 0.2, GET[:3]),
}  # fmt: skip
for name, moves in SILENT.items():
    tell(f"silent-{name}", PATIENT + LISTEN + DENY, *moves, lines=1 + (name == "in-the-next-request"))

# what lines tell

COOKIES = b"GET /x HTTP/1.1\r\nHost: a\r\nCookie: a = b; S=one; C=d\r\n\r\n"
LINE = (
    "    log-format '%f %b/%s %ST %U %B %ts%tsc %CC %hr "
    "Th=%Th Ti=%Ti TR=%TR Tq=%Tq Tw=%Tw Tc=%Tc Tr=%Tr Ta=%Ta Tt=%Tt %ID'\n"
)
CAPTURES = "    capture cookie C len 9\n    capture request header Host len 9\n    unique-id-format %ci-%fp\n" + LINE
COOKIE = "    cookie S insert indirect\n    server one {host}:{free} cookie one\n"
IGNORED = "    ignore-persist if TRUE\n"
PROXIED = LISTEN.replace("{host}:1000", "{host}:1000 accept-proxy") + LINE
FROM_TCP = FRONT.replace("    bind", "    mode tcp\n    bind")
for action in ("deny", "tarpit"):
    words = SHORT + f"    http-request {action}\n"
    moves = (COOKIES, ANSWER, 0.1, COOKIES, ANSWER)
    tell(f"lines-front-{action}", FRONT + CAPTURES + words + BACK + COOKIE, *moves, lines=2)
    tell(f"lines-back-{action}", FRONT + CAPTURES + BACK + COOKIE + words, *moves, lines=2)
    tell(f"lines-ignored-{action}", FRONT + CAPTURES + BACK + COOKIE + IGNORED + words, COOKIES, ANSWER)
    tell(f"lines-listen-{action}", LISTEN + CAPTURES + COOKIE + words, *moves, lines=2)
    tell(f"lines-without-captures-{action}", LISTEN + LINE + COOKIE + words, *moves, lines=2)
    tell(f"lines-handshake-{action}", PROXIED + words, b"PROXY TCP4 127.0.0.1 127.0.0.1 5 6\r\n", 0.1, GET, ANSWER)
    tell(f"lines-slow-{action}", LISTEN + words, GET[:9], 0.1, GET[9:], ANSWER)
    tell(f"from-tcp-{action}", FROM_TCP + BACK + words, GET, ANSWER, GET, ANSWER, lines=2)
    for option in ("log-separate-errors", "dontlog-normal"):
        tell(f"{option}-{action}", LISTEN + f"    option {option}\n" + words, GET, ANSWER)


@STORIES.story(DEFAULTS + LISTEN + TARPIT, bare=True)
def shut_down(scene: Scene) -> None:
    """A held client's session is ended by the runtime socket."""
    client = scene.connect().send(GET)
    scene.until("FRONTEND", dreq=1)
    for line in scene.order("show sess").splitlines():
        if f" fe={scene.name} " in line:
            scene.order(f"shutdown session {line.partition(':')[0]}")
    client.ends().close()
    scene.logged()


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """A refused client gets the same bytes and ends from either program, and lines and counters say the same."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
