"""Plays of servers that follow another one's state (`track`)."""

from __future__ import annotations

import pytest

from tcproxy.interfaces import Admin, ServerState
from tcproxy.servers.tracking import link_tracks
from tests.servers.playing import Client, Play, model


def chain() -> Play:
    """Return farms b (s, t tracks s) and c (u tracks b/t)."""
    play = Play()
    play.farm(model("s"), model("t", track="s"))
    play.farm(model("u", track="b/t", slowstart=2000), name="c")
    link_tracks(play.farms)
    return play


def test_a_chain_follows_checks() -> None:
    """Up, stopping and down go along the chain, each told `via` the one before."""
    play = chain()
    server = play.farms["b"].servers[0]
    for change in (server.down, server.up, server.stop, server.down):
        change()
    told = [text.split(". ")[0] for _, text in play.said()]
    assert told[:4] == [
        "Server b/s is DOWN", "Server b/t is DOWN via b/s", "backend b has no server available!",
        "Server c/u is DOWN via b/t",
    ]  # fmt: skip
    assert told[5:8] == ["Server b/s is UP", "Server b/t is UP via b/s", "Server c/u is UP via b/t"]
    assert "Server c/u is stopping via b/t" in told
    assert play.farms["c"].servers[0].state is ServerState.STOPPED


def test_a_chain_inherits_maintenance_and_drain() -> None:
    """Flags are inherited; a server with a flag of its own keeps it when the inherited one goes."""
    play = chain()
    server, follower = play.farms["b"].servers
    server.set_state("maint")
    follower.set_state("maint")
    server.set_state("ready")
    assert (follower.admin, play.farms["c"].servers[0].in_maintenance) == (Admin.FORCED_MAINTENANCE, True)
    follower.set_state("drain")
    server.set_state("drain")
    follower.set_state("ready")
    told = [text.split(". ")[0] for _, text in play.said()]
    assert told[1] == "Server b/t is going DOWN for maintenance via b/s"
    assert told[-1] == "Server b/t is leaving forced drain but remains in drain mode via b/s."
    assert "Server b/t remains in forced maintenance." in told


def test_leaving_maintenance_follows_the_tracked_state() -> None:
    """A tracking server that leaves maintenance is up only if the tracked one is."""
    play = chain()
    server, follower = play.farms["b"].servers
    follower.set_state("maint")
    server.down()
    follower.set_state("ready")
    assert follower.state is ServerState.STOPPED
    assert [text for _, text in play.said()[-2:]] == [
        "Server b/t is DOWN/READY (leaving forced maintenance).",
        "Server c/u is DOWN/READY (leaving maintenance).",
    ]
    follower.set_state("maint")
    server.up()
    server.stop()
    follower.set_state("ready")
    assert follower.state is ServerState.STOPPING


def test_trackers_of_a_disabled_server_start_in_maintenance() -> None:
    """Silently, along the whole chain."""
    play = Play()
    farm = play.farm(model("s", disabled=True), model("t", track="b/s"), model("u", track="b/t"))
    link_tracks(play.farms)
    assert [int(server.admin) for server in farm.servers] == [5, 2, 2]
    assert farm.available == 0 and not play.said()


def test_sessions_of_trackers_move_after_the_whole_chain_is_done() -> None:
    """Who waits for a server that goes down is not sent to one that follows it."""
    play = Play()
    farm = play.farm(model("s", maxconn=1), model("t", track="b/s"), redispatch=-1)
    link_tracks(play.farms)
    first, second = (Client(farm).want(farm.servers[0]) for _ in range(2))
    farm.servers[0].down()
    assert (first.at, second.away) == ("s", True)


@pytest.mark.parametrize("name", ["x", "x/s", "b/x"])
def test_tracking_nothing(name: str) -> None:
    """A server that tracks what does not exist is refused with its name."""
    play = Play()
    play.farm(model("s", track=name))
    with pytest.raises(ValueError, match="b/s tracks"):
        link_tracks(play.farms)
