"""Heads that come again are remembered, and mean what they meant the first time."""

from __future__ import annotations

import pytest

from tcproxy.wire.http1 import BadMessage, Codec, RequestHead, RequestReader, ResponseHead, ResponseReader
from tcproxy.wire.http1.known import LONGEST, MOST, MOST_SEEN

from . import corpus

GET = b"GET /%d HTTP/1.1\r\nhost: a\r\nx: %d\r\n\r\n"


def told(head: RequestHead | ResponseHead | None) -> object:
    """Return all that a head says."""
    if head is None:
        return None
    names = (*type(head).__slots__, *type(head).__mro__[1].__slots__)  # type: ignore[attr-defined]
    return [repr(getattr(head, name)) for name in names if name != "block"]


def request_of(codec: Codec, message: bytes) -> object:
    """Return what a request says, the bytes it is forwarded as, and those behind it."""
    reader = RequestReader(codec)
    try:
        head = reader.feed(message)
    except BadMessage as error:
        return error.status
    return told(head), head.forward() if head else b"", head.forward(True) if head else b"", reader.take()


def response_of(codec: Codec, request: RequestHead, message: bytes) -> object:
    """Return the same of a response."""
    reader = ResponseReader(codec)
    try:
        head = reader.feed(message, request)
    except BadMessage as error:
        return error.status
    return told(head), head.forward(request, True) if head else b"", reader.take()


def test_requests_mean_the_same_when_they_come_again() -> None:
    """Every request of the corpus, right or wrong, is read alike at its fourth coming and by a new codec."""
    codec = Codec()
    for case in corpus.requests():
        found = [request_of(codec, case) for _ in range(4)]
        assert found[3] == request_of(Codec(), case)
    assert codec.heads.requests


@pytest.mark.parametrize("asked", sorted(corpus.REQUESTS))
def test_responses_mean_the_same_when_they_come_again(asked: str) -> None:
    """Every response of the corpus is read alike at its fourth coming and by a new codec, whatever was asked."""
    codec = Codec()
    request = RequestReader(Codec()).feed(corpus.REQUESTS[asked])
    assert request is not None
    for _, case in corpus.responses():
        found = [response_of(codec, request, case) for _ in range(4)]
        assert found[3] == response_of(Codec(), request, case)


def test_what_is_known_is_edited_alone() -> None:
    """A header added to one request is in no other one that came with the same lines."""
    codec = Codec()
    for _ in range(3):
        head = RequestReader(codec).feed(GET % (1, 1))
        assert head is not None
        assert head.value(b"y") is None
        head.add(b"y", b"1")
        head.replace(0, b"b")
        assert head.forward().count(b"y: 1") == 1


def test_secrets_and_long_heads_are_not_kept() -> None:
    """Lines that carry secrets, or are many, are read anew each time."""
    codec = Codec()
    for line in (b"cookie: a=b", b"authorization: x", b"x: " + b"a" * LONGEST):
        for _ in range(4):
            RequestReader(codec).feed(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n")
    assert not codec.heads.requests


def test_nobody_makes_the_store_grow() -> None:
    """However many heads come, and come again, no more than so many are kept."""
    codec = Codec()
    for number in range(MOST_SEEN + 10):
        for _ in range(2):
            RequestReader(codec).feed(GET % (number, number))
        assert len(codec.heads.requests) <= MOST
