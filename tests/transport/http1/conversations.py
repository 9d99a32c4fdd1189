"""Conversations through a proxy in memory, and what came of them in a form that does not depend on cuts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.scenarios.lanes import request_end
from tests.transport.http1.memory import MemoryProxy, PipeSocket

PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
PAGE = re.compile(
    rb"HTTP/1\.1 (\d{3}) [^\n]*\n(?:[\w-]+: [^\n]*\n)+\r\n<html><body><h1>[^<]*</h1>[^<]*</body></html>\n"
)


class Came(NamedTuple):
    """What came of a conversation.

    asked: whole requests that servers got, with the chunks of a body as one. told: bytes that the client got, with
    statuses in the place of pages. kept: its connection is open.
    """

    asked: tuple[bytes, ...]
    told: bytes
    kept: bool


class Servers:
    """The server's side of a proxy: each whole request is answered with its own request line, or as a test says.

    asked: whole requests, with the chunks of a body as one. lines: what was answered.
    """

    def __init__(self, proxy: MemoryProxy, answer: Sequence[bytes] | None = None, ends: bool = False) -> None:
        """`answer`: the pieces that answer the first request; ends: and then FIN."""
        self.proxy = proxy
        self.answer = answer
        self.ends = ends
        self.asked: list[bytes] = []
        self.lines: set[bytes] = set()
        self._read: dict[int, int] = {}
        self._skipped: set[int] = set()

    def serve(self) -> None:
        """Answer all that is whole."""
        busy = True
        while busy:
            busy = False
            for number, link in enumerate(self.proxy.links):
                data = link.sent[self._read.get(number, 0) :]
                whole = request_end(data) if not link.closed else None
                if whole is not None:
                    self._read[number] = self._read.get(number, 0) + whole
                    busy = True
                    if number in self._skipped:
                        self._skipped.remove(number)
                    else:
                        self._take(link, data[:whole])

    def skip(self, link: PipeSocket) -> None:
        """Leave the request that a link has brought, or brings, to others, who answer it."""
        self._skipped.add(self.proxy.links.index(link))

    def _take(self, link: PipeSocket, request: bytes) -> None:
        self.asked.append(joined(request))
        if self.answer is not None:
            pieces, self.answer = self.answer, None
            self.proxy.says(link, *pieces, ends=self.ends)
        else:
            line = request.partition(b"\r\n")[0][:200]
            self.lines.add(line)
            self.proxy.says(link, ANSWER % (len(line), line))


def joined(data: bytes) -> bytes:
    """Return a message that the proxy wrote with its chunks as one."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not re.search(rb"\r\ntransfer-encoding: ", head):
        return data
    body = b""
    while (size := re.match(rb"([0-9A-F]+)\r\n", rest)) and size[1] != b"0":
        body += rest[size.end() : size.end() + int(size[1], 16)]
        rest = rest[size.end() + int(size[1], 16) + 2 :]
    return head + end + body + b"|" + rest


def begin(proxy: MemoryProxy) -> PipeSocket:
    """Forget the last conversation, and let a client in."""
    proxy.backend.farm.close_links()
    proxy.links.clear()
    proxy.lines.clear()
    return proxy.connect()


def came(servers: Servers, client: PipeSocket) -> Came:
    """Return what came of a conversation."""
    told = PAGE.sub(rb"<\1>", client.sent)
    return Came(tuple(servers.asked), joined_responses(told), not (client.closed or client.shut))


def joined_responses(data: bytes) -> bytes:
    """Return responses with the chunks of each body as one."""
    return b"".join(joined(part) for part in re.split(rb"(?=HTTP/\d\.\d \d{3} )", data))


def requested(proxy: MemoryProxy, pieces: Sequence[bytes]) -> Came:
    """Let a client send pieces, and its FIN."""
    client = begin(proxy)
    servers = Servers(proxy)
    for piece in pieces:
        proxy.says(client, piece)
        servers.serve()
    kept = not (client.closed or client.shut)
    proxy.says(client, ends=True)
    servers.serve()
    proxy.pass_time(100)
    return came(servers, client)._replace(kept=kept)


def responded(proxy: MemoryProxy, request: bytes, pieces: Sequence[bytes], ends: bool = True) -> tuple[Came, bytes]:
    """Let a server send pieces as an answer, the client ask again, and another one; return what the other one got."""
    client = begin(proxy)
    servers = Servers(proxy, pieces, ends)
    proxy.says(client, request)
    servers.serve()
    kept = not (client.closed or client.shut)
    proxy.says(client, PROBE)
    servers.serve()
    other = proxy.connect()
    proxy.says(other, PROBE)
    servers.serve()
    proxy.says(other, ends=True)
    proxy.says(client, ends=True)
    servers.serve()
    proxy.pass_time(100)
    return came(servers, client)._replace(kept=kept), other.sent
