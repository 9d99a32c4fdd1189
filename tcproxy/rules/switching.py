"""`use_backend` and `use-server` (manual 4.2): conditions that choose, and names that samples may be part of."""

from __future__ import annotations

from tcproxy.grammar.rows import Draft, FormatUse, Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.model.proxy import UseBackend, UseServer
from tcproxy.rules.conditions import Condition, parse_condition
from tcproxy.samples.formats import Format, read_format
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.places import Place

CONDITIONS = ("if", "unless")


def parse_use_backend(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `use_backend NAME [if|unless CONDITION]`, where the name may be a format. Raises Refused."""
    words = statement.words
    if len(words) < 2 or not words[1]:
        raise Refused("'use_backend' needs the name of a backend behind it")
    form = _form(statement, Place.FRONTEND_USE_BACKEND, draft, reading)
    if len(words) > 2 and words[2] not in CONDITIONS:
        raise Refused(f"'use_backend' supports 'if' and 'unless' behind the name, and not '{words[2]}'", 2)
    condition = _condition(statement, Place.FRONTEND_USE_BACKEND, draft, reading)
    draft.append("use_backends", UseBackend(words[1], condition, statement.origin, form))


def parse_use_server(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `use-server NAME if|unless CONDITION`, where the name may be a format. Raises Refused."""
    words = statement.words
    if len(words) < 2 or not words[1]:
        raise Refused("'use-server' needs the name of a server behind it")
    if len(words) < 3 or words[2] not in CONDITIONS:
        raise Refused("'use-server' needs 'if' or 'unless' and a condition behind the name", min(2, len(words) - 1))
    form = _form(statement, Place.BACKEND_SET_SERVER, draft, reading)
    condition = _condition(statement, Place.BACKEND_SET_SERVER, draft, reading)
    draft.append("use_servers", UseServer(words[1], condition, statement.origin, form))


def _condition(statement: Statement, place: Place, draft: Draft, reading: Reading) -> Condition | None:
    return parse_condition(statement, 2, reading, place, draft.get("acls"), draft)


def _form(statement: Statement, place: Place, draft: Draft, reading: Reading) -> Format | None:
    """Return the format that a name is; None for one that is always the same."""
    text = statement.words[1]
    if "%" not in text:
        return None
    name = statement.words[0]
    try:
        form = read_format(text, reading.name, PatternFiles(reading, statement))
        http = draft.get("mode", "http") == "http"  # `mode http` may follow
        for piece in form.variables if reading.check_format is not None else ():
            assert reading.check_format is not None
            reading.check_format(f"%{piece.variable}", http, FormatUse(name), statement)
    except ValueError as wrong:
        raise Refused(f"'{name}' : {wrong}", 1) from None
    for expression in form.expressions:
        if not place.allows(expression.fetch.places):
            raise Refused(f"'{name}' : the fetch '{expression.fetch.name}' cannot be used in a '{place.words}'", 1)
    return form if _varies(form) else None


def _varies(form: Format) -> bool:
    """Return whether HAProxy takes a name for a format: not where it is one text, which may begin with `%%`."""
    if form.expressions or form.variables:
        return True
    most = 2 if form.text.startswith("%%") else 1
    return len(form.pieces) > most
