"""Formats that are written by rules: the function that makes bytes of a format's pieces (see formats.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.samples import items
from tcproxy.samples.formats import Format, Piece
from tcproxy.samples.kinds import encode

Text = Callable[[Any], bytes]
"""Writes a format: given the facts."""


def text_of(form: Format, variable: Callable[[Piece], Text], http: bool = True) -> Text:
    """Return the function that writes a format. variable: makes what writes one of its variables.

    http: what samples give is encoded for headers, targets and pages; a variable (`set-var-fmt`) has it as it is.
    """
    if all(piece.expression is None and not piece.variable for piece in form.pieces):
        whole = encode("".join(piece.text for piece in form.pieces))
        return lambda facts: whole
    sample = items.of_rule if http else items.of_line
    names: dict[str, Any] = {}
    template: list[str] = []
    values: list[str] = []
    for at, piece in enumerate(form.pieces):
        if piece.expression is None and not piece.variable:
            template.append(piece.text.replace("%", "%%"))
            continue
        names[f"t{at}"] = sample(piece) if piece.expression is not None else variable(piece)
        template.append("%b")
        values.append(f"t{at}(x)")
    if template == ["%b"]:
        only: Text = names.popitem()[1]
        return only
    names["template"] = encode("".join(template))
    source = f"def text(x):\n    return template % ({', '.join(values)},)\n"
    exec(source, names)  # all that a user wrote is in constants
    text: Text = names["text"]
    return text
