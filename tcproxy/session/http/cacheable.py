"""Whether a cache between the proxy and its clients could keep a response (`cookie ... nocache`, `option checkcache`).

Cache-Control and Pragma are read as HAProxy reads them, not as RFC 9111 says in every point: directives count one after
another, in the order of the headers, and a later one may undo an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tcproxy.session.http.state import Exchange
from tcproxy.wire.messages import Head, ResponseHead

PAGE, COOKIES = 1, 2
BOTH = PAGE | COOKIES
METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE"))
STATUSES = frozenset((200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501))
NOT_KEPT = frozenset((b"private", b"no-cache", b"no-store", b"max-age=0", b"s-maxage=0"))
NOT_COOKIES = b'no-cache="set-cookie'
FRESH = (b"max-age", b"s-maxage")
"""Directives that say how long a response is fresh, with any value but 0."""
VALIDATORS = frozenset((b"expires", b"etag", b"last-modified"))
"""Headers without which, and without FRESH, nothing is kept."""
_DIRECTIVE = re.compile(rb'(?:[^",]+|"(?:[^"\\]+|\\.)*+(?:"|\\?\Z))*+', re.DOTALL)


def is_cacheable(exchange: Exchange, head: ResponseHead) -> bool:
    """Return whether a cache could keep the response."""
    return bool(cacheable(exchange, head) & PAGE)


def cacheable(exchange: Exchange, head: ResponseHead) -> int:
    """Return PAGE for a response that could be kept, and COOKIES besides if its cookies could."""
    request = exchange.request
    assert request is not None
    if head.status < 200 or (head.value(b"pragma") or b"").lower() == b"no-cache":
        return 0
    found = BOTH if request.method in METHODS and head.status in STATUSES else 0
    fresh = False
    for directive in directives(head):
        if directive == b"public":
            found = BOTH
        elif directive in NOT_KEPT:
            found = 0
        elif directive.startswith(NOT_COOKIES):
            found &= PAGE
        elif directive.startswith(FRESH):
            fresh = True
    if not fresh and not any(head.has(name) for name in VALIDATORS):
        found &= COOKIES
    return found


def directives(head: Head) -> Iterator[bytes]:
    """Return the directives of all Cache-Control headers, in lower case."""
    for value in head.values(b"cache-control"):
        at, size = 0, len(value)
        while at < size:
            found = _DIRECTIVE.match(value, at)
            assert found is not None
            yield found[0].strip(b" \t").lower()
            at = found.end() + 1
