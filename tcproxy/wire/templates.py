"""Templates: the header names of heads that are alike, in their order. An edit of a head leads to another template.

A head with a template has a tuple of values, and no list of headers. A header that is added or removed changes the
tuple, and the template for the one that its neighbour has already worked out: no edit looks at all headers.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_DERIVED = 64
"""Templates that edits of one template lead to. A full store begins anew, so that nobody can make it grow."""


class Template:
    """The names of a head's headers.

    A head keeps the values as `parts`: first two values of its start line, then one for each name. names: in lower
    case, in the order of the headers. places: name -> indices in `parts` of the values of all headers of that name.
    """

    __slots__ = ("_added", "_derived", "_origin", "_without", "names", "places")

    def __init__(self, names: Iterable[bytes], origin: Template | None = None) -> None:
        """Make the template of these names. origin: the first template of those that edits led here from."""
        self.names = tuple(names)
        self.places: dict[bytes, tuple[int, ...]] = {}
        for at, name in enumerate(self.names, 2):
            self.places[name] = (*self.places.get(name, ()), at)
        self._origin = origin
        self._derived = 0
        self._added: dict[bytes, Template] = {}
        self._without: dict[tuple[int, ...], Template] = {}

    def adding(self, name: bytes) -> Template:
        """Return the template with one more header of this name behind all others."""
        found = self._added.get(name)
        if found is None:
            found = self.derive((*self.names, name), self._make_room())
            self._added[name] = found
        return found

    def without(self, places: tuple[int, ...]) -> Template:
        """Return the template without the headers whose values have these indices in `parts`."""
        found = self._without.get(places)
        if found is None:
            kept = [name for at, name in enumerate(self.names, 2) if at not in places]
            found = self.derive(kept, self._make_room())
            self._without[places] = found
        return found

    def derive(self, names: Iterable[bytes], origin: Template) -> Template:
        """Return a template of other names that heads of `origin` are written by after an edit."""
        raise NotImplementedError

    def _make_room(self) -> Template:
        """Count one more template of the origin's; return the origin."""
        origin = self if self._origin is None else self._origin
        origin._derived += 1
        if origin._derived > MOST_DERIVED:
            origin._derived = 1
            origin._added.clear()
            origin._without.clear()
        return origin
