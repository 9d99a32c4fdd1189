"""Heads of responses are read, checked, and written for the client (RFC 9112 sections 4 and 6).

The same bytes mean different things behind different requests: most functions here take the request, too.
"""

from __future__ import annotations

import re

from tcproxy.wire import messages

from .errors import BadMessage
from .fields import ACCEPT, CONNECTION, ENCODING, LENGTH, ONLY_CLOSE, ONLY_KEEP, TE, Field, KnownFields, OddLine
from .framing import CHUNKED, NO_BODY, SIZED, UNTIL_CLOSE, measured, only_chunked
from .head import FRAMING_SLOTS, Adjust, Head, check_size, field_trouble, is_later, joined_lines, text_size
from .keepalive import CLOSE, KEEP, UPGRADED, spoken
from .learned import BODYLESS, NO_BODIES, LearnedTemplates
from .limits import CodecLimits
from .request import RequestHead, asks_websocket, only_trailers, plainly_chunked

STRICT = re.compile(rb"(HTTP/[0-9]\.[0-9])[ \t]++([1-9][0-9][0-9])(?:[ \t]++([^\r\n\0]*+))?(?=\r?\n|\Z)")
LENIENT = re.compile(rb"([A-Z0-9./]++)[ \t]++([1-9][0-9][0-9])(?:[ \t]++([^\r\n]*+))?(?=\r?\n|\Z)")


_START = {False: STRICT, True: LENIENT}


class ResponseHead(Head, messages.ResponseHead):
    """A response's start line and headers."""

    __slots__ = FRAMING_SLOTS

    def __init__(self, version: bytes, minor: int, status: int, reason: bytes, fields: list[Field]) -> None:
        self.version = version
        self.minor = minor
        self.status = status
        self.reason = reason
        self.fields = fields
        self.keep_alive = minor > 0
        self.framing = UNTIL_CLOSE
        self.length = -1
        self.received = 0
        self.upgrade = False

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.framing.value}>"

    def copy(self) -> ResponseHead:
        """Return a head that is the same, to be edited."""
        head = ResponseHead(self.version, self.minor, self.status, self.reason, list(self.fields))
        head.keep_alive, head.framing, head.length = self.keep_alive, self.framing, self.length
        head.received, head.upgrade = self.received, self.upgrade
        return head

    @property
    def ends_by_close(self) -> bool:
        """Return whether the body ends where the server closes the connection: nothing else tells its end."""
        return self.framing is UNTIL_CLOSE

    def client_keeps(self, request: messages.RequestHead) -> bool:
        """Return whether the client's connection may carry another request, as far as the messages decide."""
        return (
            request.keep_alive
            and self.framing is not UNTIL_CLOSE
            and (self.minor > 0 or self.framing is not CHUNKED)
        )

    def forward(self, request: RequestHead, keep: bool | None = None, adjust: Adjust | None = None) -> bytes:
        """Return the bytes for the client.

        keep: whether the client's connection is kept; None: as `client_keeps` tells.
        """
        connection = b""
        if self.status >= 200 and not self.upgrade and not (request.method == b"CONNECT" and self.status < 300):
            if keep is None:
                keep = self.client_keeps(request)
            if not keep:
                connection = b"connection: close\r\n" if self.minor else b""
            elif not (self.minor and request.minor):
                connection = b"connection: keep-alive\r\n"
        if self.template is not None and adjust is None:
            data = self.template.written % (b"%d" % self.status, self.reason, *self.parts[2:])
            return data[:-2] + connection + b"\r\n" if connection else data
        start = [self.version, b" %d " % self.status, self.reason, b"\r\n"]
        return self._lines(start, connection, adjust)


class PlainResponse(ResponseHead):
    """A response that a learned template has read. end: index behind the head in the bytes that it was read from."""

    __slots__ = ("end",)

    end: int

    @property
    def wire(self) -> bytes:
        """The bytes for a client of HTTP/1.1 whose connection is kept; for a head whose status line was not edited."""
        return self.template.written % self.parts  # type: ignore[union-attr]  # it has one


def plain_response(templates: LearnedTemplates, data: bytes) -> PlainResponse | None:
    """Return the response that the bytes begin with; None where no template matches."""
    found = templates.find(data)
    if found is None:
        return None
    template, matched, end = found
    values = matched.groups()
    if template.length < 0 or values[0] in NO_BODIES:
        return None
    head = PlainResponse.__new__(PlainResponse)
    head.end = end
    head.version = b"HTTP/1.1"
    head.minor = 1
    head.status = int(values[0])
    head.reason = values[1]
    head.received = end + template.overhead
    head.template = template
    head.parts = values
    head._fields = None
    head.keep_alive = template.keep_alive
    head.upgrade = False
    length = head.length = int(values[template.length])
    head.framing = SIZED if length else NO_BODY
    return head


def parse_response(data: bytes, request: RequestHead, known: KnownFields, limits: CodecLimits) -> ResponseHead:
    """Read a whole head, from its start line to its empty line. Raises BadMessage (502)."""
    if _START[known.lenient].match(data) is None:
        raise BadMessage(502, "no status line", _start_position(data))
    try:
        return response_of(joined_lines(data), len(data), request, known, limits)
    except OddLine:
        raise field_trouble(data, known, 502) from None


def response_of(
    lines: list[bytes], size: int, request: RequestHead, known: KnownFields, limits: CodecLimits
) -> ResponseHead:
    """Read the lines of a head without its empty line. Raises OddLine, BadMessage. size: bytes of the whole head."""
    matched = _START[known.lenient].fullmatch(lines[0])
    if matched is None:
        raise OddLine
    version, code, reason = matched.groups(b"")
    del lines[0]
    fields = known.read(lines)
    if len(fields) >= limits.max_headers:
        raise BadMessage(502, "too many headers")
    if size > limits.safe:
        check_size(fields, len(version) + len(reason) + 7, limits, 502)
    minor = 1
    if version != b"HTTP/1.1":
        minor = int(is_later(version))
        version = b"HTTP/1.1" if minor else version
    response = ResponseHead(version, minor, int(code), reason, fields)
    special = [field for field in fields if field.kind]
    if not _mean_plain(response, request, special):
        _mean(response, request, special)
    response.received = 24 + len(version) + len(reason) + text_size(response.fields)
    return response


def _mean_plain(response: ResponseHead, request: RequestHead, special: list[Field]) -> bool:
    """Do the work of `_mean` for headers as nearly all responses have them; return False, nothing done, for others."""
    length = -1
    said = 0
    chunked = False
    for field in special:
        kind = field.kind
        if kind == LENGTH and length < 0 and not chunked and len(field.value) < 19 and field.value.isdigit():
            length = int(field.value)
        elif kind == ENCODING and length < 0 and not chunked and response.minor and field.value == b"chunked":
            chunked = True
        elif kind & (ONLY_CLOSE | ONLY_KEEP):
            said |= kind
        else:
            return False
    status = response.status
    if status < 200 or status == 204 or status == 304 or request.method in BODYLESS:
        return False
    if said:
        response.fields = [field for field in response.fields if not field.kind & CONNECTION]
        response.keep_alive = not said & ONLY_CLOSE
    if length >= 0:
        response.length = length
        response.framing = SIZED if length else NO_BODY
    elif chunked:
        response.framing = CHUNKED
    else:
        response.keep_alive = False
    return True


def _mean(response: ResponseHead, request: RequestHead, special: list[Field]) -> None:
    """Set what the headers tell of the message and its connection, and remove what is not forwarded."""
    kinds = 0
    for field in special:
        kinds |= field.kind
    if kinds & CONNECTION:
        flags, response.fields = spoken(response.fields)
        response.keep_alive = not flags & CLOSE and (response.minor > 0 or bool(flags & KEEP))
        response.upgrade = bool(flags & UPGRADED)
    if kinds & TE:
        response.fields = only_trailers(response.fields)
    _frame(response, request, kinds)


def _frame(response: ResponseHead, request: RequestHead, kinds: int) -> None:
    """Decide where the body ends: the rules of RFC 9112 section 6.3, in their order."""
    if kinds & LENGTH:
        response.length, response.fields = measured(response.fields, 502)
        response.framing = SIZED if response.length else NO_BODY
    if kinds & ENCODING:
        if not only_chunked([field for field in response.fields if field.kind == ENCODING], 502):
            raise BadMessage(502, "a transfer coding that is not supported")
        if kinds & LENGTH or not response.minor:
            response.keep_alive = False  # the server may see another end of its response: RFC 9112 section 6.1
        response.framing, response.length = CHUNKED, -1
        response.fields = plainly_chunked(response.fields)
    status = response.status
    if status < 200 or status == 204:
        if kinds & (LENGTH | ENCODING):
            response.fields = [f for f in response.fields if f.kind not in (LENGTH, ENCODING)]
        if status == 101:
            _check_switch(response, request)
        response.framing = NO_BODY
    elif status == 304 or request.method == b"HEAD" or response.tunnels(request):
        response.framing = NO_BODY
    elif response.framing is UNTIL_CLOSE:
        response.keep_alive = False


def _check_switch(response: ResponseHead, request: RequestHead) -> None:
    if not (response.upgrade and request.upgrade):
        raise BadMessage(502, "a switch of protocols that was not asked for")
    if asks_websocket(response.fields) and not any(field.kind == ACCEPT for field in response.fields):
        raise BadMessage(502, "a WebSocket handshake that is not accepted")


def _start_position(data: bytes) -> int:
    matched = re.match(rb"(?:HTTP/[0-9]\.[0-9](?:[ \t]++[1-9][0-9][0-9](?:[ \t]++[^\r\n\0]*+)?)?)?", data)
    return matched.end() if matched else 0
