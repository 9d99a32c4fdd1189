"""Stories of requests that are sent again (`retries`, `retry-on`, `option redispatch`), told with both programs."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

import pytest

from tests.scenarios.actors import Actor
from tests.scenarios.beside import Stories, Told, differences, tell
from tests.scenarios.http_farm import GET, LISTEN, OK, ONE, TWO, Farm, farm_story, read_head

pytestmark = pytest.mark.reference

STORIES = Stories()
retries = functools.partial(farm_story, STORIES)
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno"
FAILED = BUSY.replace(b"503", b"500")
JUNK = b"FOO BAR\r\n\r\n"
CLOSE, RESET, HALF, WAIT = "closes", "resets", "half", "waits"
SHORT = "    timeout server 300ms\n"

Answer = bytes | str


def play(farm: Farm, client: Actor, answers: Sequence[Answer], body: int = 0) -> None:
    """Let the servers do so, one request after another, and the client read what comes of it."""
    for answer in answers:
        link = farm.asked()
        if body:
            data = b""
            while len(data) < body and (piece := link.sock.recv(body - len(data))):
                data += piece
            farm.scene.note(f"{link.name} has {len(data)} bytes of a body")
        if answer == HALF:
            link.send(OK[:12])
        if answer in (CLOSE, HALF):
            link.close()
            farm.links.remove(link)
        elif answer == RESET:
            link.reset()
            farm.links.remove(link)
        elif isinstance(answer, bytes):
            link.send(answer)
    read(farm, client)


def read(farm: Farm, client: Actor) -> None:
    """Put down the response that a client has."""
    head = read_head(client)
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    data = b""
    while len(data) < size and (piece := client.sock.recv(size - len(data))):
        data += piece
    farm.scene.note(f"{client.name} has {head.splitlines()[0].decode()} and {len(data)} bytes")
    farm.numbers()


def simple(name: str, words: str, *answers: Answer, servers: str = ONE) -> None:
    """Register a story of one request and these answers to it."""

    def tale(farm: Farm) -> None:
        client = farm.client()
        client.send(GET)
        play(farm, client, answers)

    tale.__name__ = name
    tale.__doc__ = f"{name}: {words}"
    ports = (2000, 2001) if servers is TWO else (2000,)
    retries(f"{LISTEN}    {words}\n{servers}", *ports)(tale)


simple("status", "retry-on 503", BUSY, OK)
simple("status_to_the_end", "retry-on 503", BUSY, BUSY, BUSY, BUSY)
simple("status_once", "retry-on 503\n    retries 1", BUSY, BUSY)
simple("status_without_retries", "retry-on 503\n    retries 0", BUSY)
simple("another_status", "retry-on 503 504", FAILED)
simple("large_answer", "retry-on 503", b"HTTP/1.1 503 Busy\r\nContent-Length: 99999\r\n\r\n" + b"x" * 20000, OK)
simple("empty", "retry-on empty-response", CLOSE, OK)
simple("empty_to_the_end", "retry-on empty-response\n    retries 1", CLOSE, CLOSE)
simple("empty_by_default", "retries 3", CLOSE)
simple("reset", "retry-on empty-response", RESET, OK)
simple("half_a_head", "retry-on empty-response", HALF, OK)
simple("half_a_head_is_no_junk", "retry-on junk-response", HALF)
simple("junk", "retry-on junk-response", JUNK, OK)
simple("junk_to_the_end", "retry-on junk-response\n    retries 1", JUNK, JUNK)
simple("junk_is_not_empty", "retry-on empty-response", JUNK)
simple("silence", "retry-on response-timeout\n" + SHORT, WAIT, OK)
simple("silence_to_the_end", "retry-on response-timeout\n    retries 1\n" + SHORT, WAIT, WAIT)
simple("silence_by_default", "retry-on 504 empty-response\n" + SHORT, WAIT)
simple("everything", "retry-on all-retryable-errors", CLOSE, BUSY.replace(b"503", b"504"), JUNK, OK)
simple("nothing", "retry-on none", CLOSE)
simple("same_server", "retry-on 503", BUSY, OK, servers=TWO)
simple("other_server", "retry-on 503\n    option redispatch", BUSY, OK, servers=TWO)
simple("other_server_to_the_end", "retry-on 503\n    option redispatch", BUSY, BUSY, BUSY, BUSY, servers=TWO)
simple("other_server_of_empty", "retry-on empty-response\n    option redispatch", CLOSE, CLOSE, CLOSE, OK, servers=TWO)
simple("tied_to_a_server", "retry-on 503\n    option redispatch\n    balance source", BUSY, BUSY, OK, servers=TWO)
simple("close_each", "retry-on 503\n    option http-server-close", BUSY, OK)


@retries(LISTEN + "    retry-on empty-response\n" + ONE)
def second_request(farm: Farm) -> None:
    """A kept client's request is sent again too, over a new link."""
    client = farm.client()
    client.send(GET)
    play(farm, client, [OK])
    client.send(GET)
    play(farm, client, [CLOSE, OK])


@retries(LISTEN + "    retry-on 503\n" + ONE)
def over_the_same_link(farm: Farm) -> None:
    """A link whose refusal was whole carries the request again."""
    client = farm.client()
    client.send(GET)
    play(farm, client, [OK])
    client.send(GET)
    play(farm, client, [BUSY, OK])


@retries(LISTEN + "    retry-on empty-response\n    dispatch {host}:2000\n")
def without_a_server(farm: Farm) -> None:
    """The one address of `dispatch` is asked again."""
    client = farm.client()
    client.send(GET)
    link = farm.asked()
    link.close()
    farm.links.clear()
    farm.answer(farm.asked(), client)


@retries(LISTEN + "    retry-on 503\n    http-reuse always\n" + ONE)
def over_an_idle_link(farm: Farm) -> None:
    """Another idle link carries it as well."""
    client, _ = farm.idle(2)
    client.send(GET)
    play(farm, client, [BUSY, OK])


@retries(LISTEN + "    retry-on empty-response\n    timeout connect 300ms\n" + ONE)
def then_refused(farm: Farm) -> None:
    """Without `conn-failure` an attempt to connect that fails is the last one."""
    client = farm.client()
    client.send(GET)
    link = farm.asked()
    farm.doors.pop().close()
    link.close()
    farm.links.clear()
    read(farm, client)


@retries(LISTEN + "    retry-on conn-failure empty-response\n    timeout connect 300ms\n" + ONE)
def then_refused_again_and_again(farm: Farm) -> None:
    """With it, it is repeated as ever, and all retries count together."""
    client = farm.client()
    client.send(GET)
    link = farm.asked()
    farm.doors.pop().close()
    link.close()
    farm.links.clear()
    with farm.scene.lasting():
        read(farm, client)


@retries(LISTEN + "    retry-on 503\n    server s {host}:2999\n")
def refused(farm: Farm) -> None:
    """Nor is a first attempt repeated without `conn-failure`."""
    client = farm.client()
    client.send(GET)
    read(farm, client)


@retries(
    LISTEN + "    bind {host}:1001\n    http-request disable-l7-retry if {{ dst_port 1001 }}\n    retry-on 503\n" + ONE
)
def disabled(farm: Farm) -> None:
    """`http-request disable-l7-retry`, for the requests whose condition holds."""
    client, other = farm.client(), farm.client(1001)
    other.send(GET)
    play(farm, other, [BUSY])
    client.send(GET)
    play(farm, client, [BUSY, OK])


@retries(LISTEN + "    retry-on 503\n" + ONE.replace("\n", " maxconn 1\n"))
def slot_is_kept(farm: Farm) -> None:
    """Who waits in the queue waits on."""
    client, other = farm.client(), farm.client()
    client.send(GET)
    link = farm.asked()
    other.send(GET)
    farm.scene.until("BACKEND", qcur=1)
    link.send(BUSY)
    play(farm, client, [OK])
    play(farm, other, [OK])


@retries(LISTEN + "    retry-on response-timeout\n    option abortonclose\n" + SHORT + ONE)
def given_up(farm: Farm) -> None:
    """`option abortonclose`: a client that leaves ends it."""
    client = farm.client()
    client.send(GET)
    farm.asked()
    farm.asked()
    client.close()
    farm.scene.logged()


@retries(LISTEN + "    retry-on response-timeout\n    retries 1\n" + SHORT + ONE)
def nobody_waits(farm: Farm) -> None:
    """Without it, the request is sent again for a client that has left."""
    client = farm.client()
    client.send(GET)
    farm.asked()
    client.close()
    farm.asked()
    farm.scene.logged()


# bodies


def body(name: str, *pieces: bytes | float, kept: bool, size: int, words: str = "") -> None:
    """Register a story of a request that comes in these pieces, with pauses."""

    def tale(farm: Farm) -> None:
        client = farm.client()
        for piece in pieces:
            if isinstance(piece, float):
                time.sleep(piece)  # the pieces are separate events; `timeout http-request` is far longer
            else:
                client.send(piece)
        play(farm, client, [BUSY, OK] if kept else [BUSY], size)

    tale.__name__ = name
    tale.__doc__ = f"{name}: a request that is whole, and fits a buffer, is sent again; no other."
    retries(f"{LISTEN}    retry-on 503\n    {words}\n{ONE}")(tale)


body("body", POST % 10 + b"x" * 10, kept=True, size=10)
body("body_in_time", POST % 10 + b"x" * 5, 0.1, b"x" * 5, kept=False, size=10)
body("body_waited_for", POST % 10 + b"x" * 5, 0.1, b"x" * 5, kept=True, size=10, words="option http-buffer-request")
body("large_body", POST % 15210 + b"x" * 15210, kept=True, size=15210)
body("too_large_body", POST % 15220 + b"x" * 15220, kept=False, size=15220)
body("larger_body", POST % 50000 + b"x" * 50000, kept=False, size=50000)
body(
    "chunks", b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    kept=True, size=15,
)  # fmt: skip


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell all stories of this module that were asked for."""
    return tell(STORIES.asked(request))


@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(told: dict[str, Told], name: str) -> None:
    """Actors, log and counters tell the same of both programs."""
    assert differences(told[name]) == []
