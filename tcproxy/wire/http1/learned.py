"""Learned templates: heads with the same header names in the same order are read by one pattern, and written by one
format.

A client sends the same header lines with each of its requests, and a server with its responses. A template is learned
once heads of it came a few times; it then reads and writes any head of these names, whatever the values are, and keeps
no value. A head that no template matches is read by request.py and response.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .fields import ALONE, CONNECTION, HOST, KINDS, LENGTH, ONLY_CLOSE, TOKEN
from .limits import CodecLimits
from .templates import Template

MOST = 6
"""Templates of as many lines: a head of none of them costs a try each."""
MOST_IN_ALL = 48
OFTEN = 6
"""Heads of the same names before their template is learned: making a pattern takes long."""
MOST_COUNTED = 64
LONGEST = 4096
"""Bytes of the longest head that a template is learned from."""

REQUEST = rb"(?!CONNECT )(" + TOKEN + rb") (/[!-\"$-~]*+) HTTP/1\.1\r\n"
RESPONSE = rb"HTTP/1\.1 ([2-9][0-9][0-9]) ((?! )[^\r]*+)\r\n"
VALUE = rb"([^ \r][^\r]*+)(?<! )"
"""Sets that leave out one byte are quick to match; `LearnedTemplates.find` looks for LFs, NULs and tabs afterwards."""
DIGITS = rb"([0-9]{1,18})"
PLAIN = re.compile(TOKEN + rb": (?![ \t])[^\r\n\0]*+(?<![ \t])")
BODYLESS = (b"HEAD", b"CONNECT")
"""Methods whose responses are framed by more than their headers."""
NO_BODIES = (b"204", b"304")
"""Statuses of responses without a body."""


class LearnedTemplate(Template):
    """A template that also reads. Values are the groups of its pattern: two of the start line, one of each header.

    host, length: index in `parts` of Host and Content-Length, -1 without one. keep_alive: what the Connection header
    says, which is part of the pattern. match: of the pattern, which takes some heads that `LearnedTemplates.find` does
    not. lines: how many a whole head has. overhead: bytes that HAProxy counts besides those of the head as it came.
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


NONE = LearnedTemplate(rb"(?!)", ())
"""Matches no head."""


class LearnedTemplates:
    """The templates that one codec has learned. by_size: number of lines -> templates.

    last: the template of the head before, which is tried first. safe: a head of fewer bytes fits a buffer in any case.
    """

    __slots__ = ("_counts", "_limits", "_start", "by_size", "last", "safe")

    def __init__(self, limits: CodecLimits, start: bytes) -> None:
        self._limits = limits
        self._start = start
        self.safe = limits.safe
        self.last = NONE
        self.by_size: dict[int, list[LearnedTemplate]] = {}
        self._counts: dict[tuple[bytes, ...], int] = {}

    def find(self, data: bytes) -> tuple[LearnedTemplate, re.Match[bytes], int] | None:
        """Return the template of the head that the bytes begin with, the match, and the index behind the head.

        Return None where no template matches.
        """
        template = self.last
        matched = template.match(data)
        if matched is None:
            found = self._another(data)
            if found is None:
                return None
            template, matched = found
        end = matched.end()
        head = data[:end]
        if end < self.safe and head.count(b"\n") == template.lines and 0 not in head and 9 not in head:
            return template, matched, end
        return None

    def _another(self, data: bytes) -> tuple[LearnedTemplate, re.Match[bytes]] | None:
        end = data.find(b"\r\n\r\n")
        templates = self.by_size.get(data.count(b"\r\n", 0, end), []) if end > 0 else []
        for template in templates:
            matched = template.match(data)
            if matched is not None:
                templates.remove(template)
                templates.insert(0, template)
                self.last = template
                return template, matched
        return None

    def forget(self) -> None:
        """Drop all templates."""
        self.by_size.clear()
        self.last = NONE

    def learn(self, head: bytes) -> None:
        """Count a whole head that no template matched; learn its template once such heads came often."""
        lines = head[:-4].split(b"\r\n")[1:]
        parts = [line.partition(b": ") for line in lines]
        key = tuple([value if name in CONNECTIONS else name for name, _, value in parts])
        count = self._counts.get(key, 0) + 1
        if count >= OFTEN:
            count = 0
            if self._is_plain(lines):
                self._add(LearnedTemplate(self._start, lines), len(lines))
        elif count == 1 and len(self._counts) >= MOST_COUNTED:
            self._counts.clear()
        self._counts[key] = count

    def _add(self, template: LearnedTemplate, size: int) -> None:
        if sum(map(len, self.by_size.values())) >= MOST_IN_ALL:
            self.forget()
        templates = self.by_size.setdefault(size, [])
        templates.insert(0, template)
        del templates[MOST:]

    def _is_plain(self, lines: Sequence[bytes]) -> bool:
        """Return whether a template may read heads like this one.

        It may if no header but Host, Content-Length and Connection tells how to read the message, each of them once.
        """
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
