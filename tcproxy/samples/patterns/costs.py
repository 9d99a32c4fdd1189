"""How long the standard library's `re` may take for a pattern: it has no limit of steps, as PCRE2 has.

A pattern is cut into the parts that regexes.py trusts; what a hostile value can make of them is estimated, rather
too high than too low.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STEPS = 1_000_000
"""About how many steps `re` may take for one value: some milliseconds."""
_MANY = 8
"""A repeat of up to this many times is taken as text written out."""

_PART = re.compile(
    rb"""
      (?P<single> \\ (?: x[0-9a-fA-F]{2} | [^bBx] ) | \[ \^? \]? (?: \\. | [^\\\]] )* \] | [^\\\[{()*+?|^$] )
    | (?P<open> \( (?: \?[:=!] )? )
    | (?P<close> \) )
    | (?P<either> \| )
    | (?P<repeat> [*+?] \?? | \{ (?P<low> [0-9]+ ) (?: , (?P<high> [0-9]* ) )? \} \?? )
    | (?P<edge> \^ | \$ | \\[bB] )
    """,
    re.VERBOSE | re.DOTALL,
)


class _Part(NamedTuple):
    kind: str
    text: bytes
    low: int = 0
    high: int | None = None


def longest_for_re(pattern: bytes) -> int | None:
    """Return how many bytes a value may have so that `re` ends soon.

    None: any number. 0: the pattern is for PCRE2 alone, since the time may grow exponentially, or cannot be told.
    """
    parts = _parts(pattern.removeprefix(b"(?i)"))
    if parts is None:
        return 0
    anchored = bool(parts) and parts[0].text == b"^" and not any(part.kind == "either" for part in parts)
    loops = options = 0
    scans = False
    for at, part in enumerate(parts):
        if part.kind != "repeat" or at == 0 or parts[at - 1].kind == "edge":
            continue
        if parts[at - 1].kind != "single" and (part.low, part.high) != (0, 1) and not _is_fixed(parts, at - 1):
            return 0
        if part.low == part.high or _is_last(parts, at):
            continue
        if part.high is not None and part.high <= _MANY:
            options += part.high - part.low
        elif parts[at - 1].kind == "single" and _ends_by_itself(parts, at):
            scans = True  # one after another: they add up, and do not multiply
        else:
            loops += 1
    if options > _MANY:
        return 0
    return _longest(loops + scans + (not anchored), STEPS >> options)


def _is_fixed(parts: list[_Part], close: int) -> bool:
    """Return whether the group that ends here matches texts of one length, in one way: it has no repeats, and no |."""
    depth, at = 1, close
    while depth and at:
        at -= 1
        part = parts[at]
        if part.kind == "either" or (part.kind == "repeat" and part.low != part.high):
            return False
        depth += {"open": -1, "close": 1}.get(part.kind, 0)
    return depth == 0


def _longest(power: int, steps: int) -> int | None:
    """Return the length of which the power is about `steps`; 0 where hardly any value is so short."""
    if power <= 1:
        return None
    longest = int(steps ** (1 / power))
    return longest if longest >= 32 else 0


def _parts(pattern: bytes) -> list[_Part] | None:
    found = []
    at = 0
    while at < len(pattern):
        match = _PART.match(pattern, at)
        if match is None:
            return None
        at = match.end()
        kind, text = str(match.lastgroup), match[0]
        if match["repeat"]:
            found.append(_repeat(match))
        else:
            found.append(_Part(kind, text))
    return found


def _repeat(match: re.Match[bytes]) -> _Part:
    text = match[0]
    if match["low"]:
        low = int(match["low"])
        high = low if match["high"] is None else int(match["high"]) if match["high"] else None
        return _Part("repeat", text, low, high)
    return _Part("repeat", text, int(text[:1] == b"+"), 1 if text[:1] == b"?" else None)


def _behind(parts: list[_Part], at: int) -> int:
    """Return the place of what follows this one, the ends of groups passed over."""
    behind = at + 1
    while behind < len(parts) and parts[behind].kind == "close":
        behind += 1
    return behind


def _is_last(parts: list[_Part], at: int) -> bool:
    """Return whether a match is found wherever the repeat at this place ends."""
    return _behind(parts, at) == len(parts) and not any(part.text in (b"(?=", b"(?!") for part in parts)


def _ends_by_itself(parts: list[_Part], at: int) -> bool:
    """Return whether the repeat at this place can end at one place only: what must follow is none of its bytes."""
    behind = _behind(parts, at)
    if behind == len(parts) or parts[behind].kind != "single":
        return False
    if behind + 1 < len(parts) and parts[behind + 1].kind == "repeat" and parts[behind + 1].low == 0:
        return False
    return not _bytes_of(parts[at - 1].text) & _bytes_of(parts[behind].text)


def _bytes_of(single: bytes) -> frozenset[int]:
    """Return the bytes that a part of one byte matches, in any case."""
    try:
        matches = re.compile(single, re.IGNORECASE).fullmatch
    except re.error:
        return frozenset(range(256))
    return frozenset(byte for byte in range(256) if matches(bytes((byte,))))
