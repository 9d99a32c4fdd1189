"""Bodies are read here, and chunks are written.

A decoder is fed the bytes of a connection and returns those of the body in pieces; large pieces are not copied. Once
the body is whole, `done` is True, and `surplus` has the bytes that came behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .codec import Codec, find_end
from .errors import BadMessage
from .fields import TOKEN_BYTE, Field, OddLine, trouble
from .framing import CHUNKED, NO_BODY, SIZED, checked_trailers
from .head import Adjust, Head, adjusted, field_trouble, joined_lines

Piece = bytes | memoryview
COPIED = 4096
"""Bytes: to copy a piece of at most so many takes less time than to make a memoryview."""

SIZE = re.compile(rb"([0-9A-Fa-f]++)[ \t]*+(?:;[^\r\n]*+)?\r?\n")
PLAIN_SIZE = re.compile(rb"([1-9A-Fa-f][0-9A-Fa-f]{0,7})\r\n")
PARTIAL_SIZE = re.compile(rb"(?:([0-9A-Fa-f]++)[ \t]*+(?:;[^\r\n]*+)?\r?)?")
PARTIAL_LINE = re.compile(rb"(?:[ \t][^\0]*+|" + TOKEN_BYTE + rb"{0,255}+(?::[^\r\n\0]*+)?)\r?")
LARGEST_CHUNK = 1 << 52
"""Bytes: HAProxy refuses a chunk of this size or more."""
LAST_CHUNK = b"0\r\n\r\n"


def _slice(data: bytes, start: int, end: int) -> Piece:
    if end - start <= COPIED:
        return data[start:end]
    return memoryview(data)[start:end]


class NoBody:
    """The body of a message that has none."""

    __slots__ = ("done", "surplus", "trailers")

    def __init__(self) -> None:
        self.done = True
        self.surplus = b""
        self.trailers: list[Field] = []

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes: all of them are surplus."""
        self.surplus += data
        return []

    def ended(self) -> None:
        """Take the end of the connection."""


class LengthBody:
    """A body of as many bytes as Content-Length tells."""

    __slots__ = ("done", "left", "surplus", "trailers")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = not length
        self.surplus = b""
        self.trailers: list[Field] = []

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes; return those that belong to the body."""
        left = self.left
        if len(data) < left:
            self.left = left - len(data)
            return [data] if data else []
        self.done = True
        self.left = 0
        if len(data) == left:
            return [data] if data else []
        self.surplus += data[left:]
        return [_slice(data, 0, left)] if left else []

    def ended(self) -> None:
        """Take the end of the connection. Raises BadMessage when the body is not whole."""
        if not self.done:
            raise BadMessage(400, f"{self.left} bytes of the body are missing")


class CloseBody:
    """A response's body that lasts until the server closes."""

    __slots__ = ("done", "surplus", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.surplus = b""
        self.trailers: list[Field] = []

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes: all of them belong to the body."""
        return [data] if data else []

    def ended(self) -> None:
        """Take the end of the connection, which ends the body."""
        self.done = True


class ChunkedBody:
    """A chunked body (RFC 9112 section 7.1). Chunk extensions are dropped; trailers are read as headers are."""

    __slots__ = ("_checked", "_codec", "_held", "_left", "_position", "_status", "_step", "done", "surplus", "trailers")

    def __init__(self, codec: Codec, status: int) -> None:
        """status: of the BadMessage that is raised: 400 for the body of a request, 502 for that of a response."""
        self._codec = codec
        self._status = status
        self._held = b""
        self._checked = 0
        self._left = 0
        self._position = 0
        self._step = self._read_size
        self.done = False
        self.surplus = b""
        self.trailers: list[Field] = []

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes; return those that belong to the body. Raises BadMessage."""
        pieces: list[Piece] = []
        if self.done:
            self.surplus += data
            return pieces
        if self._held:
            data, self._held = self._held + data, b""
        at = 0
        while at < len(data):
            if self._between:
                at = _whole_chunks(data, at, pieces)
            reached = self._step(data, at, pieces)
            if reached < 0:
                self._held = data[at:]
                break
            at = reached
            if self.done:
                self.surplus = data[at:]
                break
        self._position += at
        return pieces

    @property
    def _between(self) -> bool:
        return self._step == self._read_size

    def ended(self) -> None:
        """Take the end of the connection. Raises BadMessage when the body is not whole."""
        if not self.done:
            raise self._bad("the body's last chunk is missing", 0)

    def _bad(self, reason: str, at: int) -> BadMessage:
        return BadMessage(self._status, reason, self._position + at)

    def _read_size(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        matched = SIZE.match(data, at)
        if matched is None:
            self._check_partial(data, at)
            return -1
        if matched.end() - at > self._codec.limits.raw:
            raise self._bad("a chunk extension too large", at)
        size = self._size(matched[1], at)
        self._left = size
        self._step = self._read_data if size else self._read_trailers
        return matched.end()

    def _size(self, digits: bytes, at: int) -> int:
        size = int(digits, 16) if len(digits) < 64 else int(digits.lstrip(b"0")[:16] or b"0", 16)
        if size >= LARGEST_CHUNK:
            raise self._bad("a chunk too large", at)
        return size

    def _check_partial(self, data: bytes, at: int) -> None:
        matched = PARTIAL_SIZE.match(data, at)
        reached = matched.end() if matched else at
        if reached < len(data):
            raise self._bad("no chunk size", reached)
        self._size(matched[1] or b"0" if matched else b"0", at)
        if len(data) - at > self._codec.limits.raw:
            raise self._bad("a chunk extension too large", at)

    def _read_data(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        end = at + self._left
        if end > len(data):
            pieces.append(_slice(data, at, len(data)))
            self._left = end - len(data)
            return len(data)
        pieces.append(_slice(data, at, end))
        self._left = 0
        if data.startswith(b"\r\n", end):
            self._step = self._read_size
            return end + 2
        self._step = self._read_break
        return end

    def _read_break(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        if data[at] == 0x0A:
            self._step = self._read_size
            return at + 1
        if data[at] != 0x0D or data[at + 1 : at + 2] not in (b"\n", b""):
            raise self._bad("a chunk longer than its size", at)
        if at + 1 == len(data):
            return -1
        self._step = self._read_size
        return at + 2

    def _read_trailers(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        for empty in (b"\r\n", b"\n"):
            if data.startswith(empty, at):
                self.done = True
                return at + len(empty)
        if data[at] == 0x0D and at + 1 < len(data):
            raise self._bad("a CR without LF", at)
        end = find_end(data, at)
        if (end if end >= 0 else len(data)) - at > self._codec.limits.raw:
            raise self._bad("trailers too large", at)
        if end < 0:
            self._check_lines(data, at)
            return -1
        try:
            self.trailers = self._codec.known.read(joined_lines(b"\n" + data[at:end])[1:])
        except OddLine:
            told = field_trouble(b"\n" + data[at:end], self._codec.known, self._status)
            raise self._bad(told.reason, at + told.position - 1) from None
        if len(self.trailers) >= self._codec.limits.max_headers:
            raise self._bad("too many trailers", at)
        self.trailers = checked_trailers(self.trailers, self._status)
        self.done = True
        return end

    def _check_lines(self, data: bytes, at: int) -> None:
        """Check whole trailers that came since the last call, and the beginning of the next one. Raises BadMessage."""
        known, lenient = at + self._checked, self._codec.known.lenient
        begun = max(data.rfind(b"\n") + 1, at)
        told = trouble(data[known : begun - 1], lenient, known > at) if begun > known else None
        if told:
            raise self._bad(told[1], known + told[0])
        self._checked = begun - at
        if PARTIAL_LINE.fullmatch(data, begun) is None and not lenient:
            raise self._bad("a byte that no header name may have", begun)


def _whole_chunks(data: bytes, at: int, pieces: list[Piece]) -> int:
    """Read chunks that are whole and have no extension, as nearly all; return the index behind the last of them."""
    while True:
        matched = PLAIN_SIZE.match(data, at)
        if matched is None:
            return at
        start = matched.end()
        end = start + int(matched[1], 16)
        if not data.startswith(b"\r\n", end):
            return at
        pieces.append(data[start:end] if end - start <= COPIED else memoryview(data)[start:end])
        at = end + 2


Body = NoBody | LengthBody | CloseBody | ChunkedBody


def body_of(head: Head, codec: Codec, status: int) -> Body:
    """Return the decoder of a message's body. status: 400 for a request, 502 for a response."""
    if head.framing is NO_BODY:
        return NoBody()
    if head.framing is SIZED:
        return LengthBody(head.length)
    return ChunkedBody(codec, status) if head.framing is CHUNKED else CloseBody()


def chunk(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces as one chunk: HAProxy, too, makes one chunk of all bytes that it has at a time."""
    size = sum([len(piece) for piece in pieces])
    return [b"%X\r\n" % size, *pieces, b"\r\n"] if size else []


def last_chunk(trailers: Iterable[Field] = (), adjust: Adjust | None = None) -> bytes:
    """Return the chunk that ends a body, with its trailers."""
    if not trailers:
        return LAST_CHUNK
    wires = [field.wire if adjust is None else adjusted(field, adjust) for field in trailers]
    return b"".join([b"0\r\n", *wires, b"\r\n"])
