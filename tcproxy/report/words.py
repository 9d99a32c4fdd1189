"""The row of `set-var-fmt` of the global section. Its code is imported only when a line needs it."""

from __future__ import annotations

from tcproxy.grammar.rows import GLOBAL, Draft, Reading, Row
from tcproxy.grammar.statements import Statement


def parse_set_var_fmt(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `set-var-fmt NAME FORMAT`. Raises Refused."""
    from tcproxy.report import initial

    initial.parse_set_var_fmt(statement, draft, reading)


WORDS = (
    Row(
        "set-var-fmt", GLOBAL, "Set a variable of the process to the text of a format.",
        parse=parse_set_var_fmt, manual="3.1",
    ),
)  # fmt: skip
