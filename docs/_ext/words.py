"""Sphinx directives that draw tables from rows: `.. words:: global`, and `.. commands::` of the runtime socket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

from tcproxy import language
from tcproxy.control import commands
from tcproxy.grammar.rows import Row, Status, Where


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], widths: str) -> list[str]:
    """Return a list-table as lines of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (heads, *rows):
        lines += [f"   {'* -' if index == 0 else '  -'} {cell}" for index, cell in enumerate(row)]
    return lines


def state(row: Row) -> str:
    """Return the manual's section, and how far the word is ours when it is not all."""
    return row.manual + ("" if row.status is Status.DONE else f" ({row.status.name.lower().replace('_', ' ')})")


class Drawn(Directive):
    """A directive whose content is made here."""

    def draw(self, lines: list[str]) -> list[nodes.Node]:
        """Return the lines as nodes."""
        node = nodes.container()
        self.state.nested_parse(StringList(lines, "rows"), 0, node)
        return [node]


class Words(Drawn):
    """The words that may stand in one place; with `:refused:` the names of those that are refused."""

    required_arguments = 1
    option_spec = {"refused": directives.flag}  # noqa: RUF012  docutils wants a plain dict

    def run(self) -> list[nodes.Node]:
        """Return the table, or the paragraph of refused names."""
        rows = [row for _, row in sorted(language.words().at(Where(self.arguments[0])).items())]
        refused = [row for row in rows if row.status is Status.REFUSED]
        if "refused" in self.options:
            return self.draw([", ".join(f"``{row.name}``" for row in refused) or "none"])
        cells = [(f"``{row.name}``", row.help, state(row)) for row in rows if row not in refused]
        return self.draw(table(("word", "what it does", "manual"), cells, "30 50 20"))


class Commands(Drawn):
    """The runtime commands that are ours."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        rows = sorted((row for row in commands.table() if row.run is not None), key=lambda row: row.name)
        cells = [(f"``{row.name} {row.usage}``".replace(" ``", "``"), row.help, row.level.word) for row in rows]
        return self.draw(table(("command", "what it does", "level"), cells, "40 45 15"))


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    app.add_directive("words", Words)
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
