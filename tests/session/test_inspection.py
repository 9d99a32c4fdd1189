"""Rules of TCP mode in a session: what they wait for, when the wait ends, and what the counters tell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.world import rules
from tests.session.plays import Stage

WAITING = (
    "tcp-request content reject if { req.payload(0,3) -m str bad }",
    "tcp-request content accept if { req.len gt 8 }",
)
ANSWERS = (
    "tcp-response content reject if { res.payload(0,3) -m str bad }",
    "tcp-response content accept if { res.len gt 8 }",
)


def staged(*lines: str, **more: Any) -> Stage:
    """Return a stage with these rules; `delay` and `answer_delay` in milliseconds."""
    delays = {"request_delay": more.pop("delay", 0), "response_delay": more.pop("answer_delay", 0)}
    return Stage(rules=rules(*lines), **delays, **more)


def test_a_session_waits_for_the_bytes_that_a_rule_asks_for() -> None:
    """There is no link before the rules know enough; then the server has all bytes."""
    stage = staged(*WAITING, delay=5000)
    client = stage.client()
    client.says(b"good")
    stage.wait(1)
    assert not stage.links
    client.says(b" morning")
    assert stage.link.got == b"good morning"


@pytest.mark.parametrize("said", [b"", b"go", b"ba"])
def test_the_wait_ends_with_the_delay(said: bytes) -> None:
    """When the delay is over, a condition that is not known yet is not met."""
    stage = staged(*WAITING, delay=5000)
    client = stage.client()
    client.says(said)
    stage.wait(4.9)
    assert not stage.links
    stage.wait(0.2)
    assert stage.link.got == said


def test_the_delay_counts_from_the_first_wait() -> None:
    """Bytes that come meanwhile do not begin the delay anew."""
    stage = staged(*WAITING, delay=5000)
    client = stage.client()
    for _ in range(4):
        stage.wait(1.2)
        client.says(b".")
    assert not stage.links
    stage.wait(0.3)
    assert stage.link.got == b"...."


def test_a_refused_session_has_a_line_and_is_counted() -> None:
    """The letters are PR; the frontend and its address count a request that was denied."""
    stage = staged(*WAITING, delay=5000)
    client = stage.client()
    client.says(b"b")
    client.says(b"ad")
    assert client.closed and stage.line.startswith("web/<NOSRV> -1/0 PR") and stage.at_rest()
    counters = stage.frontend.counters, stage.frontend.binds[0].counters, stage.farm.counters
    assert [one.denied_requests for one in counters] == [1, 1, 0]


@pytest.mark.parametrize("ends", ["ends", "breaks"])
def test_a_client_that_leaves_ends_the_wait(ends: str) -> None:
    """FIN lets the rules decide; a reset ends the session, which counts as an abort of the client."""
    stage = staged(*WAITING, delay=5000)
    client = stage.client()
    client.says(b"good")
    getattr(client, ends)()
    if ends == "ends":
        assert stage.link.got == b"good"
    else:
        assert stage.line.startswith("web/<NOSRV> -1/0 CR") and stage.at_rest()
        assert stage.frontend.counters.aborts_client == stage.farm.counters.aborts_client == 1


def test_a_client_that_is_silent_too_long_is_given_up() -> None:
    """`timeout client` holds during the wait."""
    stage = staged(*WAITING, delay=5000, timeouts={"client": 1000})
    client = stage.client()
    client.says(b"good")
    stage.wait(2)
    assert stage.line.startswith("web/<NOSRV> -1/1000 cR") and stage.at_rest()


def test_a_session_ended_on_command_while_it_waits() -> None:
    """A command ends it, with its letter."""
    stage = staged(*WAITING, delay=5000)
    stage.client()
    (session,) = stage.world.sessions.values()
    session.shut("K")
    assert stage.line.startswith("web/<NOSRV> -1/0 KR") and stage.at_rest()


@pytest.mark.parametrize(("words", "counter"), [("connection", "denied_connections"), ("session", "denied_sessions")])
def test_a_connection_that_is_refused_is_no_session(words: str, counter: str) -> None:
    """It is closed without a line, and counted as what it was."""
    stage = staged(f"tcp-request {words} reject if {{ src 192.0.2.7 }}")
    refused = stage.client("192.0.2.7")
    assert refused.closed == ("reset" if words == "connection" else "closed")
    assert getattr(stage.frontend.counters, counter) == 1 and not stage.lines and stage.at_rest()
    assert (stage.frontend.counters.connections, stage.frontend.counters.total) == (1, 0)
    assert not stage.client().closed and stage.frontend.counters.total == 1


def test_answers_are_held_until_rules_know_enough() -> None:
    """The client has nothing of an answer before; what it sends passes meanwhile."""
    stage = staged(*ANSWERS, answer_delay=5000)
    client = stage.client()
    stage.link.says(b"good")
    client.says(b"more")
    assert (client.got, stage.link.got) == (b"", b"more")
    stage.link.says(b" morning")
    assert client.got == b"good morning"
    stage.link.says(b"bad")
    assert client.got == b"good morningbad"


def test_answers_are_held_no_longer_than_the_delay() -> None:
    """When the delay is over the client has what there is."""
    stage = staged(*ANSWERS, answer_delay=5000)
    client = stage.client()
    stage.link.says(b"good")
    stage.wait(4.9)
    assert client.got == b""
    stage.wait(0.2)
    assert client.got == b"good"


def test_an_answer_that_ends_early() -> None:
    """The server's FIN ends the wait: the client has what came, and the FIN."""
    stage = staged(*ANSWERS, answer_delay=5000)
    client = stage.client()
    stage.link.says(b"good")
    stage.link.ends()
    assert client.got == b"good" and client.finished


def test_an_answer_that_is_refused() -> None:
    """The client has nothing of it; all that the session passed through counts it."""
    stage = staged(*ANSWERS, answer_delay=5000)
    client = stage.client()
    stage.link.says(b"bad luck")
    assert client.got == b"" and client.closed and stage.line.startswith("web/s1 0/0 PD") and stage.at_rest()
    passed = stage.frontend.counters, stage.farm.counters, stage.farm.servers[0].counters
    assert [one.denied_responses for one in passed] == [1, 1, 1]
