"""Stories of servers that fail: killed in the middle, restarting, slow, resetting, told with both programs.

What the client sees, the log line and the counters are the same.
"""

from __future__ import annotations

import functools
import time

import pytest

from tests.running import outstanding, wait_for
from tests.scenarios.actors import Actor
from tests.scenarios.beside import Stories, Told, differences, tell
from tests.scenarios.http_farm import GET, LISTEN, OK, ONE, TWO, Farm, farm_story, read_head

pytestmark = pytest.mark.reference

STORIES = Stories()
story = functools.partial(farm_story, STORIES)
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nabc"
SHORT = "    timeout server 300ms\n    timeout connect 300ms\n"
CLOSE, RESET, STOP = "closes", "resets", "stops"
TURN = "the program's turn"
"""The program reads what came, so that the next thing is another event."""


def perform(link: Actor, *moves: bytes | str | float) -> None:
    """Let a server do so."""
    for move in moves:
        if isinstance(move, bytes):
            link.send(move)
        elif isinstance(move, float):
            time.sleep(move)  # time of the story itself: longer or shorter than timeouts of SHORT
        elif move == TURN:
            link.scene.turn()
        elif move == CLOSE:
            link.close()
        elif move == RESET:
            link.reset()


def serve(farm: Farm, *moves: bytes | str | float) -> None:
    """Let the server that is asked do so; forget a link that is closed."""
    link = farm.asked()
    perform(link, *moves)
    if CLOSE in moves or RESET in moves:
        farm.links.remove(link)


def first(name: str, *moves: bytes | str | float, words: str = "", request: bytes = GET) -> None:
    """Register a story of a client's first request."""

    def tale(farm: Farm) -> None:
        client = farm.client()
        client.send(request)
        serve(farm, *moves)
        seen(farm, client)

    _register(name, tale, words)


def second(name: str, *moves: bytes | str | float, words: str = "") -> None:
    """Register a story of a client's second request, over the link that stands."""

    def tale(farm: Farm) -> None:
        client = farm.client()
        farm.exchange(client)
        client.send(GET)
        serve(farm, *moves)
        seen(farm, client)

    _register(f"second_{name}", tale, words)


def _register(name: str, tale: object, words: str) -> None:
    tale.__name__ = name  # type: ignore[attr-defined]
    tale.__doc__ = name  # type: ignore[attr-defined]
    story(f"{LISTEN}{SHORT}    {words}\n{ONE}")(tale)  # type: ignore[arg-type]


def seen(farm: Farm, client: Actor) -> None:
    """Put down what the client has within a short time, and what is counted of links."""
    client.sock.settimeout(0.7)
    client.ends()
    farm.numbers()


MOVES: dict[str, tuple[bytes | str | float, ...]] = {
    "dies_in_a_body": (LONG, TURN, CLOSE),
    "resets_in_a_body": (LONG, TURN, RESET),
    "dies_in_chunks": (CHUNKS, TURN, CLOSE),
    "resets_in_chunks": (CHUNKS, TURN, RESET),
    "resets_an_endless_body": (ENDLESS, TURN, RESET),
    "ends_an_endless_body": (ENDLESS, TURN, CLOSE),
    "dies_in_a_head": (OK[:20], TURN, CLOSE),
    "resets_in_a_head": (OK[:20], TURN, RESET),
    "dies_at_once": (CLOSE,),
    "resets_at_once": (RESET,),
    "is_silent": (STOP,),
    "stops_in_a_head": (OK[:20],),
    "stops_in_a_body": (LONG,),
    "talks_on": (OK + b"more",),
    "talks_on_later": (OK, TURN, b"more"),
    "closes_behind_an_answer": (OK, TURN, CLOSE),
    "spoils_chunks": (CHUNKS, TURN, b"zz\r\n", TURN),
}
for name_, moves_ in MOVES.items():
    first(name_, *moves_)
for name_ in ("dies_in_a_body", "resets_in_a_head", "dies_at_once", "resets_at_once", "is_silent"):
    second(name_, *MOVES[name_])


def borrowed(name: str, *moves: bytes | str | float) -> None:
    """Register a story of a client's first request, over a link that another client left."""

    def tale(farm: Farm) -> None:
        farm.exchange(farm.client())
        client = farm.client()
        client.send(GET)
        serve(farm, *moves)
        seen(farm, client)

    _register(f"borrowed_link_{name}", tale, "http-reuse always")


for name_ in ("dies_at_once", "resets_at_once", "is_silent"):
    borrowed(name_, *MOVES[name_])


# while a request's body is on its way


def body(name: str, *moves: bytes | str | float, size: int = 9, begun: bytes = b"abc", rest: bytes = b"defghi") -> None:
    """Register a story of a request whose body comes in two pieces, with what the server does in between."""

    def tale(farm: Farm) -> None:
        client = farm.client()
        client.send(POST % size + begun)
        serve(farm, *moves)
        farm.scene.turn()
        if rest:
            client.send(rest)
        seen(farm, client)

    _register(f"body_{name}", tale, "")


for ending in (CLOSE, RESET):
    body(f"{ending}_unanswered", TURN, ending)
    body(f"{ending}_unanswered_without_rest", TURN, ending, rest=b"")
    body(f"{ending}_before_a_body", TURN, ending, begun=b"", rest=b"")
    body(f"{ending}_behind_an_answer", OK, TURN, ending)
    body(f"{ending}_behind_an_answer_before_a_body", OK, TURN, ending, begun=b"", rest=b"abcdefghi")
    body(f"{ending}_behind_an_answer_and_more", OK, TURN, ending, size=12)
    body(f"{ending}_within_an_answer", LONG, TURN, ending)
body("answered_early", OK)


@story(LISTEN + SHORT + ONE)
def reads_nothing(farm: Farm) -> None:
    """A server that takes no body is silent all the same."""
    client = farm.client()
    client.send(POST % 30_000_000)
    farm.asked()
    client.flood()
    seen(farm, client)


# links


@story(LISTEN + SHORT + "    retries 2\n" + ONE)
def restarts(farm: Farm) -> None:
    """A server that refuses for a moment: the client waits a little."""
    farm.doors.pop().close()
    client = farm.client()
    client.send(GET)
    farm.scene.until("s", wretr=1)
    farm.doors.append(farm.scene.listen(2000, name="again"))
    serve(farm, OK)
    seen(farm, client)


@story(LISTEN + SHORT + "    retries 1\n" + ONE)
def stays_away(farm: Farm) -> None:
    """A server that refuses all attempts; the client may ask again later."""
    farm.doors.pop().close()
    client = farm.client()
    client.send(GET)
    read_head(client)
    client.sock.recv(107)
    farm.doors.append(farm.scene.listen(2000, name="again"))
    client.send(GET)
    serve(farm, OK)
    seen(farm, client)


@story(LISTEN + SHORT + "    option redispatch\n" + TWO, 2000, 2001)
def one_of_two_refuses(farm: Farm) -> None:
    """The next attempt goes to the other server at once."""
    farm.doors.pop(0).close()
    client = farm.client()
    for _ in range(2):
        farm.exchange(client)
    seen(farm, client)


@story(LISTEN + SHORT + "    retries 1\n" + ONE)
def never_connects(farm: Farm) -> None:
    """`timeout connect`, twice."""
    farm.doors.pop().close()
    farm.scene.blackhole()
    client = farm.client()
    client.send(GET)
    client.sock.settimeout(1.2)
    seen(farm, client)


@story(LISTEN + SHORT + ONE)
def dies_with_idle_links(farm: Farm) -> None:
    """All its links end at once, used and idle ones; who asks then finds nobody."""
    client, other, _ = farm.idle(3)
    client.send(GET)
    link = farm.asked()
    farm.doors.pop().close()
    for one in farm.links:
        one.close()
    farm.links.remove(link)
    farm.links.clear()
    client.sock.settimeout(0.7)
    client.ends()
    farm.numbers()
    other.send(GET)
    seen(farm, other)


# ends that are there before the program looks


def frozen(name: str, how: str, first_request: bool) -> None:
    """Register a story of a link that ends while the program sees nothing of it, with a request behind that."""

    def tale(farm: Farm) -> None:
        client = farm.client()
        link = farm.exchange(client)
        time.sleep(0.3)  # rest: a link used just now is not looked at before it is used again (servers/links.py, DOUBT)
        asking = farm.client() if first_request else client
        if first_request:
            farm.scene.until("FRONTEND", scur=2)
        with farm.scene.frozen():
            perform(link, how)
            farm.links.clear()
            asking.send(GET)
            wait_for(lambda: not outstanding(asking.sock), what="the request to lie in the program's socket")
        serve(farm, OK)
        seen(farm, asking)

    tale.__name__ = name
    tale.__doc__ = "The link is not used."
    text = f"{LISTEN}{SHORT}    http-reuse always\n{ONE}"
    farm_story(STORIES, text, alone=True)(tale)


frozen("ends_unseen", CLOSE, True)
frozen("resets_unseen", RESET, True)
frozen("ends_unseen_by_its_client", CLOSE, False)
frozen("resets_unseen_by_its_client", RESET, False)


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell all stories of this module that were asked for."""
    return tell(STORIES.asked(request))


@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(told: dict[str, Told], name: str) -> None:
    """Actors, log and counters tell the same of both programs."""
    assert differences(told[name]) == []
