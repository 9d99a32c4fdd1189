"""Expressions: a fetch with its arguments, and converters behind it, as `req.hdr(host),lower,field(1,:)`.

Syntax: manual 7.3. What a sample is compared with stands in tcproxy/rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tcproxy.grammar.suggestions import near
from tcproxy.samples import arguments
from tcproxy.samples.arguments import Argument, ArgumentType, Reference
from tcproxy.samples.kinds import Kind, Sample, Value, cast, casts_to, kind_after, no_cast, same, sample_of
from tcproxy.samples.missing import LUA
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.rows import (
    Convert,
    Converter,
    ConvertWith,
    Fetch,
    Take,
    TakeEvery,
    Waits,
    converted,
    every_converted,
)
from tcproxy.samples.table import CONVERTERS, FETCHES, MISSING_CONVERTERS, MISSING_FETCHES

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

_NAME = re.compile(r"[A-Za-z0-9_.:+-]*")
NOT_YET = "is known to HAProxy 2.6, not supported by tcproxy yet"
NO_PLUGINS = "; plugins' fetches and converters cannot be used here"
"""Said where nothing tells which plugins there are: formats of log lines, ids and answers, which are read twice."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A sample to take.

    text: as written. fetch: its row. converters: the rows of those behind it. kind: what `take` gives. references:
    proxies, servers and user lists it names. reads: what changes its value ("path", "header NAME" ...): () for nothing,
    None where that is not known. every: takes all values of a fetch that has several, which a test tries in turn; None
    where `take` gives the only one. waits: says whether the sample may still change (rows.py), None if it never does.
    """

    text: str
    fetch: Fetch
    kind: Kind
    take: Take
    references: tuple[Reference, ...] = ()
    converters: tuple[Converter, ...] = ()
    reads: tuple[str, ...] | None = None
    every: TakeEvery | None = None
    waits: Waits | None = None

    @property
    def fixed(self) -> bool:
        """Return whether it gives the same for a whole connection."""
        return self.fetch.fixed and all(
            row.build_with is None and row.build_from_files is None for row in self.converters
        )

    def taking(self, kind: Kind) -> Take | None:
        """Return the function that takes the sample as one of this kind; None where no cast leads there.

        What is declared as ADDR is an address of either family when it is taken, and cast as one.
        """
        convert = cast(Kind.IPV4 if self.kind is Kind.ADDR else self.kind, kind)
        if convert is None:
            return None
        return converted(self.take, convert)


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
    fetch, values, rest = _read_fetch(text, section, files)
    reads = fetch.what_it_reads(values)
    references = [value for value in values if isinstance(value, Reference)]
    take, every = _compiled(fetch, values, text)
    waits = fetch.compile_waits(values)
    kind = told = fetch.kind
    rows: list[Converter] = []
    while rest.startswith(","):
        rest = rest.lstrip(",")
        if not rest or rest[0] in " ]":
            break
        row, values, rest = _read_converter(text, rest, section, files)
        references += [value for value in values if isinstance(value, Reference)]
        if cast(told, row.takes) is None:
            raise ValueError(
                f"the converter '{row.name}' cannot be applied to a sample of type {told.value} in '{text}'"
            )
        take, every, kind = _converted(take, every, kind, row, values, text, files)
        told = row.told
        rows.append(row)
        reads = _reads_too(reads, row, values)
    taken = text[: len(text) - len(rest)] if rest else text
    return Expression(taken, fetch, kind, take, tuple(references), tuple(rows), reads, every, waits), rest


def _reads_too(reads: tuple[str, ...] | None, row: Converter, values: list[Argument]) -> tuple[str, ...] | None:
    """Return what changes a sample that a converter has converted."""
    if reads is None or row.build_with is not None:
        return None
    if row.build_from_files is None:
        return reads
    return (*reads, f"patterns {values[0].decode('utf-8', 'surrogateescape')}")  # type: ignore[union-attr]


def _read_fetch(text: str, section: str, files: PatternFiles | None) -> tuple[Fetch, list[Argument], str]:
    match = _NAME.match(text)
    name = match[0] if match else ""
    fetch = find_fetch(name, text, files)
    words, rest = _words(text, text[len(name) :])
    if not words and fetch.arguments[:1] == (ArgumentType.STRING,) and text[len(name) :].startswith("()"):
        words = [""]  # an empty text, as in HAProxy, which is not the same as none: `hdr()`
    return fetch, _arguments(fetch.name, fetch.arguments, fetch.required, words, text, section), rest


def _read_converter(
    text: str, rest: str, section: str, files: PatternFiles | None
) -> tuple[Converter, list[Argument], str]:
    match = _NAME.match(rest)
    name = match[0] if match else ""
    row = find_converter(name, files)
    words, rest = _words(text, rest[len(name) :])
    return row, _arguments(name, row.arguments, row.required, words, text, section), rest


def find_fetch(name: str, text: str, files: PatternFiles | None = None) -> Fetch:
    """Return the row of a fetch. Raises ValueError, with a suggestion for an unknown one.

    files: of its line, which tells the fetches of plugins.
    """
    fetch = FETCHES.get(name)
    if fetch is not None:
        return fetch
    if name in MISSING_FETCHES or name.startswith(LUA):
        raise ValueError(f"the fetch '{name}' {NOT_YET}")
    if not name:
        raise ValueError(f"the name of a fetch is missing in '{text}'")
    plugin = files.reading.fetches.get(name) if files is not None else None
    if plugin is not None:
        from tcproxy.samples.plugged import fetch_row  # few configurations use plugins

        return fetch_row(plugin)
    told = near(name, [*FETCHES, *MISSING_FETCHES]) + ("" if files is not None else NO_PLUGINS)
    raise ValueError(f"unknown fetch '{name}'{told}")


def find_converter(name: str, files: PatternFiles | None = None) -> Converter:
    """Return the row of a converter. Raises ValueError, with a suggestion for an unknown one.

    files: of its line, which tells the converters of plugins.
    """
    row = CONVERTERS.get(name)
    if row is not None:
        return row
    if name in MISSING_CONVERTERS or name.startswith(LUA):
        raise ValueError(f"the converter '{name}' {NOT_YET}")
    plugin = files.reading.converters.get(name) if files is not None else None
    if plugin is not None:
        if files is not None and files.reading.section == "global":
            raise ValueError(f"the converter '{name}' of a plugin cannot be used before the proxy runs")
        from tcproxy.samples.plugged import converter_row

        return converter_row(plugin)
    told = near(name, [*CONVERTERS, *MISSING_CONVERTERS]) + ("" if files is not None else NO_PLUGINS)
    raise ValueError(f"unknown converter '{name}'{told}")


def _compiled(fetch: Fetch, values: list[Argument], text: str) -> tuple[Take, TakeEvery | None]:
    try:
        return fetch.compile(values), fetch.compile_every(values)
    except ValueError as error:
        raise ValueError(f"wrong argument in '{text}': {error}") from None


def _converted(
    take: Take,
    every: TakeEvery | None,
    kind: Kind,
    row: Converter,
    values: list[Argument],
    text: str,
    files: PatternFiles | None,
) -> tuple[Take, TakeEvery | None, Kind]:
    """Return the functions that take a sample, and all samples, and convert them; and the new kind. Raises ValueError.

    kind: the one that the sample really has, which is not always the one that HAProxy's lists tell.
    """
    try:
        if row.build_with is not None:
            convert_with: ConvertWith | None = row.build_with(*values)
            convert = None
        else:
            convert_with, convert = None, row.compile(values, files)
    except ValueError as error:
        raise ValueError(f"wrong argument of '{row.name}' in '{text}': {error}") from None
    gives = row.gives
    if row.keeps and kind is Kind.ANY:
        gives = kind
        if convert_with is not None:
            convert_with = _kept_with(convert_with, row.takes)
        elif convert is not None:
            convert = _kept(convert, row.takes)
    else:
        change = partial(sample_of, kind) if row.takes is Kind.ANY is not kind else cast(kind, row.takes) or no_cast
        take, every = converted(take, change), _each(every, change)
        if row.keeps:
            gives = kind_after(kind, row.takes)
    if convert_with is not None:
        return _then_with(take, convert_with), _each_with(every, convert_with), gives
    assert convert is not None
    return converted(take, convert), _each(every, convert), gives


def _kept(convert: Convert, takes: Kind) -> Convert:
    """Return the function that casts a Sample, and converts it to one of the kind that it has behind the cast."""
    casts = casts_to(takes)

    def both(value: Value) -> Value | None:
        assert isinstance(value, Sample)
        found = casts.get(value.kind)
        changed = found[0](value.value) if found is not None else None
        given = convert(changed) if changed is not None else None
        return None if given is None or found is None else Sample(found[1], given)  # type: ignore[arg-type]

    return both


def _kept_with(convert: ConvertWith, takes: Kind) -> ConvertWith:
    casts = casts_to(takes)

    def both(facts: Facts, value: Value) -> Value | None:
        assert isinstance(value, Sample)
        found = casts.get(value.kind)
        changed = found[0](value.value) if found is not None else None
        given = convert(facts, changed) if changed is not None else None
        return None if given is None or found is None else Sample(found[1], given)  # type: ignore[arg-type]

    return both


def _then_with(take: Take, convert: ConvertWith) -> Take:
    def both(facts: Facts) -> Value | None:
        value = take(facts)
        return None if value is None else convert(facts, value)

    return both


def _each(every: TakeEvery | None, convert: Convert) -> TakeEvery | None:
    if every is None or convert is same:
        return every
    return lambda facts: every_converted(every(facts), convert)


def _each_with(every: TakeEvery | None, convert: ConvertWith) -> TakeEvery | None:
    if every is None:
        return None
    return lambda facts: every_converted(every(facts), partial(convert, facts))


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
    if required and not words:
        words = [""]
    nameless = bool(types) and arguments.omitted(types[0]) == b""  # an empty text is one: `hdr(,1)`
    if len(words) > len(types) or (words and not words[0] and not required and not nameless):
        allowed = len(types)
        told = "no argument" if not allowed else f"at most {allowed} argument{'s' if allowed > 1 else ''}"
        raise ValueError(f"'{name}' takes {told}, but '{','.join(words)}' stands in '{text}'")
    if len(words) < required and not all(kind.refers for kind in types[len(words) : required]):
        raise ValueError(f"'{name}' needs {required} argument{'s'[: required > 1]} in '{text}'")
    values: list[Argument] = []
    for index, (kind, word) in enumerate(zip(types, words, strict=False)):
        try:
            empty = index >= required and not word and not kind.refers
            value = arguments.omitted(kind) if empty else arguments.read(kind, word, section)
        except ValueError as error:
            raise ValueError(f"wrong argument in '{text}': {error}") from None
        if value is None:
            break
        values.append(value)
    return values
