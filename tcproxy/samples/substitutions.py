r"""The converter `regsub`, and the texts that replace what a regular expression matched: `\0` to `\9`, `\xHH`.

Texts are those of HAProxy's actions that replace (manual 7.3.1, `http-request replace-header`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.patterns.regexes import compile_search
from tcproxy.samples.rows import Convert, Converter

if TYPE_CHECKING:
    from tcproxy.samples.patterns.regexes import Found


Expand = Callable[["Found"], bytes]
"""Returns the text that stands in for a match."""

_DIGITS = frozenset(b"0123456789")


def read_substitution(text: bytes, groups: int) -> Expand:
    """Return the function of a text with references to groups. Raises ValueError.

    groups: how many the regular expression has; a reference to another one stands for nothing.
    """
    pieces = parted(text)
    if pieces is None:
        raise ValueError(f"'{decode(text)}' ends within a backslash's sequence")
    constants = [piece for piece in pieces if isinstance(piece, bytes)]
    if len(constants) == len(pieces):
        whole = b"".join(constants)
        return lambda found: whole
    return lambda found: joined(found, groups, pieces)


def joined(match: Found, groups: int, pieces: list[bytes | int]) -> bytes:
    """Return a text with the groups of a match in the places of their numbers; those that it has not are nothing."""
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
        if following[0] in _DIGITS:
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


def _regsub(pattern: bytes = b"", text: bytes = b"", flags: bytes = b"") -> Convert:
    """Return the converter that replaces the first match, or with the flag `g` all of them."""
    if not pattern:
        raise ValueError("the regular expression is missing")
    for flag in decode(flags):
        if flag not in "ig":
            raise ValueError(f"the flag '{flag}' is none of i and g")
    search = compile_search(pattern, b"i" in flags)
    expand = read_substitution(text, search.groups)
    again = b"g" in flags

    def replace(value: Value) -> Value | None:
        rest = bytes_of(value)
        found = search.first(rest)
        pieces = []
        while found is not None:
            start, end = found.span()
            pieces += [rest[:start], expand(found)]
            if not rest:
                break
            if start == end:  # it stands before a byte, which stays
                pieces.append(rest[end : end + 1])
                end += 1
            rest = rest[end:]
            found = search.later(rest) if again else None
        return b"".join([*pieces, rest])

    return replace


CONVERTERS = (
    Converter(
        "regsub", Kind.STR, Kind.STR, "The text with matches of a regular expression replaced.",
        build=_regsub, arguments=(ArgumentType.REGEX, ArgumentType.STRING, ArgumentType.STRING), required=2,
    ),
)  # fmt: skip
