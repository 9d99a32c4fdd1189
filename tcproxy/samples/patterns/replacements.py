r"""Texts with back references (`\1`) to what a regular expression found, as map_regm and the rules of replacement have.

`\0` is all that was found, `\1` to `\9` are groups; `\xHH` is a byte; a backslash before another letter is that letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Replace: TypeAlias = Callable[["re.Match[bytes]"], bytes]
"""Makes the text of a match."""

_PART = re.compile(rb"(?P<plain>[^\\]+)|\\(?:(?P<group>[0-9])|x(?P<hex>..)|(?P<letter>[^x]))", re.DOTALL)


def read_replacement(text: bytes) -> Replace | None:
    """Return the function that makes the text of a match; None for one that ends within an escape: it gives no text."""
    parts: list[bytes | int] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        at = part.end()
        if part["group"]:
            parts.append(int(part["group"]))
        elif part["hex"]:
            parts.append(_byte(part["hex"]))
        else:
            parts.append(part["plain"] or part["letter"])
    return _joining(parts)


def _byte(digits: bytes) -> bytes:
    """Return the byte of two hexadecimal digits; other letters give what they give in HAProxy."""
    high, low = (_digit(byte) for byte in digits.upper())
    return bytes(((high << 4) + low & 0xFF,))


def _digit(letter: int) -> int:
    value = letter - ord("0") & 0xFF
    return value - 7 & 0xFF if value > 9 else value


def _joining(parts: list[bytes | int]) -> Replace:
    if all(isinstance(part, bytes) for part in parts):
        fixed = b"".join(part for part in parts if isinstance(part, bytes))
        return lambda match: fixed

    def replace(match: re.Match[bytes]) -> bytes:
        groups = match.re.groups
        return b"".join(
            part if isinstance(part, bytes) else (match[part] or b"") if part <= groups else b"" for part in parts
        )

    return replace
