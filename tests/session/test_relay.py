"""The relay of a session: what an end, a timeout or a command on one side means for the other, and when it is due."""

from __future__ import annotations

import pytest

from tests.session.plays import FakeEnd, Stage


def takes(end: FakeEnd) -> None:
    """Let a stuck end take what waits for it, and its relay know that the other side is passed."""
    end.stuck, end.got, end.unread = False, end.got + end.unread, b""
    end.session.emptied(end.other)


def test_the_link_is_read_once_it_is_joined() -> None:
    """A link that stands is listened to."""
    stage = Stage()
    stage.client()
    assert stage.link.listens


def test_client_fin_counts_from_the_servers_fin_while_the_client_takes_nothing() -> None:
    """`timeout client-fin` is in force as soon as the server's FIN came, before that can be passed on."""
    stage = Stage(timeouts={"client-fin": 300})
    client = stage.client()
    client.stuck = True
    stage.link.says(b"last words")
    stage.link.ends()
    stage.wait(1)
    assert stage.line.startswith("web/s1 0/300 cD") and stage.at_rest()


def test_server_fin_counts_from_the_fin_of_a_silent_session() -> None:
    """`timeout server-fin` counts from the FIN to the server, however long both sides were silent before."""
    stage = Stage(timeouts={"client": 3000, "server-fin": 2000})
    client = stage.client()
    stage.wait(1.9)
    client.ends()
    stage.wait(3)
    assert stage.line.startswith("web/s1 0/3900 sD") and stage.at_rest()


def test_client_fin_counts_from_the_fin_that_a_silent_server_leads_to() -> None:
    """`timeout client-fin` counts from our FIN to the client, where that follows from the server's silence."""
    stage = Stage(timeouts={"server": 1000, "client-fin": 1500})
    client = stage.client()
    stage.wait(1.2)
    assert client.finished and not stage.lines
    stage.wait(3)
    assert stage.line.startswith("web/s1 0/2500 sD") and stage.at_rest()


def test_a_command_comes_too_late_once_the_server_has_our_fin() -> None:
    """A session whose client has ended is not ended on command: its server finishes, and no letter is told."""
    stage = Stage()
    client = stage.client()
    (session,) = stage.farm.servers[0].sessions
    client.ends()
    session.shut("K")
    assert not stage.lines
    stage.link.says(b"late answer")
    stage.link.ends()
    assert " -- " in stage.line and client.got == b"late answer"


def test_a_command_reads_no_more_of_either_side() -> None:
    """Ended on command, a session still passes what was read, and reads nothing more."""
    stage = Stage()
    client = stage.client()
    client.stuck = True
    stage.link.says(b"read already")
    (session,) = stage.farm.servers[0].sessions
    session.shut("K")
    assert client.muted and stage.link.muted and not stage.lines
    takes(client)
    assert " K- " in stage.line and client.got == b"read already" and stage.at_rest()


def test_a_client_that_takes_nothing_leaves_its_last_bytes_to_the_server() -> None:
    """The server of a client that is given up is read no more, and gets what the client had sent before its end."""
    stage = Stage(timeouts={"client": 1000, "server": 5000})
    client, link = stage.client(), stage.link
    client.stuck = link.stuck = True
    client.says(b"order")
    link.says(b"answer")
    stage.wait(1.1)
    assert client.closed and not client.finished and link.muted and not link.closed and not stage.lines
    takes(link)
    assert link.got == b"order" and link.closed == "closed" and not link.finished
    assert " cD " in stage.line and stage.at_rest()


def test_a_client_is_read_no_more_once_its_server_broke() -> None:
    """Where nothing can be passed to the server, the client is closed as soon as it has all that was read for it."""
    stage = Stage()
    client = stage.client()
    client.stuck = True
    stage.link.says(b"last words")
    stage.link.breaks()
    assert client.muted and client.session.connection.client_done and not stage.lines
    takes(client)
    assert client.closed == "closed" and client.got == b"last words"
    assert " SD " in stage.line and stage.at_rest()


def test_a_silent_client_is_read_no_more() -> None:
    """A client that was silent for too long counts as one that has ended, and is not read again."""
    stage = Stage(timeouts={"client": 1000, "server": 5000})
    client = stage.client()
    stage.wait(1.1)
    assert client.muted and stage.link.finished and not stage.lines


def test_a_client_that_has_ended_and_takes_nothing_is_told_as_late() -> None:
    """Behind its FIN, a client is late by what it does not take alone."""
    stage = Stage(timeouts={"client": 1000, "server": 5000})
    client = stage.client()
    client.ends()
    client.stuck = True
    stage.link.says(b"answer")
    stage.wait(1.5)
    assert stage.line.startswith("web/s1 0/1000 cD") and stage.at_rest()


def test_a_server_that_has_ended_and_takes_nothing_is_reset() -> None:
    """Behind its FIN, a server is late by what it does not take alone; its link is reset."""
    stage = Stage(timeouts={"client": 5000, "server": 1000})
    client = stage.client()
    stage.link.ends()
    stage.link.stuck = True
    client.says(b"order")
    stage.wait(1.5)
    assert stage.link.closed == "reset"
    assert stage.line.startswith("web/s1 0/1000 sD") and stage.at_rest()


@pytest.mark.parametrize("late", ["client", "server"])
def test_a_timeout_counts_as_an_abort_of_its_side(late: str) -> None:
    """The first side that is silent for too long is counted, and the other one is not."""
    stage = Stage(timeouts={"client": 5000, "server": 5000, late: 1000})
    stage.client()
    stage.wait(6)
    assert stage.at_rest()
    for counters in (stage.frontend.counters, stage.farm.counters):
        assert (counters.aborts_client, counters.aborts_server) == (late == "client", late == "server")


def test_a_silent_server_is_read_no_more() -> None:
    """A server that was silent for too long counts as one that has ended, and is not read again."""
    stage = Stage(timeouts={"client": 5000, "server": 1000})
    client = stage.client()
    stage.wait(1.1)
    assert stage.link.muted and client.finished and not stage.lines


def test_the_end_of_the_connection_closes_both_sides() -> None:
    """A session that is ended from outside leaves neither side open."""
    stage = Stage()
    client = stage.client()
    client.session.connection.end()
    assert client.closed and stage.link.closed == "reset" and stage.at_rest()
