"""The corpus: raw messages as lines of text, one a message, and how to read them.

A line is the message with Python's escapes (`\\r\\n`, `\\x00`); `{300*a}` stands for 300 times `a`; a line that
begins with `#` says what follows. In files of responses `@NAME` says which request of REQUESTS the ones below answer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("corpus")

REQUESTS = {
    "GET": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET-close": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET-1.0": b"GET / HTTP/1.0\r\n\r\n",
    "GET-1.0-keep": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HEAD": b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD-1.0-keep": b"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "CONNECT": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "UPGRADE": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
}


def written(data: bytes) -> str:
    """Return a message as a line of the corpus."""
    text = re.sub(rb"(.)\1{39,}", lambda run: b"\x00{%d*%b}\x00" % (len(run[0]), run[1]), data, flags=re.S)
    parts = text.split(b"\x00{")
    line = _escaped(parts[0])
    for part in parts[1:]:
        macro, _, rest = part.partition(b"}\x00")
        line += "{" + _escaped(macro) + "}" + _escaped(rest)
    return line


def _escaped(data: bytes) -> str:
    return data.decode("latin-1").encode("unicode_escape").decode()


def unwritten(line: str) -> bytes:
    """Return the message that a line of the corpus tells."""
    many = re.sub(r"\{(\d+)\*(.+?)\}", lambda macro: macro[2] * int(macro[1]), line)
    return many.encode("latin-1").decode("unicode_escape").encode("latin-1")


class Entry(NamedTuple):
    """One line of the corpus. section: the remark above it. asked: the request that it answers, for a response."""

    section: str
    asked: str
    message: bytes


def entries(name: str) -> list[Entry]:
    """Return the lines of one file of the corpus."""
    found = []
    section, asked = "", "GET"
    for line in (FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines():
        if line.startswith("@"):
            asked = line[1:]
        elif line.startswith("#"):
            section = line[2:]
        elif line:
            found.append(Entry(section, asked, unwritten(line)))
    return found


def requests(name: str = "requests") -> list[bytes]:
    """Return the requests of one file of the corpus."""
    return [entry.message for entry in entries(name)]


def responses(name: str = "responses") -> list[tuple[str, bytes]]:
    """Return the responses of one file of the corpus, each with the name of the request it answers."""
    return [(entry.asked, entry.message) for entry in entries(name)]
