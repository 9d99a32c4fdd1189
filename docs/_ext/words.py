"""Sphinx directives that draw lists from rows: `.. words:: global`, `.. commands::` of the runtime socket and others.

Lists of terms are readable on a phone, where tables of three columns are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

from tcproxy import language
from tcproxy.control import commands
from tcproxy.grammar.rows import Argument, Row, Status, Where
from tcproxy.grammar.sections import UNSUPPORTED_SECTIONS
from tcproxy.registry import Registry
from tcproxy.rules.actions.table import ACTIONS, missing
from tcproxy.rules.predefined import PREDEFINED_NOT_YET
from tcproxy.samples.table import CONVERTERS, FETCHES, MISSING_CONVERTERS, MISSING_FETCHES


def state(row: Row) -> str:
    """Return the manual's section, and how far the word is ours when it is not all."""
    extent = "" if row.status is Status.DONE else f", {row.status.name.lower().replace('_', ' ')}"
    return f"(manual {row.manual}{extent})"


class Drawn(Directive):
    """A directive whose content is made here."""

    def draw(self, lines: list[str]) -> list[nodes.Node]:
        """Return the lines as nodes."""
        node = nodes.container()
        self.state.nested_parse(StringList(lines, "rows"), 0, node)
        return [node]


def syntax(row: Row) -> str:
    """Return how a word is written: from its arguments' types, or from the docstring of the function that reads it."""
    if row.arguments:
        return " ".join([row.name, *map(placeholder, row.arguments)])
    text = " ".join((getattr(row.parse, "__doc__", None) or "").split())
    name = row.name.split()
    for written in re.findall(r"`(?:\[[^\]]*\] )?([^`]+)`", text):
        words = written.split()
        # `timeout NAME TIME` tells of all rows that begin with `timeout`, `errorloc|errorloc302 STATUS URL` of two
        pairs = zip(words, name, strict=False)
        if len(words) > len(name) and all(one == "NAME" or two in one.split("|") for one, two in pairs):
            return " ".join([row.name, *words[len(name) :]])
    return row.name


def placeholder(argument: Argument) -> str:
    """Return what stands for an argument of this type: its choices, or the name of the type in capitals."""
    choices: tuple[str, ...] = getattr(argument, "words", ())
    return "|".join(choices) or {"Integer": "NUMBER"}.get(type(argument).__name__, type(argument).__name__.upper())


def definitions(items: Iterable[tuple[str, str, str]]) -> nodes.definition_list:
    """Return a list of terms, each with an anchor and a link to it: anchor, syntax, sentence."""
    found = nodes.definition_list(classes=["words"])
    for anchor, written, sentence in items:
        name = nodes.make_id(anchor)
        link = nodes.reference("", "\u00b6", refuri=f"#{name}", classes=["headerlink"])
        term = nodes.term("", "", nodes.literal(text=written), link, ids=[name])
        found += nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph(text=sentence)))
    return found


class Words(Drawn):
    """The words that may stand in one place; with `:refused:` the names of those that are refused."""

    required_arguments = 1
    option_spec = {"refused": directives.flag}  # noqa: RUF012  docutils wants a plain dict

    def run(self) -> list[nodes.Node]:
        """Return the list, or the paragraph of refused names."""
        place = self.arguments[0]
        rows = [row for _, row in sorted(language.words().at(Where(place)).items())]
        refused = [row for row in rows if row.status is Status.REFUSED]
        if "refused" in self.options:
            return self.draw([literals(row.name for row in refused)])
        taken = (row for row in rows if row not in refused)
        return [definitions((f"{place}-{row.name}", syntax(row), f"{row.help} {state(row)}") for row in taken)]


def literals(names: Iterable[str]) -> str:
    """Return names as one line of reStructuredText."""
    return ", ".join(f"``{name}``" for name in names) or "none"


class Fetches(Drawn):
    """The sample fetches that are ours."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        items = ((f"fetch-{one.name}", one.listing().partition("] ")[2], one.help) for one in FETCHES.values())
        return [definitions(items)]


class Converters(Drawn):
    """The converters that are ours."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        items = ((f"converter-{one.name}", one.listing(), one.help) for one in CONVERTERS.values())
        return [definitions(items)]


class Plugins(Drawn):
    """The balancing strategies or the health checkers that come with tcproxy."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the list, each with the first sentence of its class."""
        kind = self.arguments[0]
        word = {"strategies": "balance", "checkers": "option"}[kind]
        found = sorted(getattr(Registry(), kind).items())
        return [definitions((f"{word}-{name}", f"{word} {name}", first_sentence(one)) for name, one in found)]


def first_sentence(thing: object) -> str:
    """Return the first paragraph of a class's docstring on one line."""
    return " ".join((type(thing).__doc__ or "").partition("\n\n")[0].split())


class Actions(Drawn):
    """The actions of all rule sets that are ours."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        ends = "[if|unless CONDITION]"
        items = (
            (
                f"{kind.words.replace(' ', '-')}-{name}",
                " ".join(f"{kind.words} {name}{'(NAME)' * one.named} {one.usage} {ends}".split()),
                one.help,
            )
            for kind, rows in ACTIONS.items()
            for name, one in rows.items()
        )
        return [definitions(items)]


REFUSED: Mapping[str, Callable[[], Iterable[str]]] = {
    "sections": lambda: UNSUPPORTED_SECTIONS,
    "actions": lambda: (f"{kind.words} {name}" for kind in ACTIONS for name in missing(kind)),
    "fetches": lambda: MISSING_FETCHES,
    "converters": lambda: MISSING_CONVERTERS,
    "acls": lambda: PREDEFINED_NOT_YET,
}
"""What is refused by name and has no row."""


class Refused(Drawn):
    """Names that HAProxy 2.6 knows and tcproxy refuses: sections, actions, fetches, converters, acls."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the paragraph."""
        return self.draw([literals(sorted(REFUSED[self.arguments[0]]()))])


class Commands(Drawn):
    """The runtime commands that are ours."""

    def run(self) -> list[nodes.Node]:
        """Return the list, each with the level of the socket that it needs."""
        rows = sorted((row for row in commands.table() if row.run is not None), key=lambda row: row.name)
        items = (
            (f"command-{row.name}", f"{row.name} {row.usage}".rstrip(), f"{row.help} (level {row.level.word})")
            for row in rows
        )
        return [definitions(items)]


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    app.add_directive("words", Words)
    app.add_directive("commands", Commands)
    app.add_directive("fetches", Fetches)
    app.add_directive("converters", Converters)
    app.add_directive("plugins", Plugins)
    app.add_directive("actions", Actions)
    app.add_directive("refused", Refused)
    return {"parallel_read_safe": True}
