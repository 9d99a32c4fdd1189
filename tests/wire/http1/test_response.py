"""Responses: framing by the request they answer, what is written for the client, and bodies."""

from __future__ import annotations

import pytest

from tcproxy.wire.http1 import (
    BadMessage,
    ChunkedBody,
    CloseBody,
    Codec,
    Framing,
    LengthBody,
    NoBody,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
    body_of,
    chunk,
    last_chunk,
)

from .corpus import REQUESTS


def request(asked: str = "GET") -> RequestHead:
    """Return a request of the corpus."""
    head = RequestReader(Codec()).feed(REQUESTS[asked])
    assert head is not None
    return head


def answer(data: bytes, asked: str = "GET") -> ResponseHead:
    """Return the response that these bytes are."""
    response = ResponseReader(Codec()).feed(data, request(asked))
    assert response is not None
    return response


@pytest.mark.parametrize(
    ("asked", "head", "framing"),
    [
        ("GET", b"200 OK\r\nContent-Length: 3\r\n", Framing.LENGTH),
        ("GET", b"200 OK\r\nContent-Length: 0\r\n", Framing.NONE),
        ("GET", b"200 OK\r\nTransfer-Encoding: chunked\r\n", Framing.CHUNKED),
        ("GET", b"200 OK\r\n", Framing.CLOSE),
        ("GET", b"204 None\r\n", Framing.NONE),
        ("GET", b"205 Reset\r\nContent-Length: 3\r\n", Framing.LENGTH),
        ("GET", b"304 Same\r\nContent-Length: 3\r\n", Framing.NONE),
        ("GET", b"103 Hints\r\n", Framing.NONE),
        ("HEAD", b"200 OK\r\nContent-Length: 3\r\n", Framing.NONE),
        ("HEAD", b"200 OK\r\nTransfer-Encoding: chunked\r\n", Framing.NONE),
        ("CONNECT", b"200 OK\r\nContent-Length: 3\r\n", Framing.NONE),
        ("CONNECT", b"403 No\r\nContent-Length: 3\r\n", Framing.LENGTH),
    ],
)
def test_framing(asked: str, head: bytes, framing: Framing) -> None:
    """RFC 9112 section 6.3, in its order."""
    assert answer(b"HTTP/1.1 " + head + b"\r\n", asked).framing is framing


def test_interim_responses_come_before_the_final_one() -> None:
    """They have no Connection header, and the final one is read from the same bytes."""
    reader, asked = ResponseReader(Codec()), request("GET-close")
    first = reader.feed(b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", asked)
    second = reader.feed(b"", asked)
    assert first and second and first.interim and not second.interim
    assert first.forward(asked) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert second.forward(asked) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


def test_switches_and_tunnels() -> None:
    """101 needs a request that asked for it; 2xx makes CONNECT a tunnel; neither gets a Connection header of ours."""
    switch = b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
    response = answer(switch, "UPGRADE")
    assert response.tunnels(request("UPGRADE")) and not response.interim
    assert response.forward(request("UPGRADE"), False).endswith(b"\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n")
    assert answer(b"HTTP/1.1 200 OK\r\n\r\n", "CONNECT").tunnels(request("CONNECT"))
    with pytest.raises(BadMessage) as caught:
        answer(switch)
    assert caught.value.status == 502


def test_the_connection_header_for_the_client() -> None:
    """`keep` says what we do; without it the messages decide."""
    response = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert not response.keep_alive
    assert response.forward(request()) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    assert response.forward(request(), False).endswith(b"\r\nconnection: close\r\n\r\n")
    assert response.forward(request("GET-1.0-keep")).endswith(b"\r\nconnection: keep-alive\r\n\r\n")
    old = answer(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert old.forward(request()).endswith(b"\r\nconnection: keep-alive\r\n\r\n")
    assert old.forward(request(), False) == b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"


def test_edits_of_the_status_line() -> None:
    """Status and reason are written as they are set."""
    response = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    response.status, response.reason = 404, b"Not here"
    assert response.forward(request()).startswith(b"HTTP/1.1 404 Not here\r\n")


def test_a_length_body_ends_exactly() -> None:
    """What follows is left over, and an early end of the connection is told."""
    body = LengthBody(5)
    assert [bytes(p) for p in body.feed(b"he") + body.feed(b"lloGET")] == [b"he", b"llo"]
    assert body.done and body.surplus == b"GET"
    body.ended()
    with pytest.raises(BadMessage):
        LengthBody(1).ended()


def test_large_pieces_are_not_copied() -> None:
    """A body's bytes among others are passed on as views when they are many."""
    body = LengthBody(10_000)
    (piece,) = body.feed(b"x" * 10_001)
    assert isinstance(piece, memoryview) and body.surplus == b"x"


def test_chunks_are_joined_and_extensions_dropped() -> None:
    """All data of one feed makes one chunk, as HAProxy writes it, with its size in capitals; trailers follow."""
    body = ChunkedBody(Codec(), 400)
    pieces = body.feed(b"3;a=b\r\nabc\r\n7\r\ndefghij\r\n0\r\nX-T:  1 \r\n\r\nGET")
    assert b"".join(chunk(pieces)) == b"A\r\nabcdefghij\r\n"
    assert last_chunk(body.trailers) == b"0\r\nx-t: 1\r\n\r\n"
    assert last_chunk(body.trailers, {b"x-t": b"X-T"}) == b"0\r\nX-T: 1\r\n\r\n"
    assert body.done and body.surplus == b"GET"
    assert chunk([]) == [] and last_chunk() == b"0\r\n\r\n"


def test_a_bad_chunk_tells_where() -> None:
    """The position counts the body's bytes, over several feeds; the status is that of the role."""
    body = ChunkedBody(Codec(), 502)
    body.feed(b"3\r\nab")
    with pytest.raises(BadMessage) as caught:
        body.feed(b"cX\r\n")
    assert (caught.value.status, caught.value.position) == (502, 6)
    with pytest.raises(BadMessage):
        ChunkedBody(Codec(), 400).feed(b"%x\r\n" % (1 << 52))


def test_bodies_of_heads() -> None:
    """Each framing has its decoder; only the end of the connection ends a body without length."""
    codec = Codec()
    assert isinstance(body_of(answer(b"HTTP/1.1 204 x\r\n\r\n"), codec, 502), NoBody)
    assert isinstance(body_of(answer(b"HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n"), codec, 502), LengthBody)
    body = body_of(answer(b"HTTP/1.1 200 x\r\n\r\n"), codec, 502)
    assert isinstance(body, CloseBody) and body.feed(b"ab") == [b"ab"] and not body.done
    body.ended()
    assert body.done
