"""What actions put in the place of a regular expression's match: texts with `\\0` to `\\9` in them (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tcproxy.rules.actions.rows import ActionWords, Assembly, Exchange
from tcproxy.samples.formats import Format
from tcproxy.samples.patterns.regexes import Found, compile_search

Search: TypeAlias = "Callable[[bytes], Found | None]"
"""Finds a regular expression."""
Rewrite: TypeAlias = "Callable[[Found, Exchange], bytes | None]"
"""Writes the replacement of a match; None where the text is none that can be written."""

DIGITS = frozenset(b"0123456789")
_BACKSLASH = 0x5C


def read_search(words: ActionWords) -> tuple[Search, int]:
    """Take a regular expression; return what finds it, and how many groups it has."""
    at = words.at
    text = words.word("a regular expression")
    try:
        found = compile_search(text.encode("utf-8", "surrogateescape"), False)
    except ValueError as wrong:
        raise words.refuse(str(wrong), at) from None
    return found.first, found.groups


def rewriting(form: Format, groups: int, assembly: Assembly) -> Rewrite:
    """Return what writes the replacement that a format describes: references count in samples' values, too."""
    text = assembly.text(form)
    if form.expressions or form.variables:
        return lambda match, exchange: expanded(match, groups, text(exchange))
    fixed = "".join(piece.text for piece in form.pieces).encode("utf-8", "surrogateescape")
    if b"\\" not in fixed:
        return lambda match, exchange: fixed
    pieces = parted(fixed)
    if pieces is None:
        return lambda match, exchange: None
    return lambda match, exchange: _joined(match, groups, pieces)


def expanded(match: Found, groups: int, text: bytes) -> bytes | None:
    """Return a replacement with the groups of a match in the places of its references; None for a malformed one."""
    if b"\\" not in text:
        return text
    pieces = parted(text)
    return None if pieces is None else _joined(match, groups, pieces)


def _joined(match: Found, groups: int, pieces: list[bytes | int]) -> bytes:
    out = []
    for piece in pieces:
        if isinstance(piece, bytes):
            out.append(piece)
        elif piece <= groups:
            out.append(match[piece] or b"")
    return b"".join(out)


def parted(text: bytes) -> list[bytes | int] | None:
    """Cut a replacement into texts and numbers of groups. None: it ends within an escape.

    A backslash stands before the number of a group, before `x` and two hexadecimal digits, or before any byte that
    means itself.
    """
    pieces: list[bytes | int] = []
    at = 0
    while True:
        mark = text.find(b"\\", at)
        if mark < 0:
            pieces.append(text[at:])
            return pieces
        pieces.append(text[at:mark])
        following = text[mark + 1 : mark + 2]
        if not following:
            return None
        at = mark + 2
        if following[0] in DIGITS:
            pieces.append(following[0] - 0x30)
        elif following == b"x":
            if len(text) < at + 2:
                return None
            pieces.append(bytes([(_hex(text[at]) * 16 + _hex(text[at + 1])) & 0xFF]))
            at += 2
        else:
            pieces.append(following)


def _hex(letter: int) -> int:
    """Return the value of a hexadecimal digit; of any other byte, what HAProxy makes of it."""
    value = bytes([letter]).upper()[0] - 0x30
    value &= 0xFF
    return value - 7 if value > 9 else value
