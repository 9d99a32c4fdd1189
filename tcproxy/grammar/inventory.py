"""The list of configuration words in HAProxy's own form (-dKcfg), from the rows.

Only words that are taken are listed, and of those only the ones that HAProxy lists (its built-in words are not):
so the difference of the two lists is what is missing. Words of tcproxy alone stand at the end, under OWN_HEADING.
"""

from __future__ import annotations

from collections.abc import Iterable

from tcproxy.grammar.rows import PROXY, Row, Status, Where, Words

HEADING = "# List of registered configuration keywords:"
OWN_HEADING = "# Configuration keywords of tcproxy alone:"


def configuration_words(words: Words, actions: Iterable[str] = ()) -> list[str]:
    """Return the lines of the list, heading first. actions: the lines of the actions of rules."""
    rows = [row for row in words.rows if row.status is not Status.REFUSED and not row.core and not row.own]
    listed = [row for row in rows if not row.where.isdisjoint(PROXY)]
    return [
        HEADING,
        "global",
        *_heads(row for row in rows if Where.GLOBAL in row.where),
        "listen",
        *_heads(row for row in listed if not row.name.startswith("option ")),
        *_options_of_lines(rows, Where.BIND, "bind <addr>"),
        *_options_of_lines(rows, Where.SERVER, "server <name> <addr>"),
        *sorted(_option(row) for row in listed if row.name.startswith("option ")),
        *actions,
        "userlist",
        "peers",
        "crt-list",
        *_own(words),
    ]


def _own(words: Words) -> list[str]:
    """Return the words that HAProxy does not have, each with its places, below their heading; nothing without any."""
    lines = sorted(f"\t{where.value} {row.name}" for row in words.rows if row.own for where in row.where)
    return [OWN_HEADING, *lines] if lines else []


def _heads(rows: Iterable[Row]) -> list[str]:
    """Return the first words of the names, each once."""
    return [f"\t{head}" for head in sorted({row.name.split(" ")[0] for row in rows})]


def _options_of_lines(rows: Iterable[Row], where: Where, line: str) -> list[str]:
    found = sorted((row for row in rows if where in row.where), key=lambda row: row.name)
    return [f"\t{line} {row.name}{_arguments(row)}" for row in found]


def _arguments(row: Row) -> str:
    count = len(row.arguments) or row.many
    return f" +{count}" if count else ""


def _option(row: Row) -> str:
    sides = [
        name
        for name, holds in (
            ("FE", Where.FRONTEND in row.where),
            ("BE", Where.BACKEND in row.where),
            ("HTTP", row.mode == "http"),
        )
        if holds
    ]
    return f"\t{row.name} [ {' '.join(sides)} ]"
