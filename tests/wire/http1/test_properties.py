"""Properties that hold for all bytes: cuts change nothing, what is written is read back, only refusals come out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tcproxy.wire.http1 import (
    BadMessage,
    ChunkedBody,
    Codec,
    CodecLimits,
    Field,
    RequestReader,
    chunk,
    last_chunk,
)

from . import corpus
from .fragments import cut, requests, responses
from .verdicts import Verdict, request_verdict, response_verdict

LENIENT = CodecLimits(lenient=True)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12).map(lambda t: b"x" + t.encode())
VALUES = st.binary(max_size=40).map(lambda v: v.translate(None, b"\r\n\0").strip(b" \t"))


def told(verdict: Verdict) -> tuple[object, ...]:
    """Return what must not depend on how the bytes were cut."""
    heads = [(repr(head), repr(head.fields), head.keep_alive, head.upgrade) for head in verdict.heads]
    return verdict.status, verdict.incomplete, verdict.bodies, heads


@given(st.data(), requests, st.booleans())
def test_any_cut_of_requests_gives_the_same(data: st.DataObject, message: bytes, lenient: bool) -> None:
    """Requests in any pieces, right or wrong, have the outcome that they have whole."""
    limits = LENIENT if lenient else CodecLimits()
    assert told(request_verdict(data.draw(cut(message)), limits)) == told(request_verdict([message], limits))


@given(st.data(), responses, st.sampled_from(sorted(corpus.REQUESTS)))
def test_any_cut_of_responses_gives_the_same(data: st.DataObject, message: bytes, asked: str) -> None:
    """Responses in any pieces, right or wrong, have the outcome that they have whole."""
    pieces = data.draw(cut(message))
    assert told(response_verdict(asked, pieces)) == told(response_verdict(asked, [message]))


@given(requests)
def test_what_is_forwarded_is_forwarded_alike_again(message: bytes) -> None:
    """A second proxy behind the first changes nothing: our form is a fixed point, the connection's words aside."""
    verdict = request_verdict([message])
    again = request_verdict([verdict.forwarded])
    if not verdict.status and not verdict.incomplete:
        assert again.status == 0
        assert [repr(head.fields) for head in again.heads] == [repr(head.fields) for head in verdict.heads]
        assert again.bodies == verdict.bodies


@given(st.lists(st.tuples(NAMES, VALUES), max_size=20), st.integers(0, 3))
def test_headers_that_are_written_are_read_back(fields: list[tuple[bytes, bytes]], extra: int) -> None:
    """Names and values survive the way through the wire's form, whether the lines were known before or not."""
    codec = Codec()
    head = b"GET / HTTP/1.1\r\n" + b"".join(Field(*field).wire for field in fields) + b"\r\n"
    for _ in range(1 + extra):
        request = RequestReader(codec).feed(head)
        assert request is not None
        assert [(field.name, field.value) for field in request.fields] == fields
        assert request.forward() == head


@given(st.lists(st.binary(max_size=6000), max_size=6), st.data())
def test_chunks_that_are_written_are_read_back(bodies: list[bytes], data: st.DataObject) -> None:
    """Any body in any chunks, cut anywhere, is read back whole, and what follows it is left over."""
    wire = b"".join(bytes(piece) for body in bodies for piece in chunk([body])) + last_chunk([Field(b"x-t", b"1")])
    decoder = ChunkedBody(Codec(), 400)
    seen = b"".join(bytes(p) for piece in data.draw(cut(wire + b"next")) for p in decoder.feed(piece))
    assert (seen, decoder.done, decoder.surplus) == (b"".join(bodies), True, b"next")
    assert [field.wire for field in decoder.trailers] == [b"x-t: 1\r\n"]


@settings(max_examples=300)
@given(st.data(), st.binary(max_size=300) | requests | responses, st.booleans())
def test_nothing_but_refusals_comes_out(data: st.DataObject, message: bytes, lenient: bool) -> None:
    """Whatever is fed, in both roles and in any pieces, the only exception is BadMessage, with a status of its role."""
    limits = CodecLimits(lenient=lenient)
    pieces = data.draw(cut(message))
    assert request_verdict(pieces, limits).status in (0, 400, 413, 422)
    assert response_verdict("GET", pieces, limits).status in (0, 502)


@given(st.data(), requests)
def test_a_refusal_tells_where(data: st.DataObject, message: bytes) -> None:
    """The position of a refusal lies within the bytes that were fed."""
    try:
        RequestReader(Codec()).feed(message)
    except BadMessage as error:
        assert 0 <= error.position <= len(message)
        assert error.reason
