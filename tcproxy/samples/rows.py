"""Rows of fetches: one declaration a fetch, read by the parser, the list of the language (-dK) and the docs.

A row stands at the foot of the file that implements its fetch, in a module-level tuple `FETCHES`;
tcproxy/samples/table.py joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.samples.kinds import Value

Take: TypeAlias = "Callable[[Facts], Value | None]"
"""Takes a sample; None when there is none."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch.

    kind: what it gives. places: see tcproxy.samples.places. arguments: types; the first `required` must be
        given, and are empty if they are not (a proxy left out means the current one).
    take: the fetch itself, for one without arguments. build: makes it of the arguments' values, those not
        given left out (ValueError says what is wrong with them).
    fixed: its value is the same for a whole connection, from its first request to its last.
    """

    name: str
    kind: Kind
    places: str
    help: str
    take: Take | None = None
    build: Callable[..., Take] | None = None
    arguments: tuple[ArgumentType, ...] = ()
    required: int = 0
    fixed: bool = False

    def compile(self, values: Sequence[Any]) -> Take:
        """Return the function that takes this sample with these arguments. Raises ValueError."""
        if self.build is not None:
            return self.build(*values)
        assert self.take is not None
        return self.take

    def listing(self) -> str:
        """Return the line of HAProxy's list of fetches."""
        return f"[ {' '.join(self.places)} ] {self.name}{self._signature()}: {self.kind.value}"

    def _signature(self) -> str:
        if not self.arguments:
            return ""
        words = [kind.value for kind in self.arguments]
        given, optional = words[: self.required], words[self.required :]
        if not optional:
            return f"({','.join(given)})"
        comma = "," if given else ""
        return f"({','.join(given)}[{comma}{','.join(optional)}])"
