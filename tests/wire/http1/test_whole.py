"""Whole responses out of files and configurations: what is one, how it ends, how much of a buffer it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.http1 import BadMessage, Codec, Field, Framing, RequestReader, compose, read_whole

START = b"HTTP/1.1 503 No\r\n"


@pytest.mark.parametrize(
    ("data", "framing", "keeps"),
    [
        (START + b"\r\nabc", Framing.CLOSE, False),
        (START + b"\r\n", Framing.CLOSE, False),
        (START + b"Content-Length: 3\r\n\r\nabc", Framing.LENGTH, True),
        (START + b"Content-Length: 0\r\n\r\n", Framing.NONE, True),
        (START + b"Content-Length: 0\r\nConnection: x, close\r\n\r\n", Framing.NONE, False),
        (b"HTTP/1.1 204 No\r\n\r\n", Framing.NONE, True),
        (b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", Framing.NONE, True),
        (b"\r\n\nHTTP/1.0 503 No\nContent-Length: 3\n\nabc", Framing.LENGTH, True),
    ],
)
def test_how_it_ends(data: bytes, framing: Framing, keeps: bool) -> None:
    """A response ends by its length, by its status, or with the connection; it may ask for the end itself."""
    whole = read_whole(data)
    assert (whole.head.framing, whole.keeps) == (framing, keeps)


def test_words_of_the_connection_are_taken_out_and_counted() -> None:
    """Connection words of ours do not go to clients, but count; others stay, and repeated lengths are one."""
    whole = read_whole(START + b"Connection: close\r\nA: b\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
    assert [field.name for field in whole.head.fields] == [b"a", b"content-length"]
    assert whole.size == 24 + len(b"HTTP/1.1") + len(b"No") + len(b"connectionclose") + len(b"ab") + len(
        b"content-length3"
    )
    assert read_whole(START + b"Connection: upgrade\r\n\r\n").head.upgrade


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\n\n",
        START,
        START + b"A: b\r\n",
        START + b"A b: c\r\n\r\n",
        START + b" folded: first\r\n\r\n",
        START + b"Content-Length: 3\r\n\r\nab",
        START + b"Content-Length: 1\r\n\r\nab",
        START + b"Content-Length: x\r\n\r\n",
        START + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        START + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 100 No\r\n\r\n",
        b"HTTP/1.1 304 No\r\n\r\nabc",
        b"FOO/1.1 503 No\r\n\r\n",
    ],
)
def test_what_is_none(data: bytes) -> None:
    """What is no response, or contradicts itself, is told."""
    with pytest.raises(BadMessage):
        read_whole(data)


@given(st.binary(max_size=60))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    """No file makes the reading fail in another way, and what is read can be written."""
    request = RequestReader(Codec()).feed(b"GET / HTTP/1.1\r\n\r\n")
    assert request is not None
    try:
        whole = read_whole(START + data)
    except BadMessage:
        return
    assert whole.head.forward(request, whole.keeps).startswith(b"HTTP/1.1 503 No\r\n")


def test_the_room_of_a_response() -> None:
    """The largest response that the reference takes fills a buffer."""
    assert read_whole(b"HTTP/1.1 503 Nope\r\n\r\n" + b"x" * 16276).room == 16384
    assert read_whole(b"HTTP/1.1 503 Nope\r\nAbc: defg\r\n\r\n" + b"x" * 16261).room == 16384
    fields = [Field(b"abc", b"defg")]
    assert compose(503, b"Nope", fields, b"x" * 16261).room == 16384
