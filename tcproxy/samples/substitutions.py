r"""The converter `regsub`, and the texts that replace what a regular expression matched: `\0` to `\9`, `\xHH`.

Texts are those of HAProxy's actions that replace (manual 7.3.1, `http-request replace-header`).
"""

from __future__ import annotations

import re
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

_PIECE = re.compile(rb"\\(?:([0-9])|x(..)|([^x]))|([^\\]+)", re.DOTALL)


def read_substitution(text: bytes, groups: int) -> Expand:
    """Return the function of a text with references to groups. Raises ValueError.

    groups: how many the regular expression has; a reference to another one stands for nothing.
    """
    parts: list[bytes | int] = []
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:
            raise ValueError(f"'{decode(text)}' ends within a backslash's sequence")
        at = match.end()
        if match[1]:
            number = int(match[1])
            parts += [number] if number <= groups else []
        else:
            parts.append(_byte(match[2]) if match[2] else match[3] or match[4])
    constants = [part for part in parts if isinstance(part, bytes)]
    if len(constants) == len(parts):
        whole = b"".join(constants)
        return lambda found: whole
    return lambda found: b"".join(part if isinstance(part, bytes) else found[part] or b"" for part in parts)


def _byte(digits: bytes) -> bytes:
    """Return the byte of two hexadecimal digits; other letters count as HAProxy counts them."""
    high, low = (_digit(digit) for digit in digits)
    return bytes([((high << 4) + low) & 0xFF])


def _digit(byte: int) -> int:
    number = (bytes([byte]).upper()[0] - ord("0")) & 0xFF
    return number if number <= 9 else (number - 7) & 0xFF


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
