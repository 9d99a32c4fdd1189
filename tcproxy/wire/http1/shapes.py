"""Heads of a shape: most heads have the names of others, in the same order, and only other values.

A client sends the same header lines with each of its requests, and a server with its responses. Once such a shape came
a few times, one pattern reads a head of it and one format writes it, whatever the values are; nothing of these is kept.
A head of another shape, or odd in any way, is none: request.py and response.py tell what it means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .fields import ALONE, CONNECTION, HOST, KINDS, LENGTH, ONLY_CLOSE
from .limits import Limits
from .templates import Template

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
RESPONSE = rb"HTTP/1\.1 ([2-9][0-9][0-9]) ((?! )[^\r]*+)\r\n"
VALUE = rb"([^ \r][^\r]*+)(?<! )"
"""Sets of one byte are quick to match; LFs, NULs and tabs in a head are looked for afterwards (`Shapes.find`)."""
DIGITS = rb"([0-9]{1,18})"
PLAIN = re.compile(TOKEN + rb": (?![ \t])[^\r\n\0]*+(?<![ \t])")
BODYLESS = (b"HEAD", b"CONNECT")
"""Methods whose responses are framed by more than their headers."""
NO_BODIES = (b"204", b"304")
"""Statuses of responses without a body."""


class Shape(Template):
    """The header lines of a shape. Values are the groups of its pattern: two of the start line, one of each header.

    host, length: which group they are, -1 for none. keep_alive: what its Connection header says. match: the pattern's,
    which takes more than `Shapes.find` does. lines: of a whole head. overhead: bytes that statistics count beside those
    of the whole head as it came.
    """

    __slots__ = ("host", "keep_alive", "length", "lines", "match", "overhead")

    def __init__(self, start: bytes, lines: Sequence[bytes]) -> None:
        pattern = [start]
        names: list[bytes] = []
        self.host = self.length = -1
        self.keep_alive = True
        self.overhead = 15
        for line in lines:
            name, _, value = line.partition(b": ")
            lower = name.lower()
            kind = KINDS.get(lower, 0)
            if kind == CONNECTION:
                self.keep_alive = not ALONE[value.lower()] & ONLY_CLOSE
                pattern.append(re.escape(line))
                self.overhead -= len(line) + 2
            else:
                if kind:
                    setattr(self, "host" if kind == HOST else "length", len(names) + 2)
                names.append(lower)
                pattern.append(re.escape(name) + b": " + (DIGITS if kind == LENGTH else VALUE))
                self.overhead -= 4
            pattern.append(rb"\r\n")
        super().__init__(names, b"HTTP/1.1 %b %b\r\n" if start is RESPONSE else b"%b %b HTTP/1.1\r\n")
        self.match = re.compile(b"".join([*pattern, rb"\r\n"])).match
        self.lines = len(lines) + 2


NONE = Shape(rb"(?!)", ())
"""No head has this shape."""


class Shapes:
    """The shapes that one side's codec knows, by their number of lines; the one that came last is tried first.

    last: that one. safe: bytes of a head that fits in any case.
    """

    __slots__ = ("_counts", "_limits", "_start", "by_size", "last", "safe")

    def __init__(self, limits: Limits, start: bytes) -> None:
        self._limits = limits
        self._start = start
        self.safe = limits.safe
        self.last = NONE
        self.by_size: dict[int, list[Shape]] = {}
        self._counts: dict[tuple[bytes, ...], int] = {}

    def find(self, data: bytes) -> tuple[Shape, re.Match[bytes], int] | None:
        """Return the shape of the head that bytes begin with, what was matched, and the head's end; None without."""
        shape = self.last
        matched = shape.match(data)
        if matched is None:
            found = self._another(data)
            if found is None:
                return None
            shape, matched = found
        end = matched.end()
        head = data[:end]
        if end < self.safe and head.count(b"\n") == shape.lines and 0 not in head and 9 not in head:
            return shape, matched, end
        return None

    def _another(self, data: bytes) -> tuple[Shape, re.Match[bytes]] | None:
        end = data.find(b"\r\n\r\n")
        shapes = self.by_size.get(data.count(b"\r\n", 0, end), []) if end > 0 else []
        for shape in shapes:
            matched = shape.match(data)
            if matched is not None:
                shapes.remove(shape)
                shapes.insert(0, shape)
                self.last = shape
                return shape, matched
        return None

    def forget(self) -> None:
        """Know no shape any more."""
        self.by_size.clear()
        self.last = NONE

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
            self.forget()
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
