"""Stories of servers that are watched by their answers (`observe layer7`), told with both programs."""

from __future__ import annotations

import csv
import functools

import pytest

from tests.scenarios.beside import Stories, Told, differences, tell
from tests.scenarios.http_farm import GET, LISTEN, OK, Farm, farm_story, read_head

pytestmark = pytest.mark.reference

STORIES = Stories()
story = functools.partial(farm_story, STORIES, settings="    maxconn 500\n", apart=("status",))
"""The sum of descriptors is not what these are about, nor is whether a first check was made yet."""
CLOSE, RESET, HALF, WAIT = "closes", "resets", "half", "waits"
SERVER = "    server s {{host}}:2000 check port 2100 inter 100s fastinter 90s observe {} error-limit {} on-error {}\n"
REST = "    server b {host}:2999 backup\nlisten checks-of-{name}\n    bind {host}:2100\n    no log\n"
"""Checks find somebody from the first moment, and nobody counts them."""
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(status: int) -> bytes:
    """Return a response of this status."""
    return b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nno" % status


def state(farm: Farm) -> None:
    """Put down what became of the server."""
    for row in csv.DictReader(farm.scene.order("show stat").removeprefix("# ").splitlines()):
        if row["pxname"] == farm.scene.name and row["svname"] == "s":
            told = [row[name] for name in ("hanafail", "chkfail", "chkdown", "eresp")]
            words = row["last_chk"] if row["check_status"] == "HANA" else ""
            farm.scene.note(f"{row['status'].split()[0]} {told} {words}")


def ask(farm: Farm, *moves: bytes | str) -> None:
    """Let a client ask, and the server do so."""
    client = farm.client()
    client.send(GET)
    link = farm.asked(say=False)
    for move in moves:
        if isinstance(move, bytes):
            link.send(move)
            continue
        if move == RESET:
            link.reset()
        elif move == CLOSE:
            link.close()
        if move != WAIT:
            farm.links.remove(link)
    head = read_head(client)
    if b" 204 " not in head:
        client.ends(reset=False) if CLOSE in moves and b" 200 " in head else client.sock.recv(999)
    state(farm)


def answers(name: str, *each: tuple[bytes | str, ...] | bytes, words: str = "", **how: str | int) -> None:
    """Register a story of one answer after another, each to a client of its own."""

    def tale(farm: Farm) -> None:
        for one in each:
            ask(farm, *(one if isinstance(one, tuple) else (one,)))

    tale.__name__ = name
    tale.__doc__ = f"{name}: what counts as an error, and what becomes of the server."
    server = SERVER.format(how.get("observe", "layer7"), how.get("limit", 1), how.get("mode", "mark-down"))
    story(f"{LISTEN}    timeout server 300ms\n    {words}\n{server}{REST}")(tale)


answers("good", *(answer(status) for status in (200, 301, 404, 499, 501, 505)))
for status in (500, 502, 503, 504, 599, 600, 999):
    answers(f"status{status}", answer(status))
answers("closed", (CLOSE,))
answers("reset", (RESET,))
answers("half_a_head", (OK[:12], CLOSE))
answers("silent", (WAIT,))
answers("junk", b"FOO BAR\r\n\r\n")
answers("body_cut", (OK.replace(b"h: 2", b"h: 9"), CLOSE), (OK.replace(b"h: 2", b"h: 9"), CLOSE))
answers("one_in_between", answer(500), OK, answer(500), answer(500), limit=2)
answers("fail_check", answer(500), answer(500), mode="fail-check", limit=2)
answers("sudden_death", answer(500), answer(500), mode="sudden-death", limit=2)
answers("fastinter", answer(500), answer(500), answer(500), mode="fastinter", limit=2)
answers("connections_only", answer(500), answer(500), observe="layer4")
answers("sent_again", (answer(500), answer(500)), OK, words="retry-on 500\n    retries 1")


@story(f"{LISTEN}    retries 0\n{SERVER.format('layer7', 1, 'mark-down')}{REST}")
def refused(farm: Farm) -> None:
    """A failed connection counts, too."""
    farm.doors.pop().close()
    client = farm.client()
    client.send(GET)
    read_head(client)
    state(farm)


@story(f"{LISTEN}    retry-on empty-response junk-response\n{SERVER.format('layer7', 1, 'fail-check')}{REST}")
def sent_again_elsewhere(farm: Farm) -> None:
    """An empty answer that is asked for again does not count, junk does."""
    client = farm.client()
    client.send(GET)
    link = farm.asked()
    link.close()
    farm.links.clear()
    link = farm.asked()
    state(farm)
    link.send(b"FOO BAR\r\n\r\n")
    farm.links.clear()
    link = farm.asked()
    farm.answer(link, client)
    state(farm)


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell all stories of this module that were asked for."""
    return tell(STORIES.asked(request))


@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(told: dict[str, Told], name: str) -> None:
    """Actors, log and counters tell the same of both programs."""
    assert differences(told[name]) == []
