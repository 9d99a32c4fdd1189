"""Parameters of a URL's query, and of a form that is posted, as samples (manual 7.3.6).

A parameter is `NAME=VALUE` between delimiters. Values are not decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.headers import request_head, that_may_come
from tcproxy.samples.kinds import Kind, Value, same
from tcproxy.samples.loose_numbers import loose_integer
from tcproxy.samples.places import OF_REQUESTS
from tcproxy.samples.rows import Convert, Fetch, Take, TakeEvery, every_converted

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

    Params = Callable[[Facts], list[bytes]]


def _pattern(name: bytes, delimiter: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a parameter of a name, of any for b"". Group 1 is its value."""
    edges = b"&;" + re.escape(delimiter)
    written = re.escape(name) if name else b"[^=%b]*+" % edges
    return re.compile(b"(?:^|(?<=[%b]))%b=([^%b]*+)" % (edges, written, edges), re.DOTALL)


def _of_url(name: bytes = b"", delimiter: bytes = b"?") -> Params:
    """Return the function that finds the values of parameters behind the first delimiter of the URL."""
    delimiter = delimiter[:1] or b"\0"
    find = _pattern(name, delimiter).findall

    def values(facts: Facts) -> list[bytes]:
        request = request_head(facts)
        return [] if request is None else find(request.target.partition(delimiter)[2])

    return values


def _of_body(name: bytes = b"") -> Params:
    find = _pattern(name, b"&").findall
    return lambda facts: [] if request_head(facts) is None else find(facts.request_body())


def _first(params: Callable[..., Params], change: Convert = same) -> Callable[..., Take]:
    def build(*arguments: bytes) -> Take:
        values = params(*arguments)

        def take(facts: Facts) -> Value | None:
            found = values(facts)
            return change(found[0]) if found else None

        return take

    return build


def _every(params: Callable[..., Params], change: Convert = same) -> Callable[..., TakeEvery]:
    def build(*arguments: bytes) -> TakeEvery:
        values = params(*arguments)

        def take(facts: Facts) -> Sequence[Value]:
            return every_converted(values(facts), change)

        return take

    return build


def _row(
    name: str, kind: Kind, help: str, params: Callable[..., Params], types: int = 2, change: Convert = same
) -> Fetch:
    return Fetch(
        name, kind, OF_REQUESTS, help, build=_first(params, change), build_every=_every(params, change),
        arguments=(ArgumentType.STRING,) * types, reads="" if params is _of_body else "path",
    )  # fmt: skip


FETCHES = that_may_come(
    _row("req.body_param", Kind.BIN, "The value of a parameter in a form that is posted.", _of_body, 1),
    _row("url_param", Kind.STR, "The value of a parameter in the URL.", _of_url),
    _row("urlp", Kind.STR, "The value of a parameter in the URL.", _of_url),
    _row("urlp_val", Kind.SINT, "The value of a parameter in the URL, as an integer.", _of_url, 2, loose_integer),
)
