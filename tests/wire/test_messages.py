"""Heads as sessions see them: what they tell, whichever protocol they came in."""

from __future__ import annotations

import pytest

from tcproxy.wire.http1 import Codec, RequestHead, RequestReader, ResponseHead, ResponseReader
from tcproxy.wire.messages import Field, Head


def request(text: bytes) -> RequestHead:
    """Read a request."""
    head = RequestReader(Codec()).feed(text)
    assert head is not None
    return head


def response(text: bytes, asked: RequestHead) -> ResponseHead:
    """Read a response."""
    head = ResponseReader(Codec()).feed(text, asked)
    assert head is not None
    return head


@pytest.mark.parametrize(
    ("line", "scheme", "authority", "path"),
    [
        (b"GET /a?b", b"http", b"h", b"/a?b"),
        (b"GET http://h/a", b"http", b"h", b"/a"),
        (b"GET HTTPS://h", b"https", b"h", b""),
        (b"GET /to?u=ftp://x/y", b"http", b"h", b"/to?u=ftp://x/y"),
        (b"OPTIONS *", b"http", b"h", b""),
        (b"CONNECT h:8443", b"http", b"h:8443", b""),
    ],
)
def test_where_a_request_goes(line: bytes, scheme: bytes, authority: bytes, path: bytes) -> None:
    """Targets of all forms tell scheme and path, and the authority comes from the Host header."""
    head = request(line + b" HTTP/1.1\r\nHost: " + authority + b"\r\n\r\n")
    assert (head.scheme, head.authority, head.path) == (scheme, authority, path)


@pytest.mark.parametrize(
    ("text", "has_body", "takes_interim", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", False, True, True),
        (b"PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", False, True, True),
        (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", True, True, True),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", True, True, True),
        (b"PUT / HTTP/1.0\r\nContent-Length: 1\r\n\r\n", True, False, False),
    ],
)
def test_what_is_asked_of_requests(text: bytes, has_body: bool, takes_interim: bool, keep_alive: bool) -> None:
    """A request tells whether a body follows, and what its client may be sent, without HTTP/1's words."""
    head = request(text)
    assert (head.has_body, head.takes_interim, head.keep_alive) == (has_body, takes_interim, keep_alive)


@pytest.mark.parametrize(
    ("text", "has_body", "ends_by_close", "client_keeps", "tunnels", "interim"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", True, False, True, False, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False, False, True, False, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True, False, True, False, False),
        (b"HTTP/1.1 200 OK\r\n\r\n", True, True, False, False, False),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", False, False, True, False, False),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False, False, True, False, True),
        (b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", False, False, True, True, False),
    ],
)
def test_what_is_asked_of_responses(
    text: bytes, has_body: bool, ends_by_close: bool, client_keeps: bool, tunnels: bool, interim: bool
) -> None:
    """A response tells how it ends, and what becomes of the client's connection, without HTTP/1's words."""
    asked = request(b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    head = response(text, asked)
    told = (head.has_body, head.ends_by_close, head.client_keeps(asked), head.tunnels(asked), head.interim)
    assert told == (has_body, ends_by_close, client_keeps, tunnels, interim)


def test_connect_tunnels_where_the_server_agrees() -> None:
    """CONNECT leads to a tunnel behind any 2xx response, and no other one."""
    asked = request(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
    assert response(b"HTTP/1.1 200 OK\r\n\r\n", asked).tunnels(asked)
    assert not response(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", asked).tunnels(asked)


def test_heads_of_any_protocol_are_edited() -> None:
    """A head that no codec of HTTP/1 has read has the same verbs, and its own kind of headers."""
    head = Head()
    head.template, head._fields = None, [Field(b"a", b"1"), Field(b"b", b"2"), Field(b"a", b"3")]
    head.add(b"c", b"4")
    head.replace((b"a",), lambda name, value: None if value == b"1" else value + b"!")
    assert head.remove(b"b") and not head.remove(b"b")
    assert repr(head.fields) == "[Field(b'a', b'3!'), Field(b'c', b'4')]"
    assert (head.size, head.names, head.value(b"c"), head.has(b"b")) == (2, [b"a", b"c"], b"4", False)
