"""Formats that are written by rules: the function that makes bytes of a format's pieces (see formats.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.samples.formats import Format, Piece
from tcproxy.samples.kinds import Kind, encode

Text = Callable[[Any], bytes]
"""Writes a format: given the facts."""


def text_of(form: Format, variable: Callable[[Piece], Text]) -> Text:
    """Return the function that writes a format. variable: makes what writes one of its variables."""
    if all(piece.expression is None and not piece.variable for piece in form.pieces):
        whole = encode("".join(piece.text for piece in form.pieces))
        return lambda facts: whole
    names: dict[str, Any] = {}
    template: list[str] = []
    values: list[str] = []
    for at, piece in enumerate(form.pieces):
        if piece.expression is None and not piece.variable:
            template.append(piece.text.replace("%", "%%"))
            continue
        names[f"t{at}"] = _sample(piece) if piece.expression is not None else variable(piece)
        template.append("%b")
        values.append(f"t{at}(x) or b''")
    if template == ["%b"]:
        source = f"def text(x):\n    return {values[0]}\n"
    else:
        names["template"] = encode("".join(template))
        source = f"def text(x):\n    return template % ({', '.join(values)},)\n"
    exec(source, names)  # all that a user wrote is in constants
    text: Text = names["text"]
    return text


def _sample(piece: Piece) -> Callable[[Any], Any]:
    """Return the function that takes a piece's sample as text."""
    assert piece.expression is not None
    take = piece.expression.taking(Kind.STR)
    if take is None:
        return lambda facts: None
    if "E" in piece.flags or "Q" in piece.flags:
        return _flagged(take, "E" in piece.flags, "Q" in piece.flags)
    return take


def _flagged(take: Callable[[Any], Any], escaped: bool, quoted: bool) -> Callable[[Any], Any]:
    def write(facts: Any) -> bytes:
        value: bytes = take(facts) or b""
        if escaped:
            for letter in (b"\\", b'"', b"]"):
                value = value.replace(letter, b"\\" + letter)
        return b'"%b"' % value if quoted else value

    return write
