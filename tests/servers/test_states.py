"""Plays of one server's life: what it becomes, and what is said about it."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from tcproxy.interfaces import Admin, CheckStatus, IServer, ServerState
from tcproxy.report.findings import Finding
from tcproxy.servers.states_report import states_report
from tcproxy.servers.wording import on_terminal
from tests.servers.playing import Client, Play, clients, model

LEFT = "0 sessions active, 0 requeued, 0 remaining in queue."
ONLINE = "0 sessions requeued, 0 total in queue."


class Found(Finding):
    """What a check found."""

    def __init__(self, status: CheckStatus, message: str = "", duration_ms: int = 0, code: int = 0) -> None:
        self.status, self.message, self.duration_ms, self.code = status, message, duration_ms, code


REFUSED = Found(CheckStatus.L4_CONNECTION, "Connection refused")


def test_a_server_is_what_strategies_ask_for() -> None:
    """A live server provides IServer, whole."""
    verifyObject(IServer, Play().farm(model("s")).servers[0])


def test_down_and_up_by_checks() -> None:
    """A failed and a passed check are told with reason, info and duration; the last server's loss is an emergency."""
    play = Play()
    farm = play.farm(model("s"))
    server = farm.servers[0]
    server.down(REFUSED)
    assert server.state is ServerState.STOPPED and not server.usable and farm.active == 0
    server.down(REFUSED)
    play.clock.advance(5)
    assert (server.down_seconds(), farm.down_seconds()) == (5, 5)
    server.up(Found(CheckStatus.L4_OK, duration_ms=2))
    assert server.usable and farm.active == 1
    assert play.said() == [
        (1, 'Server b/s is DOWN, reason: Layer4 connection problem, info: "Connection refused", '
            f"check duration: 0ms. 0 active and 0 backup servers left. {LEFT}"),
        (0, "backend b has no server available!"),
        (5, "Server b/s is UP, reason: Layer4 check passed, check duration: 2ms. "
            f"1 active and 0 backup servers online. {ONLINE}"),
    ]  # fmt: skip
    assert (server.down_seconds(), farm.down_seconds(), server.counters.down_transitions) == (5, 5, 1)
    assert farm.counters.down_transitions == 1


# order, then at once and 2 s later: server's last change and down time, backend's last change and down time;
# as columns lastchg and downtime of HAProxy 2.6.12 have them
DOWN_TIMES = [
    ("state maint", (0, 0, 0, 0), (2, 2, 2, 2)), ("state ready", (0, 0, 0, 0), (2, 0, 2, 0)),
    ("state drain", (0, 0, 0, 0), (2, 0, 2, 2)), ("state ready", (0, 2, 0, 2), (2, 2, 2, 2)),
    ("weight 0", (2, 2, 0, 2), (4, 2, 2, 4)), ("weight 1", (4, 2, 2, 2), (6, 2, 4, 2)),
    ("health down", (0, 2, 0, 2), (2, 4, 2, 4)), ("state maint", (2, 4, 2, 4), (4, 6, 4, 6)),
    ("state ready", (0, 2, 0, 2), (2, 2, 2, 2)), ("health down", (0, 2, 0, 2), (2, 4, 2, 4)),
    ("health up", (0, 4, 0, 4), (2, 4, 2, 4)),
]  # fmt: skip


def test_down_times() -> None:
    """Time in maintenance, in drain and without weight counts as it does in the reference."""
    play = Play()
    farm = play.farm(model("s"))
    server = farm.servers[0]

    def times() -> tuple[int, ...]:
        now = farm.second()
        return now - server.last_change, server.down_seconds(), now - farm.last_change, farm.down_seconds()

    for order, at_once, later in DOWN_TIMES:
        kind, _, word = order.partition(" ")
        {"state": server.set_state, "health": server.set_health, "weight": server.set_weight}[kind](word)
        assert times() == at_once, order
        play.clock.advance(2)
        assert times() == later, order


def test_a_servers_words_are_made_harmless() -> None:
    """What a server says stands in logs as printable ASCII, with the code that came with it."""
    play = Play()
    server = play.farm(model("s"), model("t")).servers[0]
    server.down(Found(CheckStatus.L7_STATUS, 'a"b\x01<c>&d\'\\\udce9%\t e', 3, 500))
    assert 'code: 500, info: "a<22>b<01><3C>c<3E>&d\'\\<E9>%<09> e", check duration: 3ms.' in play.said()[0][1]


def test_maintenance_overrules_checks() -> None:
    """In maintenance checks change nothing; leaving it, the server is taken for up."""
    play = Play()
    server = play.farm(model("s"), model("k", backup=True)).servers[0]
    server.set_state("maint")
    server.up()
    server.down(REFUSED)
    assert (server.state, server.admin) == (ServerState.STOPPED, Admin.FORCED_MAINTENANCE)
    server.set_state("ready")
    assert server.usable
    assert play.said() == [
        (1, "Server b/s is going DOWN for maintenance. 0 active and 1 backup servers left. Running on backup. " + LEFT),
        (5, "Server b/s is UP/READY (leaving forced maintenance)."),
    ]


def test_maintenance_of_a_server_that_is_down() -> None:
    """It is said that it was down; and drain is told apart when it leaves maintenance for it."""
    play = Play()
    server = play.farm(model("k", backup=True), model("s")).servers[0]
    server.down()
    server.set_state("maint")
    server.set_state("drain")
    assert [text for _, text in play.said()[1:]] == [
        "Backup Server b/k was DOWN and now enters maintenance.",
        "Backup Server b/k is UP/DRAIN (leaving forced maintenance).",
        "Backup Server b/k remains in forced drain mode.",
    ]


def test_drain_keeps_its_sessions_and_gets_no_new_ones() -> None:
    """A drained server weighs nothing, is not usable, and says so at every change."""
    play = Play()
    farm = play.farm(model("s", weight=5, on_marked_down="shutdown-sessions"))
    server = farm.servers[0]
    client = Client(farm).arrive()
    server.set_state("drain")
    assert (server.weight, server.effective, server.usable, client.at) == (0, 80, False, "s")
    server.set_weight("7")
    server.down()
    server.set_state("ready")
    assert play.said() == [
        (5, "Server b/s enters drain state. 0 active and 0 backup servers online. " + ONLINE),
        (0, "backend b has no server available!"),
        (5, "Server b/s remains in forced drain mode."),
        (5, "Server b/s is DOWN. 0 active and 0 backup servers left. "
            "1 sessions active, 0 requeued, 0 remaining in queue."),
        (5, "Server b/s remains in forced drain mode."),
        (5, "Server b/s is DOWN (leaving forced drain)."),
    ]  # fmt: skip
    assert client.shut_by == "D"


def test_stopping_takes_no_new_clients() -> None:
    """A check that passes conditionally puts the server to STOPPING; from there down is no alarm."""
    play = Play()
    server = play.farm(model("s"), model("t")).servers[0]
    server.stop()
    assert server.state is ServerState.STOPPING and not server.usable
    server.down()
    assert [level for level, _ in play.said()] == [5, 5]


def test_initial_states_are_silent() -> None:
    """A disabled server starts in maintenance, one without an address in resolution maintenance: nothing is said."""
    play = Play()
    unresolved = model("u")
    name = unresolved.address.__class__(unresolved.address.family, "no.example", 80, 80, is_name=True)
    farm = play.farm(model("d", disabled=True), unresolved.__class__("u", name))
    assert [int(s.admin) for s in farm.servers] == [0x05, 0x20]
    assert farm.available == 0 and not play.said()
    farm.servers[0].set_state("ready")
    farm.servers[1].set_address(model("u").address)
    assert int(farm.servers[0].admin) == 0x04
    assert [text for _, text in play.said()] == [
        "Server b/d is UP/READY (leaving forced maintenance).",
        "Server b/u ('no.example') is UP/READY (resolves again).",
    ]


def test_resolved_name() -> None:
    """A name that was resolved at the start is a numeric address here."""
    named = model("u").address.__class__(model("u").address.family, "some.example", 80, 80, is_name=True)
    server = Play().farm(model("u").__class__("u", named, resolved="::1")).servers[0]
    assert server.address is not None
    assert (server.address.host, server.address.family.value, server.port) == ("::1", "ipv6@", 80)


def test_words_of_the_runtime_socket_that_are_refused() -> None:
    """Unknown states and healths, and the health of a tracking server, are refused with a sentence."""
    play = Play()
    farm = play.farm(model("s"), model("t"))
    server, other = farm.servers
    other.tracked = server
    for call in (lambda: server.set_state("x"), lambda: server.set_health("x"), lambda: other.set_health("up")):
        with pytest.raises(ValueError, match=r"\.$"):
            call()
    assert not play.said()


def test_sessions_end_when_their_server_goes_down() -> None:
    """`on-marked-down shutdown-sessions` ends them after the message that counts them, by maintenance too."""
    play = Play()
    farm = play.farm(model("s", on_marked_down="shutdown-sessions"))
    group = clients(farm, 3)
    farm.servers[0].set_state("maint")
    assert "3 sessions active" in play.said()[0][1]
    assert [client.shut_by for client in group] == ["D"] * 3
    assert (farm.served, farm.servers[0].counters.current) == (0, 0)


def test_sessions_of_backups_end_when_an_active_server_comes_up() -> None:
    """`on-marked-up shutdown-backup-sessions` ends the sessions of backups, and only when the server has weight."""
    play = Play()
    farm = play.farm(model("s", on_marked_up="shutdown-backup-sessions"), model("k", backup=True))
    server = farm.servers[0]
    server.down()
    client = Client(farm).arrive()
    server.set_weight("0")
    server.up()
    assert client.at == "k"
    server.down()
    server.set_weight("1")
    server.up()
    assert client.shut_by == "U"


def test_slow_start_grows_weight_and_maxconn() -> None:
    """After coming up, weight and limit grow each second to the full; at the end the server is told up once more."""
    play = Play()
    farm = play.farm(model("s", weight=10, maxconn=10, slowstart=4000), model("t"))
    server = farm.servers[0]
    assert (server.state, server.limit()) == (ServerState.RUNNING, 10)
    server.down()
    server.up()
    seen = []
    for _ in range(5):
        seen.append((server.state.name, server.weight, server.limit()))
        play.clock.advance(1)
    assert seen == [
        ("STARTING", 10, 1), ("STARTING", 50, 2), ("STARTING", 90, 5), ("STARTING", 130, 7), ("RUNNING", 160, 10),
    ]  # fmt: skip
    said = [text.split(".")[0] for _, text in play.said()]
    assert said == ["Server b/s is DOWN", "Server b/s is UP", "Server b/s is UP"]
    assert not play.clock.getDelayedCalls()


def test_slow_start_ends_with_maintenance() -> None:
    """A server that leaves service during its slow start is left alone by it; it begins anew with the next one."""
    play = Play()
    server = play.farm(model("s", weight=10, slowstart=3000), model("t")).servers[0]
    server.set_state("maint")
    server.set_state("ready")
    play.clock.advance(1.5)
    server.set_state("maint")
    play.clock.pump([1] * 5)
    assert server.state is ServerState.STOPPED
    server.set_state("ready")
    assert (server.state, server.weight) == (ServerState.STARTING, 10)
    play.clock.pump([1] * 3)
    assert server.state is ServerState.RUNNING


def test_slow_start_leaves_static_weights_alone() -> None:
    """Where a strategy cannot follow weights, a starting server has its full one."""
    play = Play()
    server = play.farm(model("s", weight=10, slowstart=3000), balance="static-rr").servers[0]
    server.down()
    server.up()
    assert (server.state, server.weight) == (ServerState.STARTING, 160)
    play.clock.pump([1] * 4)
    assert server.state is ServerState.RUNNING


def test_loss_of_a_listen_section_is_a_proxys() -> None:
    """HAProxy calls a listen section a proxy; on a terminal the name is quoted and the word is ALERT."""
    play = Play()
    server = play.farm(model("s"), kind="listen", name="l").servers[0]
    server.set_weight("0")
    level, text = play.said()[-1]
    assert (level, text) == (0, "proxy l has no server available!")
    assert on_terminal(level, text) == ("ALERT", "proxy 'l' has no server available!")
    assert on_terminal(1, "Server b/s is DOWN.") == ("WARNING", "Server b/s is DOWN.")


def test_states_report() -> None:
    """SIGHUP tells each server's state and connections, and what the proxy runs on."""
    play = Play()
    farm = play.farm(model("s", maxconn=1), model("k", backup=True))
    for client in (Client(farm), Client(farm)):
        farm.enter()
        client.want(farm.servers[0])
    has = "SIGHUP: Proxy b has 1 active servers and 1 backup servers available."
    conn = "Conn: act(FE+BE): 0+2, 1 pend (0 unass), tot(FE+BE): 0+2."
    assert states_report(farm) == [
        "SIGHUP: Server b/s is UP. Conn: 1 act, 1 pend, 1 tot.",
        "SIGHUP: Server b/k is UP. Conn: 0 act, 0 pend, 0 tot.",
        f"{has} {conn}",
    ]
    farm.servers[0].down()
    assert states_report(farm)[0].startswith("SIGHUP: Server b/s is DOWN.")
    assert states_report(farm)[2].startswith("SIGHUP: Proxy b is running on backup servers !")
    farm.servers[1].down()
    assert states_report(farm)[2].startswith("SIGHUP: Proxy b has no server available !")
    assert states_report(Play().farm(name="e"))[0].startswith("SIGHUP: Proxy e has no servers. Conn:")
