"""Heads of a shape: most heads have the names of others, in the same order, and only other values.

A client sends the same header lines with each of its requests, and a server with its responses. Once such a shape came
a few times, one pattern reads a head of it and one format writes it, whatever the values are; nothing of these is kept.
A head of another shape, or odd in any way, is none: request.py and response.py tell what it means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .fields import ALONE, CONNECTION, HOST, KINDS, LENGTH, ONLY_CLOSE, Field
from .framing import CHUNKED
from .limits import Limits

if TYPE_CHECKING:
    from .request import RequestHead
    from .response import ResponseHead

MOST = 6
"""Shapes of as many lines: a head of none of them costs a try each."""
MOST_IN_ALL = 48
OFTEN = 6
"""Heads of a shape before it is learned: a pattern is dear to make."""
MOST_COUNTED = 64
LONGEST = 4096
"""Bytes of a head that a shape is learned from."""

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
REQUEST = rb"(?!CONNECT )(" + TOKEN + rb") (/[!-\"$-~]*+) HTTP/1\.1\r\n"
RESPONSE = rb"HTTP/1\.1 ([2-9][0-9][0-9]) ((?![ \t])[^\r\n\0]*+)\r\n"
VALUE = rb"((?![ \t])[^\r\n\0]*+)(?<![ \t])"
DIGITS = rb"([0-9]{1,18})"
PLAIN = re.compile(TOKEN + rb": (?![ \t])[^\r\n\0]*+(?<![ \t])")
BODYLESS = (b"HEAD", b"CONNECT")
"""Methods whose responses are framed by more than their headers."""
NO_BODIES = (b"204", b"304")
"""Statuses of responses without a body."""


class Shape:
    """The header lines of a shape. Values are the groups of its pattern behind the two of the start line.

    names: of what is forwarded, in lower case. host, length: which group they are, -1 for none. keep_alive: what its
    Connection header says. written: the format of a head of it as it is forwarded, that of a response with its status
    line, that of a request without its request line.
    """

    __slots__ = ("host", "keep_alive", "length", "match", "names", "written")

    def __init__(self, start: bytes, lines: Sequence[bytes]) -> None:
        pattern, written = [start], []
        names: list[bytes] = []
        self.host = self.length = -1
        self.keep_alive = True
        for line in lines:
            name, _, value = line.partition(b": ")
            lower = name.lower()
            kind = KINDS.get(lower, 0)
            if kind == CONNECTION:
                self.keep_alive = not ALONE[value.lower()] & ONLY_CLOSE
                pattern.append(re.escape(line))
            else:
                if kind:
                    setattr(self, "host" if kind == HOST else "length", len(names) + 2)
                names.append(lower)
                written.append(lower.replace(b"%", b"%%") + b": %b\r\n")
                pattern.append(re.escape(name) + b": " + (DIGITS if kind == LENGTH else VALUE))
            pattern.append(rb"\r\n")
        self.match = re.compile(b"".join([*pattern, rb"\r\n"])).match
        self.names = tuple(names)
        self.written = b"".join([b"HTTP/1.1 %b %b\r\n" if start is RESPONSE else b"%.0b%.0b", *written, b"\r\n"])

    def fields(self, values: Sequence[bytes]) -> list[Field]:
        """Return the headers of a head with these values, those of its start line before them."""
        return [Field(name, value) for name, value in zip(self.names, values[2:], strict=True)]


class PlainResponse:
    """A response's head of a shape, read.

    wire: as it is forwarded to a client of HTTP/1.1 that is kept; counted: its bytes as statistics count them. end:
    where it ends. length: of its body. parts: what a head of its shape has.
    """

    __slots__ = ("counted", "end", "keep_alive", "length", "parts", "reason", "shape", "status", "wire")

    counted: int
    end: int
    keep_alive: bool
    length: int
    parts: tuple[bytes, ...]
    reason: bytes
    shape: Shape
    status: int
    wire: bytes


class Shapes:
    """The shapes that one side's codec knows, by their number of lines; the one that came last is tried first."""

    __slots__ = ("_counts", "_limits", "_start", "by_size")

    def __init__(self, limits: Limits, start: bytes) -> None:
        self._limits = limits
        self._start = start
        self.by_size: dict[int, list[Shape]] = {}
        self._counts: dict[tuple[bytes, ...], int] = {}

    def find(self, data: bytes) -> tuple[Shape, re.Match[bytes]] | None:
        """Return the shape of the head that bytes begin with, and what was matched; None when it has none."""
        end = data.find(b"\r\n\r\n")
        shapes = self.by_size.get(data.count(b"\r\n", 0, end)) if 0 < end < self._limits.safe else None
        if shapes is None:
            return None
        for shape in shapes:
            matched = shape.match(data)
            if matched is not None:
                if shape is not shapes[0]:
                    shapes.remove(shape)
                    shapes.insert(0, shape)
                return shape, matched
        return None

    def learn(self, head: bytes) -> None:
        """Count the shape of a whole head that was read in the general way, and learn it if it comes often."""
        lines = head[:-4].split(b"\r\n")[1:]
        parts = [line.partition(b": ") for line in lines]
        key = tuple([value if name in CONNECTIONS else name for name, _, value in parts])
        count = self._counts.get(key, 0) + 1
        if count >= OFTEN:
            count = 0
            if self._is_plain(lines):
                self._add(Shape(self._start, lines), len(lines))
        elif count == 1 and len(self._counts) >= MOST_COUNTED:
            self._counts.clear()
        self._counts[key] = count

    def _add(self, shape: Shape, size: int) -> None:
        if sum(map(len, self.by_size.values())) >= MOST_IN_ALL:
            self.by_size.clear()
        shapes = self.by_size.setdefault(size, [])
        shapes.insert(0, shape)
        del shapes[MOST:]

    def _is_plain(self, lines: Sequence[bytes]) -> bool:
        """Say whether heads of these names may be read by a shape."""
        if len(lines) >= self._limits.max_headers:
            return False
        kinds = []
        for line in lines:
            name, _, value = line.lower().partition(b": ")
            kind = KINDS.get(name, 0)
            if not PLAIN.fullmatch(line) or len(name) > 255 or (kind == CONNECTION and value not in ALONE):
                return False
            if kind:
                kinds.append(kind)
        return len(set(kinds)) == len(kinds) and set(kinds) <= {HOST, LENGTH, CONNECTION}


CONNECTIONS = (b"Connection", b"connection")


def learn_request(shapes: Shapes, head: bytes, request: RequestHead) -> None:
    """Learn from a request, if others of its shape may be plain."""
    if request.minor and not request.upgrade and request.framing is not CHUNKED and len(head) <= LONGEST:
        shapes.learn(head)


def learn_response(shapes: Shapes, head: bytes, response: ResponseHead) -> None:
    """Learn from a response, if others of its shape may be plain."""
    if response.minor and response.length >= 0 and not response.upgrade and len(head) <= LONGEST:
        shapes.learn(head)


def plain_response(shapes: Shapes, data: bytes) -> PlainResponse | None:
    """Return the response that bytes begin with, None when its head has no known shape."""
    found = shapes.find(data)
    if found is None:
        return None
    shape, matched = found
    values = matched.groups()
    status = values[0]
    if shape.length < 0 or status in NO_BODIES:
        return None
    head = PlainResponse()
    head.end = matched.end()
    head.status = int(status)
    head.reason = values[1]
    head.shape = shape
    head.parts = values
    head.length = int(values[shape.length])
    head.keep_alive = shape.keep_alive
    head.wire = shape.written % values
    head.counted = len(head.wire) + 15 - 4 * len(shape.names)
    return head

