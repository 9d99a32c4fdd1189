"""All fetches of this room by name: for the parser, the lists of -dK and the docs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcproxy.samples import connection, constants, machine, proxies
from tcproxy.samples.places import Place
from tcproxy.samples.rows import Fetch


def _joined() -> Mapping[str, Fetch]:
    joined: dict[str, Fetch] = {}
    for module in (connection, constants, machine, proxies):
        for row in module.FETCHES:
            assert row.name not in joined, f"two rows for the fetch {row.name}"
            joined[row.name] = row
    return MappingProxyType(dict(sorted(joined.items())))


FETCHES = _joined()


def listing() -> str:
    """Return the fetches as HAProxy lists them (`-dKsmp`), with the heading of its 22 columns."""
    places = list(Place)
    last = len(places) - 1
    heading = [
        f"#{' ' * (last - at + 2)}{'/ ' * at}_.{'-' * (last - at + 1)} {place.words}"
        for at, place in enumerate(places)
    ]
    foot = ["# " + "/ " * len(places) + " ", "# " + "| " * len(places)]
    lines = [row.listing() for row in FETCHES.values()]
    return "\n".join(["# List of registered sample fetch functions:", *heading, *foot, *lines]) + "\n"
