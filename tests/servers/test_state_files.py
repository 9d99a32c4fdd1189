"""State files: what servers take over from them and from wrong ones; HAProxy and tcproxy read each other's."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.process import Global
from tcproxy.report.listings import servers_state
from tcproxy.servers.farm import Farm
from tcproxy.servers.state_files import load_states, state_path
from tcproxy.servers.tracking import link_tracks
from tests.running import HAPROXY, TCPROXY, program, wait_for
from tests.servers.playing import Play, model

Told = list[tuple[int, str]]


def farm_of(play: Play) -> Farm:
    """Return a backend whose states come from a file of its own."""
    farm = play.farm(
        model("s1", weight=30), model("s2", disabled=True), model("s3", slowstart=60000), model("s4", track="b/s1"),
        state_from="local",
    )  # fmt: skip
    link_tracks({"b": farm})
    return farm


def load(folder: Path, *lines: str, version: str = "1") -> tuple[Farm, Told]:
    """Return a farm that has read a file of these lines, and what was told of the file."""
    (folder / "b").write_text("\n".join((version, "# a comment", "", *lines)) + "\n")
    play = Play()
    farm, told = farm_of(play), []
    load_states(Global(server_state_base=str(folder)), {"b": farm}, lambda *what: told.append(what))
    return farm, told


def line(name: str, state: int = 2, admin: int = 0, weight: int = 1, initial: int = 1, port: str = "80") -> str:
    """Return a line about a server."""
    return f"9 b 9 {name} 127.0.0.9 {state} {admin} {weight} {initial} 50 6 3 4 6 0 0 0 - {port} - 0 0 - - 0"


def shown(farm: Farm) -> list[str]:
    """Return of each server name, state, flags, weights, age and port, as the next file would have them."""
    rows = (words.split() for words in servers_state([farm], farm.clock.seconds()).splitlines()[2:])
    return [" ".join((*row[3:4], *row[5:10], row[18])) for row in rows]


def test_what_is_taken_over(tmp_path: Path) -> None:
    """State, maintenance, drain, weight, age and port are those of the file; trackers follow."""
    farm, told = load(tmp_path, line("s1", 0, 0, 15, 30, "81"), line("s3", 2, 8), line("s3", 0), line("zz"))
    assert shown(farm) == ["s1 0 0 15 30 50 81", "s2 0 5 1 1 0 80", "s3 2 8 1 1 50 80", "s4 0 0 1 1 0 80"]
    assert not told
    assert load(tmp_path, line("s1", 3), line("s3", 1))[0].servers[2].state.name == "STARTING"


def test_the_configuration_comes_first(tmp_path: Path) -> None:
    """A server disabled or enabled in the file since, or given another weight, is as the file of today says."""
    farm, _ = load(tmp_path, line("s1", 0, 5, 15, 31), line("s2", 2, 0))
    assert shown(farm)[:2] == ["s1 0 0 30 30 50 80", "s2 0 5 1 1 50 80"]
    farm, _ = load(tmp_path, line("s1", 2, 1, 30, 30), line("s2", 2, 4))
    assert shown(farm)[:2] == ["s1 0 1 30 30 50 80", "s2 2 4 1 1 50 80"]
    assert "s4 0 2" in shown(farm)[3]


def test_which_file_is_read() -> None:
    """A backend has a file of its own name, or the one it names; a relative name is of the base. `none` is none."""
    said = io.StringIO()
    read = language.read_text(
        """
global
    server-state-base /base
    server-state-file all
defaults
    load-server-state-from-file local
    server-state-file-name lost
backend a
backend b
    server-state-file-name b.state
backend c
    server-state-file-name /tmp/c
backend d
    server-state-file-name use-backend-name
backend e
    load-server-state-from-file global
backend f
    load-server-state-from-file none
""", Environment(), Diagnostics(1, said), name="a",
    )  # fmt: skip
    assert read is not None, said.getvalue()
    paths = [state_path(proxy, read.process) for proxy in read.proxies]
    assert paths == ["/base/a", "/base/b.state", "/tmp/c", "/base/d", "/base/all", ""]
    assert "'server-state-file-name' has no effect in 'defaults'" in said.getvalue()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((line("s1", 9),), "srv_op_state '9' is not valid"),
        ((line("s1", 2, 128),), "srv_admin_state '128'"),
        ((line("s1", 2, 0, 300, 300),), "srv_uweight '300', srv_iweight '300'"),
        ((line("s1", port="70000"),), "srv_port '70000'"),
        (("9 b 9 s1 127.0.0.9 2 0",), "corrupted at line 4"),
        ((line("s1").replace(" 0 - - 0", " 7 - - 0"),), "in part: health checks are not enabled on this server"),
    ],
)
def test_wrong_lines(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    """A line that is wrong is told of, and changes nothing but what is right in it."""
    farm, told = load(tmp_path, *lines)
    assert len(told) == 1 and said in told[0][1]
    assert shown(farm)[0].startswith("s1 2 0 30 30")


def test_wrong_files(tmp_path: Path) -> None:
    """A file of another version, one that is not there, and one that has no name are told of."""
    farm, told = load(tmp_path, line("s1", 0), version="2")
    assert "does not begin with a version" in told[0][1] and shown(farm)[0].startswith("s1 2")
    told = []
    load_states(Global(server_state_base="/nowhere"), {"b": farm}, lambda *what: told.append(what))
    assert "'/nowhere/b' cannot be opened: No such file" in told[0][1]
    farm = Play().farm(model("s1"), state_from="global")
    load_states(Global(), {"b": farm}, lambda *what: told.append(what))
    assert "'server-state-file'" in told[1][1]


CONFIGURATION = """
global
    stats socket {folder}/ctl level admin
    server-state-base {folder}
    server-state-file before
defaults
    mode tcp
    timeout client 1s
    timeout server 1s
    timeout connect 1s
    load-server-state-from-file global
backend b
    server s1 127.0.0.1:9 weight 30
    server s2 127.0.0.1:9 check inter 100s
    server s3 127.0.0.1:9 disabled
    server s4 localhost:9
    server s5 127.0.0.1:9 track s2
    server s6 127.0.0.1:9 id 17
    server s7 127.0.0.1:9
backend c
    id 20
    load-server-state-from-file none
    server s1 127.0.0.1:9
"""
COMMANDS = (
    "set server b/s1 state drain", "set weight b/s1 50%", "enable server b/s3", "set server b/s4 addr 127.0.0.9 port 7",
    "set server b/s2 check-port 11", "set server b/s6 state maint", "set server b/s7 health down",
    "set weight c/s1 0",
)  # fmt: skip


def ask(folder: Path, words: str) -> str:
    """Say a line at the command socket; return the answer."""
    socat = ["socat", "-t30", "-", f"UNIX-CONNECT:{folder}/ctl"]
    return subprocess.run(socat, input=f"{words}\n", capture_output=True, text=True, check=True).stdout


@contextmanager
def running(what: str, folder: Path, before: str) -> Iterator[Path]:
    """Run a proxy that starts with the states of a process before."""
    folder.mkdir()
    (folder / "before").write_text(before)
    (folder / "a.cfg").write_text(CONFIGURATION.format(folder=folder))
    with program(what, "-db", "-f", str(folder / "a.cfg")):
        wait_for((folder / "ctl").exists, what=f"the socket of {what}")
        wait_for(lambda: "L4CON" in ask(folder, "show stat b 4 2"), what="a check")
        yield folder


def states(text: str) -> list[list[str]]:
    """Return the lines of states without their ages, the agent's port, and the check result of servers unchecked."""
    return [[*words[:9], *words[13:-1]] for words in (one.split() for one in text.splitlines()[2:]) if words]


@pytest.mark.reference
@pytest.mark.program("socat")
def test_files_go_both_ways(tmp_path: Path) -> None:
    """HAProxy starts from a file of ours, and tcproxy from a file of HAProxy's, with the same states."""
    saved = {}
    for what in (TCPROXY, HAPROXY):
        with running(what, tmp_path / f"{Path(what).name}0", "1\n") as folder:
            for command in COMMANDS:
                ask(folder, command)
            saved[what] = ask(folder, "show servers state")
    assert states(saved[TCPROXY]) == states(saved[HAPROXY])
    after = {}
    for what, other in ((TCPROXY, HAPROXY), (HAPROXY, TCPROXY)):
        with running(what, tmp_path / f"{Path(what).name}1", saved[other]) as folder:
            after[what] = ask(folder, "show servers state")
    assert states(after[TCPROXY]) == states(after[HAPROXY])
    assert any(row[3:7] == ["s1", "127.0.0.1", "2", "8"] and row[7:9] == ["15", "30"] for row in states(after[TCPROXY]))
