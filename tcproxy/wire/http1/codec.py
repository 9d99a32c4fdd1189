"""Readers find heads in the bytes of a connection, which come in pieces of any size: one for each direction.

A codec is shared by the readers of all clients of a proxy, another one by those of all its servers.
"""

from __future__ import annotations

import re

from .errors import BadMessage
from .fields import KnownFields, OddLine, trouble
from .framing import CHUNKED
from .learned import BODYLESS, LONGEST, REQUEST, RESPONSE, LearnedTemplates
from .limits import CodecLimits
from .request import (
    LENIENT,
    PARTIAL,
    PARTIAL_LENIENT,
    STRICT,
    RequestHead,
    parse_request,
    plain_request,
    request_of,
    start_trouble,
)
from .response import LENIENT as LENIENT_STATUS
from .response import STRICT as STATUS
from .response import ResponseHead, parse_response, plain_response, response_of

PARTIAL_STATUS = re.compile(rb"[A-Z0-9./]*+(?:[ \t]++[0-9]*+(?:[ \t]++[^\r\n\0]*+)?)?\r?")


class Codec:
    """Limits, the header lines already known, and the learned templates. lenient limits: no template reads requests."""

    __slots__ = ("known", "limits", "requests", "responses")

    def __init__(self, limits: CodecLimits | None = None) -> None:
        self.limits = limits or CodecLimits()
        self.known = KnownFields(self.limits.lenient)
        self.requests = LearnedTemplates(self.limits, REQUEST)
        self.responses = LearnedTemplates(self.limits, RESPONSE)


def find_end(data: bytes, start: int = 0) -> int:
    """Return the index behind the empty line that ends a head, -1 where it has not come. Lines end with CRLF or LF."""
    end = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start) if end < 0 else data.find(b"\n\n", start, end + 1)
    if bare >= 0:
        return bare + 2
    return end + 3 if end >= 0 else -1


class _Reader:
    """Gathers the bytes of a head until it is whole. buffer: bytes that came and are not read yet."""

    __slots__ = ("_checked", "_codec", "_seen", "_skipped", "_status", "buffer")

    def __init__(self, codec: Codec, status: int) -> None:
        self._codec = codec
        self._status = status
        self.buffer = b""
        self._seen = 0
        self._checked = 0
        self._skipped = 0

    @property
    def pending(self) -> int:
        """How many bytes of the next message are here; a CR that may begin an empty line does not count."""
        return len(self.buffer) if self.buffer != b"\r" else 0

    def take(self) -> bytes:
        """Return the bytes behind the last head and keep none: its body, the next message, or a tunnel's bytes."""
        data, self.buffer = self.buffer, b""
        self._seen = self._checked = 0
        return data

    def _gathered(self, data: bytes) -> bytes | None:
        """Take all bytes of the buffer and new ones; return a head when one is whole. Raises BadMessage."""
        if data[:1] in (b"\r", b"\n"):
            data = self._without_empty_lines(data)
        end = self._early_end(data)
        if end < 0:
            end = find_end(data, max(0, self._seen - 2))
        if end < 0:
            self._wait(data)
            return None
        if end + self._skipped > self._codec.limits.raw:
            raise BadMessage(self._status, "a head too large", self._codec.limits.raw)
        self._seen = self._checked = self._skipped = 0
        self.buffer = data[end:]
        return data[:end]

    def _without_empty_lines(self, data: bytes) -> bytes:
        at = 0
        while data[at : at + 1] in (b"\r", b"\n") and at < len(data):
            if data[at] == 0x0D and data[at + 1 : at + 2] not in (b"\n", b""):
                raise BadMessage(self._status, "a CR without LF", at)
            at += 1
        if data[at - 1] == 0x0D:
            at -= 1
        self._skipped += at
        return data[at:]

    def _wait(self, data: bytes) -> None:
        """Keep the beginning of a head. Raises BadMessage where no more bytes could make it a right one."""
        if len(data) + self._skipped > self._codec.limits.raw:
            raise BadMessage(self._status, "a head too large", self._codec.limits.raw)
        newline = data.rfind(b"\n") + 1
        if not self._checked and data and data != b"\r":
            self._check_start(data, newline > 0)
            self._checked = data.find(b"\n") + 1 if newline else 0
        if newline > self._checked:
            text = data[self._checked : newline - 1]
            told = trouble(text, self._codec.known.lenient, self._checked > data.find(b"\n") + 1)
            if told:
                raise BadMessage(self._status, told[1], self._checked + told[0])
            self._checked = newline
        self.buffer = data
        self._seen = len(data)

    def _early_end(self, data: bytes) -> int:
        """Return the end of a head of one line without an empty line (HTTP/0.9), -1 for any other."""
        return -1

    def _check_start(self, data: bytes, whole: bool) -> None:
        """Check the start line, or its beginning while it is not whole. Raises BadMessage."""
        raise NotImplementedError


class RequestReader(_Reader):
    """Reads the requests of one client connection."""

    __slots__ = ()

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec, 400)

    def feed(self, data: bytes = b"") -> RequestHead | None:
        """Take bytes; return a request when its head is whole, None while it is not. Raises BadMessage.

        The bytes behind the head stay here until `take` returns them, or the next `feed` reads them as a request.
        """
        codec = self._codec
        if self.buffer:
            data = self.buffer + data
        if not self._seen and not self._skipped and not codec.limits.lenient:
            found = plain_request(codec.requests, data)
            if found is not None:
                request, end = found
                self.buffer = data[end:]
                return request
            end = data.find(b"\r\n\r\n") + 4
            if 4 < end < codec.limits.raw:
                try:
                    request = request_of(data[: end - 4].split(b"\r\n"), end, codec.known, codec.limits)
                except OddLine:
                    pass  # bare LFs, folded lines, empty lines before the first, or a fault: parse_request tells
                else:
                    self.buffer = data[end:]
                    _learn_request(codec.requests, data[:end], request)
                    return request
        head = self._gathered(data)
        return None if head is None else parse_request(head, codec.known, codec.limits)

    def _early_end(self, data: bytes) -> int:
        if not self._codec.known.lenient:
            return -1
        newline = data.find(b"\n") + 1
        matched = LENIENT.match(data) if newline else None
        return newline if matched and not matched[3] else -1

    def _check_start(self, data: bytes, whole: bool) -> None:
        lenient = self._codec.known.lenient
        if whole:
            matched = (LENIENT if lenient else STRICT).match(data)
        else:
            matched = (PARTIAL_LENIENT if lenient else PARTIAL).fullmatch(data)
        if matched is None:
            raise BadMessage(400, *start_trouble(data, lenient))


class ResponseReader(_Reader):
    """Reads the responses of one server connection."""

    __slots__ = ()

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec, 502)

    def feed(self, data: bytes, request: RequestHead) -> ResponseHead | None:
        """Take bytes; return the response to this request when its head is whole. Raises BadMessage.

        An interim response (1xx) is followed by another one to the same request.
        """
        codec = self._codec
        if self.buffer:
            data = self.buffer + data
        if not self._seen and not self._skipped:
            plain = plain_response(codec.responses, data) if request.method not in BODYLESS else None
            if plain is not None:
                self.buffer = data[plain.end :]
                return plain
            end = data.find(b"\r\n\r\n") + 4
            if 4 < end < codec.limits.raw:
                try:
                    lines = data[: end - 4].split(b"\r\n")
                    response = response_of(lines, end, request, codec.known, codec.limits)
                except OddLine:
                    pass  # as for requests: parse_response tells
                else:
                    self.buffer = data[end:]
                    _learn_response(codec.responses, data[:end], response)
                    return response
        head = self._gathered(data)
        return None if head is None else parse_response(head, request, codec.known, codec.limits)

    def _check_start(self, data: bytes, whole: bool) -> None:
        pattern = LENIENT_STATUS if self._codec.known.lenient else STATUS
        matched = pattern.match(data) if whole else PARTIAL_STATUS.fullmatch(data)
        if matched is None:
            raise BadMessage(502, "no status line")


def _learn_request(templates: LearnedTemplates, head: bytes, request: RequestHead) -> None:
    """Learn the template of a request, if a template may read requests like it."""
    if request.minor and not request.upgrade and request.framing is not CHUNKED and len(head) <= LONGEST:
        templates.learn(head)


def _learn_response(templates: LearnedTemplates, head: bytes, response: ResponseHead) -> None:
    """Learn the template of a response, if a template may read responses like it."""
    if response.minor and response.length >= 0 and not response.upgrade and len(head) <= LONGEST:
        templates.learn(head)
