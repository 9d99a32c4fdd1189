"""Pieces of messages, right and wrong, from which properties and the fuzzers build more of them."""

from __future__ import annotations

from hypothesis import strategies as st

ENDS = [b"\r\n"] * 12 + [b"\n", b"\r\n\r\n", b"\n\n", b"\r", b"\r\n ", b"\n\t", b"", b"\n\r\n"]
REQUEST_LINES = [
    *[b"GET / HTTP/1.1", b"POST /p?q HTTP/1.1"] * 4,
    b"GET / HTTP/1.0",
    b"POST / HTTP/1.0",
    b"HEAD /h HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT a:80 HTTP/1.1",
    b"GET http://a/ HTTP/1.1",
    b"GET http://a:80/x HTTP/1.1",
    b"GET / HTTP/1.2",
    b"GET / HTTP/0.9",
    b"GET  /  HTTP/1.1",
    b"GET /",
    b"GET / FTP/1.1",
    b"G\0T / HTTP/1.1",
    b"GET /\xff HTTP/1.1",
]
STATUS_LINES = [
    *[b"HTTP/1.1 200 OK"] * 6,
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 100 Continue",
    b"HTTP/1.1 103 Early Hints",
    b"HTTP/1.1 101 Switching",
    b"HTTP/1.1 404",
    b"HTTP/1.1 500 ",
    b"HTTP/1.1 20 x",
    b"HTTP/2 200",
]
FIELDS = [
    *[b"Host: a", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"X-Y: z"] * 3,
    b"content-length: 5",
    b"Content-Length: 6",
    b"Content-Length: 0",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length:\t5 ",
    b"Content-Length : 5",
    b"Content-Length: ",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: Chunked ",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: x",
    b"Transfer-Encoding : chunked",
    b"Host: b",
    b"Host: A",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: close, x-y",
    b"Connection: Upgrade",
    b"Upgrade: foo",
    b"TE: gzip, trailers",
    b"Expect: 100-continue",
    b"X: \xe9",
    b"X: a\0b",
    b"X y: 1",
    b" folded: no",
    b": x",
    b"X",
    b"X: a\rb",
    b"!#$%&'*+-.^_`|~: 1",
]
BODIES = [
    b"",
    b"hello",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"5\nhello\n0\n\n",
    b"0\r\n\r\n",
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    b"5\r\nhelloX\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"0\r\nX y: z\r\n\r\n",
    b"05\r\nhello\r\n00\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"\r\n",
    b"\0",
]


@st.composite
def messages(draw: st.DrawFn, lines: list[bytes]) -> bytes:
    """Draw a message, or what looks like one."""
    data = draw(st.sampled_from(lines)) + draw(st.sampled_from(ENDS))
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=5)):
        data += field + draw(st.sampled_from(ENDS))
    return data + draw(st.sampled_from([b"\r\n"] * 9 + [b"\n", b""])) + draw(st.sampled_from(BODIES))


requests = st.lists(messages(REQUEST_LINES), min_size=1, max_size=3).map(b"".join)
responses = st.lists(messages(STATUS_LINES), min_size=1, max_size=3).map(b"".join)


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Draw a way to cut bytes into pieces."""
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
