"""No message that we forward is understood differently by other readers: h11, and llhttp.

Nor is one whose head a learned template read (learned.py). tests/fuzz asks about what the whole proxy forwards.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.http1 import Codec, Framing

from . import corpus
from .fragments import requests, responses
from .lessons import taught
from .opinions import Message, h11_requests, h11_response, httptools_requests, httptools_responses, plain
from .verdicts import Verdict, request_verdict, response_verdict


def ours(verdict: Verdict) -> list[Message]:
    """Return the whole messages of a verdict, in the form in which other readers tell them."""
    found = []
    for head, body in zip(verdict.heads, verdict.bodies, strict=False):
        start = (head.method, head.target) if hasattr(head, "method") else (head.status,)
        found.append(Message(start, plain((field.name, field.value) for field in head.fields), body))
    return found


def same_requests(data: bytes, codec: Codec | None = None) -> int:
    """Check other readers' understanding of what is forwarded; return how many of them had one."""
    verdict = request_verdict([data], codec=codec)
    if verdict.incomplete or not verdict.heads:
        return 0
    expected = ours(verdict)
    asked = 0
    for read in (h11_requests, httptools_requests):
        seen = read(verdict.forwarded)
        if seen is None:
            continue
        asked += 1
        if seen and len(seen) < len(expected) and verdict.heads[len(seen) - 1].upgrade:
            seen = [*seen, *expected[len(seen) :]]  # stopped at an upgrade that the server has not agreed to
        assert seen == expected, (read.__name__, data, verdict.forwarded)
    return asked


def test_the_requests_of_the_corpus_mean_the_same_to_others() -> None:
    """What is forwarded of the corpus is read alike by each reader that takes it; most of it is taken by both."""
    counts = [same_requests(message, codec) for message in corpus.requests() for codec in (None, taught())]
    assert sum(counts) > 1000


@given(requests)
def test_requests_mean_the_same_to_others(data: bytes) -> None:
    """The same for requests built of odd pieces."""
    same_requests(data)
    same_requests(data, taught())


def same_response(asked: str, data: bytes, codec: Codec | None = None) -> int:
    """Check other readers' understanding of what is forwarded; return how many of them had one."""
    verdict = response_verdict(asked, [data], codec=codec)
    if verdict.status or verdict.incomplete:
        return 0
    head = verdict.heads[-1]
    expected = ours(Verdict(heads=[head], bodies=verdict.bodies))[0]
    request = corpus.REQUESTS[asked]
    count = 0
    seen = h11_response(request, verdict.forwarded)
    if seen is not None:
        count += 1
        if asked != "CONNECT" and head.status != 101:
            assert seen == expected, ("h11", data, verdict.forwarded)
    told = None if asked in ("CONNECT", "HEAD", "HEAD-1.0-keep", "UPGRADE") else httptools_responses(verdict.forwarded)
    if told is not None:
        count += 1
        whole, last = told
        final = last if head.framing is Framing.CLOSE else whole[-1]
        assert final == expected, ("llhttp", data, verdict.forwarded)
    return count


def test_the_responses_of_the_corpus_mean_the_same_to_others() -> None:
    """What is forwarded of the corpus is read alike by each reader that takes it; most of it is taken by both."""
    messages = corpus.responses()
    counts = [same_response(asked, message, codec) for asked, message in messages for codec in (None, taught())]
    assert sum(counts) > 600


@given(st.sampled_from(["GET", "HEAD", "GET-1.0-keep"]), responses)
def test_responses_mean_the_same_to_others(asked: str, data: bytes) -> None:
    """The same for responses built of odd pieces."""
    same_response(asked, data)
    same_response(asked, data, taught())
