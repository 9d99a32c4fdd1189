"""The fetch `var`, and the converters that set and forget variables (manual 7.3.1, 7.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Sample, Value
from tcproxy.samples.places import ANYWHERE
from tcproxy.samples.rows import Converter, ConvertWith, Fetch, Take
from tcproxy.samples.variables import read_conditions, variable_of

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts


def _var(word: bytes = b"", default: bytes | None = None) -> Take:
    variable = variable_of(word)
    scope, name = variable
    if default is None:
        return lambda facts: variable.sample(facts.variables)
    instead = Sample(Kind.STR, default)

    def take(facts: Facts) -> Value | None:
        store = facts.variables(scope)
        return None if store is None else store.get(name, instead)

    return take


def _set(word: bytes = b"", *words: bytes) -> ConvertWith:
    """Return the converter that keeps what it is given, and gives it on; it gives nothing where it did not keep it."""
    scope, name = variable_of(word)
    conditions = read_conditions(list(words))

    def keep(facts: Facts, value: Value) -> Value | None:
        assert isinstance(value, Sample)
        store = facts.variables(scope)
        return value if store is not None and store.put(name, value, conditions) else None

    return keep


def _unset(word: bytes = b"") -> ConvertWith:
    scope, name = variable_of(word)

    def forget(facts: Facts, value: Value) -> Value | None:
        store = facts.variables(scope)
        if store is None:
            return None
        store.remove(name)
        return value

    return forget


FETCHES = (
    Fetch(
        "var", Kind.ANY, ANYWHERE, "What a variable holds; its default (a text) where only its scope is there.",
        build=_var, arguments=(ArgumentType.STRING, ArgumentType.STRING), required=1,
    ),
)  # fmt: skip

CONVERTERS = (
    Converter(
        "set-var", Kind.ANY, Kind.ANY, "The same, kept in a variable if the conditions are met; else nothing.",
        build_with=_set, arguments=(ArgumentType.STRING,) * 5, required=1,
    ),
    Converter(
        "unset-var", Kind.ANY, Kind.ANY, "The same; a variable is forgotten.",
        build_with=_unset, arguments=(ArgumentType.STRING,), required=1,
    ),
)  # fmt: skip
