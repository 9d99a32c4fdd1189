"""Heads of a known template are read as the general way reads them, and nothing of them is kept."""

from __future__ import annotations

import pytest

from tcproxy.wire.http1 import BadMessage, Codec, CodecLimits, RequestHead, RequestReader, ResponseHead, ResponseReader
from tcproxy.wire.http1.learned import MOST, MOST_COUNTED, MOST_IN_ALL, OFTEN, LearnedTemplates

from . import corpus

AGAIN = OFTEN + 2
GET = b"GET /%d HTTP/1.1\r\nHost: a%d\r\nX: %d\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: %d\r\n\r\n"


def told(head: RequestHead | ResponseHead | None) -> object:
    """Return all that a head says."""
    if head is None:
        return None
    names = ("method", "target", "version", "minor", "status", "reason", "fields", "keep_alive", "framing", "length",
             "upgrade", "authority", "size", "received")  # fmt: skip
    return [repr(getattr(head, name, None)) for name in names]


def request_of(codec: Codec, message: bytes) -> object:
    """Return what a request says, the bytes it is forwarded as, and those behind it."""
    reader = RequestReader(codec)
    try:
        head = reader.feed(message)
    except BadMessage as error:
        return error.status
    return head.forward() if head else b"", head.forward(True) if head else b"", told(head), reader.take()


def response_of(codec: Codec, request: RequestHead, message: bytes) -> object:
    """Return the same of a response."""
    reader = ResponseReader(codec)
    try:
        head = reader.feed(message, request)
    except BadMessage as error:
        return error.status
    return told(head), head.forward(request, True) if head else b"", reader.take()


def count(templates: LearnedTemplates) -> int:
    """Return how many templates are known."""
    return sum(len(some) for some in templates.by_size.values())


def learned(*messages: bytes) -> Codec:
    """Return a codec that knows the templates of these requests."""
    codec = Codec()
    for message in messages:
        for _ in range(AGAIN):
            RequestReader(codec).feed(message)
    return codec


def test_requests_mean_the_same_when_they_come_again() -> None:
    """Every request of the corpus, right or wrong, is read alike once its template, or a template like it, is known."""
    plain = 0
    for case in corpus.requests():
        codec = Codec()
        found = [request_of(codec, case) for _ in range(AGAIN)]
        assert found[-1] == request_of(Codec(), case)
        plain += count(codec.requests)
    assert plain > 30


def test_requests_mean_the_same_beside_templates_of_others() -> None:
    """Whatever templates are known, each request of the corpus is read as by a codec that knows none."""
    codec = learned(
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    )  # fmt: skip
    assert count(codec.requests) == 4
    for case in corpus.requests():
        assert request_of(codec, case) == request_of(Codec(), case)


@pytest.mark.parametrize("asked", sorted(corpus.REQUESTS))
def test_responses_mean_the_same_when_they_come_again(asked: str) -> None:
    """Every response of the corpus is read alike once its template is known, whatever was asked."""
    request = RequestReader(Codec()).feed(corpus.REQUESTS[asked])
    assert request is not None
    for _, case in corpus.responses():
        codec = Codec()
        found = [response_of(codec, request, case) for _ in range(AGAIN)]
        assert found[-1] == response_of(Codec(), request, case)


@pytest.mark.parametrize(
    "message",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n",  # one line more
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",  # one less
        b"GET / HTTP/1.1\r\nhost: a\r\nX: 1\r\n\r\n",  # another name
        b"GET / HTTP/1.1\r\nHost:  a\r\nX: 1\r\n\r\n",  # spaces
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1 \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n",  # a bare LF
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",  # folded
        b"GET / HTTP/1.1\r\nHost: a\nHost: b\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\nY: 2\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \n\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\t\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \ta\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\r\n\r\n",
        b"GET a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
        b"GET http://b/ HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nX: 1\r\n\r\n",
        b"CONNECT / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"1" * 16000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n",
    ],
)
def test_a_head_that_is_not_quite_of_a_template(message: bytes) -> None:
    """A head that differs from a known template in anything but plain values is read as if there were none."""
    codec = learned(GET % (1, 1, 1))
    assert count(codec.requests)
    assert request_of(codec, message) == request_of(Codec(), message)


def test_lengths_of_a_template_are_numbers() -> None:
    """A Content-Length that is no plain number is refused, whatever came before in its place."""
    codec = learned(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
    for value in (b"-1", b"3,4", b"0x3", b"9" * 20):
        message = b"POST / HTTP/1.1\r\nContent-Length: " + value + b"\r\n\r\n"
        assert request_of(codec, message) == request_of(Codec(), message)


def test_what_has_a_template_is_edited_alone() -> None:
    """A header added to one request is in no other one, and edits are in what is forwarded."""
    codec = learned(GET % (1, 1, 1))
    for number in range(2):
        head = RequestReader(codec).feed(GET % (number, number, number))
        assert head is not None
        assert head.value(b"y") is None
        head.add(b"y", b"1")
        head.replace([b"host"], lambda name, value: b"b")
        head.target = b"/z"
        assert head.forward() == b"GET /z HTTP/1.1\r\nhost: b\r\nx: %d\r\ny: 1\r\n\r\n" % number


def test_nobody_makes_templates_grow() -> None:
    """However many templates come, often or not, of one number of lines or of many, few are kept."""
    templates: LearnedTemplates = Codec(CodecLimits()).requests
    for number in range(2 * MOST_COUNTED):
        lines = b"".join(b"X%d: a\r\n" % (number + line) for line in range(1 + number % 60))
        for _ in range(AGAIN):
            templates.learn(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")
        assert all(len(some) <= MOST for some in templates.by_size.values())
        assert count(templates) <= MOST_IN_ALL
        assert len(templates._counts) <= MOST_COUNTED


def test_a_template_that_was_forgotten_is_learned_again() -> None:
    """More templates of one size than are kept: whichever comes often is known again."""
    templates: LearnedTemplates = Codec(CodecLimits()).requests
    heads = [b"GET / HTTP/1.1\r\nX%d: a\r\n\r\n" % number for number in range(2 * MOST)]
    for head in heads * AGAIN:
        templates.learn(head)
    for _ in range(AGAIN):
        templates.learn(heads[0])
    assert templates.find(heads[0])
