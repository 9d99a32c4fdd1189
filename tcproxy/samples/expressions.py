"""Expressions: a fetch with its arguments, as `be_conn(web)`; later with converters behind it.

Syntax: manual 7.3. What a sample is compared with stands in tcproxy/rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tcproxy.grammar.suggestions import near
from tcproxy.samples import arguments, missing
from tcproxy.samples.arguments import Argument, Reference
from tcproxy.samples.kinds import Kind
from tcproxy.samples.rows import Fetch, Take
from tcproxy.samples.table import FETCHES

_NAME = re.compile(r"[A-Za-z0-9_.:+-]*")
NOT_YET = "is known to HAProxy 2.6, not supported by tcproxy yet"


@dataclass(frozen=True, slots=True)
class Expression:
    """A sample to take.

    text: as written. fetch: its row. kind: what `take` gives. references: proxies and servers it names.
    """

    text: str
    fetch: Fetch
    kind: Kind
    take: Take
    references: tuple[Reference, ...] = ()


def parse_expression(text: str, section: str) -> Expression:
    """Read an expression; `section` is the name of the proxy that it stands in. Raises ValueError."""
    match = _NAME.match(text)
    name = match[0] if match else ""
    fetch = find_fetch(name, text)
    rest = text[len(name) :]
    words: list[str] = []
    if rest.startswith("("):
        words, rest = _split(text, rest[1:])
    if rest and not rest.startswith(","):
        raise ValueError(f"a comma is missing behind '{text[: len(text) - len(rest)]}' in '{text}'")
    if rest.strip(","):
        raise ValueError(refuse_converter(rest.strip(",")))
    values = _arguments(fetch, words, text, section)
    try:
        take = fetch.compile(values)
    except ValueError as error:
        raise ValueError(f"wrong argument in '{text}': {error}") from None
    references = tuple(value for value in values if isinstance(value, Reference))
    return Expression(text, fetch, fetch.kind, take, references)


def find_fetch(name: str, text: str) -> Fetch:
    """Return the row of a fetch. Raises ValueError, with a suggestion for an unknown one."""
    fetch = FETCHES.get(name)
    if fetch is not None:
        return fetch
    if name in missing.FETCHES or name.startswith(missing.LUA):
        raise ValueError(f"the fetch '{name}' {NOT_YET}")
    if not name:
        raise ValueError(f"the name of a fetch is missing in '{text}'")
    raise ValueError(f"unknown fetch '{name}'{near(name, [*FETCHES, *missing.FETCHES])}")


def refuse_converter(text: str) -> str:
    """Return the sentence that refuses the converters behind a fetch."""
    match = _NAME.match(text)
    name = match[0] if match else ""
    if name in missing.CONVERTERS or name.startswith(missing.LUA):
        return f"the converter '{name}' {NOT_YET}"
    return f"unknown converter '{name}'{near(name, list(missing.CONVERTERS))}"


def _split(text: str, inside: str) -> tuple[list[str], str]:
    try:
        words, rest = arguments.split(inside)
    except ValueError as error:
        raise ValueError(f"{error} in '{text}'") from None
    return ([] if words == [""] else words), rest


def _arguments(fetch: Fetch, words: list[str], text: str, section: str) -> list[Argument]:
    if len(words) > len(fetch.arguments):
        allowed = len(fetch.arguments)
        told = "no argument" if not allowed else f"at most {allowed} argument{'s' if allowed > 1 else ''}"
        raise ValueError(f"'{fetch.name}' takes {told}, but '{words[allowed]}' stands in '{text}'")
    words = words + [""] * (fetch.required - len(words))
    values = []
    for kind, word in zip(fetch.arguments, words, strict=False):
        try:
            values.append(arguments.read(kind, word, section))
        except ValueError as error:
            raise ValueError(f"wrong argument in '{text}': {error}") from None
    return values
