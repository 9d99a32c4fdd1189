"""The corpus of tests/wire/http1 through the whole program and through haproxy: what reaches the server and the client,
what becomes of each connection, and what the log tells.

Each case ends with another request on the same connection, or with the client's FIN, so that whether the connection
stays open is seen in bytes. Hostile responses come over links that are used again, by the same client and by another
one; all come to a program that knows the templates of common heads already (wire/http1/learned.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tcproxy.wire.http1 import BadMessage, Codec, RequestReader, ResponseReader, body_of
from tcproxy.wire.http1.learned import OFTEN
from tests.scenarios.lanes import LANES, Answer, Outcome, Play, Stage
from tests.wire.http1 import corpus
from tests.wire.http1.departures import APART, apart, departure
from tests.wire.http1.reference import UNHURRIED

GET = corpus.REQUESTS["GET"]
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
OTHER = b"GET /other HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n"
SWEEPS = frozenset({"bytes of names", "bytes of values", "bytes of targets", "connection"})
"""Sections whose cases are alike: one way through the program, of each third, is enough for these."""
DESYNC = frozenset(
    {
        "pipelines and desync vectors", "Content-Length", "lists and doubles of Content-Length",
        "bytes behind a response", "bytes behind a response to HEAD", "bodies that HEAD must not have",
    }
)  # fmt: skip
"""Sections whose cases come again."""
LESSON = Play(
    "strict",
    ((*[GET] * OFTEN, *[b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"] * OFTEN, PROBE),),
    (*[Answer()] * OFTEN, *[Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")] * OFTEN),
)
"""What teaches a lane the templates of heads that most cases have, or resemble."""


class Case(NamedTuple):
    """A message, and a way in which it is played."""

    entry: corpus.Entry
    role: str
    lenient: bool
    play: Play


def place(message: bytes, number: int) -> int:
    """Return where a message is cut: elsewhere in each."""
    return 1 + number * 7919 % (len(message) - 1) if len(message) > 1 else 0


def own_length(asked: str, message: bytes) -> int:
    """Return how many bytes of what a server sends are the response: cut behind them, it is a matter of luck."""
    codec = Codec()
    request, reader = RequestReader(Codec()).feed(corpus.REQUESTS[asked]), ResponseReader(codec)
    assert request is not None
    try:
        head = reader.feed(message, request)
        while head is not None and head.interim:
            head = reader.feed(b"", request)
        if head is None:
            return len(message)
        body = body_of(head, codec, 502)
        body.feed(reader.take())
    except BadMessage:
        return len(message)
    return len(message) - len(body.surplus)


def cases() -> Iterator[Case]:
    """Yield all cases."""
    for suffix, lenient in (("", False), ("-lenient", True)):
        kind = "lenient" if lenient else "strict"
        for number, entry in enumerate(corpus.entries("requests" + suffix)):
            for play in request_plays(kind, entry, number):
                yield Case(entry, "request", lenient, play)
        for number, entry in enumerate(corpus.entries("responses" + suffix)):
            for play in response_plays(kind, entry, number):
                yield Case(entry, "response", lenient, play)


def request_plays(kind: str, entry: corpus.Entry, number: int) -> Iterator[Play]:
    """Yield the ways in which a request is played."""
    message = entry.message
    if entry.section not in SWEEPS or number % 3 == 0:
        yield Play(kind, ((message, PROBE),))
    if entry.section not in SWEEPS:
        rounds = 1 + (entry.section in DESYNC)
        yield Play(kind, ((GET, message, b""),), cut=place(message, number), rounds=rounds)


def response_plays(kind: str, entry: corpus.Entry, number: int) -> Iterator[Play]:
    """Yield the ways in which a response is played."""
    asked, message = corpus.REQUESTS[entry.asked], entry.message
    if entry.section not in SWEEPS or number % 3 == 0:
        yield Play(kind, ((asked, PROBE),), (Answer(message, closes=True),))
    if entry.section not in SWEEPS:
        cut = place(message[: own_length(entry.asked, message)], number)
        yield Play(kind, ((asked, PROBE),), (Answer(message, closes=True, cut=cut),))
        if kind == "strict":
            rounds = 1 + (entry.section in DESYNC)
            yield Play("shared", ((GET, asked, PROBE), (OTHER,)), (Answer(), Answer(message)), rounds=rounds)


def early_cases() -> Iterator[Case]:
    """Yield servers that answer before the request is whole, and clients that go on with its body, or do not."""
    told = b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"
    answers = (told, told.replace(b"No\r\n", b"No\r\nConnection: close\r\n"), b"HTTP/1.1 401 No\r\n\r\nwhy", told * 2)
    heads = (
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n", b"SMUGGLED"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"8\r\nSMUGGLED\r\n0\r\n\r\n"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n", b"SMUGGLED"),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 8\r\n\r\n", b"SMUGGLED"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8\r\n\r\n", b"SMUGGLED"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"8\r\nSMUGGLEDX"),
    )
    for head, body in heads:
        for size in (0, 3, len(body)):
            for data in answers:
                for closes, leaves in ((False, False), (True, False), (False, True)):
                    entry = corpus.Entry("early answers", "GET", head + body)
                    answer = Answer(data, closes, leaves, early=True)
                    play = Play("shared", ((head + body[:size], body[size:] + PROBE), (OTHER,)), (answer,), eager=True)
                    yield Case(entry, "request", False, play)


TUNED = "tune.bufsize 4096\n  tune.maxrewrite 512\n  tune.http.maxhdr 20"


def limit_cases() -> Iterator[Case]:
    """Yield messages around the limits that TUNED sets, to the byte."""
    requests, responses = [], []
    for size in (*range(3470, 3476), *range(3990, 4036, 5), 4090, 5000):
        value = b"a" * size
        requests += [
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + value + b"\r\n\r\n",
            b"GET /" + value + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
        responses += [
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + value + b"\r\n\r\n",
            b"HTTP/1.1 200 " + value + b"\r\nContent-Length: 0\r\n\r\n",
        ]
    for count in range(16, 22):
        requests.append(b"GET / HTTP/1.1\r\n" + b"Y: 1\r\n" * count + b"\r\n")
        responses.append(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"Y: 1\r\n" * count + b"\r\n")
        requests.append(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"Y: 1\r\n" * count + b"\r\n"
        )
    for message in requests:
        yield Case(corpus.Entry("limits", "", message), "request", False, Play("strict", ((message, PROBE),)))
    for message in responses:
        play = Play("strict", ((GET, PROBE),), (Answer(message, closes=True),))
        yield Case(corpus.Entry("limits", "GET", message), "response", False, play)


# comparing


def parts(one: Outcome, other: Outcome) -> frozenset[str]:
    """Return in what two outcomes differ."""
    found = set()
    if not same_links(one, other):
        found.add("links")
    if list(map(joined_chunks, one.clients)) != list(map(joined_chunks, other.clients)):
        found.add("clients")
    lines = [[line.split(" ", 4) for told in outcome.lines for line in told] for outcome in (one, other)]
    if list(map(len, one.lines)) != list(map(len, other.lines)):
        found.add("number of lines")
    else:
        for pair in zip(*lines, strict=True):
            names = ("status", "letters", "sent", "received", "request")
            found.update(name for name, a, b in zip(names, *pair, strict=True) if a != b)
    return frozenset(found)


def same_links(one: Outcome, other: Outcome) -> bool:
    """Return whether servers got the same; of a request that its client left, one may have got more than the other."""
    links, others = list(map(joined_chunks, one.links)), list(map(joined_chunks, other.links))
    if links != others and one.lines[0][-1:] and re.match(r"\S+ [Cc]", one.lines[0][-1]):
        pairs = zip(links, others, strict=False)
        return len(links) == len(others) and all(a.startswith(b) or b.startswith(a) for a, b in pairs)
    return links == others


def joined_chunks(data: bytes) -> bytes:
    """Return the bytes that a proxy wrote with all chunks of a body as one: where they are cut is a matter of time."""
    told = b""
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        told += head + end
        if re.search(rb"\r\ntransfer-encoding: ", head):
            while (size := re.match(rb"([0-9A-F]+)\r\n", data)) and size[1] != b"0":
                told += data[size.end() : size.end() + int(size[1], 16)]
                data = data[size.end() + int(size[1], 16) + 2 :]
    return told


def compare(
    folder: Path, wanted: list[Case], at_once: int = LANES, longer: int = 1, settings: str = ""
) -> dict[Case, list[Outcome]]:
    """Play cases around both programs; return those that differ otherwise than they may, with their outcomes."""

    async def play() -> list[list[list[Outcome]]]:
        once = [case.play._replace(rounds=1) for case in wanted]
        again = [case.play for case in wanted]
        return await asyncio.gather(
            Stage("haproxy", folder, longer, settings).play_all(once, at_once),
            Stage("tcproxy", folder, longer, settings).play_all(again, at_once, LESSON),
        )

    theirs, ours = asyncio.run(play())
    wrong = {}
    for case, (reference,), outcomes in zip(wanted, theirs, ours, strict=True):
        cut = case.play.cut or case.play.answers[-1].cut if case.play.answers else case.play.cut
        may = apart(case.role, case.entry.message, bool(cut))
        if departure(case.role, case.entry.message, case.lenient):
            reference = outcomes[0]  # told by the codec's own test; it must not depend on what came before
        if any(not parts(reference, outcome) <= may for outcome in outcomes):
            wrong[case] = [reference, *outcomes]
    return wrong


def told(wrong: dict[Case, list[Outcome]]) -> str:
    """Return a text of what differs, for a person."""
    found = []
    for case, (reference, *outcomes) in wrong.items():
        for number, outcome in enumerate(outcomes):
            if differing := parts(reference, outcome):
                found.append(f"{case.play}\n  round {number}: {sorted(differing)}\n  - {reference}\n  + {outcome}")
    return "\n".join(line[:3000] for line in found[:10])


@pytest.mark.reference
def test_the_corpus_passes_through_the_program_as_through_the_reference(tmp_path: Path) -> None:
    """What servers and clients get, connections and log lines are the reference's in each case that is no departure."""
    wrong = compare(tmp_path, [*cases(), *early_cases()])
    for at_once, longer in UNHURRIED:
        wrong = compare(tmp_path, list(wrong), at_once, longer) if wrong else {}
    assert not wrong, told(wrong)


@pytest.mark.reference
def test_limits_are_the_references_whatever_they_are_set_to(tmp_path: Path) -> None:
    """`tune.bufsize`, `tune.maxrewrite`, `tune.http.maxhdr` bound heads at the same byte, and numbers of trailers."""
    wrong = compare(tmp_path, list(limit_cases()), settings=TUNED)
    for at_once, longer in UNHURRIED:
        wrong = compare(tmp_path, list(wrong), at_once, longer, TUNED) if wrong else {}
    assert not wrong, told(wrong)


def test_departures_are_of_messages_in_the_corpus() -> None:
    """Each row of what may differ in the program is of some case."""
    everything = list(cases())
    for row in APART:
        assert any(case.role == row.role and row.pattern.search(case.entry.message) for case in everything), row
