"""Requests that the bytes of a connection begin with, as they are written."""

from __future__ import annotations

import pytest

from tcproxy.wire.early_request import early_request
from tcproxy.wire.http_guess import guessing_codec
from tcproxy.wire.unread import NEVER, NOT_YET, Unread


@pytest.mark.parametrize(
    ("data", "start", "headers"),
    [
        (b"GET /a HTTP/1.1\r\nHost: h\r\nX: 1\r\n 2\r\n\r\n.", b"GET /a HTTP/1.1", [(b"host", b"h"), (b"x", b"1   2")]),
        (b"\r\n\nGET / HTTP/1.0\nConnection: close\n\n", b"GET / HTTP/1.0", [(b"connection", b"close")]),
        (b"GET http://h:80/ HTTP/1.1\r\nHost: h:80\r\n\r\n", b"GET http://h:80/ HTTP/1.1", [(b"host", b"h:80")]),
        (b"GET /\r\n", b"GET / HTTP/1.0", []),
    ],
)  # fmt: skip
def test_requests(data: bytes, start: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Nothing is brought into another form, and HTTP/0.9 counts as 1.0."""
    found = early_request(data, guessing_codec())
    assert not isinstance(found, Unread)
    assert b"%b %b %b" % (found.method, found.target, found.version) == start
    assert [(field.name, field.value) for field in found.fields] == headers


def test_what_is_none() -> None:
    """A head that is not whole may still come; other protocols, and heads that are wrong, never will."""
    codec = guessing_codec()
    whole = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    assert [early_request(whole[:at], codec) for at in range(len(whole))] == [NOT_YET] * len(whole)
    for data in (b"SSH-2.0-OpenSSH\r\n", b"\x16\3\1", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"POST /\r\n"):
        assert early_request(data, codec) is NEVER
