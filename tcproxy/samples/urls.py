"""Parts of a request's URL as samples, and hashes of them (manual 7.3.6). Parameters: see url_params.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tcproxy.samples.headers import parted, request_head, that_may_come
from tcproxy.samples.kinds import Kind, Value
from tcproxy.samples.loose_numbers import loose_ipv4
from tcproxy.samples.places import OF_REQUESTS
from tcproxy.samples.rows import Fetch
from tcproxy.wire.hashes import MASK, avalanche

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.wire.messages import RequestHead


def _url(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else request.target


def _path(facts: Facts) -> Value | None:
    request = facts.request
    if request is None or facts.response is not None:
        request = request_head(facts)
        if request is None:
            return None
    target = request.target
    if target[:1] != b"/":
        target = request.path
    return (target.partition(b"?")[0] if b"?" in target else target) or None


def _path_and_query(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else request.path or None


def _query(facts: Facts) -> Value | None:
    request = request_head(facts)
    if request is None:
        return None
    _, found, query = request.target.partition(b"?")
    return query if found else None


def host_of(request: RequestHead) -> bytes:
    """Return the first word of the first Host header, b"" without one."""
    host = request.value(b"host") or b""
    return parted(host)[0] if b"," in host else host


def _base(facts: Facts) -> Value | None:
    request = request_head(facts)
    if request is None:
        return None
    return host_of(request) + request.path.partition(b"?")[0] or None


def _base_and_query(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else host_of(request) + request.path or None


# hashes


def hash32(text: bytes) -> int:
    """Return the hash that HAProxy's `sdbm` with an avalanche makes of a text, whose bytes count as signed."""
    value = 0
    for byte in text:
        value = ((byte if byte < 128 else byte - 256) + value * 65599) & MASK
    return avalanche(value)


def _base32(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else hash32(host_of(request) + request.path.partition(b"?")[0])


def _url32(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else hash32((request.value(b"host") or b"") + request.path)


def _base32_and_source(facts: Facts) -> Value | None:
    return _with_source(facts, _base32(facts))


def _url32_and_source(facts: Facts) -> Value | None:
    return _with_source(facts, _url32(facts))


def _with_source(facts: Facts, value: Value | None) -> Value | None:
    source = facts.source
    return value.to_bytes(4, "big") + source if isinstance(value, int) and source else None


# the authority


_SCHEME = re.compile(rb"http(s?)://", re.IGNORECASE)
_PORT = re.compile(rb":([0-9]++)")
_HTTP, _HTTPS = 80, 443


def _host_and_port(facts: Facts) -> tuple[bytes, int] | None:
    """Return the packed IPv4 address and the port that an absolute URL names; None if it names none."""
    request = request_head(facts)
    if request is None or request.target.startswith(b"/"):
        return None
    scheme = _SCHEME.match(request.target)
    rest = request.target[scheme.end() :] if scheme is not None else b""
    found = loose_ipv4(rest)
    if found is None or scheme is None:
        return None
    packed, end = found
    port = _PORT.match(rest, end)
    if port is None:
        return packed, _HTTPS if scheme[1] else _HTTP
    return packed, int(port[1][-16:]) & 0xFFFF  # 16 bits, which digits further to the left do not change


def _url_ip(facts: Facts) -> Value | None:
    found = _host_and_port(facts)
    return None if found is None else found[0]


def _url_port(facts: Facts) -> Value | None:
    found = _host_and_port(facts)
    return None if found is None else found[1]


FETCHES = that_may_come(
    Fetch("base", Kind.STR, OF_REQUESTS, "The Host header, and the path behind it.", _base),
    Fetch("base32", Kind.SINT, OF_REQUESTS, "A hash of 32 bits of `base`.", _base32),
    Fetch("base32+src", Kind.BIN, OF_REQUESTS, "`base32` and the client's address.", _base32_and_source),
    Fetch("baseq", Kind.STR, OF_REQUESTS, "The Host header, the path and the query.", _base_and_query),
    Fetch("path", Kind.STR, OF_REQUESTS, "The path, without the query.", _path, reads="path"),
    Fetch("pathq", Kind.STR, OF_REQUESTS, "The path and the query.", _path_and_query, reads="path"),
    Fetch("query", Kind.STR, OF_REQUESTS, "What stands behind the first question mark.", _query, reads="path"),
    Fetch("url", Kind.STR, OF_REQUESTS, "The URL as the request has it.", _url, reads="path"),
    Fetch("url32", Kind.SINT, OF_REQUESTS, "A hash of 32 bits of Host, path and query.", _url32),
    Fetch("url32+src", Kind.BIN, OF_REQUESTS, "`url32` and the client's address.", _url32_and_source),
    Fetch("url_ip", Kind.IPV4, OF_REQUESTS, "The IPv4 address in an absolute URL.", _url_ip),
    Fetch("url_port", Kind.SINT, OF_REQUESTS, "The port in an absolute URL with an IPv4 address.", _url_port),
)
