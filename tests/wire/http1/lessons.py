"""Codecs that know the templates of common heads (wire/http1/learned.py), so that others are met by these."""

from __future__ import annotations

from tcproxy.wire.http1 import Codec, CodecLimits, RequestReader, ResponseReader
from tcproxy.wire.http1.learned import OFTEN, LearnedTemplates

LESSONS = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
)
ANSWERS = (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Y: z\r\nContent-Length: 0\r\n\r\n")


def _learned() -> Codec:
    codec = Codec()
    request = RequestReader(Codec()).feed(LESSONS[0])
    assert request is not None
    for _ in range(OFTEN):
        for lesson in LESSONS:
            RequestReader(codec).feed(lesson)
        for answer in ANSWERS:
            ResponseReader(codec).feed(answer, request)
    return codec


def know(templates: LearnedTemplates, others: LearnedTemplates) -> None:
    """Let a codec know these templates and no other: what it does must not depend on what it read before."""
    templates.forget()
    templates._counts.clear()
    templates.by_size.update({size: list(some) for size, some in others.by_size.items()})


_LEARNED = _learned()
REQUESTS, RESPONSES = _LEARNED.requests, _LEARNED.responses


def taught(lenient: bool = False) -> Codec:
    """Return a codec that knows common templates."""
    codec = Codec(CodecLimits(lenient=lenient))
    know(codec.requests, REQUESTS)
    know(codec.responses, RESPONSES)
    return codec
