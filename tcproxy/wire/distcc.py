"""Requests of distcc, the distributed C compiler: a sequence of tokens (distcc's doc/protocol-1.txt).

A token is 4 letters and a parameter of 8 hexadecimal digits. Of most tokens, the parameter is the size of a body that
follows.
"""

from __future__ import annotations

from typing import NamedTuple

from tcproxy.wire.unread import NEVER, NOT_YET, Unread

NAME_SIZE = 4
_SIZE = NAME_SIZE + 8
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")
_BARE = frozenset((b"ARGC", b"DIST", b"DONE", b"NFIL", b"STAT"))
"""Tokens without a body."""


class Token(NamedTuple):
    """A token: its parameter, and where its body begins and ends in the data; the end may not have come yet."""

    parameter: int
    start: int
    end: int


def find_token(data: bytes, name: bytes, occurrence: int, room: int) -> Token | Unread:
    """Return the token of this name, the first (1) or a later one. room: bytes that are read at the most.

    NEVER: a parameter is no number, or the next token would lie beyond what is read.
    """
    at = 0
    while at + _SIZE <= len(data):
        digits = data[at + NAME_SIZE : at + _SIZE]
        if not _HEXADECIMAL.issuperset(digits):
            return NEVER
        parameter = int(digits, 16)
        found = data[at : at + NAME_SIZE]
        start = at + _SIZE
        at = start if found in _BARE else start + parameter
        if found == name:
            occurrence -= 1
            if not occurrence:
                return Token(parameter, start, at)
    return NOT_YET if at + _SIZE <= room else NEVER
