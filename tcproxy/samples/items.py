"""Samples as parts of formats: the function that takes a sample, and returns it as its format writes it.

Rules encode what HTTP does not allow in a header or a target; log lines and variables do not, and end a text at a NUL.
Every kind but texts and blocks of bytes prints letters, digits and signs that no format needs to encode.
"""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring
from typing import TYPE_CHECKING

from tcproxy.samples.formats import TYPES, Flags, Piece
from tcproxy.samples.kinds import Kind, Value, bytes_of, integer_of, sample_of, text_of_address

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.samples.rows import Take

Item = Callable[["Facts"], bytes]
"""Writes a sample; b"" where there is none, and nothing else stands for that."""

_NEVER_ODD = frozenset({Kind.BOOL, Kind.SINT, Kind.IPV4, Kind.IPV6, Kind.ADDR})

_ODD = bytes((*range(9), *range(10, 32), 127))
"""What HTTP allows nowhere in a header (RFC 9110, 5.5)."""
_ENCODED = {code: f"%{code:02X}" for code in _ODD}
_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "]": "\\]"})


def encoded(text: bytes) -> bytes:
    """Return bytes with `%` and two digits for each that HTTP does not allow in a header."""
    if len(text.translate(None, _ODD)) == len(text):
        return text
    return text.decode("latin-1").translate(_ENCODED).encode("latin-1")


def escaped(text: bytes) -> bytes:
    r"""Return bytes with a backslash before each of `"`, `\` and `]` (flag E; RFC 5424, 6.3.3)."""
    return text.decode("latin-1").translate(_ESCAPES).encode("latin-1")


def written(text: bytes, flags: Flags) -> bytes:
    """Return a text as log lines and variables write it with these flags."""
    text = text.partition(b"\0")[0]
    if "E" in flags:
        text = escaped(text)
    if "Q" in flags:
        return b'"%b"' % text
    return text or (b"-" if "M" in flags else b"")


def json_of(value: Value | None, kind: Kind) -> bytes:
    """Return a value in JSON: numbers and booleans as such, null for none, and a text in UTF-8.

    What is not UTF-8 in a text becomes U+FFFD.
    """
    if value is None:
        return b"null"
    kind, plain = sample_of(kind, value)
    if kind is Kind.BOOL:
        return b"true" if plain else b"false"
    if kind is Kind.SINT:
        return b"%d" % integer_of(plain)
    if kind is Kind.IPV4 or kind is Kind.IPV6:
        return b'"%b"' % text_of_address(bytes_of(plain)).encode()
    return encode_basestring(bytes_of(plain).decode("utf-8", "replace")).encode()


# the functions of one piece


def of_rule(piece: Piece) -> Item:
    """Return what writes a sample into a header or a target, a page, or any other format of HTTP.

    Of the flags, only E and json have an effect there, as in HAProxy.
    """
    assert piece.expression is not None
    if "json" in piece.flags:
        return _json(piece)
    take = piece.expression.taking(Kind.STR)
    assert take is not None  # every kind becomes a text
    if piece.expression.kind in _NEVER_ODD:
        return lambda facts: take(facts) or b""  # type: ignore[return-value]  # it was taken as a text
    return _odd(take, "E" in piece.flags)


def _odd(take: Take, escapes: bool) -> Item:
    def write(facts: Facts) -> bytes:
        text = take(facts)
        return encoded(text) if text else b""  # type: ignore[arg-type]  # it was taken as a text

    def write_escaped(facts: Facts) -> bytes:
        text = take(facts)
        return encoded(escaped(bytes_of(text))) if text else b""

    return write_escaped if escapes else write


def of_line(piece: Piece) -> Item:
    """Return what writes a sample into a log line, or into a variable (`set-var-fmt`).

    Nothing is told of a client whose socket knows its addresses no more.
    """
    assert piece.expression is not None
    if "json" in piece.flags:
        return _json(piece)
    take, flags = piece.expression.taking(Kind.STR), piece.flags
    assert take is not None  # every kind becomes a text

    def write(facts: Facts) -> bytes:
        try:
            text = take(facts)
        except OSError:
            text = None
        return written(bytes_of(text), flags) if text else nothing

    nothing = written(b"", flags)
    return write


def missing(piece: Piece) -> Item:
    """Return what writes into a log line that there is no sample."""
    nothing = b"null" if "json" in piece.flags else written(b"", piece.flags)
    return lambda facts: nothing


def _json(piece: Piece) -> Item:
    assert piece.expression is not None
    kind = TYPES.get(piece.type, piece.expression.kind)
    take = piece.expression.taking(kind)
    assert take is not None  # formats.py has refused what cannot become of the type that is named

    def write(facts: Facts) -> bytes:
        try:
            value = take(facts)
        except OSError:
            value = None
        return json_of(value, kind)

    return write
