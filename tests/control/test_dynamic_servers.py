"""`add server` and `del server` over a world: what they answer, and which servers there are then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcproxy.interfaces import Admin
from tcproxy.servers.state import LiveServer
from tests.control.worlds import Play

CONFIGURATION = """
defaults
    timeout client 1s
    timeout server 1s
    timeout connect 1s
backend back
    default-server weight 9
    use-server x2 if { src 1.2.3.4 }
    server x1 127.0.0.1:9001 check
    server x2 127.0.0.1:9002
    server x3 127.0.0.1:9003
    server x4 127.0.0.1:9004 disabled
backend static
    balance static-rr
    server s1 127.0.0.1:9001
    server s2 127.0.0.1:9001
backend empty
frontend front
    bind 127.0.0.1:8080
    acl gone srv_is_up(back/x3)
    tcp-request content reject if gone
    default_backend back
"""


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return a world and an administrator's conversation with it."""
    return Play(tmp_path, CONFIGURATION)


def server(play: Play, label: str) -> LiveServer:
    """Return the server of this label."""
    backend, name = label.split("/")
    found = play.world.farms[backend].server(name)
    assert found is not None
    return found


def test_a_new_server_waits_in_maintenance(play: Play) -> None:
    """A server that is added has the lowest free number and no options of `default-server`, and waits to be enabled."""
    assert play.say("add server back/n1 127.0.0.1:9005 weight 3 maxconn 7") == "New server registered.\n"
    added = server(play, "back/n1")
    assert (added.id, added.user_weight, added.maxconn, added.port) == (5, 3, 7, 9005)
    assert added.admin is Admin.FORCED_MAINTENANCE and not added.usable
    assert play.told[-1][1] == "'server back/n1' : New server registered."
    assert play.say("enable server back/n1") == "" and added.usable
    assert play.say("add server back/n2 127.0.0.1:9006") == "New server registered.\n"
    assert server(play, "back/n2").user_weight == 1
    assert [line.split(",")[1] for line in play.say("show stat back 4 -1").splitlines()[1:]] == [
        "x1", "x2", "x3", "x4", "n1", "n2",
    ]  # fmt: skip


def test_it_may_be_in_service_at_once(play: Play) -> None:
    """With `enabled` a server serves at once; a backend without servers is up then."""
    farm = play.world.farms["empty"]
    assert play.say("add server empty/n1 127.0.0.1:1 enabled") == "New server registered.\n"
    assert farm.active == 1 and server(play, "empty/n1").usable
    assert play.say("add server empty/n2 127.0.0.1:2 backup enabled id 9") == "New server registered.\n"
    assert (farm.active, farm.backups, server(play, "empty/n2").id) == (1, 1, 9)


def test_it_may_follow_another(play: Play) -> None:
    """A server that tracks a checked one has its state; the tracked one cannot be deleted meanwhile."""
    play.say("set server back/x1 health up")
    x1 = server(play, "back/x1")
    x1.watch = object()  # type: ignore[assignment]  # nothing checks here
    assert play.say("add server back/n1 127.0.0.1:1 track x1 enabled") == "New server registered.\n"
    x1.watch = None
    x1.set_state("maint")
    assert server(play, "back/n1").admin & Admin.INHERITED_MAINTENANCE
    assert play.say("del server back/x1").startswith("This server cannot be removed")
    assert play.say("add server back/n2 127.0.0.1:1 track n1").startswith("back/n1 cannot be tracked")
    assert play.say("add server back/n2 127.0.0.1:1 track x3").startswith("back/x3 cannot be tracked")
    assert play.say("del server back/n1") == "Server deleted.\n"
    assert play.say("del server back/x1") == "Server deleted.\n"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("", "Require 'backend/server'."),
        ("back", "Require 'backend/server'."),
        ("nope/n 127.0.0.1:1", "No such backend."),
        ("front/n 127.0.0.1:1", "No such backend."),
        ("back/x1 127.0.0.1:1", "Already exists a server with the same name in backend."),
        ("static/n 127.0.0.1:1", "Backend must use a dynamic load balancing to support dynamic servers."),
        ("back/n", "'add server' needs an address"),
        ("back/n 127.0.0.1:1 id 2", "the id 2 is taken"),
        ("back/n 127.0.0.1:1 cookie a", "'cookie' is no option of a server that is added at run time"),
        ("back/n 127.0.0.1:1 weight 3 cookie a", "'cookie' is no option"),
        ("back/n 127.0.0.1:1 weihgt 3", "'server back/n' : unknown keyword 'weihgt'"),
        ("back/n 127.0.0.1:1 weight 300", "'server back/n' : 'weight'"),
        ("back/n 127.0.0.1 check", "there is neither a port for the service nor for checks"),
        ("back/n 127.0.0.1:1 check track x1", "'check' and 'track' cannot stand together"),
        ("back/n 127.0.0.1:1 track nope/x", "server back/n tracks 'nope/x', which does not exist."),
        ("back/n 127.0.0.1:1 observe layer7", "'observe layer7' needs 'mode http'"),
        ("back/n 127.0.0.1:1 ssl", "'ssl' is no option of a server"),
        ("back/n$ 127.0.0.1:1", "the character '$' cannot stand in the server name 'n$'"),
    ],
)  # fmt: skip
def test_what_cannot_be_added(play: Play, words: str, answer: str) -> None:
    """A server that cannot be made is refused with the reason, and nothing is changed."""
    assert play.say(f"add server {words}").startswith(answer)
    assert [len(farm.servers) for farm in play.world.farms.values()] == [4, 2, 0]


def test_deleting(play: Play) -> None:
    """Only a server in maintenance that nothing names and nobody uses is deleted; name and number are free then."""
    assert play.say("del server back/x1") == "Only servers in maintenance mode can be deleted.\n"
    for named in ("x2", "x3"):
        play.say(f"disable server back/{named}")
        assert play.say(f"del server back/{named}").startswith("This server cannot be removed at runtime")
    x1 = server(play, "back/x1")
    x1.set_state("maint")
    x1.counters.current = 1
    assert play.say("del server back/x1") == "Server still has connections attached to it, cannot remove it.\n"
    x1.counters.current = 0
    assert play.say("del server back/x1") == "Server deleted.\n"
    assert play.say("del server back/x1") == "No such server.\n"
    assert play.say("add server back/x1 127.0.0.1:1") == "New server registered.\n"
    assert server(play, "back/x1").id == 1
    play.say("disable server static/s1")
    assert play.say("del server static/s1") == "Server deleted.\n"
    assert play.say("user;del server static/s2") == "\nPermission denied\n"
