"""One pattern, or one line of a map, as the sets of patterns hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from tcproxy.samples.kinds import Value


class Entry:
    """One pattern.

    id: its number in its set, by which the runtime socket can name it. text: as written. value: of a map, as written;
    None of a pattern of an ACL. integer, address: the value as maps need it that give such kinds; set only where a
    map of that kind uses the set. line: of the file, 0 if it came otherwise. generation: see PatternSet.
    """

    __slots__ = ("address", "generation", "id", "integer", "line", "text", "value")

    integer: Value
    address: Value

    def __init__(self, number: int, text: bytes, value: bytes | None, line: int, generation: int) -> None:
        self.id = number
        self.text = text
        self.value = value
        self.line = line
        self.generation = generation

    def __repr__(self) -> str:
        return f"Entry({self.text!r}, {self.value!r})"


Match: TypeAlias = Callable[[Any], object]
"""Says whether a value is matched: true or not."""
Find: TypeAlias = Callable[[Any], Entry | None]
"""Finds the entry that matches a value."""


def no_match(value: object) -> None:
    """Match nothing."""
