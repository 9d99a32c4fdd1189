"""Requests that rules refuse, at once or after a wait, on a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.world import rules
from tests.session.http.plays import HttpStage

GET = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"


def stage(*lines: str, **more: Any) -> HttpStage:
    """Return a stage with these `http-request` rules."""
    return HttpStage(rules=rules(*(f"http-request {line}" for line in lines)), **more)


def test_deny_answers_at_once_and_the_client_may_go_on() -> None:
    """A denied request is answered with its page, counted, and followed by the next one."""
    scene = stage("deny deny_status 404 if FALSE", "deny")
    client = scene.client()
    for number in (1, 2):
        client.asks(GET)
        assert client.got.count(b"HTTP/1.1 403 Forbidden\r\n") == number
    assert scene.frontend.counters.denied_requests == 2
    assert scene.lines == ['web/<NOSRV> 0/-1/-1/-1/0 403 PR-- 0 "GET /x HTTP/1.1"'] * 2
    client.ends()
    assert scene.at_rest()


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [({"tarpit": 3000}, 3), ({"connect": 5000}, 5), ({"tarpit": 3000, "client": 1000}, 3)],
)
def test_tarpit_lasts_for_its_timeout(timeouts: dict[str, int], seconds: float) -> None:
    """A held request is answered when `timeout tarpit` is over, else `timeout connect`, and not a moment before."""
    scene = stage("tarpit", timeouts=timeouts)
    client = scene.client()
    client.asks(GET)
    scene.wait(seconds - 0.001)
    assert not client.got
    assert scene.frontend.counters.denied_requests == 1
    scene.wait(0.001)
    assert client.got.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    total = int(seconds * 1000)
    assert scene.line == f'web/<NOSRV> -1/{total + 1}/-1/-1/{total} 500 PT-- 0 "GET /x HTTP/1.1"'
    client.ends()
    assert scene.at_rest()


def test_tarpit_without_a_timeout_answers_at_once() -> None:
    """Where no timeout is set, nothing is waited for."""
    scene = stage("tarpit deny_status 429", timeouts={"connect": 0})
    client = scene.client()
    client.asks(GET)
    assert client.got.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert scene.line == 'web/<NOSRV> -1/1/-1/-1/0 429 PT-- 0 "GET /x HTTP/1.1"'


def test_held_clients_wait_side_by_side() -> None:
    """Each client is held for its own time, and others are served meanwhile."""
    scene = stage("tarpit", timeouts={"tarpit": 3000})
    clients = [scene.client() for _ in range(3)]
    for client in clients:
        client.asks(GET)
        scene.wait(1)
    scene.wait(0)
    assert [bool(client.got) for client in clients] == [True, False, False]
    scene.wait(2)
    assert all(client.got for client in clients)


def test_a_client_that_leaves_within_its_body_is_let_go() -> None:
    """FIN within the body ends the wait, with nothing said; FIN behind a whole request does not."""
    scene = stage("tarpit", timeouts={"tarpit": 3000})
    client, other = scene.client(), scene.client()
    client.asks(POST, whole=False)
    other.asks(GET)
    scene.wait(1)
    client.ends()
    other.ends()
    assert client.closed
    assert not client.got
    assert scene.line == 'web/<NOSRV> -1/1001/-1/-1/1000 500 PT-- 0 "POST /x HTTP/1.1"'
    scene.wait(2)
    assert other.got
    assert scene.at_rest()


def test_option_abortonclose_ends_the_wait() -> None:
    """With `option abortonclose` of the frontend's section, FIN behind a whole request ends the wait, too."""
    scene = stage("tarpit", timeouts={"tarpit": 3000}, options=["abortonclose"])
    client = scene.client()
    client.asks(GET)
    scene.wait(1)
    client.ends()
    assert client.got
    assert scene.at_rest()


def test_a_command_marks_a_held_client() -> None:
    """A session that is shut by command is told as such when its time is over."""
    scene = stage("tarpit", timeouts={"tarpit": 3000})
    client = scene.client()
    client.asks(GET)
    client.session.shut("K")
    assert not client.got
    scene.wait(3)
    assert scene.line == 'web/<NOSRV> -1/3001/-1/-1/3000 500 KT-- 0 "GET /x HTTP/1.1"'
