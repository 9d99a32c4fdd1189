"""Header lines: they are checked, read and written here, and lines that come often are remembered.

RFC 9110 section 5 and RFC 9112 section 5, with HAProxy's choices: names are written in lower case, spaces around
values are dropped, a bare LF ends a line, and a folded line is joined to the one before by as many spaces as the line
break had bytes. What a header means for its message is decided in request.py and response.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tcproxy.wire import messages

HOST, LENGTH, ENCODING, CONNECTION, UPGRADE, TE, EXPECT, KEY, ACCEPT, ONLY_CLOSE, ONLY_KEEP = (
    1 << bit for bit in range(11)
)

KINDS: Mapping[bytes, int] = {
    b"host": HOST,
    b"content-length": LENGTH,
    b"transfer-encoding": ENCODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"te": TE,
    b"expect": EXPECT,
    b"sec-websocket-key": KEY,
    b"sec-websocket-accept": ACCEPT,
}
"""Headers that tell the codec how to read or write a message."""

ALONE: Mapping[bytes, int] = {b"close": CONNECTION | ONLY_CLOSE, b"keep-alive": CONNECTION | ONLY_KEEP}
"""Connection headers of one word: nearly all have one."""

SECRETS = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"sec-websocket-key"))
"""Headers whose values are never kept in a store."""

TOKEN_BYTE = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TOKEN = TOKEN_BYTE + rb"++"
"""A word of methods and names: RFC 9110 section 5.6.2."""

STRICT = re.compile(rb"(" + TOKEN_BYTE + rb"{1,255}+):([^\r\n\0]*+)")
LENIENT = re.compile(rb"([^:\r\n\0 \t][^:\r\n\0]{0,254}+):([^\r\n]*+)")
"""HAProxy refuses names of more than 255 bytes."""
BREAK = re.compile(rb"(\r?\n)([ \t])|\r?\n")
"""The end of a line. The second group matches where the next line continues this one (a folded line)."""

KNOWN_LINES = 2048
RECENT_LINES = 1024
KNOWN_LENGTH = 256


class OddLine(ValueError):
    """A line cannot be read as a header by itself: it is folded, ends with a bare LF, or is wrong."""


class Field(messages.Field):
    """One header, and its line. Never changed.

    wire: its bytes as they are forwarded. kind: what it is to a codec, see KINDS and ALONE.
    """

    __slots__ = ("kind", "wire")

    def __init__(self, name: bytes, value: bytes) -> None:
        """`name` in lower case."""
        super().__init__(name, value)
        self.wire = b"%b: %b\r\n" % (name, value)
        self.kind = KINDS.get(name, 0)
        if self.kind == CONNECTION:
            self.kind = ALONE.get(value.lower(), CONNECTION)


class KnownFields:
    """A store of header lines as they came, with the Field of each, for lines that come again and again.

    Most lines of most requests came before, so that checking and reading a line is one look-up. A line is kept when it
    comes a second time soon after the first. Long lines and secrets are never kept. A full store is emptied, so that no
    peer can make it grow. missed: how many lines were not in the store up to now.
    """

    __slots__ = ("_get", "_match", "_names", "_recent", "_store", "lenient", "missed")

    def __init__(self, lenient: bool = False) -> None:
        self.lenient = lenient
        self.missed = 0
        self._match = (LENIENT if lenient else STRICT).fullmatch
        self._store: dict[bytes, Field] = {}
        self._get = self._store.get
        self._recent: set[int] = set()
        self._names: dict[bytes, tuple[bytes, int, bool]] = {}

    def __len__(self) -> int:
        return len(self._store)

    def read(self, lines: Iterable[bytes]) -> list[Field]:
        """Return the headers of whole lines, given without their line ends. Raises OddLine."""
        get, learn = self._get, self._learn
        return [get(line) or learn(line) for line in lines]

    def _learn(self, line: bytes) -> Field:
        self.missed += 1
        written, colon, value = line.partition(b":")
        known = self._names.get(written)
        if known is None or not colon or b"\0" in value or b"\r" in value or b"\n" in value:
            return self._learn_by_pattern(line)
        name, kind, secret = known
        field = Field.__new__(Field)
        field.name = name
        field.value = value = value.strip(b" \t")
        field.kind = ALONE.get(value.lower(), kind) if kind == CONNECTION else kind
        field.wire = b"%b: %b\r\n" % (name, value)
        if not secret and len(line) <= KNOWN_LENGTH:
            self._keep(line, field)
        return field

    def _keep(self, line: bytes, field: Field) -> None:
        """Keep a line if it came a short while ago."""
        mark, recent = hash(line), self._recent
        if mark in recent:
            if len(self._store) >= KNOWN_LINES:
                self._store.clear()
            self._store[line] = field
        elif len(recent) >= RECENT_LINES:
            recent.clear()
        recent.add(mark)

    def _learn_by_pattern(self, line: bytes) -> Field:
        """Read a line that has a new name, or is odd. Raises OddLine."""
        matched = self._match(line)
        if matched is None:
            raise OddLine
        written, value = matched.groups()
        name = written.lower()
        if self.lenient and name.rstrip() != name and name.rstrip() in KINDS:
            raise OddLine  # others would take it for the header that it resembles: RFC 9112 section 5.1
        if len(self._names) >= KNOWN_LINES:
            self._names.clear()
        self._names[written] = (name, KINDS.get(name, 0), name in SECRETS)
        return Field(name, value.strip(b" \t"))


def unfolded(text: bytes) -> bytes:
    """Return the lines with CRLF at the end of each, and folded lines joined to the line before."""
    return BREAK.sub(_joined, text)


def _joined(matched: re.Match[bytes]) -> bytes:
    if matched[2]:
        return b" " * len(matched[1]) + matched[2]
    return b"\r\n"


def trouble(text: bytes, lenient: bool, continued: bool = False) -> tuple[int, str] | None:
    """Return the position and the reason of the first fault in a block of header lines; None without a fault.

    continued: header lines stand before the block, so that its first line may be a folded one.
    """
    at = 0
    pattern = LENIENT if lenient else STRICT
    for number, line in enumerate(text.split(b"\n")):
        content = line[:-1] if line.endswith(b"\r") else line
        folded = (number > 0 or continued) and content[:1] in (b" ", b"\t")
        told = _trouble_in(b"x:" + content, pattern, 2) if folded else _trouble_in(content, pattern, 0)
        if told:
            return at + told[0], told[1]
        at += len(line) + 1
    return None


def _trouble_in(line: bytes, pattern: re.Pattern[bytes], prefix: int) -> tuple[int, str] | None:
    matched = pattern.match(line)
    if matched is None:
        name = re.match(TOKEN_BYTE + rb"{0,255}", line)
        at = name.end() if name else 0
        if at == len(line):
            return at, "a header line without a colon"
        return at, "a header line without a name" if line[:1] == b":" else "a byte that no header name may have"
    if matched.end() < len(line):
        return matched.end() - prefix, "a byte that no header value may have"
    name_bytes = matched[1].lower()
    if name_bytes.rstrip() != name_bytes and name_bytes.rstrip() in KINDS:
        return len(name_bytes.rstrip()), "a space before the colon"
    return None
