"""All fetches and converters of this room by name: for the parser, the lists of -dK and the docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar

from tcproxy.samples import (
    arithmetic,
    connection,
    constants,
    contents,
    cookies,
    credentials,
    dates,
    debugging,
    digests,
    encodings,
    escapes,
    fix,
    hashes,
    headers,
    hellos,
    hosts,
    http_messages,
    joining,
    json_queries,
    keeping,
    language,
    links,
    lookups,
    machine,
    maps,
    missing,
    mqtt,
    protobuf,
    protocols,
    proxies,
    secrets,
    slots,
    streams,
    substitutions,
    tcp_info,
    texts,
    tokens,
    url_params,
    urls,
)
from tcproxy.samples.places import Place
from tcproxy.samples.rows import Converter, Fetch

OneRow = TypeVar("OneRow", Fetch, Converter)

FILES: tuple[Any, ...] = (
    arithmetic,
    connection,
    constants,
    contents,
    cookies,
    credentials,
    dates,
    debugging,
    digests,
    encodings,
    escapes,
    fix,
    hashes,
    headers,
    hellos,
    hosts,
    http_messages,
    joining,
    json_queries,
    keeping,
    language,
    links,
    lookups,
    machine,
    maps,
    mqtt,
    protobuf,
    protocols,
    proxies,
    secrets,
    slots,
    streams,
    substitutions,
    tcp_info,
    texts,
    tokens,
    url_params,
    urls,
)
"""Those that have rows, in the tuples FETCHES and CONVERTERS."""


def _joined(rows: Iterable[OneRow]) -> Mapping[str, OneRow]:
    joined: dict[str, OneRow] = {}
    for row in rows:
        assert row.name not in joined, f"two rows for {row.name}"
        joined[row.name] = row
    return MappingProxyType(dict(sorted(joined.items())))


FETCHES: Mapping[str, Fetch] = _joined(chain.from_iterable(getattr(file, "FETCHES", ()) for file in FILES))
CONVERTERS: Mapping[str, Converter] = _joined(chain.from_iterable(getattr(file, "CONVERTERS", ()) for file in FILES))
MISSING_FETCHES = missing.FETCHES - FETCHES.keys()
MISSING_CONVERTERS = missing.CONVERTERS - CONVERTERS.keys()
"""What HAProxy 2.6 knows and tcproxy does not do yet: refused by name."""


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


def listing_of_converters() -> str:
    """Return the converters as HAProxy lists them (`-dKcnv`)."""
    lines = [row.listing() for row in CONVERTERS.values()]
    return "\n".join(["# List of registered sample converter functions:", *lines]) + "\n"
