"""Whether bytes begin with a request of HTTP/1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.http_guess import begins_with_request, guessing_codec
from tcproxy.wire.unread import NEVER, NOT_YET

CODEC = guessing_codec()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"GET /\r\n", b"\r\n\nput / HTTP/1.0\n\n", b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / RTSP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 98 + b"\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", b"GET / HTTP/1.1\r\na: b\0\r\n\r\n",
    ],
)  # fmt: skip
def test_whole_heads(data: bytes) -> None:
    """A head is seen once its last byte came, of whatever version it is."""
    assert begins_with_request(data, CODEC) is True
    for size in range(len(data)):
        assert begins_with_request(data[:size], CODEC) is NOT_YET


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n", b"\x16\x03", b"(", b"POST /\r\n", b"GET / HTTP/1.1\r\nho st: a\r\n", b"GET / HTTP/1.1\r\n\rx",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 99 + b"\r\n",
        b"\rG", b"GET / HTTP/1.1\r\n\x80",
    ],
)  # fmt: skip
def test_what_is_not_http(data: bytes) -> None:
    """Other protocols and broken heads are known at the first byte that cannot be right."""
    assert begins_with_request(data, CODEC) is NEVER


@given(st.one_of(st.binary(), st.text("GET /HTP1.0\r\n:a\0").map(str.encode)))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever comes gets one of the three answers, and a settled one stays when more comes."""
    told = begins_with_request(data, CODEC)
    assert told in (True, NEVER, NOT_YET)
    if told is NEVER:
        assert begins_with_request(data + b"x", CODEC) is NEVER
