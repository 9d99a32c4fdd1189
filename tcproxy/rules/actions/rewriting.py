"""What actions put in the place of a regular expression's match: texts with `\\0` to `\\9` in them (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tcproxy.rules.actions.rows import ActionWords, Assembly, Exchange
from tcproxy.samples.formats import Format
from tcproxy.samples.patterns.regexes import Found, compile_search
from tcproxy.samples.substitutions import joined, parted

Search: TypeAlias = "Callable[[bytes], Found | None]"
"""Finds a regular expression."""
Rewrite: TypeAlias = "Callable[[Found, Exchange], bytes | None]"
"""Writes the replacement of a match; None where the text is none that can be written."""


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
    return lambda match, exchange: joined(match, groups, pieces)


def expanded(match: Found, groups: int, text: bytes) -> bytes | None:
    """Return a replacement with the groups of a match in the places of its references; None for a malformed one."""
    if b"\\" not in text:
        return text
    pieces = parted(text)
    return None if pieces is None else joined(match, groups, pieces)
