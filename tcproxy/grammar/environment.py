"""Environment variables of one proxy, and the global words that change them while a configuration is read.

The process's own environment is read once by whoever starts the proxy, and never written: two proxies may
live in one process. Expansion inside quotes is told in lines.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tcproxy.grammar.rows import GLOBAL, Row
from tcproxy.grammar.statements import Refused

if TYPE_CHECKING:
    from tcproxy.grammar.rows import Draft
    from tcproxy.grammar.statements import Reading, Statement


class Environment:
    """Variables by name: a copy of `initial` that lives as long as the proxy."""

    def __init__(self, initial: Mapping[str, str] | None = None) -> None:
        self._variables = dict(initial or {})

    def get(self, name: str) -> str | None:
        """Return the value, or None when there is no such variable."""
        return self._variables.get(name)

    def set(self, name: str, value: str) -> None:
        """Set a variable; raises ValueError for a name that no environment can hold."""
        self._check(name)
        if "\0" in value:
            raise ValueError(f"the value of the variable '{name}' holds a NUL character")
        self._variables[name] = value

    def preset(self, name: str, value: str) -> None:
        """Set a variable unless it exists already, be it empty; raises ValueError as `set` does."""
        self._check(name)
        if name not in self._variables:
            self.set(name, value)

    def unset(self, name: str) -> None:
        """Forget a variable, if there is one; raises ValueError as `set` does."""
        self._check(name)
        self._variables.pop(name, None)

    def reset(self, keep: Iterable[str] = ()) -> None:
        """Forget every variable but those named."""
        kept = set(keep)
        self._variables = {name: value for name, value in self._variables.items() if name in kept}

    def items(self) -> list[tuple[str, str]]:
        """Return names and values in the order in which they came."""
        return list(self._variables.items())

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    @staticmethod
    def _check(name: str) -> None:
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"'{name}' cannot be the name of a variable")


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
