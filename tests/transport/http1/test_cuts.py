"""However its bytes are cut, a message of the corpus has one outcome, and nothing of it comes to another client."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tcproxy.wire.http1.learned import OFTEN, LearnedTemplates
from tests.transport.http1.conversations import ANSWER, PROBE, Came, begin, requested, responded
from tests.transport.http1.memory import MemoryProxy, in_memory
from tests.wire.http1 import corpus

EVERY_BYTE = frozenset(
    {"pipelines and desync vectors", "CL.TE and TE.CL", "TE.TE", "bytes behind a response", "floods of 1xx"}
)
"""Sections whose messages are cut at every byte."""
SWEEPS = frozenset({"bytes of names", "bytes of targets", "connection"})
"""Sections whose cases are alike."""
SHORT = 200
"""Bytes of messages that are."""
PLACES = 4
"""Where all others are cut: elsewhere in each."""
INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
LINE = PROBE.partition(b"\r\n")[0]
ANSWERED = ANSWER.replace(b"C", b"c").replace(b"L", b"l") % (len(LINE), LINE)


def cuts(entry: corpus.Entry, number: int) -> Iterator[list[bytes]]:
    """Yield the pieces in which a message is sent."""
    message = entry.message
    size = len(message)
    places = range(1, size) if entry.section in EVERY_BYTE and size <= SHORT else range(1, size, max(1, size // PLACES))
    for at in places:
        moved = 1 + (at + number * 7) % max(1, size - 1)
        yield [message[:moved], message[moved:]]
    if size <= SHORT:
        yield [message[at : at + 1] for at in range(size)]


def test_requests_have_one_outcome_in_any_pieces() -> None:
    """Requests that servers get, statuses that clients get, and what becomes of the connection, are always the same."""
    with in_memory() as proxy:
        for number, entry in enumerate(corpus.entries("requests")):
            whole = requested(proxy, [entry.message])
            for pieces in cuts(entry, number):
                assert requested(proxy, pieces) == whole, pieces
        assert not proxy.world.sessions


def same(whole: Came, other: Came) -> bool:
    """Return whether a response in pieces came to what it came to as a whole.

    One that is bad behind its head is told as far as it came, and its client let go, where it does not come at once.
    """
    if b"<502>" in whole.told and not other.kept:
        return True
    return INTERIM.sub(b"", whole.told) == INTERIM.sub(b"", other.told) and whole[::2] == other[::2]


def test_responses_have_one_outcome_in_any_pieces_and_stay_with_their_client() -> None:
    """Clients get the same; what they ask next, and others over the same links, is answered with its own answer."""
    with in_memory(http_reuse="always") as proxy:
        for number, entry in enumerate(corpus.entries("responses")):
            request = corpus.REQUESTS[entry.asked]
            wholes = [responded(proxy, request, [entry.message], ends) for ends in (False, True)]
            assert wholes[0][1] == wholes[1][1] == ANSWERED, entry
            for at, pieces in enumerate(cuts(entry, number)):
                ends = bool(at & 1)
                came, other = responded(proxy, request, pieces, ends)
                assert other == ANSWERED, pieces
                assert same(wholes[ends][0], came), (pieces, wholes, came)
        assert not proxy.world.sessions


HEADER = re.compile(rb"([\w!#$%&'*+.^`|~-]+):[ \t]*([^\r\n]*)")
GOOD = {b"host": b"a", b"content-length": b"0", b"connection": b"keep-alive"}


def lesson(entry: corpus.Entry, start: bytes) -> bytes:
    """Return a good message with the header names of another one."""
    names = [name for name, _ in HEADER.findall(entry.message.partition(b"\r\n\r\n")[0])]
    return start + b"".join(b"%b: %b\r\n" % (name, GOOD.get(name.lower(), b"x")) for name in names) + b"\r\n"


def forget(*known: LearnedTemplates) -> None:
    """Forget all templates."""
    for templates in known:
        templates.forget()
        templates._counts.clear()


def known_of(proxy: MemoryProxy) -> tuple[LearnedTemplates, LearnedTemplates]:
    """Return the templates that a proxy knows, of requests and of responses."""
    return proxy.entry.codec.requests, proxy.dialler.codec.responses


def teach(proxy: MemoryProxy, request: bytes, response: bytes) -> None:
    """Let a client and a server say the same again and again."""
    forget(*known_of(proxy))
    client = begin(proxy)
    for _ in range(OFTEN + 1):
        proxy.says(client, request)
        if proxy.links:
            proxy.says(proxy.links[-1], response)


def few(name: str) -> list[corpus.Entry]:
    """Return what is in a file of the corpus, of cases that are alike each third."""
    return [entry for at, entry in enumerate(corpus.entries(name)) if at % 3 == 0 or entry.section not in SWEEPS]


def test_messages_have_one_outcome_whether_their_template_is_known_or_not() -> None:
    """Good messages with the same header names make nothing of a hostile one that it is not."""
    known = 0
    with in_memory() as proxy:
        for entry in few("requests"):
            forget(*known_of(proxy))
            unknown = requested(proxy, [entry.message])
            teach(proxy, lesson(entry, b"POST / HTTP/1.1\r\n"), ANSWER % (0, b""))
            known += bool(proxy.entry.codec.requests.by_size)
            assert requested(proxy, [entry.message]) == unknown, entry
        for entry in few("responses"):
            forget(*known_of(proxy))
            request = corpus.REQUESTS[entry.asked]
            unknowns = responded(proxy, request, [entry.message])
            teach(proxy, corpus.REQUESTS["GET"], lesson(entry, b"HTTP/1.1 200 OK\r\n"))
            known += bool(proxy.dialler.codec.responses.by_size)
            assert responded(proxy, request, [entry.message]) == unknowns, entry
    assert known > 600
