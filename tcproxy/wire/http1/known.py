"""Heads that come again: what a block of header lines means, remembered while it is in use.

A client sends the same header lines with most of its requests, and a server with most of its responses. Reading them
once saves most of what reading costs. Blocks are remembered when they come a second time; those that are long or
carry secrets never are; a full store begins anew, so that nobody can make it grow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fields import SECRETS, Field
from .framing import Framing

if TYPE_CHECKING:
    from .request import RequestHead
    from .response import ResponseHead

MOST = 512
"""Blocks that are remembered, of each side."""
LONGEST = 3072
"""Bytes of the longest block that is remembered."""
MOST_SEEN = 4096

BODYLESS = (b"HEAD", b"CONNECT")
"""Methods whose responses are framed by more than their headers."""


class Block:
    """The header lines of requests: what they mean whatever the method and target, in HTTP/1.1.

    The names are those of Head. wire: the lines as they are forwarded; counted: their bytes as statistics count them.
    """

    __slots__ = ("counted", "fields", "framing", "host", "keep_alive", "length", "upgrade", "wire")

    def __init__(self, request: RequestHead) -> None:
        self.fields = request.fields
        self.framing: Framing = request.framing
        self.host = request.host
        self.keep_alive = request.keep_alive
        self.length = request.length
        self.upgrade = request.upgrade
        self.wire = b"".join([field.wire for field in self.fields])
        self.counted = len(self.wire) - 4 * len(self.fields)


class KnownResponse:
    """A response's head. wire: as it is forwarded to a client of HTTP/1.1 that is kept.

    counted: its bytes as statistics count them. length: of its body, where that is told by Content-Length alone.
    """

    __slots__ = ("counted", "head", "length", "wire")

    def __init__(self, head: ResponseHead, wire: bytes) -> None:
        self.head = head
        self.wire = wire
        self.counted = len(wire) + 15 - 4 * len(head.fields)
        self.length = head.length


class Known:
    """What one side's codec remembers. requests: by the lines behind the request line; responses: by whole head."""

    __slots__ = ("_seen", "requests", "responses")

    def __init__(self) -> None:
        self.requests: dict[bytes, Block] = {}
        self.responses: dict[bytes, KnownResponse] = {}
        self._seen: set[int] = set()

    def _comes_again(self, text: bytes) -> bool:
        """Say whether the block was seen before; the first time it is only noted."""
        mark = hash(text)
        if mark in self._seen:
            return True
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen.add(mark)
        return False

    def learn_request(self, text: bytes, request: RequestHead) -> None:
        """Remember the header lines of a request, if nothing but them decides what they mean."""
        if len(text) > LONGEST or not request.minor or request.method == b"CONNECT" or request.target[:1] != b"/":
            return
        if self._comes_again(text) and not _secret(request.fields):
            if len(self.requests) >= MOST:
                self.requests.clear()
            self.requests[text] = request.block = Block(request)

    def learn_response(self, text: bytes, response: ResponseHead, request: RequestHead) -> None:
        """Remember the head of a response, if nothing but it decides what it means."""
        status = response.status
        if len(text) > LONGEST or not response.minor or request.method in BODYLESS or response.upgrade:
            return
        if status < 200 or status == 204 or status == 304:
            return
        if self._comes_again(text) and not _secret(response.fields):
            if len(self.responses) >= MOST:
                self.responses.clear()
            self.responses[text] = KnownResponse(response.copy(), response.forward(request, True))


def _secret(fields: list[Field]) -> bool:
    return any(field.name in SECRETS for field in fields)
