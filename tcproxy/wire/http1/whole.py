"""Whole responses that come from no server: what a file or a configuration says, ready to be sent to any client."""

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
"""Bytes of a buffer that HAProxy's own form of any message takes."""
PART_OVERHEAD = 8
"""Bytes that it takes beside the text of each part: start line, header, end of the head, body."""


class WholeResponse:
    """A response and its body. The head is shared by all who are sent it: it must not be edited.

    size: bytes of its head as the reference counts them. room: bytes of a buffer that it takes there.
    keeps: it ends by its length, and does not ask for the end of the client's connection.
    """

    __slots__ = ("body", "head", "keeps", "room", "size")

    def __init__(self, head: ResponseHead, body: bytes) -> None:
        """`head` with all its headers: those that speak of the connection are taken out of it."""
        fields = head.fields
        self.head = head
        self.body = body
        self.size = 24 + len(head.version) + len(head.reason) + sum([len(field.wire) - 4 for field in fields])
        self.room = OVERHEAD + self.size + len(body) + PART_OVERHEAD * (2 + len(fields) + bool(body))
        said = 0
        if any(field.kind & CONNECTION for field in fields):
            said, head.fields = spoken(fields)
        head.upgrade = bool(said & UPGRADED)
        self.keeps = not said & CLOSE and head.framing is not UNTIL_CLOSE


def read_whole(data: bytes) -> WholeResponse:
    """Read the bytes of a whole response, as a file has them: lines may end with LF, empty ones may come first.

    Raises BadMessage when it is none, or when its headers and its body do not agree.
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
    """Find out how the response ends, and whether its body is what its headers tell."""
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
    """Return a response of these headers, which tell the length of the body."""
    head = ResponseHead(b"HTTP/1.1", 1, status, reason, list(fields))
    head.length = len(body)
    head.framing = SIZED if body else NO_BODY
    return _sent(WholeResponse(head, body))


def _sent(whole: WholeResponse) -> WholeResponse:
    """Take out the length, which counts, where it is not sent."""
    if whole.head.status == 204:
        whole.head.fields = [field for field in whole.head.fields if field.name != b"content-length"]
    return whole
