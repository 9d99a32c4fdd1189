"""Whole responses that come from no server but from a file or the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from .codec import find_end
from .errors import BadMessage
from .fields import CONNECTION, ENCODING, Field, KnownFields, OddLine
from .framing import NO_BODY, SIZED, UNTIL_CLOSE, measured
from .head import field_trouble, is_later, joined_lines
from .keepalive import CLOSE, UPGRADED, spoken
from .response import STRICT, ResponseHead

BODYLESS = frozenset({204, 304})
"""Statuses of responses that have no body."""
OVERHEAD = 48
"""Bytes of a buffer that HAProxy's own form of any message takes besides its parts."""
PART_OVERHEAD = 8
"""Bytes that HAProxy's form of each part takes besides its text: start line, header, end of the head, body."""


class WholeResponse:
    """A response and its body. All clients are sent the same head, so that it must not be edited.

    size: bytes of the head as HAProxy counts them. room: bytes of a buffer that the response takes in HAProxy. keeps:
    the client's connection may be kept behind it: it ends by its length, and has no `Connection: close`.
    wire: the head's bytes for a client of HTTP/1.1 whose connection is kept, b"" until they were asked for.
    """

    __slots__ = ("body", "head", "keeps", "room", "size", "wire")

    def __init__(self, head: ResponseHead, body: bytes) -> None:
        """Take a head with all its headers, and remove those about the connection."""
        fields = head.fields
        self.head = head
        self.body = body
        self.size = _size(head)
        self.room = OVERHEAD + self.size + len(body) + PART_OVERHEAD * (2 + len(fields) + bool(body))
        said = 0
        if any(field.kind & CONNECTION for field in fields):
            said, head.fields = spoken(fields)
        head.upgrade = bool(said & UPGRADED)
        self.keeps = not said & CLOSE and head.framing is not UNTIL_CLOSE
        self.wire = b""

    def with_body(self, body: bytes) -> WholeResponse:
        """Return the response with another body of the same length."""
        other = WholeResponse.__new__(WholeResponse)
        other.body, other.head, other.keeps = body, self.head, self.keeps
        other.room, other.size, other.wire = self.room, self.size, self.wire
        return other

    def with_head(self, head: ResponseHead) -> WholeResponse:
        """Return the response with an edited copy of its head."""
        other = WholeResponse.__new__(WholeResponse)
        other.keeps, other.room, other.wire = self.keeps, self.room, b""
        other.head, other.body, other.size = head, self.body, _size(head)
        if head.status in BODYLESS:
            other.size += len(self.body)
            other.body = b""
            _sent(other)
        elif other.exceeds is None:
            other.keeps = False
        return other

    @property
    def exceeds(self) -> bool | None:
        """Return whether its body is longer than its Content-Length says; None: that says more, or nothing."""
        length = self.head.value(b"content-length")
        if length is None or not length.isdigit() or int(length) > len(self.body):
            return None
        return int(length) < len(self.body)


def _size(head: ResponseHead) -> int:
    return 24 + len(head.version) + len(head.reason) + sum([len(field.wire) - 4 for field in head.fields])


def read_whole(data: bytes) -> WholeResponse:
    """Read a whole response from the bytes of a file: lines may end with LF, and empty lines may come first.

    Raises BadMessage where the bytes are no response, or the headers do not agree with the body.
    """
    data = data.lstrip(b"\r\n")
    end = find_end(data)
    matched = STRICT.match(data)
    if matched is None:
        raise BadMessage(500, "no status line")
    if end < 0:
        raise BadMessage(500, "no empty line behind the headers", len(data))
    try:
        fields = KnownFields().read(joined_lines(data[:end])[1:])
    except OddLine:
        raise field_trouble(data[:end], KnownFields(), 500) from None
    version, code, reason = matched.groups(b"")
    minor = int(is_later(version))
    head = ResponseHead(b"HTTP/1.1" if minor else version, minor, int(code), reason, fields)
    return _agreed(head, data[end:])


def _agreed(head: ResponseHead, body: bytes) -> WholeResponse:
    """Set where the response ends. Raises BadMessage where its headers and its body do not agree."""
    status = head.status
    if status < 200 and status != 101:
        raise BadMessage(500, f"the status {status}, which is no answer")
    if any(field.kind == ENCODING for field in head.fields):
        raise BadMessage(500, "a Transfer-Encoding: the body must stand as it is")
    length, head.fields = measured(head.fields, 500)
    if status in BODYLESS:
        if body:
            raise BadMessage(500, f"a body, which no {status} has")
        head.framing = NO_BODY
    elif length >= 0:
        if length != len(body):
            raise BadMessage(500, f"a Content-Length of {length} for a body of {len(body)} bytes")
        head.framing = SIZED if length else NO_BODY
    head.length = length
    return _sent(WholeResponse(head, body))


def compose(status: int, reason: bytes, fields: Sequence[Field], body: bytes = b"") -> WholeResponse:
    """Return a response with these headers, of which one tells the length of the body."""
    head = ResponseHead(b"HTTP/1.1", 1, status, reason, list(fields))
    head.length = len(body)
    head.framing = SIZED if body else NO_BODY
    return _sent(WholeResponse(head, body))


def _sent(whole: WholeResponse) -> WholeResponse:
    """Remove Content-Length from a 204 response: HAProxy counts its bytes and does not send it."""
    if whole.head.status == 204:
        whole.head.fields = [field for field in whole.head.fields if field.name != b"content-length"]
    return whole
