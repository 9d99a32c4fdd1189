"""Heads of requests are read, checked, and written for the server (RFC 9112 sections 3 and 6).

A request that HAProxy 2.6 refuses is refused with the same status, and a header that it changes is changed alike.
tests/wire/http1/departures.py lists the cases where tcproxy is stricter.
"""

from __future__ import annotations

import re
from base64 import b64decode

from tcproxy.wire import messages

from .authority import Mismatch, agreed
from .errors import BadMessage
from .fields import (
    CONNECTION,
    ENCODING,
    HOST,
    KEY,
    LENGTH,
    ONLY_CLOSE,
    ONLY_KEEP,
    TE,
    TOKEN,
    UPGRADE,
    Field,
    KnownFields,
    OddLine,
)
from .framing import CHUNKED, NO_BODY, SIZED, measured, only_chunked
from .head import FRAMING_SLOTS, Adjust, Head, check_size, field_trouble, is_later, joined_lines, text_size
from .keepalive import CLOSE, KEEP, UPGRADED, spoken
from .learned import LearnedTemplates
from .limits import CodecLimits

STRICT = re.compile(rb"(" + TOKEN + rb")[ \t]++([!-\"$-~]++)[ \t]++(HTTP/[0-9]\.[0-9])(?=\r?\n|\Z)")
LENIENT = re.compile(rb"(" + TOKEN + rb")[ \t]++([!-~\x80-\xff]++)(?:[ \t]++([A-Z0-9./]*+))?(?=\r?\n|\Z)")
_TARGET, _VERSION = rb")(?:[ \t]++(?:(", rb"++)(?:[ \t]++([A-Z0-9./]*+))?)?)?)?\r?"
PARTIAL = re.compile(rb"(?:(" + TOKEN + _TARGET + rb"[!-\"$-~]" + _VERSION)
PARTIAL_LENIENT = re.compile(rb"(?:(" + TOKEN + _TARGET + rb"[!-~\x80-\xff]" + _VERSION)
"""These match the beginning of a request line, as far as it came."""
_START = {False: STRICT, True: LENIENT}
BARE = (b"GET", b"HEAD", b"DELETE")
"""HTTP/1.0 requests of these methods with a body are refused."""


class RequestHead(Head, messages.RequestHead):
    """A request's start line and headers. authority: the value of the Host header that is forwarded."""

    __slots__ = FRAMING_SLOTS

    def __init__(
        self, method: bytes, target: bytes, version: bytes, minor: int, fields: list[Field], keep_alive: bool
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.minor = minor
        self.fields = fields
        self.keep_alive = keep_alive
        self.framing = NO_BODY
        self.length = -1
        self.received = 0
        self.upgrade = False
        self.authority = None

    def __repr__(self) -> str:
        return f"<RequestHead {self.method!r} {self.target!r} {self.framing.value}>"

    @property
    def takes_interim(self) -> bool:
        """Return whether the client knows interim responses: those of HTTP/1.0 and before do not."""
        return self.minor > 0

    def forward(self, close: bool = False, adjust: Adjust | None = None) -> bytes:
        """Return the bytes for the server.

        close: tell the server that the connection ends with this request (option httpclose, or http-server-close
        without http-pretend-keepalive).
        """
        template = self.template
        if template is not None and adjust is None:
            parts = self.parts
            if parts[1] is not self.target or parts[0] is not self.method:
                parts = (self.method, self.target, *parts[2:])
            data = template.written % parts
            return data[:-2] + b"connection: close\r\n\r\n" if close else data
        connection = b""
        if not self.upgrade:
            if self.minor:
                connection = b"connection: close\r\n" if close else b""
            elif not close and self.framing is not CHUNKED:
                connection = b"connection: keep-alive\r\n"
        version = b"HTTP/1.1" if self.minor else self.version
        return self._lines([self.method, b" ", self.target, b" ", version, b"\r\n"], connection, adjust)


def plain_request(templates: LearnedTemplates, data: bytes) -> tuple[RequestHead, int] | None:
    """Return the request that the bytes begin with and the index behind its head; None where no template matches."""
    found = templates.find(data)
    if found is None:
        return None
    template, matched, end = found
    request = RequestHead.__new__(RequestHead)
    values = request.parts = matched.groups()
    request.method, request.target = values[0], values[1]
    request.version = b"HTTP/1.1"
    request.minor = 1
    request.received = end + template.overhead
    request.template = template
    request._fields = None
    request.keep_alive = template.keep_alive
    request.upgrade = False
    request.authority = values[template.host] if template.host > 0 else None
    if template.length < 0:
        request.length = -1
        request.framing = NO_BODY
    else:
        request.length = int(values[template.length])
        request.framing = SIZED if request.length else NO_BODY
    return request, end


def parse_request(data: bytes, known: KnownFields, limits: CodecLimits) -> RequestHead:
    """Read a whole head, from its start line to its empty line. Raises BadMessage."""
    line = _START[known.lenient].match(data)
    if line is None:
        raise BadMessage(400, *start_trouble(data, known.lenient))
    try:
        return request_of(joined_lines(data), len(data), known, limits)
    except OddLine:
        raise field_trouble(data, known, 400) from None


def request_of(lines: list[bytes], size: int, known: KnownFields, limits: CodecLimits) -> RequestHead:
    """Read the lines of a head without its empty line. Raises OddLine, BadMessage. size: bytes of the whole head."""
    matched = _START[known.lenient].fullmatch(lines[0])
    if matched is None:
        raise OddLine
    method, target, version = matched.groups()
    del lines[0]
    fields = known.read(lines)
    if len(fields) >= limits.max_headers:
        raise BadMessage(400, "too many headers")
    if size > limits.safe:
        check_size(fields, len(method) + len(target) + len(version or b"") + 4, limits, 400)
    minor = 1
    if version != b"HTTP/1.1":
        version, minor = _version(method, version)
    request = RequestHead(method, target, version, minor, fields, minor > 0)
    special = [field for field in fields if field.kind]
    if special and not _mean_plain(request, special):
        _mean(request, special, limits)
    if target[0] != 0x2F or method == b"CONNECT":
        _agree(request, known.lenient)
    request.received = 21 + len(request.method) + len(request.target) + len(request.version) + text_size(request.fields)
    return request


def _mean_plain(request: RequestHead, special: list[Field]) -> bool:
    """Do the work of `_mean` for headers as nearly all requests have them; return False, nothing done, for others."""
    host = None
    length = -1
    said = 0
    for field in special:
        kind = field.kind
        if kind == HOST and host is None:
            host = field.value
        elif kind & (ONLY_CLOSE | ONLY_KEEP):
            said |= kind
        elif kind == LENGTH and length < 0 and request.minor and len(field.value) < 19 and field.value.isdigit():
            length = int(field.value)
        else:
            return False
    if length > 0 and request.method == b"CONNECT":
        return False
    request.authority = host
    if said:
        request.fields = [field for field in request.fields if not field.kind & CONNECTION]
        request.keep_alive = not said & ONLY_CLOSE
    if length >= 0:
        request.length = length
        request.framing = SIZED if length else NO_BODY
    return True


def _version(method: bytes, version: bytes | None) -> tuple[bytes, int]:
    """Return the version, and 1 where it counts as HTTP/1.1 (RFC 9110 section 2.5: any later version does), else 0."""
    if not version:
        if method != b"GET":
            raise BadMessage(400, "HTTP/0.9 knows GET only")
        return b"HTTP/1.0", 0
    return version, int(is_later(version))


def _mean(request: RequestHead, special: list[Field], limits: CodecLimits) -> None:
    """Set what the headers tell of the message and its connection, and remove what is not forwarded."""
    kinds = 0
    for field in special:
        kinds |= field.kind
    if kinds & HOST:
        _take_host(request)
    if kinds & (LENGTH | ENCODING):
        _take_framing(request, kinds, limits)
    if kinds & CONNECTION:
        flags, request.fields = spoken(request.fields)
        if flags & CLOSE:
            request.keep_alive = False
        elif flags & KEEP and not (request.framing is CHUNKED and not request.minor):
            request.keep_alive = request.keep_alive or not request.minor
        request.upgrade = bool(flags & UPGRADED)
    if request.upgrade:
        _take_upgrade(request)
    if kinds & TE:
        request.fields = only_trailers(request.fields)


def _take_host(request: RequestHead) -> None:
    kept = []
    for field in request.fields:
        if field.kind == HOST:
            if request.authority is not None:
                if field.value.lower() != request.authority.lower():
                    raise BadMessage(400, "Hosts that differ")
                continue
            request.authority = field.value
        kept.append(field)
    request.fields = kept


def _take_framing(request: RequestHead, kinds: int, limits: CodecLimits) -> None:
    supported = True
    if kinds & LENGTH:
        request.length, request.fields = measured(request.fields, 400)
        request.framing = SIZED if request.length else NO_BODY
    if kinds & ENCODING:
        supported = only_chunked([field for field in request.fields if field.kind == ENCODING], 400)
        if request.method == b"CONNECT":
            raise BadMessage(400, "CONNECT with a Transfer-Encoding")
        if not request.minor or kinds & LENGTH:
            request.keep_alive = False  # the client may see another end of its request: RFC 9112 section 6.1
        request.framing, request.length = CHUNKED, -1
        request.fields = plainly_chunked(request.fields)
    if request.framing is NO_BODY:
        return
    if not request.minor and request.method in BARE and not limits.any_payload:
        raise BadMessage(413, "a payload that HTTP/1.0 does not know")
    if not supported:
        raise BadMessage(422, "a transfer coding that is not supported")
    if request.method == b"CONNECT":
        request.framing = NO_BODY
        request.fields = [field for field in request.fields if field.kind != LENGTH]


def plainly_chunked(fields: list[Field]) -> list[Field]:
    """Return the headers without Content-Length; a Transfer-Encoding with empty words becomes `chunked`."""
    kept = []
    for field in fields:
        if field.kind == ENCODING and b"," in field.value:
            kept.append(Field(field.name, b"chunked"))
        elif field.kind != LENGTH:
            kept.append(field)
    return kept


def _take_upgrade(request: RequestHead) -> None:
    """Check a request for an upgrade; with a body it is read as an ordinary one (RFC 9110 section 7.8 allows that)."""
    if request.framing is not NO_BODY:
        request.upgrade = False
        request.fields = [field for field in request.fields if field.kind != UPGRADE]
    elif asks_websocket(request.fields):
        keys = [field.value for field in request.fields if field.kind == KEY]
        if len(keys) != 1 or not _is_key(keys[0]):
            raise BadMessage(400, "a WebSocket handshake without a valid key")


def asks_websocket(fields: list[Field]) -> bool:
    """Return whether one of the Upgrade headers names the WebSocket protocol."""
    return any(
        word.strip(b" \t").lower() == b"websocket"
        for field in fields
        if field.kind == UPGRADE
        for word in field.value.split(b",")
    )


def _is_key(value: bytes) -> bool:
    """Return whether the value is 16 bytes in base64 (RFC 6455 section 4.1)."""
    try:
        return len(value) == 24 and len(b64decode(value, validate=True)) == 16
    except ValueError:
        return False


def only_trailers(fields: list[Field]) -> list[Field]:
    """Return the headers with no word but `trailers` in TE, since no transfer coding is decoded here."""
    kept = []
    for field in fields:
        if field.kind == TE:
            if b"trailers" not in [word.strip(b" \t") for word in field.value.split(b",")]:
                continue
            field = Field(field.name, b"trailers")
        kept.append(field)
    return kept


def _agree(request: RequestHead, lenient: bool) -> None:
    if request.method == b"PRI":
        raise BadMessage(400, "the beginning of HTTP/2's preface")  # RFC 9113 section 11.5 reserves the method
    try:
        target, host = agreed(request.method, request.target, request.authority, lenient)
    except Mismatch as error:
        raise BadMessage(400, str(error), len(request.method) + 1) from None
    request.target = target
    if host != request.authority and host is not None:
        request.authority = host
        request.fields = [Field(f.name, host) if f.kind == HOST else f for f in request.fields]


def start_trouble(data: bytes, lenient: bool) -> tuple[str, int]:
    """Return the reason why the bytes begin with no request line, and the index of the first wrong byte."""
    matched = (PARTIAL_LENIENT if lenient else PARTIAL).match(data)
    at = matched.end() if matched else 0
    method, target, version = matched.groups() if matched else (None, None, None)
    if version and data[at : at + 1] in (b"\r", b"\n"):
        return "a version that is none", matched.start(3) if matched else at
    if at == len(data) or data[at : at + 1] == b"\n":
        return "a request line without a version" if target else "a request line that ends early", at
    if not method or (not target and data[len(method) : len(method) + 1] not in (b" ", b"\t")):
        return "a byte that no method may have", at
    if target is None or version is None:
        return "a byte that no target may have", at
    return "a version that is none", at
