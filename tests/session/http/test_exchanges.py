"""Plays of exchanges with a clock turned by hand: timers, ends, answers of ours, links used again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.http.plays import FakeClient, HttpStage

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
TIMES = {"http-request": 3000, "http-keep-alive": 1000}


def asked(stage: HttpStage, text: bytes = GET, whole: bool = True) -> tuple[FakeClient, Any]:
    """Let a client ask; return it, and the link that was asked."""
    client = stage.client()
    client.asks(text, whole)
    return client, stage.link


def test_each_exchange_has_its_line_and_its_times() -> None:
    """Two exchanges of one client, over one link: the second one's times begin with its request."""
    stage = HttpStage()
    client, link = asked(stage)
    stage.wait(0.2)
    link.answers(OK)
    stage.wait(4)
    client.asks(GET)
    stage.wait(0.1)
    link.answers(OK)
    assert stage.lines == [
        'web/s1 0/0/0/200/200 200 ---- 0 "GET /x HTTP/1.1"',
        'web/s1 0/0/0/100/100 200 ---- 0 "GET /x HTTP/1.1"',
    ]
    assert len(stage.links) == 1
    client.ends()
    assert client.closed
    assert not stage.world.sessions


@pytest.mark.parametrize(
    ("begins", "after", "status"), [(False, 3.0, b"408"), (True, 3.0, b"408")], ids=["silent", "slow"]
)
def test_a_first_request_that_does_not_come_is_told(begins: bool, after: float, status: bytes) -> None:
    """`timeout http-request`: 408, and a line."""
    stage = HttpStage(timeouts=TIMES)
    client = stage.client()
    if begins:
        client.begins()
    stage.wait(after - 0.01)
    assert not client.got
    stage.wait(0.02)
    assert client.got.startswith(b"HTTP/1.1 " + status)
    assert client.closed
    assert " 408 cR-- " in stage.line


def test_a_kept_client_that_asks_no_more_is_left_silently() -> None:
    """`timeout http-keep-alive`: the connection is closed without a word or a line."""
    stage = HttpStage(timeouts=TIMES)
    client, link = asked(stage)
    link.answers(OK)
    said, lines = client.got, len(stage.lines)
    stage.wait(0.99)
    assert not client.closed
    stage.wait(0.02)
    assert client.closed
    assert (client.got, len(stage.lines)) == (said, lines)


def test_a_second_request_that_begins_has_its_whole_time() -> None:
    """The first byte of another request ends the wait for it, and begins the one for its head."""
    stage = HttpStage(timeouts=TIMES)
    client, link = asked(stage)
    link.answers(OK)
    stage.wait(0.9)
    client.begins()
    stage.wait(2.9)
    assert not client.closed
    stage.wait(0.2)
    assert b" 408 " in client.got


def test_a_silent_server_is_504() -> None:
    """`timeout server` before the response's head: 504, sH, and the client is kept."""
    stage = HttpStage()
    client, link = asked(stage)
    stage.wait(60.01)
    assert client.got.startswith(b"HTTP/1.1 504 ")
    assert b"connection: close" not in client.got
    assert link.closed
    assert " 504 sH-- " in stage.line
    assert not client.closed


def test_attempts_that_fail_are_503() -> None:
    """Refused attempts are repeated with a pause between; then the client is told, and kept."""
    stage = HttpStage(answers="refused refused", retries=1)
    client = stage.client()
    client.asks(GET)
    stage.wait(1.1)
    assert client.got.startswith(b"HTTP/1.1 503 ")
    assert stage.line == 'web/s1 0/0/-1/-1/1000 503 SC-- 1 "GET /x HTTP/1.1"'
    client.asks(GET)
    stage.link.answers(OK)
    assert " 200 ---- 0 " in stage.lines[1]


def test_who_waits_too_long_in_a_queue_is_503() -> None:
    """`timeout queue`: 503 and sQ, while the slot's owner goes on."""
    stage = HttpStage(server={"maxconn": 1}, timeouts={"queue": 500})
    _, link = asked(stage)
    second = stage.client()
    second.asks(GET)
    stage.wait(0.51)
    assert second.got.startswith(b"HTTP/1.1 503 ")
    assert " 503 sQ-- " in stage.line
    link.answers(OK)
    assert " 200 ---- " in stage.lines[1]


def test_a_slot_given_back_serves_who_waits() -> None:
    """The end of an exchange, not of its client, frees the slot."""
    stage = HttpStage(server={"maxconn": 1})
    first, link = asked(stage)
    second = stage.client()
    second.asks(GET)
    assert len(stage.links) == 1
    link.answers(OK)
    stage.wait(0.01)
    assert not first.closed
    stage.links[1].answers(OK)
    assert b" 200 " in second.got


def test_a_server_that_closes_a_kept_clients_link_makes_it_ask_again() -> None:
    """On a request that is not the connection's first, the client hears nothing and repeats it."""
    stage = HttpStage()
    client, link = asked(stage)
    link.answers(OK)
    said = client.got
    client.asks(GET)
    link.ends()
    assert client.closed
    assert client.got == said
    assert len(stage.lines) == 1


def test_a_request_whose_body_stops_is_told_after_the_answer() -> None:
    """An early answer ends nothing: the client's silence does, and the line says so."""
    stage = HttpStage()
    client, link = asked(stage, POST, whole=False)
    link.answers(OK)
    assert not stage.lines
    stage.wait(50.1)
    assert client.closed
    assert " 200 cD-- " in stage.line
