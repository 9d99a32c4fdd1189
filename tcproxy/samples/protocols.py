"""Samples of protocols that begin a connection in TCP mode: Remote Desktop, distcc, HTTP (manual 7.3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.contents import from_client, from_either, room
from tcproxy.samples.kinds import Kind, Value, decode
from tcproxy.samples.places import OF_EITHER, OF_EXCHANGES, OF_REQUESTS
from tcproxy.samples.rows import OF_BYTES, Fetch, Take, Waits
from tcproxy.wire.distcc import NAME_SIZE, Token, find_token
from tcproxy.wire.http_guess import begins_with_request, guessing_codec
from tcproxy.wire.rdp import find_rdp_cookie
from tcproxy.wire.unread import NEVER, NOT_YET, Unread

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

Read = Callable[["Facts"], Value | Unread]


def _take(read: Read) -> Take:
    def take(facts: Facts) -> Value | None:
        found = read(facts)
        return None if isinstance(found, Unread) else found

    return take


def _waits(read: Read) -> Waits:
    return lambda facts: read(facts) is NOT_YET


def _row(
    name: str, kind: Kind, places: str, help: str, build: Callable[..., Read],
    arguments: tuple[ArgumentType, ...] = (), required: int = 0, reads: str = OF_BYTES,
) -> Fetch:  # fmt: skip
    return Fetch(
        name, kind, places, help, build=lambda *values: _take(build(*values)),
        build_waits=lambda *values: _waits(build(*values)), arguments=arguments, required=required, reads=reads,
    )  # fmt: skip


# Remote Desktop


def _rdp_cookie(name: bytes = b"") -> Read:
    def read(facts: Facts) -> Value | Unread:
        data = from_client(facts)
        return NEVER if data is None else find_rdp_cookie(data, name)

    return read


def _rdp_count(name: bytes = b"") -> Read:
    def read(facts: Facts) -> Value | Unread:
        data = from_client(facts)
        found = NEVER if data is None else find_rdp_cookie(data, name)
        return found if found is NOT_YET else int(found is not NEVER)

    return read


def _rdp_row(name: str, help: str) -> Fetch:
    return _row(name, Kind.STR, OF_REQUESTS, help, _rdp_cookie, (ArgumentType.STRING,))


def _rdp_count_row(name: str, help: str) -> Fetch:
    return _row(name, Kind.SINT, OF_REQUESTS, help, _rdp_count, (ArgumentType.STRING,))


# distcc


def _token(name: bytes, occurrence: int) -> Callable[[Facts], tuple[bytes, Token] | Unread]:
    if len(name) != NAME_SIZE:
        raise ValueError(f"'{decode(name)}' is no token: one has {NAME_SIZE} letters")

    def read(facts: Facts) -> tuple[bytes, Token] | Unread:
        data = from_either(facts)
        if data is None:
            return NEVER
        found = find_token(data, name, occurrence or 1, room(facts))
        return found if isinstance(found, Unread) else (data, found)

    return read


def _distcc_parameter(name: bytes, occurrence: int = 1) -> Read:
    find = _token(name, occurrence)

    def read(facts: Facts) -> Value | Unread:
        found = find(facts)
        return found if isinstance(found, Unread) else found[1].parameter

    return read


def _distcc_body(name: bytes, occurrence: int = 1) -> Read:
    find = _token(name, occurrence)

    def read(facts: Facts) -> Value | Unread:
        found = find(facts)
        if isinstance(found, Unread):
            return found
        data, token = found
        return data[token.start : token.end] if token.end <= len(data) else NOT_YET

    return read


# HTTP


def _is_http() -> Read:
    codec = guessing_codec()

    def read(facts: Facts) -> Value | Unread:
        if facts.request is not None:
            return True
        data = from_client(facts)
        return NOT_YET if data is None else begins_with_request(data, codec)

    return read


_DISTCC = (ArgumentType.STRING, ArgumentType.INTEGER)

FETCHES = (
    _row(
        "distcc_body", Kind.BIN, OF_EITHER, "The body of this token of distcc, the first or another occurrence.",
        _distcc_body, _DISTCC, required=1,
    ),
    _row(
        "distcc_param", Kind.SINT, OF_EITHER, "The parameter of this token of distcc.",
        _distcc_parameter, _DISTCC, required=1,
    ),
    _rdp_row("rdp_cookie", "An old name of req.rdp_cookie."),
    _rdp_count_row("rdp_cookie_cnt", "An old name of req.rdp_cookie_cnt."),
    _row(
        "req.proto_http", Kind.BOOL, OF_EXCHANGES, "True once the head of an HTTP request came.", _is_http,
        reads="protocol",
    ),
    _rdp_row("req.rdp_cookie", "The cookie of this name, or any, of a Remote Desktop client."),
    _rdp_count_row("req.rdp_cookie_cnt", "1 if that cookie came, 0 if none will come."),
    _row("req_proto_http", Kind.BOOL, OF_EXCHANGES, "An old name of req.proto_http.", _is_http, reads="protocol"),
)  # fmt: skip
