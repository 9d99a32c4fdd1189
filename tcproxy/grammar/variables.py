"""The global words that change environment variables while a configuration is read (manual 3.1)."""

from __future__ import annotations

from tcproxy.grammar.rows import GLOBAL, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement


def parse_setenv(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `setenv NAME VALUE` and `presetenv NAME VALUE`; they take effect at once."""
    word, *arguments = statement.words
    if len(arguments) < 2 or not arguments[0] or not arguments[1]:
        raise Refused(f"'{word}' needs the name of a variable and its value")
    if len(arguments) > 2:
        reading.warn(statement, f"'{word}' takes one value: '{arguments[2]}' and what follows is ignored")
    change = reading.environment.set if word == "setenv" else reading.environment.preset
    try:
        change(arguments[0], arguments[1])
    except ValueError as wrong:
        raise Refused(f"'{word}': {wrong}", 1) from None


def parse_unsetenv(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `unsetenv NAME...`; it takes effect at once."""
    names = statement.words[1:]
    if not names or not names[0]:
        raise Refused("'unsetenv' needs the name of at least one variable")
    for index, name in enumerate(names, 1):
        try:
            reading.environment.unset(name)
        except ValueError as wrong:
            raise Refused(f"'unsetenv': {wrong}", index) from None


def parse_resetenv(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `resetenv [NAME...]`: forget all variables but those named, at once."""
    reading.environment.reset(statement.words[1:])


WORDS = (
    Row("setenv", GLOBAL, "Set an environment variable.", parse=parse_setenv, manual="3.1", core=True),
    Row(
        "presetenv",
        GLOBAL,
        "Set an environment variable unless it is set already.",
        parse=parse_setenv,
        manual="3.1",
        core=True,
    ),
    Row("unsetenv", GLOBAL, "Forget environment variables.", parse=parse_unsetenv, manual="3.1", core=True),
    Row(
        "resetenv",
        GLOBAL,
        "Forget all environment variables but the named ones.",
        parse=parse_resetenv,
        manual="3.1",
        core=True,
    ),
)
