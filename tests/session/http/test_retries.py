"""Plays of requests that are sent again, with a clock turned by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.http.plays import FakeClient, HttpStage

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\n"
EVERY = frozenset({"conn-failure", "empty-response", "junk-response", "response-timeout", "503"})


def asked(stage: HttpStage) -> tuple[FakeClient, Any]:
    """Let a client ask; return it, and the link that was asked."""
    client = stage.client()
    client.asks(GET)
    return client, stage.link


def test_nothing_is_kept_by_default() -> None:
    """Without `retry-on` beyond failed connections, no request is kept, and all may take the fast path."""
    stage = HttpStage()
    client, _ = asked(stage)
    assert client.session.exchange.replay is None
    assert client.session.exchange.route.retries is None
    assert client.session.exchange.route.fast_requests


def test_a_refusal_is_repeated_at_once() -> None:
    """There is no pause before a request is sent again; its times tell of the last attempt."""
    stage = HttpStage(retry_on=EVERY, retries=1)
    client, link = asked(stage)
    stage.wait(0.2)
    link.answers(BUSY)
    assert not client.got
    stage.wait(0.1)
    stage.link.answers(OK)
    assert client.got.startswith(b"HTTP/1.1 200 ")
    assert stage.line == 'web/s1 0/0/200/100/300 200 ---- 1 "GET /x HTTP/1.1"'
    server, farm = stage.farm.servers[0].counters, stage.farm.counters
    assert (server.retries, farm.retries, server.answered[5]) == (2, 2, 0)


def test_silence_is_repeated() -> None:
    """`response-timeout`: each attempt has the whole of `timeout server`."""
    stage = HttpStage(retry_on=EVERY, retries=2)
    client, first = asked(stage)
    stage.wait(60.01)
    assert first.closed
    assert not client.got
    stage.wait(59.9)
    assert len(stage.links) == 2
    stage.wait(0.2)
    stage.wait(60.01)
    assert client.got.startswith(b"HTTP/1.1 504 ")
    assert " 504 sH-- 2 " in stage.line
    assert stage.farm.counters.response_errors == 1


def test_a_failed_connection_has_its_pause_still() -> None:
    """All retries count together; those of connections have their pause."""
    stage = HttpStage(retry_on=EVERY, retries=2, answers="stands refused stands")
    client, link = asked(stage)
    link.ends()
    stage.wait(0.5)
    assert len(stage.links) == 2
    stage.wait(0.51)
    stage.link.answers(BUSY)
    assert " 503 ---- 2 " in stage.line
    assert client.got.startswith(b"HTTP/1.1 503 ")


def test_nothing_is_repeated_behind_a_1xx_answer() -> None:
    """A client that was told something of an attempt is told how that ends."""
    stage = HttpStage(retry_on=EVERY)
    client, link = asked(stage)
    link.hints(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n")
    link.ends()
    assert b"HTTP/1.1 502 " in client.got
    assert len(stage.links) == 1


def test_a_request_that_is_not_whole_is_not_repeated() -> None:
    """What is not here yet when it is sent cannot be sent again."""
    stage = HttpStage(retry_on=EVERY)
    client = stage.client()
    client.asks(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", whole=False)
    client.whole = True
    stage.link.answers(BUSY)
    assert client.got.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("cause", ["ends", "breaks"])
def test_a_reused_link_that_fails_is_repeated_for_a_kept_client(cause: str) -> None:
    """What a kept client would have to repeat itself, is repeated for it."""
    stage = HttpStage(retry_on=EVERY)
    client, link = asked(stage)
    link.answers(OK)
    client.asks(GET)
    link.ended = cause == "ends"
    getattr(link, cause)()
    assert not client.closed
    stage.link.answers(OK)
    assert stage.lines[1].endswith('200 ---- 1 "GET /x HTTP/1.1"')
