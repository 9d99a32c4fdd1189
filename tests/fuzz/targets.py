"""Targets: functions of bytes that raise when a property does not hold. The first bytes choose how the rest is read.

requests, responses: a codec reads them alike in any pieces and whatever templates it knows, raises BadMessage only,
reads what it writes as it was meant, and so do h11 and llhttp. bodies: decoders find the same in any pieces. session:
clients and servers that say, end and reset as the bytes tell leave nothing behind in a proxy, each side gets
well-formed messages, and a new client gets its own answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from tcproxy.session.http.answers import EARLY
from tcproxy.wire.http1 import (
    BadMessage,
    ChunkedBody,
    CloseBody,
    Codec,
    CodecLimits,
    Framing,
    LengthBody,
    RequestHead,
    RequestReader,
    ResponseReader,
    body_of,
)
from tcproxy.wire.http1.head import Head
from tests.transport.http1.conversations import ANSWER, PROBE, Servers, begin, joined
from tests.transport.http1.memory import MemoryProxy, in_memory
from tests.wire.http1 import corpus
from tests.wire.http1.lessons import REQUESTS, RESPONSES, know, taught
from tests.wire.http1.test_opinions import same_requests, same_response
from tests.wire.http1.test_properties import told
from tests.wire.http1.verdicts import Verdict, request_verdict, response_verdict

Target = Callable[[bytes], None]
ASKED = tuple(corpus.REQUESTS)
ROOM = CodecLimits(bufsize=1 << 17, max_headers=1000)
"""What readers behind the proxy take: its own headers may come on top of its limits."""


def pieces_of(data: bytes, seed: int) -> list[bytes]:
    """Return bytes in pieces: one by one for the seed 0, else cut at a few places."""
    if not seed:
        return [data[at : at + 1] for at in range(len(data))]
    chance = Random(seed)
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(5)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def requests(data: bytes) -> None:
    """What a client sends. First byte: 1 for lenient; second: the cuts."""
    lenient, seed, message = bool(data[:1] == b"\1"), sum(data[1:2]), data[2:]
    limits = CodecLimits(lenient=lenient)
    whole = request_verdict([message], limits)
    assert whole.status in (0, 400, 413, 422)
    assert told(request_verdict(pieces_of(message, seed), limits)) == told(whole)
    known = request_verdict([message], codec=taught(lenient))
    assert told(known) == told(whole) and known.forwarded == whole.forwarded
    if lenient:
        return
    _read_back(whole)
    same_requests(message)


def _read_back(verdict: Verdict) -> None:
    """See that a second proxy would read what this one forwards as it was meant.

    As the reference, it leaves odd commas in Connection, and brackets out of an IPv6 address that CONNECT names; and an
    authority in which a second default port follows the first one (http://a:80:80/) has that one left.
    """
    heads = requests_of(verdict)
    if verdict.status or verdict.incomplete or any(head.method == b"CONNECT" or _ported(head) for head in heads):
        return
    again = request_verdict([verdict.forwarded], ROOM)
    assert not again.status
    assert list(map(_meant, again.heads)) == list(map(_meant, verdict.heads))
    assert again.bodies == verdict.bodies
    assert _without_connection(again.forwarded) == _without_connection(verdict.forwarded)


def _ported(head: RequestHead) -> bool:
    authority = head.target.partition(b"://")[2].partition(b"/")[0]
    return authority.endswith((b":", b":80", b":443"))


def _without_connection(data: bytes) -> bytes:
    return re.sub(rb"\r\nconnection: [^\r\n]*", b"", data)


def requests_of(verdict: Verdict) -> list[RequestHead]:
    """Return the heads of a verdict of requests."""
    return [head for head in verdict.heads if isinstance(head, RequestHead)]


def _meant(head: Head) -> tuple[object, ...]:
    fields = [(field.name, field.value) for field in head.fields if field.name != b"connection"]
    return repr(head), fields, head.length if head.framing is Framing.LENGTH else 0, head.upgrade


def responses(data: bytes) -> None:
    """What a server sends. First byte: which request it answers, and 8 more for lenient; second: the cuts."""
    kind, seed, message = sum(data[:1]), sum(data[1:2]), data[2:]
    asked, lenient = ASKED[kind % 8], bool(kind & 8)
    limits = CodecLimits(lenient=lenient)
    whole = response_verdict(asked, [message], limits)
    assert whole.status in (0, 502)
    assert told(response_verdict(asked, pieces_of(message, seed), limits)) == told(whole)
    known = response_verdict(asked, [message], codec=taught(lenient))
    assert told(known) == told(whole) and known.forwarded == whole.forwarded
    if lenient:
        return
    if not whole.status and not whole.incomplete:
        again = response_verdict(asked, [whole.forwarded], ROOM)
        assert (again.status, again.bodies) == (0, whole.bodies)
        assert list(map(_meant, again.heads)) == list(map(_meant, whole.heads))
    same_response(asked, message)


def bodies(data: bytes) -> None:
    """A body. First byte: its kind, and its length where that is told; second: the cuts."""
    kind, seed, body = sum(data[:1]), sum(data[1:2]), data[2:]
    assert _decoded(kind, [body]) == _decoded(kind, pieces_of(body, seed))


def _decoded(kind: int, pieces: list[bytes]) -> tuple[object, ...]:
    decoder: LengthBody | CloseBody | ChunkedBody = ChunkedBody(Codec(), 400)
    if kind & 3 == 1:
        decoder = LengthBody(kind >> 2)
    elif kind & 3 == 2:
        decoder = CloseBody()
    found = b""
    try:
        for piece in pieces:
            found += b"".join(bytes(part) for part in decoder.feed(piece))
        if not decoder.done:
            decoder.ended()
    except BadMessage as error:
        assert error.status == 400 and error.position >= 0
        return ("refused",)
    return found, decoder.done, decoder.surplus, [field.wire for field in decoder.trailers]


# a whole session


@contextmanager
def sessions() -> Iterator[Target]:
    """Run a proxy for the target `session`."""
    with in_memory(http_reuse="always") as proxy:
        yield lambda data: session(proxy, data)


OPERATION = b"\xff"
"""Stands before each operation's letter; what follows it is said, by who says something."""


def session(proxy: MemoryProxy, data: bytes) -> None:
    """Two clients and a server, who do what the bytes tell."""
    begun = Play(proxy)
    for step in (b"C" + data).split(OPERATION):
        begun.do(step[:1], step[1:])
    begun.end()


class Play:
    """One run. said: what each client sent."""

    def __init__(self, proxy: MemoryProxy) -> None:
        self.proxy = proxy
        know(proxy.entry.codec.requests, REQUESTS)
        know(proxy.dialler.codec.responses, RESPONSES)
        self.clients = [begin(proxy), proxy.connect()]
        self.said = [b"", b""]
        self.servers = Servers(proxy)

    def do(self, letter: bytes, data: bytes) -> None:
        """Do one step; letters that mean nothing say that the servers answer all that is whole."""
        proxy, clients = self.proxy, self.clients
        link = next((one for one in reversed(proxy.links) if not one.closed), None)
        if letter in (b"C", b"D"):
            self._says(letter == b"D", data)
        elif letter in (b"c", b"d"):
            proxy.says(clients[letter == b"d"], ends=True)
        elif letter == b"x":
            proxy.breaks(clients[0])
        elif letter == b"t":
            proxy.pass_time(sum(data[:1]))
        elif letter in (b"w", b"v"):
            clients[0].room = sum(data[:2]) if letter == b"w" else -1
            proxy.turn()
        elif letter == b"X":
            clients[0].broken = True  # which is found out when something is sent
        elif link is None or letter not in (b"S", b"s", b"y", b"Y"):
            self.servers.serve()
        elif letter == b"S":
            self.servers.skip(link)
            proxy.says(link, data)
        elif letter == b"s":
            proxy.says(link, ends=True)
        elif letter == b"Y":
            link.broken = True
        else:
            proxy.breaks(link)

    def _says(self, number: int, data: bytes) -> None:
        client = self.clients[number]
        if not (client.ended or client.broken):
            self.said[number] += data
            self.proxy.says(client, data)

    def end(self) -> None:
        """Let all clients leave, and see that nothing is left, and that all messages were such."""
        proxy = self.proxy
        for client in self.clients:
            client.room = -1
            proxy.says(client, ends=True)
        for _ in range(len(self.said[0]) + len(self.said[1]) + 4):  # each request may take its time
            if not proxy.world.sessions:
                break
            self.servers.serve()
            proxy.pass_time(60)
        assert not proxy.world.sessions
        assert all(client.closed for client in self.clients)
        assert not proxy.farm.servers[0].served and not proxy.farm.servers[0].sessions
        assert not proxy.farm.counters.current and not proxy.frontend.counters.current
        for link in proxy.links:
            sound_requests(link.sent)
        for said, client in zip(self.said, self.clients, strict=True):
            if not client.broken:
                sound_responses(said, client.sent, self.servers.lines)
        self._another()

    def _another(self) -> None:
        """Let a new client ask, and get its own answer."""
        other = self.proxy.connect()
        before = {link.number: len(link.sent) for link in self.proxy.links}
        self.proxy.says(other, PROBE)
        (link,) = (link for link in self.proxy.links if len(link.sent) > before.get(link.number, 0))
        line = PROBE.partition(b"\r\n")[0]
        answer = ANSWER % (len(line), line)
        self.proxy.says(link, answer)
        assert other.sent == answer.replace(b"C", b"c", 1).replace(b"L", b"l", 1), other.sent
        self.proxy.says(other, ends=True)
        assert other.closed


def sound_requests(data: bytes) -> None:
    """See that what a server got are requests that are forwarded unchanged, up to a tunnel, and nothing else."""
    codec = Codec(ROOM)
    reader = RequestReader(codec)
    rest = data
    while rest and not rest.startswith(b"CONNECT "):
        head = reader.feed(rest)
        if head is None or head.upgrade:
            break
        body = body_of(head, codec, 400)
        body.feed(reader.take())
        if not body.done:
            break
        read = rest[: len(rest) - len(body.surplus)]
        same_requests(read)
        forwarded = request_verdict([read], ROOM).forwarded
        assert joined(_without_connection(forwarded)) == joined(_without_connection(read))
        names = [name.lower() for name in re.findall(rb"\n([^:\r\n]+):", read.partition(b"\r\n\r\n")[0])]
        assert sum(name in (b"content-length", b"transfer-encoding") for name in set(names)) < 2
        assert names.count(b"content-length") < 2 and names.count(b"host") < 2
        rest = body.surplus


def asked_in(data: bytes) -> list[RequestHead]:
    """Return the requests that a client sent, all of which may be answered if none becomes a tunnel."""
    codec = Codec(ROOM)
    reader = RequestReader(codec)
    found: list[RequestHead] = []
    try:
        while (head := reader.feed(data)) is not None:
            found.append(head)
            body = body_of(head, codec, 400)
            body.feed(reader.take())
            if not body.done:
                break
            data = body.surplus
    except BadMessage:
        pass
    return found


def sound_responses(asked: bytes, data: bytes, lines: set[bytes]) -> None:
    """See that what a client got are responses, no more than it sent requests, and those that answer bad ones.

    lines: what servers that mean well have answered, which tells the request; none may be told to another one.
    """
    get = RequestReader(Codec()).feed(corpus.REQUESTS["GET"])
    assert get is not None
    codec = Codec(ROOM)
    for request in [*asked_in(asked), *[get] * 2]:
        if data in EARLY.values():
            return  # told before there is a request, so with a body whatever its method would be
        reader = ResponseReader(codec)
        head = reader.feed(data, request)
        while head is not None and head.interim:
            head = reader.feed(b"", request)
        if head is None or head.tunnels(request):
            return
        body = body_of(head, codec, 502)
        told = b"".join(bytes(piece) for piece in body.feed(reader.take()))
        if head.framing is Framing.CLOSE or not body.done:
            return
        same_response("HEAD" if request.method == b"HEAD" else "GET", data[: len(data) - len(body.surplus)])
        assert told not in lines or told.startswith(request.method + b" " + request.target[:100]), (request, told)
        data = body.surplus
        if not data:
            return
    raise AssertionError(f"more responses than requests: {data!r}")
