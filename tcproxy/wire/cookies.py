"""The values of Cookie and Set-Cookie headers, in pieces: cookies are found, removed and changed, and all other bytes
stay as they were.

The grammar is what clients and servers send, and not RFC 6265: values may be quoted, quotes may hide delimiters, commas
part cookies as semicolons do (RFC 2965), blanks may stand around `=`. What a cookie means is decided in
session/http/cookies.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_BLANKS = b" \t"
_QUOTED = rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)'
_VALUE = rb'(?:[^",;]+|%b)*+' % _QUOTED
_COOKIE = re.compile(rb"([ \t]*)([^=,;]*)(?:=[ \t]*(%b))?" % _VALUE, re.DOTALL)
_SET = re.compile(rb"([ \t]*)([^=;]*)(?:=[ \t]*(%b))?" % _VALUE, re.DOTALL)
_SET_OF_SEVERAL = re.compile(rb"([ \t]*)([^=,;]*)(?:=[ \t]*(%b))?" % _VALUE, re.DOTALL)
_REST_OF_ONE = re.compile(rb'(?:[^",]+|%b)*+' % _QUOTED, re.DOTALL)


class Crumb:
    """One cookie of a header, or whatever else stands between two delimiters.

    lead: the delimiter and the blanks before it. text: all bytes from there to the next delimiter, but no blanks around
    the equals sign. name, value: of a cookie, without blanks around them; of an attribute of the cookie before
    (`$Path`), and of text without an equals sign, name is b"" and value None.
    """

    __slots__ = ("lead", "name", "text", "value")

    def __init__(self, lead: bytes, text: bytes, name: bytes, value: bytes | None) -> None:
        self.lead, self.text, self.name, self.value = lead, text, name, value

    @property
    def is_attribute(self) -> bool:
        """True for an attribute of the cookie before it: both are removed together."""
        return self.text[:1] == b"$"

    def assign(self, value: bytes) -> None:
        """Give the cookie another value; blanks behind it stay."""
        assert self.value is not None
        behind = self.text[len(self.name) + 1 + len(self.value) :]
        self.value = value
        self.text = b"%b=%b%b" % (self.name, value, behind)


def concerns(header: bytes, name: bytes) -> bool:
    """Return whether a header may have a cookie of this name, or would be changed by reading it.

    Most headers need no reading.
    """
    return name in header or b" =" in header or b"= " in header or b"\t" in header


def plain(name: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a whole header as most clients write it, with one cookie of this name in it.

    Groups: the cookies before it, with a delimiter behind each; its value; the cookies behind it, with a delimiter
    before each. Headers with `"`, `$`, `,`, or blanks elsewhere than behind `;` do not match: see `read_cookies`.
    """
    start = re.escape(name) + b"="
    other = rb'(?!%b)[^=,; \t"$][^=,; \t"]*+=[^,; \t"]*+' % start
    return re.compile(rb'((?:%b; )*+)%b([^,; \t"]*+)((?:; %b)*+)' % (other, start, other), re.DOTALL)


def read_cookies(header: bytes) -> list[Crumb]:
    """Read the value of a Cookie header."""
    crumbs = []
    at, size, delimiter = 0, len(header), b""
    while at < size or delimiter:
        found = _COOKIE.match(header, at)
        assert found is not None
        crumbs.append(_crumb(header, found, delimiter))
        at = found.end()
        delimiter = header[at : at + 1]
        at += 1
    return crumbs


def _crumb(header: bytes, found: re.Match[bytes], delimiter: bytes) -> Crumb:
    blanks, name, value = found.groups()
    text = header[found.end(1) : found.end()]
    if value is None or text[:1] == b"$":
        return Crumb(delimiter + blanks, text, b"", None)
    name = name.rstrip(_BLANKS)
    return Crumb(delimiter + blanks, b"%b=%b" % (name, value), name, value.rstrip(_BLANKS))


def rejoined(crumbs: Sequence[Crumb], gone: Callable[[Crumb], bool]) -> bytes:
    """Return a Cookie header without the cookies for which `gone` holds; b"" when no cookie is left.

    The attributes of a cookie are removed with it. The delimiter behind a removed cookie replaces the one before it.
    """
    out = bytearray()
    pending = kept = False
    for crumb in crumbs:
        if crumb.is_attribute:
            if not pending:
                out += crumb.lead + crumb.text
        elif gone(crumb):
            pending = True
        else:
            _append(out, crumb, pending)
            kept, pending = True, False
    return b"" if pending and not kept else bytes(out)


def _append(out: bytearray, crumb: Crumb, after_hole: bool) -> None:
    if not after_hole:
        out += crumb.lead + crumb.text
    elif out:
        out[:] = out.rstrip(_BLANKS)
        out += crumb.lead[:1] + b" " + crumb.text
    else:
        out += crumb.text


def read_set_cookie(header: bytes) -> Crumb:
    """Read the value of a Set-Cookie header: one cookie, with its attributes in `text`."""
    return _set_cookie(_SET.match(header), b"", header, len(header))


def read_set_cookies(header: bytes) -> list[Crumb]:
    """Read the value of a Set-Cookie2 header (RFC 2965): cookies with their attributes, parted by commas."""
    crumbs = []
    at, size, delimiter = 0, len(header), b""
    while at < size or delimiter:
        found = _SET_OF_SEVERAL.match(header, at)
        assert found is not None
        rest = _REST_OF_ONE.match(header, found.end())
        assert rest is not None
        crumbs.append(_set_cookie(found, delimiter, header, rest.end()))
        at = rest.end()
        delimiter = header[at : at + 1]
        at += 1
    return crumbs


def _set_cookie(found: re.Match[bytes] | None, delimiter: bytes, header: bytes, end: int) -> Crumb:
    assert found is not None
    blanks, name, value = found.groups()
    if value is None:
        return Crumb(delimiter + blanks, header[found.end(1) : end], b"", None)
    name = name.rstrip(_BLANKS)
    text = b"%b=%b%b" % (name, value, header[found.end() : end])
    return Crumb(delimiter + blanks, text, name, value.rstrip(_BLANKS))


def rejoined_set_cookies(crumbs: Sequence[Crumb], gone: Callable[[Crumb], bool]) -> bytes:
    """Return a Set-Cookie2 header without the cookies for which `gone` holds; b"" when no cookie is left."""
    out = bytearray()
    hole = False
    for crumb in crumbs:
        if gone(crumb):
            hole = True
        else:
            _append(out, crumb, hole)
            hole = False
    return bytes(out.rstrip(_BLANKS) if hole else out)


# dates in a cookie's value

_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NUMBERS = {digit: number for number, digit in enumerate(_DIGITS)}
DATE_SIZE = 5
"""Bytes of a date: 30 bits, six to a byte."""


def write_date(quarter: int) -> bytes:
    """Return a date as it stands in a cookie. quarter: units of 4 seconds since 1970."""
    return bytes(_DIGITS[quarter >> shift & 63] for shift in (24, 18, 12, 6, 0))


def read_date(text: bytes) -> int:
    """Return the date that a text begins with, in units of 4 seconds since 1970; 0 for none."""
    number = 0
    for digit in text[:DATE_SIZE]:
        if digit not in _NUMBERS:
            return 0
        number = number << 6 | _NUMBERS[digit]
    return number if len(text) >= DATE_SIZE else 0


def part_dates(value: bytes) -> tuple[bytes, int, int]:
    """Return the parts of `SERVER|LAST|FIRST`: the server's value, and both dates in seconds since 1970, 0 for none.

    Dates are signed numbers of 32 bits, as in HAProxy: a date beyond the year 2038 is read as one before 1970.
    """
    server, bar, dates = value.partition(b"|")
    if not bar:
        return value, 0, 0
    _, bar, first = dates.partition(b"|")
    return server, signed(read_date(dates) * 4), signed(read_date(first) * 4) if bar else 0


def signed(number: int) -> int:
    """Return the number that the lowest 32 bits of a number are, read as a signed one."""
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000
