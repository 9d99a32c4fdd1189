"""Names that are formats, as `use_backend bk_%[req.hdr(host),lower]` (manual 4.2): each request makes its own."""

from __future__ import annotations

from tcproxy.grammar.rows import Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.samples.formats import Format, read_format
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.places import Place


def read_name_format(statement: Statement, at: int, reading: Reading, place: str) -> Format | None:
    """Read the word at an index; None for a name that is always the same. Raises Refused.

    place: the name of the Place where its samples are taken.
    """
    title = statement.words[0]
    met = Place[place.upper()]
    try:
        form = read_format(statement.words[at], reading.name, PatternFiles(reading, statement))
        for piece in form.variables if reading.check_format is not None else ():
            reading.check_format(f"%{piece.variable}", True)  # type: ignore[misc]  # it is not None
    except ValueError as wrong:
        raise Refused(f"'{title}' : {wrong}", at) from None
    for expression in form.expressions:
        if not met.allows(expression.fetch.places):
            raise Refused(f"'{title}' : '{expression.fetch.name}' cannot be known in a '{met.words}'", at)
    plain = len(form.pieces) == 1 and not form.expressions and not form.variables
    return None if plain else form
