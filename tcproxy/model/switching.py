"""`use_backend` (manual 4.2). The conditions themselves are read by tcproxy.rules, through `reading.conditions`."""

from __future__ import annotations

from tcproxy.grammar.rows import NAMED_FRONT, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.model.proxy import UseBackend


def parse_use_backend(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `use_backend NAME [if|unless CONDITION]`."""
    words = statement.words
    if len(words) < 2 or not words[1]:
        raise Refused("'use_backend' needs the name of a backend behind it")
    form = None
    if "%" in words[1] and reading.name_formats is not None:
        form = reading.name_formats(statement, 1, reading, "frontend_request_header")
    condition = None
    if len(words) > 2:
        if words[2] not in ("if", "unless"):
            raise Refused(f"'use_backend' supports 'if' and 'unless' behind the name, and not '{words[2]}'", 2)
        if reading.conditions is None:
            raise Refused("conditions are known to HAProxy 2.6, not supported by tcproxy yet", 2)
        condition = reading.conditions(statement, 2, draft, reading)
    draft.append("use_backends", UseBackend(words[1], condition, statement.origin, form))


WORDS = (
    Row("use_backend", NAMED_FRONT, "Send sessions to a backend under a condition.", parse=parse_use_backend,
        manual="4.2", core=True),
)  # fmt: skip
