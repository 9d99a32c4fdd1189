"""A Sphinx directive that draws the tables of the language from its keyword rows: `.. words:: global`."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

from tcproxy import language
from tcproxy.grammar.rows import Row, Status, Where


def _table(rows: list[Row]) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 30 50 20", ""]
    lines += ["   * - word", "     - what it does", "     - manual, state"]
    for row in rows:
        state = "" if row.status is Status.DONE else f" ({row.status.name.lower().replace('_', ' ')})"
        lines += [f"   * - ``{row.name}``", f"     - {row.help}", f"     - {row.manual}{state}"]
    return lines


class Words(Directive):
    """The words that may stand in one place; with `:refused:` the names of those that are refused."""

    required_arguments = 1
    option_spec = {"refused": directives.flag}  # noqa: RUF012  docutils wants a plain dict

    def run(self) -> list[nodes.Node]:
        """Return the table, or the paragraph of refused names."""
        place = Where(self.arguments[0])
        rows = sorted((row for row in language.words() if place in row.where), key=lambda row: row.name)
        refused = [row for row in rows if row.status is Status.REFUSED]
        if "refused" in self.options:
            text = [", ".join(f"``{row.name}``" for row in refused) or "none"]
        else:
            text = _table([row for row in rows if row not in refused])
        node = nodes.container()
        self.state.nested_parse(StringList(text, "words"), 0, node)
        return [node]


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("words", Words)
    return {"parallel_read_safe": True}
