"""Arguments of converters that may name a variable, which is read when the converter is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.kinds import Kind, bytes_of, cast
from tcproxy.samples.variables import Variable

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

TakeBytes = Callable[["Facts"], bytes | None]
"""Takes bytes of the facts; None when there are none."""


def text_of_variable(variable: Variable) -> TakeBytes:
    """Return the function that takes a variable's value, cast to a text."""
    return _of_variable(variable, Kind.STR)


def bytes_of_variable(variable: Variable) -> TakeBytes:
    """Return the function that takes a variable's value, cast to a block of data."""
    return _of_variable(variable, Kind.BIN)


def _of_variable(variable: Variable, kind: Kind) -> TakeBytes:
    scope, name = variable
    convert = cast(Kind.ANY, kind)
    assert convert is not None

    def take(facts: Facts) -> bytes | None:
        store = facts.variables(scope)
        sample = None if store is None else store.get(name)
        value = None if sample is None else convert(sample)
        return None if value is None else bytes_of(value)

    return take
