"""How sessions end: each play gives the letters, times and counts that HAProxy 2.6 logs for it."""

from __future__ import annotations

import pytest

from tests.session.plays import Stage


def test_a_whole_conversation_ends_without_a_letter() -> None:
    """The server closes first, the client after it: all bytes counted, nothing left."""
    stage = Stage()
    client = stage.client()
    client.says(b"ask")
    stage.link.says(b"answer")
    stage.wait(1)
    stage.link.ends()
    assert client.finished and not client.closed
    client.ends()
    assert stage.line == "web/s1 0/1000 -- 0 3/6 1/1/0/0"
    assert (stage.link.got, client.got) == (b"ask", b"answer")
    assert stage.at_rest()


def test_a_client_that_closes_first_lets_the_server_finish() -> None:
    """The client's FIN goes to the server, whose answer still reaches the client."""
    stage = Stage()
    client = stage.client()
    client.says(b"ask")
    client.ends()
    assert stage.link.finished and not stage.link.closed
    stage.link.says(b"late answer")
    stage.link.ends()
    assert client.got == b"late answer" and client.closed == "closed"
    assert stage.link.closed == "closed"
    assert "--" in stage.line and stage.at_rest()


def test_fin_waits_for_the_bytes_before_it() -> None:
    """A FIN is passed on only when the other side has taken all that came before."""
    stage = Stage()
    client = stage.client()
    client.stuck = True
    stage.link.says(b"much")
    stage.link.ends()
    assert not client.finished
    client.unsticks()
    assert client.finished and client.got == b"much"


def test_the_first_to_break_is_told() -> None:
    """A reset by the client is CD, one by the server SD; the other side is closed in turn."""
    for breaker, letters, counter in (("client", "CD", "aborts_client"), ("link", "SD", "aborts_server")):
        stage = Stage()
        client = stage.client()
        (client if breaker == "client" else stage.link).breaks()
        assert f" {letters} " in stage.line
        assert getattr(stage.frontend.counters, counter) == getattr(stage.farm.counters, counter) == 1
        assert client.closed and stage.link.closed == "reset"
        assert stage.at_rest()


def test_what_the_server_said_before_it_broke_still_reaches_a_slow_client() -> None:
    """After a server's reset, the client's connection is closed once the bytes held for it are taken."""
    stage = Stage()
    client = stage.client()
    client.stuck = True
    stage.link.says(b"last words")
    stage.link.breaks()
    assert not client.closed and not stage.lines
    client.stuck, client.got, client.unread = False, client.unread, b""
    client.session.emptied(stage.link)
    assert client.finished or client.closed
    assert client.got == b"last words"


@pytest.mark.parametrize(
    ("client_ms", "server_ms", "letters", "total"),
    [(1000, 1000, "cD", 1000), (1000, 3000, "cD", 3000), (3000, 1000, "sD", 3000), (0, 1000, "sD", None)],
)
def test_silence(client_ms: int, server_ms: int, letters: str, total: int | None) -> None:
    """The side whose timeout strikes first names the end; the session lasts until the other's, too."""
    stage = Stage(timeouts={"client": client_ms, "server": server_ms})
    client = stage.client()
    client.says(b"x")
    stage.wait(5)
    if total is None:
        assert not stage.lines, "without a client timeout the client may stay, half closed"
        client.ends()
        assert f" {letters} " in stage.line
    else:
        assert stage.line.startswith(f"web/s1 0/{total} {letters}")
        assert stage.at_rest()


def test_activity_of_either_direction_keeps_both_sides_alive() -> None:
    """Bytes from the server also count as life of the client, and the other way round."""
    stage = Stage(timeouts={"client": 1000, "server": 1000})
    client = stage.client()
    for _ in range(10):
        stage.wait(0.9)
        stage.link.says(b"tick")
    assert not stage.lines
    stage.wait(1.1)
    assert " cD " in stage.line and stage.clock.seconds() > 1009
    assert client.bytes_read == 0


@pytest.mark.parametrize(("stuck", "letters"), [("client", "cD"), ("link", "sD")])
def test_a_side_that_takes_nothing_times_out(stuck: str, letters: str) -> None:
    """A stalled reader is given up after its timeout, counted from when it stopped taking bytes."""
    stage = Stage(timeouts={"client": 1000, "server": 1000})
    client = stage.client()
    stage.wait(0.5)
    (client if stuck == "client" else stage.link).stuck = True
    (stage.link if stuck == "client" else client).says(b"more")
    stage.wait(3)
    assert f" {letters} " in stage.line
    assert stage.line.split()[1].split("/")[1] in ("1500", "1510")
    assert stage.at_rest()


def test_half_closed_timeouts() -> None:
    """`timeout server-fin` counts from the FIN to the server, `timeout client-fin` from that to the client."""
    stage = Stage(timeouts={"server-fin": 300})
    client = stage.client()
    client.ends()
    stage.wait(1)
    assert stage.line.startswith("web/s1 0/300 sD")
    stage = Stage(timeouts={"client-fin": 300})
    stage.client()
    stage.link.ends()
    stage.wait(1)
    assert stage.line.startswith("web/s1 0/300 cD")


def test_the_tunnel_timeout_replaces_both() -> None:
    """`timeout tunnel` counts for both sides once the relay stands."""
    stage = Stage(timeouts={"client": 100, "server": 100, "tunnel": 700})
    stage.client()
    stage.wait(2)
    assert stage.line.startswith("web/s1 0/700 cD")


@pytest.mark.parametrize("cause", ["K", "D", "U"])
def test_ended_on_command(cause: str) -> None:
    """shutdown session, on-marked-down and on-marked-up end a session with their letter and no second one."""
    stage = Stage()
    client = stage.client()
    stage.link.says(b"read already")
    (session,) = stage.farm.servers[0].sessions
    session.shut(cause)
    assert f" {cause}- " in stage.line
    assert client.got == b"read already" and stage.at_rest()


def test_dontlognull_and_dontlog_normal() -> None:
    """Empty connections and successful ones are left out of the log on demand; failed ones never."""
    stage = Stage(options=frozenset({"dontlognull"}))
    stage.client().ends()
    stage.link.ends()
    assert not stage.lines
    stage = Stage(options=frozenset({"dontlog-normal"}))
    for breaks in (False, True):
        client = stage.client()
        client.says(b"x")
        if breaks:
            stage.link.breaks()
        else:
            client.ends()
            stage.link.ends()
    assert " SD " in stage.line


def test_separate_errors() -> None:
    """`option log-separate-errors` raises failed sessions to level err, and leaves the others at info."""
    stage = Stage(options=frozenset({"log-separate-errors"}), answers="stands stands")
    for breaks in (False, True):
        client = stage.client()
        if breaks:
            client.breaks()
        else:
            client.ends()
            stage.link.ends()
    assert stage.levels == [6, 3]


def test_logasap_writes_the_line_once_at_the_beginning() -> None:
    """With `option logasap` the line comes with the server's connection, and none at the end."""
    stage = Stage(form="%Tt %ts", early=True)
    client = stage.client()
    assert stage.line == "+0 --"
    client.breaks()
    assert stage.line == "+0 --"


def test_nolinger_resets_both_sides() -> None:
    """`option nolinger` resets the server at the client's end, and so both sides: no TIME_WAIT is left."""
    stage = Stage(options=frozenset({"nolinger"}))
    client = stage.client()
    client.ends()
    assert client.closed == stage.link.closed == "reset"
