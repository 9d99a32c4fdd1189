"""Expressions: a fetch with its arguments, and converters behind it, as `req.hdr(host),lower,field(1,:)`.

Syntax: manual 7.3. What a sample is compared with stands in tcproxy/rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcproxy.grammar.suggestions import near
from tcproxy.samples import arguments
from tcproxy.samples.arguments import Argument, ArgumentType, Reference
from tcproxy.samples.kinds import Cast, Kind, Sample, Value, cast, same, sample_of
from tcproxy.samples.missing import LUA
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.rows import Convert, Converter, ConvertWith, Fetch, Take, Waits
from tcproxy.samples.table import CONVERTERS, FETCHES, MISSING_CONVERTERS, MISSING_FETCHES

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

_NAME = re.compile(r"[A-Za-z0-9_.:+-]*")
NOT_YET = "is known to HAProxy 2.6, not supported by tcproxy yet"


@dataclass(frozen=True, slots=True)
class Expression:
    """A sample to take.

    text: as written. fetch: its row. converters: the rows of those behind it. kind: what `take` gives. references:
    proxies and servers it names. reads: what changes its value ("path", "header NAME" ...): () for nothing, None where
    that is not known. waits: says whether the sample may still change (rows.py), None if it never does.
    """

    text: str
    fetch: Fetch
    kind: Kind
    take: Take
    references: tuple[Reference, ...] = ()
    converters: tuple[Converter, ...] = ()
    reads: tuple[str, ...] | None = None
    waits: Waits | None = None

    @property
    def fixed(self) -> bool:
        """Return whether it gives the same for a whole connection."""
        return self.fetch.fixed and all(
            row.build_with is None and row.build_from_files is None for row in self.converters
        )

    def taking(self, kind: Kind) -> Take | None:
        """Return the function that takes the sample as one of this kind; None where no cast leads there."""
        convert = cast(self.kind, kind)
        if convert is None:
            return None
        return _then(self.take, convert)


def parse_expression(text: str, section: str, files: PatternFiles | None = None) -> Expression:
    """Read an expression; `section` is the name of the proxy that it stands in. Raises ValueError.

    files: what the line needs to use maps, which are refused without.
    """
    found, rest = read_expression(text, section, files)
    if rest:
        raise ValueError(f"a comma is missing behind '{text[: len(text) - len(rest)]}' in '{text}'")
    return found


def read_expression(text: str, section: str, files: PatternFiles | None = None) -> tuple[Expression, str]:
    """Read the expression that a text begins with; return it, and what follows it. Raises ValueError."""
    fetch, values, rest = _read_fetch(text, section)
    reads = fetch.what_it_reads(values)
    references = [value for value in values if isinstance(value, Reference)]
    take = _compiled(fetch, values, text)
    waits = fetch.compile_waits(values)
    kind = fetch.kind
    rows: list[Converter] = []
    while rest.startswith(","):
        rest = rest.lstrip(",")
        if not rest or rest[0] in " ]":
            break
        row, values, rest = _read_converter(text, rest, section)
        references += [value for value in values if isinstance(value, Reference)]
        take = _converted(take, kind, row, values, text, files)
        kind = row.gives
        rows.append(row)
        if row.build_with is not None or row.build_from_files is not None:
            reads = None
    taken = text[: len(text) - len(rest)] if rest else text
    return Expression(taken, fetch, kind, take, tuple(references), tuple(rows), reads, waits), rest


def _read_fetch(text: str, section: str) -> tuple[Fetch, list[Argument], str]:
    match = _NAME.match(text)
    name = match[0] if match else ""
    fetch = find_fetch(name, text)
    words, rest = _words(text, text[len(name) :])
    return fetch, _arguments(fetch.name, fetch.arguments, fetch.required, words, text, section), rest


def _read_converter(text: str, rest: str, section: str) -> tuple[Converter, list[Argument], str]:
    match = _NAME.match(rest)
    name = match[0] if match else ""
    row = find_converter(name)
    words, rest = _words(text, rest[len(name) :])
    if len(words) < row.required:
        raise ValueError(f"the converter '{name}' needs {row.required} argument{'s'[: row.required > 1]} in '{text}'")
    return row, _arguments(name, row.arguments, row.required, words, text, section), rest


def find_fetch(name: str, text: str) -> Fetch:
    """Return the row of a fetch. Raises ValueError, with a suggestion for an unknown one."""
    fetch = FETCHES.get(name)
    if fetch is not None:
        return fetch
    if name in MISSING_FETCHES or name.startswith(LUA):
        raise ValueError(f"the fetch '{name}' {NOT_YET}")
    if not name:
        raise ValueError(f"the name of a fetch is missing in '{text}'")
    raise ValueError(f"unknown fetch '{name}'{near(name, [*FETCHES, *MISSING_FETCHES])}")


def find_converter(name: str) -> Converter:
    """Return the row of a converter. Raises ValueError, with a suggestion for an unknown one."""
    row = CONVERTERS.get(name)
    if row is not None:
        return row
    if name in MISSING_CONVERTERS or name.startswith(LUA):
        raise ValueError(f"the converter '{name}' {NOT_YET}")
    raise ValueError(f"unknown converter '{name}'{near(name, [*CONVERTERS, *MISSING_CONVERTERS])}")


def _compiled(fetch: Fetch, values: list[Argument], text: str) -> Take:
    try:
        return fetch.compile(values)
    except ValueError as error:
        raise ValueError(f"wrong argument in '{text}': {error}") from None


def _converted(
    take: Take, kind: Kind, row: Converter, values: list[Argument], text: str, files: PatternFiles | None
) -> Take:
    """Return the function that takes a sample and converts it. Raises ValueError."""
    change = cast(kind, row.takes)
    if change is None:
        raise ValueError(f"the converter '{row.name}' cannot be applied to a sample of type {kind.value} in '{text}'")
    if row.takes is Kind.ANY and kind is not Kind.ANY:
        take = _typed(take, kind)
    else:
        take = _then(take, change)
    try:
        if row.build_with is not None:
            return _then_with(take, row.build_with(*values))
        convert = row.compile(values, files)
    except ValueError as error:
        raise ValueError(f"wrong argument of '{row.name}' in '{text}': {error}") from None
    assert convert is not None
    return _then(take, convert)


def _typed(take: Take, kind: Kind) -> Take:
    def typed(facts: Facts) -> Sample | None:
        value = take(facts)
        return None if value is None else sample_of(kind, value)

    return typed


def _then(take: Take, convert: Cast | Convert) -> Take:
    if convert is same:
        return take

    def both(facts: Facts) -> Value | None:
        value = take(facts)
        return None if value is None else convert(value)

    return both


def _then_with(take: Take, convert: ConvertWith) -> Take:
    def both(facts: Facts) -> Value | None:
        value = take(facts)
        return None if value is None else convert(facts, value)

    return both


def _words(text: str, rest: str) -> tuple[list[str], str]:
    """Read arguments in parentheses, if there are any; return them, and what follows."""
    if not rest.startswith("("):
        return [], rest
    try:
        words, rest = arguments.split(rest[1:])
    except ValueError as error:
        raise ValueError(f"{error} in '{text}'") from None
    return ([] if words == [""] else words), rest


def _arguments(
    name: str, types: tuple[ArgumentType, ...], required: int, words: Iterable[str], text: str, section: str
) -> list[Argument]:
    words = list(words)
    if len(words) > len(types):
        allowed = len(types)
        told = "no argument" if not allowed else f"at most {allowed} argument{'s' if allowed > 1 else ''}"
        raise ValueError(f"'{name}' takes {told}, but '{words[allowed]}' stands in '{text}'")
    words += [""] * (required - len(words))
    values = []
    for kind, word in zip(types, words, strict=False):
        try:
            values.append(arguments.read(kind, word, section))
        except ValueError as error:
            raise ValueError(f"wrong argument in '{text}': {error}") from None
    return values
