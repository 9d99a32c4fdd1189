"""Requests: what the head says, what edits do, and what is written for the server."""

from __future__ import annotations

import pytest

from tcproxy.wire.http1 import BadMessage, Codec, CodecLimits, Framing, RequestHead, RequestReader
from tcproxy.wire.http1.fields import KNOWN_LINES


def read(data: bytes, **limits: int) -> RequestHead:
    """Return the request that these bytes are."""
    request = RequestReader(Codec(CodecLimits(**limits))).feed(data)  # type: ignore[arg-type]
    assert request is not None
    return request


def get(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> RequestHead:
    """Return a request of these header lines."""
    return read(b"\r\n".join([start, *lines, b"", b""]))


def refused(data: bytes, **limits: int) -> tuple[int, int]:
    """Return the status and the position of a refusal."""
    with pytest.raises(BadMessage) as caught:
        RequestReader(Codec(CodecLimits(**limits))).feed(data)  # type: ignore[arg-type]
    return caught.value.status, caught.value.position


def test_the_parts_of_a_head() -> None:
    """Start line, host, values and framing are told; names are in lower case, spaces around values gone."""
    request = get(b"Host:  a:80 ", b"X-A: 1", b"x-a:\t2", b"Content-Length: 5", start=b"POST /p?q HTTP/1.1")
    assert (request.method, request.target, request.path, request.version) == (b"POST", b"/p?q", b"/p?q", b"HTTP/1.1")
    assert (request.authority, request.value(b"x-a"), request.values(b"x-a")) == (b"a:80", b"1", [b"1", b"2"])
    assert (request.framing, request.length, request.keep_alive) == (Framing.LENGTH, 5, True)
    assert request.value(b"y") is None


@pytest.mark.parametrize(
    ("start", "line", "keeps"),
    [
        (b"GET / HTTP/1.1", b"X: y", True),
        (b"GET / HTTP/1.1", b"Connection: close", False),
        (b"GET / HTTP/1.1", b"Connection: x, Close", False),
        (b"GET / HTTP/1.0", b"X: y", False),
        (b"GET / HTTP/1.0", b"Connection: keep-alive", True),
        (b"GET / HTTP/1.0", b"Connection: keep-alive, close", False),
        (b"POST / HTTP/1.0", b"Connection: keep-alive\r\nTransfer-Encoding: chunked", False),
        (b"POST / HTTP/1.1", b"Content-Length: 3\r\nTransfer-Encoding: chunked", False),
    ],
)
def test_whether_the_client_keeps_its_connection(start: bytes, line: bytes, keeps: bool) -> None:
    """By version and Connection; a framing that others may read otherwise ends the connection."""
    assert get(line, start=start).keep_alive is keeps


@pytest.mark.parametrize(
    ("start", "line", "close", "written"),
    [
        (b"GET / HTTP/1.1", b"Connection: close", False, b"GET / HTTP/1.1\r\n\r\n"),
        (b"GET / HTTP/1.1", b"Connection: close", True, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (b"GET / HTTP/1.0", b"Connection: close", False, b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
        (b"GET / HTTP/1.0", b"Connection: keep-alive", True, b"GET / HTTP/1.0\r\n\r\n"),
        (b"GET / HTTP/1.1", b"Connection: Upgrade", True, b"GET / HTTP/1.1\r\nconnection: Upgrade\r\n\r\n"),
        (b"GET / HTTP/1.3", b"Connection: a, close", False, b"GET / HTTP/1.1\r\nconnection: a\r\n\r\n"),
    ],
)
def test_the_connection_header_for_the_server(start: bytes, line: bytes, close: bool, written: bytes) -> None:
    """It says what we do with the server's connection, whatever the client said of its own."""
    assert get(line, start=start).forward(close) == written


def test_edits() -> None:
    """Headers are added, set, removed and replaced, and the request line changed, without touching what is known."""
    codec = Codec()
    data = b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nX: 3\r\n\r\n"
    for _ in range(2):
        request = RequestReader(codec).feed(data)
        assert request is not None
        request.add(b"z", b"4")
        request.set(b"x", b"5")
        assert request.remove(b"y") and not request.remove(b"y")
        request.replace([b"host"], lambda name, value: b"b")
        request.method, request.target = b"PUT", b"/b"
        assert request.forward() == b"PUT /b HTTP/1.1\r\nhost: b\r\nz: 4\r\nx: 5\r\n\r\n"


def test_the_case_of_names_is_adjusted_when_asked() -> None:
    """h1-case-adjust changes names on the wire only, our Connection header's too."""
    adjust = {b"host": b"HoSt", b"connection": b"Connection"}
    assert get(b"host: a", b"X: 1").forward(True, adjust) == (
        b"GET / HTTP/1.1\r\nHoSt: a\r\nx: 1\r\nConnection: close\r\n\r\n"
    )


def test_pipelined_requests_come_in_order_and_bytes_can_be_taken() -> None:
    """What is behind a head stays for the next feed, or is given away."""
    reader = RequestReader(Codec())
    first = reader.feed(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HT")
    second = reader.feed()
    assert first and second and (first.target, second.target) == (b"/1", b"/2")
    assert reader.feed() is None and reader.pending == 9
    third = reader.feed(b"TP/1.1\r\n\r\nraw")
    assert third and third.target == b"/3" and reader.take() == b"raw" and reader.pending == 0


def test_upgrades() -> None:
    """A request asks for an upgrade when it has no body."""
    assert get(b"Connection: upgrade", b"Upgrade: x").upgrade
    with_body = get(b"Connection: upgrade", b"Upgrade: x", b"Content-Length: 1")
    assert not with_body.upgrade and with_body.value(b"upgrade") is None


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"/x?y", b"/x?y"), (b"http://a/x", b"/x"), (b"http://a", b""), (b"*", b"")],
)
def test_the_path_of_a_target(target: bytes, path: bytes) -> None:
    """In every form of a target."""
    assert get(start=b"GET " + target + b" HTTP/1.1").path == path


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"G@T / HTTP/1.1\r\n\r\n", 1),
        (b"GET /\x01 HTTP/1.1\r\n\r\n", 5),
        (b"GET / HTTQ/1.1\r\n\r\n", 6),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", 26),
        (b"GET / HTTP/1.1\r\nX: a\0\r\n\r\n", 20),
        (b"GET / HTTP/1.1\nX: a\n y\nZ\n\n", 24),
    ],
)
def test_a_refusal_tells_the_byte(data: bytes, position: int) -> None:
    """The position is that of the byte that cannot be, or of the end of the line that should go on."""
    assert refused(data) == (400, position)


def test_limits() -> None:
    """Many headers, long heads and payloads of HTTP/1.0 are refused by the numbers of the configuration."""
    many = b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5 + b"\r\n"
    assert refused(many, max_headers=5)[0] == 400
    assert len(read(many, max_headers=6).fields) == 5
    assert refused(b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n", bufsize=2048)[0] == 400
    assert refused(b"GET /" + b"a" * 3000, bufsize=2048)[0] == 400
    payload = b"GET / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"
    assert refused(payload)[0] == 413
    assert read(payload, any_payload=True).length == 5


def test_lenient_reading_takes_http_0_9() -> None:
    """A GET line alone is a request then, and the connection ends with it."""
    request = read(b"GET /\r\n", lenient=True)
    assert request.forward() == b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"
    assert not request.keep_alive


def test_the_store_of_known_lines_stays_small_and_keeps_no_secrets() -> None:
    """It never has more lines than its bound, and none of a header that carries credentials."""
    codec = Codec()
    for number in range(KNOWN_LINES + 10):
        for _ in range(3):
            RequestReader(codec).feed(b"GET / HTTP/1.1\r\nX: %d\r\n\r\n" % number)
        assert len(codec.known) <= KNOWN_LINES
    before = len(codec.known)
    assert before
    for _ in range(4):
        RequestReader(codec).feed(b"GET / HTTP/1.1\r\nCookie: a=b\r\nAuthorization: Basic x\r\n\r\n")
    assert len(codec.known) == before
