"""Commands over a world: what they answer, and what they change."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tcproxy.control.command_rows import Level
from tcproxy.health.watch import Settings, Watch
from tcproxy.interfaces import Admin, ServerState, Verdict
from tcproxy.servers.state import LiveServer
from tests.control.worlds import Listener, Play


def server(play: Play, label: str) -> LiveServer:
    """Return the server of this label."""
    backend, name = label.split("/")
    found = play.world.farms[backend].server(name)
    assert found is not None
    return found


# what the process is


def test_cli_sockets(play: Play) -> None:
    """Every command socket is listed with family and level."""
    assert play.say("show cli sockets") == (
        "# socket lvl processes\nunix@/run/a.sock admin all\nipv4@127.0.0.1:1999 operator all\n"
        "ipv6@[::1]:1999 user all\nabns@name operator all\n"
    )


def test_env(play: Play) -> None:
    """The configuration's variables are listed; one that is not there is an error."""
    assert play.say("show env") == "HOME=/home/me\n"
    assert play.say("show env HOME") == "HOME=/home/me\n"
    assert play.say("show env NOPE") == "Variable not found\n"
    play.talk.level = Level.USER
    assert play.say("show env") == "Permission denied\n"


def test_version_and_info_agree(play: Play) -> None:
    """`show version` and `show info` tell the same version, which begins with that of the language."""
    version = play.say("show version").strip()
    assert version.startswith("2.6.12-tcproxy-")
    assert f"Version: {version}\n" in play.say("show info")


def test_startup_logs(play: Play) -> None:
    """What was said at the start is repeated."""
    play.world.startup_logs = "[NOTICE] hello\n"
    assert play.say("show startup-logs") == "[NOTICE] hello\n"


def test_events(play: Play) -> None:
    """The ring shows what `debug` told; other sinks and options are answered as by HAProxy."""
    play.world.tell_sample("buf0", b"[debug] x: type=str <a>")
    assert play.say("show events buf0").endswith(" [debug] x: type=str <a>\n")
    assert play.say("show events buf0 -n") == ""
    assert play.say("show events nowhere") == "No such event sink\n"
    assert play.say("show events buf0 x") == play.say("show events buf0 -x") == "unknown option\n"
    assert play.say("show events stdout") == "Nothing to report for this sink\n"
    assert [line.split()[0] for line in play.say("show events").splitlines()[1:]] == ["stdout", "stderr", "buf0"]
    assert play.say("user;show events buf0") == "\nPermission denied\n"


def test_levels_only_go_down(play: Play) -> None:
    """`operator` and `user` give rights up; none come back."""
    assert play.say("operator;show cli level;user;show cli level;operator") == (
        "\noperator\n\n\nuser\n\nPermission denied\n"
    )


def test_timeout_of_the_conversation(play: Play) -> None:
    """`set timeout cli` counts seconds unless a unit says otherwise."""
    play.conversation.feed(b"prompt;set timeout cli 15\n")
    assert play.talk.timeout == 15.0
    play.conversation.feed(b"set timeout cli 2m\n")
    assert play.talk.timeout == 120.0
    assert play.say("set timeout cli").startswith("'set timeout cli' needs a time")
    assert play.say("set timeout cli x").startswith("Invalid timeout")
    assert play.say("set timeout") == "'set timeout' knows one timeout: 'cli'.\n"


def test_modes(play: Play) -> None:
    """The modes of experts and experiments can be asked for and switched."""
    assert play.say("expert-mode") == "expert-mode is OFF\n"
    assert play.say("expert-mode on;expert-mode") == "\nexpert-mode is ON\n"
    assert play.say("experimental-mode perhaps") == "'experimental-mode' takes 'on' or 'off'.\n"
    assert play.say("set severity-output x").startswith("'set severity-output' needs one of")


# statistics


def rows(play: Play, *words: str) -> list[list[str]]:
    """Return the rows of `show stat` without the header."""
    return [line.split(",") for line in play.say(" ".join(("show stat", *words))).splitlines()[1:]]


def test_stat_lists_what_there_is(play: Play) -> None:
    """Frontends, listeners (`option socket-stats`), servers and backends stand in the order of the files."""
    assert [row[:2] for row in rows(play)] == [
        ["web", "FRONTEND"], ["web", "one"], ["web", "sock-2"], ["web", "sock-3"], ["web", "s1"], ["web", "s2"],
        ["web", "s3"], ["web", "BACKEND"], ["front", "FRONTEND"], ["back", "x1"], ["back", "x2"], ["back", "BACKEND"],
    ]  # fmt: skip


def test_stat_selects(play: Play) -> None:
    """Proxy, kinds and id select rows; `up` and `no-maint` leave servers out and count them in the backend."""
    assert [row[1] for row in rows(play, "web 4 1")] == ["s1"]
    assert [row[1] for row in rows(play, "2 8 -1")] == ["one", "sock-2", "sock-3"]
    assert [row[1] for row in rows(play, "-1 2 -1")] == ["BACKEND", "BACKEND"]
    assert [row[1] for row in rows(play, "web 6 -1 no-maint")] == ["s1", "s2", "BACKEND"]
    assert rows(play, "web 2 -1 up")[0][17] == "UP (2/3)"
    assert len(rows(play, "web")) == 12
    assert play.say("show stat nope 4 1") == "No such proxy.\n"
    assert play.say("show stat domain dns").startswith("Invalid statistics domain")
    assert len(rows(play, "domain proxy web 4 1")) == 1


def test_stat_quotes_what_is_ambiguous(play: Play) -> None:
    """A comma or a quote in a value puts it in quotes."""
    assert ',"x,""y",tcp,' in play.say("show stat web 4 2")


def test_addresses_are_for_operators(play: Play) -> None:
    """On a socket of level user, the addresses of servers are left out."""
    assert "127.0.0.1:9001" in play.say("show stat web 4 1")
    play.talk.entered = play.talk.level = Level.USER
    assert "127.0.0.1:9001" not in play.say("show stat web 4 1")


def test_typed_and_json_agree_with_csv(play: Play) -> None:
    """All three forms tell the same values, and the explained form says what each is."""
    typed = play.say("show stat web 4 1 typed").splitlines()
    assert "S.2.1.17.status.1:SGP:str:no check" in typed
    assert "S.2.1.25.qlimit.1:CGS:u32:2" in typed
    values = [line.split(":", 3)[3] for line in typed]
    assert [value for value in rows(play, "web 4 1")[0] if value not in ("", "-")] == values
    assert 'S.2.1.18.weight.1:MaP:u32:30:"weight in force"' in play.say("show stat web 4 1 typed desc")
    import json

    (fields,) = json.loads(play.say("show stat web 4 1 json"))
    assert [str(field["value"]["value"]) for field in fields] == values
    assert fields[0]["tags"] == {"origin": "Key", "nature": "Name", "scope": "Service"}


def test_info_forms(play: Play) -> None:
    """`show info` knows the typed form, JSON, explanations and fractions."""
    play.clock.advance(0.25)
    assert "Uptime: 0d 0h01m40s\nUptime_sec: 100\n" in play.say("show info")
    assert "8.Uptime_sec.1:MDP:flt:100.25\n" in play.say("show info typed float")
    assert 'Maxconn: 1000:"' in play.say("show info desc")
    assert '"name":"Start_time_sec"},"processNum":1,' in play.say("show info json")
    assert "70.Start_time_sec.1:MDP:u32:1795375735\n" in play.say("show info typed")


def test_servers_state_and_conn(play: Play) -> None:
    """State files have version, header and one line a server; one backend may be asked for."""
    lines = play.say("show servers state web").splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("# be_id be_name srv_id ")
    assert lines[2:] == [
        "2 web 1 s1 127.0.0.1 2 0 30 30 0 1 0 2 0 0 0 0 - 9001 - 0 0 - - 0",
        "2 web 2 s2 ::1 2 0 1 1 0 1 0 2 0 0 0 0 - 9002 - 0 0 - - 0",
        "2 web 3 s3 127.0.0.1 0 5 1 1 0 1 0 0 8 0 0 0 - 9003 - 0 0 - - 0",
    ]
    assert play.say("show servers conn back").splitlines()[1] == "back/x1 4/1 127.0.0.1 9004 - 5000 0 0 0 0 0 -1 0 0"
    assert play.say("show servers state nope") == "Can't find backend.\n"
    assert play.say("show backend") == "# name\nweb\nback\n"


def test_clearing_counters(play: Play) -> None:
    """`clear counters` forgets maxima; `all` the sums too, and is for administrators."""
    counters = play.world.frontends["web"].counters
    counters.begin(1000.0)
    counters.current -= 1
    assert play.say("clear counters") == ""
    assert (counters.highest, counters.total) == (0, 1)
    play.talk.level = Level.OPERATOR
    assert play.say("clear counters all") == "Permission denied\n"
    play.talk.level = Level.ADMIN
    assert play.say("clear counters all") == ""
    assert counters.total == 0


# servers


def test_maintenance(play: Play) -> None:
    """`disable server` takes a server out, `enable server` brings it back, and those that track it follow."""
    assert play.say("disable server web/s1") == ""
    assert server(play, "web/s1").admin & Admin.FORCED_MAINTENANCE
    assert rows(play, "back 4 1")[0][17] == "MAINT (via web/s1)"
    assert play.say("enable server web/s1") == ""
    assert server(play, "web/s1").state is ServerState.RUNNING
    assert rows(play, "web 4 1")[0][17] == "no check"


@pytest.mark.parametrize(
    "command", ["disable server", "set weight", "get weight", "set server", "shutdown sessions server"]
)
def test_servers_must_be_named(play: Play, command: str) -> None:
    """A server is named as backend/server, and both must exist."""
    assert play.say(command) == "Require 'backend/server'.\n"
    assert play.say(f"{command} web") == "Require 'backend/server'.\n"
    assert play.say(f"{command} nope/s1") == "No such backend.\n"
    assert play.say(f"{command} web/nope") == "No such server.\n"


def test_states(play: Play) -> None:
    """`set server state` drains, stops and readies."""
    assert play.say("set server web/s1 state drain") == ""
    assert rows(play, "web 4 1")[0][17:19] == ["DRAIN", "30"]
    assert play.say("set server web/s1 state maint") == ""
    assert rows(play, "web 4 1")[0][17] == "MAINT"
    assert play.say("set server web/s1 state ready") == ""
    assert rows(play, "web 4 1")[0][17] == "no check"
    assert "ready" in play.say("set server web/s1 state") and "ready" in play.say("set server web/s1 state x")


def test_weights(play: Play) -> None:
    """Weights are numbers or percentages of the configured one; the backend's total follows."""
    assert play.say("set weight web/s1 50%") == ""
    assert play.say("get weight web/s1") == "15 (initial 30)\n"
    assert play.say("set server web/s1 weight 100") == ""
    assert rows(play, "web 2 -1")[0][18] == "100"
    assert play.say("set weight web/s1") == play.say("set server web/s1 weight") == "Require <weight> or <weight%>.\n"
    for wrong in ("300", "x", "-1", "101x"):
        assert play.say(f"set weight web/s1 {wrong}").strip()
    assert server(play, "web/s1").user_weight == 100


def test_health(play: Play) -> None:
    """`set server health` forces a state; a server that tracks another refuses."""
    assert play.say("set server web/s1 health down") == ""
    assert rows(play, "web 4 1")[0][17] == "DOWN"
    assert rows(play, "back 4 1")[0][17] == "DOWN"
    assert play.say("set server web/s1 health up") == ""
    assert play.say("set server back/x1 health up").strip()
    assert "stopping" in play.say("set server web/s1 health x")


def test_addresses(play: Play) -> None:
    """`set server addr` changes where new connections go, and says what changed."""
    by = "by 'stats socket command'\n"
    assert play.say("set server web/s1 addr 127.0.0.2 port 81") == (
        f"IP changed from '127.0.0.1' to '127.0.0.2', port changed from '9001' to '81' {by}"
    )
    address = server(play, "web/s1").address
    assert address is not None and (address.host, address.port) == ("127.0.0.2", 81)
    assert play.say("set server web/s1 addr 127.0.0.2") == f"no need to change the addr {by}"
    assert play.say("set server web/s1 addr ::1").startswith("IP changed from '127.0.0.2' to '::1'")
    assert rows(play, "web 4 1")[0][73] == "[::1]:81"
    for wrong in ("", "nonsense", "127.0.0.1 port x", "127.0.0.1 port 70000", "127.0.0.1 port +1"):
        assert "changed" not in play.say(f"set server web/s1 addr {wrong}")


def test_a_port_may_follow_the_clients(tmp_path: Path) -> None:
    """`port +1` sends connections to the client's port and one more, where checks have a port of their own."""
    play = Play(tmp_path, "listen web\n    bind :8080\n    server s1 127.0.0.1:9 port 7\n")
    assert "port changed from '9' to '+1'" in play.say("set server web/s1 addr 127.0.0.1 port +1")
    s1 = server(play, "web/s1")
    assert s1.follows_client and s1.address is not None and s1.address.relative
    assert "no need to change the port" in play.say("set server web/s1 addr 127.0.0.1 port +1")
    assert "port changed from '+1' to '-1'" in play.say("set server web/s1 addr 127.0.0.1 port -1")
    assert s1.port == -1
    assert "port changed from '-1' to '9'" in play.say("set server web/s1 addr 127.0.0.1 port 9")
    assert not s1.follows_client


def test_agents_and_no_agents(play: Play) -> None:
    """No server has an agent: disabling it changes nothing, enabling it is refused."""
    assert play.say("disable agent web/s1") == ""
    assert "Agent was not configured" in play.say("enable agent web/s1")
    assert play.say("disable agent web/nope") == "No such server.\n"


def test_the_address_of_a_unix_server_stays(tmp_path: Path) -> None:
    """A server behind a UNIX socket gets no IP address by a command, as with the reference."""
    play = Play(tmp_path, "listen web\n    bind :8080\n    server s1 unix@/run/a.sock\n")
    assert play.say("set server web/s1 addr 127.0.0.2 port 80").startswith("A server that has no IP address")
    address = server(play, "web/s1").address
    assert address is not None and address.host == "/run/a.sock"


@pytest.mark.parametrize(
    "setting", ["agent up", "agent-addr 1.1.1.1", "agent-port 1", "agent-send x", "fqdn a.b", "ssl on"]
)
def test_settings_that_no_server_has(play: Play, setting: str) -> None:
    """A server that has neither agent nor resolver nor TLS refuses their settings."""
    answer = play.say(f"set server web/s1 {setting}")
    reasons = ("not enabled on this server", "no resolution", "not supported by tcproxy yet")
    assert any(words in answer for words in reasons)


def test_unknown_settings(play: Play) -> None:
    """An unknown setting is answered with those there are."""
    assert play.say("set server web/s1 colour").startswith("usage: set server <backend>/<server> addr | agent")


def test_server_limits(play: Play) -> None:
    """`set maxconn server` sets the limit that statistics show."""
    assert play.say("set maxconn server web/s1 9") == ""
    assert rows(play, "web 4 1")[0][6] == "9"
    assert play.say("set maxconn server web/s1") == "Require <maxconn>.\n"
    assert play.say("set maxconn server web/s1 many").strip()


def watched(play: Play) -> Watch:
    """Give web/s1 a health watch."""
    found = server(play, "web/s1")
    watch = Watch(found, cast(Any, None), None, Settings(), play.clock, cast(Any, None), lambda level, message: None)
    found.watch = watch
    return watch


def test_checks_can_be_switched(play: Play) -> None:
    """`disable health` stops checks and `enable health` goes on; without checks there is nothing to enable."""
    assert play.say("disable health web/s1") == ""
    assert "not configured" in play.say("enable health web/s1")
    watch = watched(play)
    assert play.say("disable health web/s1") == ""
    assert not watch.enabled
    assert rows(play, "web 4 1")[0][36] == ""
    assert play.say("enable health web/s1") == ""
    assert watch.enabled
    assert rows(play, "web 4 1")[0][36] == "INI"


def test_check_results_in_statistics(play: Play) -> None:
    """The last check's result, its words, its time and the health stand in a server's row; progress in its status."""
    from tcproxy.interfaces import CheckStatus

    watch = watched(play)
    watch._conclude(Verdict(CheckStatus.L7_STATUS, "not, today", 503), 12)
    answer = play.say("show stat web 4 1 typed")
    for line in (
        "36.check_status.1:MOP:str:L7STS", "37.check_code.1:MOP:u32:503", "38.check_duration.1:MDP:u64:12",
        "56.last_chk.1:MOP:str:not, today", "65.check_desc.1:MOP:str:Layer7 wrong status",
        "67.check_rise.1:CGS:u32:2", "68.check_fall.1:CGS:u32:3", "69.check_health.1:CGS:u32:",
        "21.chkfail.1:MCP:u64:", "22.chkdown.1:MCP:u64:", "24.downtime.1:MCP:u32:",
    ):  # fmt: skip
        assert f"S.2.1.{line}" in answer
    assert " 17 2 " in play.say("show servers state web").splitlines()[2]


def test_where_checks_go(play: Play) -> None:
    """The port and address of checks can be changed, where there are checks."""
    assert "not configured" in play.say("set server web/s1 check-port 5")
    watch = watched(play)
    assert play.say("set server web/s1 check-port 5") == "health check port updated.\n"
    assert play.say("set server web/s1 check-addr 127.0.0.9 port 6") == ""
    assert watch.check_address is not None
    assert (watch.check_address.host, watch.check_port) == ("127.0.0.9", 6)


def test_slow_start_shows_its_throttle(play: Play) -> None:
    """A server in slow start shows the percentage it has reached."""
    assert rows(play, "back 4 2")[0][29] == ""
    play.say("disable server back/x2;enable server back/x2")
    before = int(rows(play, "back 4 2")[0][29])
    play.clock.pump([1.0] * 5)
    assert 0 < before < int(rows(play, "back 4 2")[0][29]) < 100
    play.clock.pump([1.0] * 6)
    assert rows(play, "back 4 2")[0][29] == ""


# frontends


def told(play: Play, name: str) -> list[list[str]]:
    """Return what the listeners of a frontend were told."""
    return [cast(Listener, bind.listener).told for bind in play.world.frontends[name].binds]


def test_frontends_pause_and_resume(play: Play) -> None:
    """A frontend that is disabled listens no more, and says so; enabled, it listens again."""
    assert play.say("disable frontend web") == ""
    assert rows(play, "web 1 -1")[0][17] == "PAUSED"
    assert play.say("disable frontend web") == "All sockets are already disabled.\n"
    assert play.say("enable frontend web") == ""
    assert play.say("enable frontend web") == "All sockets are already enabled.\n"
    assert told(play, "web") == [["pause", "resume"]] * 3
    assert [message for _, message in play.told] == ["Paused proxy web.", "Resumed proxy web."]


def test_frontends_stop_for_good(play: Play) -> None:
    """A frontend that was shut down stays so."""
    assert play.say("shutdown frontend front") == ""
    assert rows(play, "front 1 -1")[0][17] == "STOP"
    assert play.say("shutdown frontend front") == "Frontend was already shut down.\n"
    assert play.say("enable frontend front") == "Frontend was previously shut down, cannot enable.\n"
    assert told(play, "front") == [["close"]]
    assert play.told == [(4, "Proxy front stopped (cumulated conns: FE: 0, BE: 0).")]


@pytest.mark.parametrize(
    "command", ["disable frontend", "enable frontend", "shutdown frontend", "set maxconn frontend"]
)
def test_frontends_must_be_named(play: Play, command: str) -> None:
    """A frontend must be named, and exist."""
    assert play.say(command) == "A frontend name is expected.\n"
    assert play.say(f"{command} back") == "No such frontend.\n"


def test_limits(play: Play) -> None:
    """Limits of frontends and of the process change at once, and those who waited may try again."""
    woken: list[bool] = []
    bind = play.world.frontends["web"].binds[0]
    bind.resume = lambda: woken.append(True)
    play.world.waiting.append(bind)
    assert play.say("set maxconn frontend web 99") == ""
    assert woken == [True]
    assert rows(play, "web 1 -1")[0][6] == "99"
    assert play.say("set maxconn global 500") == ""
    assert play.world.maxconn == 500
    assert "Maxconn: 500\nHard_maxconn: 1000\n" in play.say("show info")
    assert play.say("set maxconn global 0") == ""
    assert play.world.maxconn == 1000
    assert play.say("set maxconn global 1001").startswith("Value out of range")
    assert play.say("set maxconn global") == "Expects an integer value.\n"
    assert play.say("set maxconn global x").strip()


# sessions


class Ended:
    """A session that notes its end."""

    def __init__(self) -> None:
        self.causes: list[str] = []

    def shut(self, cause: str) -> None:
        """Note it."""
        self.causes.append(cause)


def test_sessions_of_a_server_can_be_ended(play: Play) -> None:
    """`shutdown sessions server` ends those that use it."""
    session = Ended()
    server(play, "web/s1").sessions.add(session)
    assert play.say("shutdown sessions server web/s1") == ""
    assert session.causes == ["K"]


def session(play: Play) -> Any:
    """Return what commands read of a session, listed in the world."""
    web = play.world.frontends["web"]
    found = SimpleNamespace(
        number=18, source=b"\x7f\0\0\1", client_address=("127.0.0.1", 5000), frontend=web, bind=web.binds[0],
        backend=None, server=None, error="", phase="", began=play.clock.seconds() - 65, retries=0, link=None,
        client=SimpleNamespace(bytes_read=7, held=b"abc", transport=SimpleNamespace(fd=7)),
        expires=play.clock.seconds() + 120,
        stage=SimpleNamespace(name="QUEUED"), shut=Ended().shut,
    )  # fmt: skip
    play.world.sessions[18] = found  # type: ignore[assignment, unused-ignore]
    return found


def test_sessions_are_listed(play: Play) -> None:
    """`show sess` has a line for each session; with an id it tells more."""
    assert play.say("show sess") == ""
    found = session(play)
    line = "proto=tcpv4 src=127.0.0.1:5000 fe=web be=<none> srv=<none> ts=-- age=1m5s "
    line += "rq[i=3] rp[i=0] scf=[fd=7] scb=[fd=-1] exp=2m rc=0\n"
    assert play.say("show sess") == f"0x12: {line}"
    assert "backend=<NONE>" in play.say("show sess 0x12")
    found.server = server(play, "web/s1")
    found.backend = SimpleNamespace(name="web", model=play.world.farms["web"].model)
    assert "be=web srv=s1" in play.say("show sess")
    assert "  server=s1 (id=1)\n" in play.say("show sess all")
    assert play.say("show sess 99") == "Session not found.\n"


def test_one_session_can_be_ended(play: Play) -> None:
    """`shutdown session` ends the one that is named as it was listed."""
    ended = Ended()
    session(play).shut = ended.shut
    assert play.say("shutdown session 0x12") == ""
    assert ended.causes == ["K"]
    assert play.say("shutdown session") == "Session pointer expected (use 'show sess').\n"
    assert play.say("shutdown session 5") == play.say("shutdown session x") == "No such session (use 'show sess').\n"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("show sess", Level.OPERATOR), ("clear counters", Level.OPERATOR), ("show startup-logs", Level.OPERATOR),
        ("disable server web/s1", Level.ADMIN), ("set server web/s1 state maint", Level.ADMIN),
        ("set weight web/s1 1", Level.ADMIN), ("shutdown session 1", Level.ADMIN),
        ("disable frontend web", Level.ADMIN),
        ("show stat", Level.USER), ("show info", Level.USER), ("show servers state", Level.USER),
        ("get weight web/s1", Level.USER), ("show backend", Level.USER),
    ],
)  # fmt: skip
def test_rights(tmp_path: Path, line: str, level: Level) -> None:
    """Each command needs the level that it needs in HAProxy, and no more."""
    play = Play(tmp_path, level=level)
    assert play.say(line) != "Permission denied\n"
    if level > Level.USER:
        play.talk.level = Level(level - 1)
        assert play.say(line) == "Permission denied\n"
