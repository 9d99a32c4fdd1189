"""Arguments of fetches: their types, how they are cut from `name(first,second)`, and what they refer to.

Whether a backend or a server that an argument names exists is known only when all sections are read: such an
argument becomes a Reference, which whoever joins the sections checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from tcproxy.grammar.networks import packed_address
from tcproxy.samples.kinds import INT64_MAX, INT64_MIN, Value, encode


class ArgumentType(Enum):
    """Types of arguments, by the words that HAProxy prints in its list of fetches."""

    INTEGER = "integer"
    STRING = "string"
    IPV4 = "IPv4 address"
    IPV6 = "IPv6 address"
    FRONTEND = "frontend"
    BACKEND = "backend"
    SERVER = "server"
    MASK4 = "IPv4 mask"
    MASK6 = "IPv6 mask"
    REGEX = "regex"
    FIELD = "Protocol buffers field number"
    TABLE = "table"
    USERLIST = "user list"

    @property
    def refers(self) -> bool:
        """True when it names a proxy, a server or a userlist; a proxy left out means the current one."""
        return self in (ArgumentType.FRONTEND, ArgumentType.BACKEND, ArgumentType.SERVER, ArgumentType.USERLIST)


@dataclass(frozen=True, slots=True)
class Reference:
    """A proxy, server or userlist that an argument names. section: where it stands; backend: "" is that section.

    name: of the frontend, backend or userlist, or of the server in `backend`. groups: those of the userlist that a test
    names.
    """

    type: ArgumentType
    section: str
    backend: str
    name: str
    word: str
    groups: tuple[str, ...] = ()


Argument = Value | Reference

_TEXTS = frozenset((ArgumentType.STRING, ArgumentType.REGEX, ArgumentType.FIELD))
_ESCAPES = MappingProxyType({"\\": "\\", " ": " ", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"})


def split(text: str) -> tuple[list[str], str]:
    """Cut `first,second)rest` behind the opening parenthesis; return the arguments and the rest.

    Quotes keep commas and parentheses; a backslash keeps a backslash, space or quote, and makes a line feed of `n`, a
    carriage return of `r`, a tab of `t`. Raises ValueError without a closing parenthesis or quote.
    """
    found = [""]
    quote = ""
    index = 0
    while index < len(text):
        letter = text[index]
        following = text[index + 1 : index + 2]
        if letter == "\\" and quote != "'" and following in _ESCAPES:
            found[-1] += _ESCAPES[following]
            index += 1
        elif letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        elif quote:
            found[-1] += letter
        elif letter == ")":
            return found, text[index + 1 :]
        elif letter == ",":
            found.append("")
        else:
            found[-1] += letter
        index += 1
    raise ValueError("the closing quote is missing" if quote else "the closing parenthesis is missing")


def read(kind: ArgumentType, text: str, section: str) -> Argument:
    """Return the value of one argument in the proxy `section`. Raises ValueError."""
    if kind is ArgumentType.INTEGER:
        return _integer(text)
    if kind in _TEXTS:
        return encode(text)  # who builds the fetch or the converter reads it
    if kind.refers:
        return _reference(kind, text, section)
    if kind in (ArgumentType.MASK4, ArgumentType.MASK6):
        return read_mask(text, 4 if kind is ArgumentType.MASK4 else 16)
    packed = packed_address(text)
    if packed is None or len(packed) != (4 if kind is ArgumentType.IPV4 else 16):
        raise ValueError(f"'{text}' is not an {kind.value}")
    return packed


_BITS = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]{1,18}")


def read_mask(text: str, size: int) -> bytes:
    """Return a mask, written as an address or as a number of bits, as packed bytes. Raises ValueError."""
    if _BITS.fullmatch(text) and 0 <= int(text) <= 8 * size:
        bits = int(text)
        return (((1 << bits) - 1) << (8 * size - bits)).to_bytes(size, "big")
    packed = packed_address(text)
    if packed is None or len(packed) != size:
        raise ValueError(f"'{text}' is not an {'IPv4' if size == 4 else 'IPv6'} mask")
    return packed


def omitted(kind: ArgumentType) -> Argument | None:
    """Return the value of an optional argument that stands empty behind a comma; None: it counts as not given."""
    if kind is ArgumentType.INTEGER:
        return 0
    return b"" if kind in _TEXTS else None


def _integer(text: str) -> int:
    """Return a number of 64 bits; one that is too large counts as the largest, a sign alone as 0."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not text or (digits and not (digits.isascii() and digits.isdigit())):
        raise ValueError(f"'{text}' is not an integer")
    number = int(digits.lstrip("0")[:20] or "0")
    return max(INT64_MIN, min(INT64_MAX, -number if text[0] == "-" else number))


def _reference(kind: ArgumentType, text: str, section: str) -> Reference:
    if kind is ArgumentType.SERVER:
        backend, slash, name = text.rpartition("/")
        if not name:
            raise ValueError("the name of a server is missing")
        if slash and not backend:
            raise ValueError(f"the name of a backend is missing in '{text}'")
        return Reference(kind, section, backend or section, name, text)
    if kind is ArgumentType.USERLIST and not text:
        raise ValueError("the name of a userlist is missing")
    return Reference(kind, section, "", text or section, text)
