"""The row of `set-var` of the global section. Its code is imported only when a line needs it."""

from __future__ import annotations

from tcproxy.grammar.rows import GLOBAL, Draft, Reading, Row
from tcproxy.grammar.statements import Statement


def parse_set_var(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `set-var NAME EXPRESSION`. Raises Refused."""
    from tcproxy.samples import initial

    initial.parse_set_var(statement, draft, reading)


WORDS = (
    Row("set-var", GLOBAL, "Set a variable of the process.", parse=parse_set_var, manual="3.1"),
)
