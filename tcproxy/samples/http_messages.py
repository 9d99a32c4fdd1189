"""Start lines, bodies and captures of requests and responses as samples (manual 7.3.6); versions of HTTP (7.3.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType, Reference
from tcproxy.samples.headers import request_head, that_may_come
from tcproxy.samples.kinds import Kind, Value
from tcproxy.samples.places import (
    ANYWHERE,
    OF_EXCHANGES,
    OF_REQUESTS,
    OF_RESPONSES,
    WHILE_RUNNING,
    WITH_CLIENT,
    WITH_LINK,
)
from tcproxy.samples.rows import Fetch, Take

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.wire.messages import Head

# start lines

_METHODS = frozenset((b"OPTIONS", b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"TRACE", b"CONNECT"))
"""HAProxy still knows these when the response comes; of others only their text in the request."""


def _method(facts: Facts) -> Value | None:
    request = facts.request
    if request is None:
        request = request_head(facts)
    if request is None or (facts.response is not None and request.method not in _METHODS):
        return None
    return request.method


def _request_version(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else request.version[5:]


def _response_version(facts: Facts) -> Value | None:
    response = facts.response
    return None if response is None else response.version[5:]


def _status(facts: Facts) -> Value | None:
    response = facts.response
    return None if response is None else response.status


def _is_first(facts: Facts) -> Value | None:
    """Return whether no request came before; in TCP mode always True, as in HAProxy."""
    return facts.first if facts.request is not None or facts.frontend.model.mode == "tcp" else None


def _unique_id(facts: Facts) -> Value | None:
    return facts.unique_id()


# bodies


def _request_body(facts: Facts) -> Value | None:
    return None if request_head(facts) is None else facts.request_body()


def _request_body_length(facts: Facts) -> Value | None:
    return None if request_head(facts) is None else len(facts.request_body())


def _request_body_size(facts: Facts) -> Value | None:
    request = request_head(facts)
    return None if request is None else _size(request, facts.request_body)


def _response_body(facts: Facts) -> Value | None:
    return None if facts.response is None else facts.response_body()


def _response_body_length(facts: Facts) -> Value | None:
    return None if facts.response is None else len(facts.response_body())


def _response_body_size(facts: Facts) -> Value | None:
    response = facts.response
    return None if response is None else _size(response, facts.response_body)


def _size(head: Head, body: Callable[[], bytes]) -> int:
    """Return the length that the headers tell of a body, or else that of what came of it."""
    if not head.has_body:
        return 0
    return head.length if head.length >= 0 else len(body())


# captures


def _captured_method(facts: Facts) -> Value | None:
    line = facts.request_line()
    return None if line is None else line[0]


def _captured_path(facts: Facts) -> Value | None:
    """Return the path and the query of the request as it came."""
    line = facts.request_line()
    if line is None:
        return None
    target = line[1]
    if target.startswith(b"/"):
        return target
    _, found, rest = target.partition(b"://")
    slash = rest.find(b"/") if found else -1
    return rest[slash:] if slash >= 0 else None


def _captured_version(facts: Facts) -> Value | None:
    request = facts.request
    return None if request is None else _known_version(request)


def _captured_response_version(facts: Facts) -> Value | None:
    response = facts.response
    return None if response is None else _known_version(response)


def _known_version(head: Head) -> bytes:
    return b"HTTP/1.1" if head.version > b"HTTP/1.0" else b"HTTP/1.0"


def _captured_header(of_responses: bool) -> Callable[..., Take]:
    def build(index: int = 0) -> Take:
        def take(facts: Facts) -> Value | None:
            captured = facts.captured
            if captured is None:
                return None
            values = captured.response if of_responses else captured.request
            return values[index] if 0 <= index < len(values) else None

        return take

    return build


# versions and rates of connections


def _client_major(facts: Facts) -> Value | None:
    return 1


def _server_major(facts: Facts) -> Value | None:
    return None if facts.server is None and facts.link_remote is None else 1


def _request_rate(reference: Reference) -> Take:
    def take(facts: Facts) -> Value | None:
        frontend = facts.world.frontends.get(reference.name)
        return None if frontend is None else frontend.counters.requests_a_second(facts.world.clock.seconds())

    return take


_INDEX = (ArgumentType.INTEGER,)
_REQUESTS = that_may_come(
    Fetch("method", Kind.METH, OF_EXCHANGES, "The method of the request.", _method, reads="method"),
    Fetch("req.body", Kind.BIN, OF_REQUESTS, "What came of the request's body.", _request_body),
    Fetch("req.body_len", Kind.SINT, OF_REQUESTS, "How many bytes came of the request's body.", _request_body_length),
    Fetch("req.body_size", Kind.SINT, OF_REQUESTS, "How many bytes the request's body will have.", _request_body_size),
    Fetch("req.ver", Kind.STR, OF_REQUESTS, "The request's version of HTTP, as 1.1.", _request_version),
    Fetch("req_ver", Kind.STR, OF_REQUESTS, "The request's version of HTTP, as 1.1.", _request_version),
)
FETCHES = (
    *_REQUESTS,
    Fetch("bc_http_major", Kind.SINT, WITH_LINK, "1: servers are spoken to in HTTP/1.", _server_major),
    Fetch(
        "capture.req.hdr", Kind.STR, OF_EXCHANGES, "What was captured of a header of the request.",
        build=_captured_header(False), arguments=_INDEX, required=1,
    ),
    Fetch("capture.req.method", Kind.STR, OF_EXCHANGES, "The method of the request as it came.", _captured_method),
    Fetch("capture.req.uri", Kind.STR, OF_EXCHANGES, "The path and query of the request as it came.", _captured_path),
    Fetch("capture.req.ver", Kind.STR, OF_EXCHANGES, "HTTP/1.0 or HTTP/1.1, of the request.", _captured_version),
    Fetch(
        "capture.res.hdr", Kind.STR, WITH_LINK, "What was captured of a header of the response.",
        build=_captured_header(True), arguments=_INDEX, required=1,
    ),
    Fetch(
        "capture.res.ver", Kind.STR, OF_EXCHANGES, "HTTP/1.0 or HTTP/1.1, of the response.",
        _captured_response_version,
    ),
    Fetch("fc_http_major", Kind.SINT, WITH_CLIENT, "1: clients speak HTTP/1.", _client_major, fixed=True),
    Fetch(
        "fe_req_rate", Kind.SINT, WHILE_RUNNING, "New requests a second in the frontend.",
        build=_request_rate, arguments=(ArgumentType.FRONTEND,), required=1,
    ),
    Fetch("http_first_req", Kind.BOOL, OF_EXCHANGES, "True for the first request of a connection.", _is_first),
    Fetch("res.body", Kind.BIN, OF_RESPONSES, "What came of the response's body.", _response_body),
    Fetch(
        "res.body_len", Kind.SINT, OF_RESPONSES, "How many bytes came of the response's body.", _response_body_length
    ),
    Fetch(
        "res.body_size", Kind.SINT, OF_RESPONSES, "How many bytes the response's body will have.",
        _response_body_size,
    ),
    Fetch("res.ver", Kind.STR, OF_RESPONSES, "The response's version of HTTP, as 1.1.", _response_version),
    Fetch("resp_ver", Kind.STR, OF_RESPONSES, "The response's version of HTTP, as 1.1.", _response_version),
    Fetch("status", Kind.SINT, WITH_LINK, "The status of the response.", _status, reads="status"),
    Fetch("unique-id", Kind.STR, ANYWHERE, "The unique id of the session or request.", _unique_id),
)  # fmt: skip
