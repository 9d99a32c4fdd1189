"""The runtime socket of tcproxy beside HAProxy's: the same lines, and answers of the same bytes or the same form."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY, free_port, program, wait_for

pytestmark = [pytest.mark.reference, pytest.mark.program("socat")]

CONFIGURATION = """
global
    maxconn 1000
    node here
    description two words
    stats socket {folder}/ctl mode 600 level admin
    stats socket {folder}/user mode 600 level user
    stats timeout 20s
defaults
    mode tcp
    timeout client 1s
    timeout server 1s
    timeout connect 1s
listen web
    bind {folder}/web name one
    bind {folder}/other id 7
    option socket-stats
    maxconn 70
    server s1 127.0.0.1:{port} check inter 100s weight 30 maxconn 5 maxqueue 2
    server s2 [::1]:{port} backup
    server s3 127.0.0.1:{port} disabled
frontend front
    bind {folder}/front
    maxconn 40
    rate-limit sessions 100
    default_backend back
backend back
    balance leastconn
    fullconn 50
    server x1 127.0.0.1:{port} track web/s1
    server x2 127.0.0.1:{port} weight 7
    server x3 {folder}/nobody
listen empty
    bind {folder}/empty
listen pages
    mode http
    bind {folder}/pages
    option socket-stats
    server h1 127.0.0.1:{port}
"""


class Socket:
    """A command socket."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def say(self, line: str) -> str:
        """Send a line with socat, as scripts do; return the answer."""
        words = ["socat", "-t30", "-", f"UNIX-CONNECT:{self.path}"]
        return subprocess.run(words, input=f"{line}\n", capture_output=True, text=True, check=True).stdout

    def talk(self, *pieces: bytes, silence: float) -> list[bytes]:
        """Send bytes piece by piece; return what came after each, with an end mark once it is closed.

        silence: seconds without a byte after which no more is awaited.
        """
        answers = []
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))
            client.settimeout(silence)
            for piece in pieces:
                with contextlib.suppress(BrokenPipeError):
                    client.sendall(piece)
                answers.append(_drain(client))
        return answers


def _drain(client: socket.socket) -> bytes:
    answer = b""
    try:
        while data := client.recv(65536):
            answer += data
    except TimeoutError:
        return answer
    except ConnectionResetError:
        pass  # closed with something unread: an end too
    return answer + b"<END>"


@contextlib.contextmanager
def running(what: str, folder: Path, port: int) -> Iterator[Socket]:
    """Run a proxy until the block ends; it begins when the first check has failed."""
    folder.mkdir()
    (folder / "a.cfg").write_text(CONFIGURATION.format(folder=folder, port=port))
    with program(what, "-db", "-f", str(folder / "a.cfg")) as process:
        wait_for((folder / "ctl").exists, what=f"the socket of {what}")
        control = Socket(folder / "ctl")
        wait_for(lambda: process.poll() is not None or "L4CON" in control.say("show stat web 4 1"), what="a check")
        yield control


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Socket, Socket]]:
    """Return the command sockets of tcproxy and of haproxy, which run the same configuration."""
    folder = tmp_path_factory.mktemp("pair")
    port = free_port()
    with running(TCPROXY, folder / "ours", port) as ours, running(HAPROXY, folder / "theirs", port) as theirs:
        yield ours, theirs


AGES = {"lastchg", "downtime", "check_duration", "need_conn_est"}
"""Columns that differ from one run to the next (the last one counts HAProxy's own idle links)."""


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of `show stat` by column."""
    header, *lines = text.strip().splitlines()
    names = header.removeprefix("# ").split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines]


def steady(row: dict[str, str]) -> dict[str, str]:
    """Return a row without what differs from run to run."""
    return {name: value for name, value in row.items() if name not in AGES}


def compare(pair: tuple[Socket, Socket], words: str = "") -> None:
    """Compare the statistics of both, row by row."""
    ours, theirs = (rows(control.say(f"show stat {words}".strip())) for control in pair)
    assert [(row["pxname"], row["svname"]) for row in ours] == [(row["pxname"], row["svname"]) for row in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert steady(mine) == steady(other)
        assert {name for name in AGES if mine[name]} == {name for name in AGES if other[name]}


@pytest.mark.parametrize("words", ["", "web 4 1", "-1 3 -1", "web 15 -1", "-1 6 -1 up", "-1 6 -1 no-maint"])
def test_statistics(pair: tuple[Socket, Socket], words: str) -> None:
    """The header is HAProxy's, and every row has its values, whatever is selected."""
    assert pair[0].say("show stat").splitlines()[0] == pair[1].say("show stat").splitlines()[0]
    compare(pair, words)


def numberless(text: str) -> list[str]:
    """Return lines without the values after the last colon, where they are numbers."""
    return [re.sub(r":[\d.]+$", ":N", line) for line in text.splitlines()]


def test_typed_statistics(pair: tuple[Socket, Socket]) -> None:
    """The typed form has the same lines: positions, names, tags, types and texts."""
    ours, theirs = (numberless(control.say("show stat typed")) for control in pair)
    assert ours == theirs


def test_json_statistics(pair: tuple[Socket, Socket]) -> None:
    """The JSON form differs in numbers alone."""
    ours, theirs = (re.sub(r'"value":\d+', "N", control.say("show stat json")) for control in pair)
    assert ours == theirs


def names(text: str) -> list[str]:
    """Return the names of the fields of `show info`."""
    return [line.split(":")[0] for line in text.splitlines()]


def test_information(pair: tuple[Socket, Socket]) -> None:
    """`show info` has HAProxy's fields in its order, plain, typed (with tags and types) and as JSON."""
    ours, theirs = (control.say("show info") for control in pair)
    assert names(ours) == names(theirs)
    for line in ("Name: HAProxy", "Maxconn: 1000", "node: here", "description: two words", "Process_num: 1"):
        assert line in ours.splitlines() and line in theirs.splitlines()
    ours, theirs = (control.say("show info typed float") for control in pair)
    assert [line.split(":")[:3] for line in ours.splitlines()] == [line.split(":")[:3] for line in theirs.splitlines()]
    ours, theirs = (re.sub(r'"value":[^}]+\}', "V", control.say("show info json")) for control in pair)
    assert ours == theirs


def ageless(line: str) -> list[str]:
    """Return the words of a line of `show servers state` without the age of the state."""
    words = line.split()
    return words[:9] + words[10:]


def test_servers_state(pair: tuple[Socket, Socket]) -> None:
    """State files are the same, but for the age of states."""
    for words in ("", "back"):
        ours, theirs = (control.say(f"show servers state {words}").splitlines() for control in pair)
        assert [ageless(line) for line in ours] == [ageless(line) for line in theirs]


@pytest.mark.parametrize(
    "line",
    [
        "show backend", "show cli level", "user;show cli level", "show env NOPE", "get weight web/s1", "get weight web",
        "get weight nope/s1", "get weight web/nope", "disable server", "set server", "set weight web/s1",
        "set server web/s1 weight", "set maxconn server web/s1", "disable frontend", "disable frontend nope",
        "set maxconn frontend", "set maxconn frontend nope", "set maxconn global", "shutdown session",
        "shutdown session 0x1", "shutdown sessions server", "show servers state nope", "show stat nope 4 1",
        "show sess 0x11", "expert-mode", "user;operator", "user;disable server web/s1", "user;show env", "quit",
        "set severity-output number;disable server x",
        "set severity-output number;show cli level;expert-mode;show sess 0x1;experimental-mode;get weight x",
        "set severity-output number;shutdown frontend empty;disable frontend empty;enable frontend empty",
        "set severity-output string;show cli level;set server web/s2 addr ::1",
        "set severity-output string;get weight web/s1",
    ],
)  # fmt: skip
def test_answers_that_tools_read(pair: tuple[Socket, Socket], line: str) -> None:
    """Short answers, denials and the frame around them are the same bytes."""
    assert pair[0].say(line) == pair[1].say(line)


def test_command_sockets(pair: tuple[Socket, Socket]) -> None:
    """Command sockets are listed alike."""
    ours, theirs = (control.say("show cli sockets").replace(str(control.path.parent), "") for control in pair)
    assert ours == theirs


@pytest.mark.parametrize(
    "pieces",
    [
        [b"show cli level\n"],
        [b"show cli ", b"level\n"],
        [b"show cli level\r\n"],
        [b"show cli level\nshow cli level\n"],
        [b"prompt\n", b"show cli level\n", b"show cli level;show cli level\n", b"quit\n"],
        [b"prompt\n", b"prompt\n"],
        [b"show cli level;prompt\n", b"show cli level\n"],
        [b"prompt\nshow cli level\n", b"show\tcli  level with words\n"],
        [b"show cli level;quit;show cli level\n"],
        [b"prompt\n", b"show cli level <<\n", b"pay\n", b"load\n", b"\n"],
        [b"prompt\n", b"show cli level;show cli level <<\n", b"payload\n", b"\n"],
        [b"prompt\n", b"show env a\\;b\n", b"show env a\\ b\n"],
        [b"prompt\n", b"user\n", b"operator\n", b"show env\n", b"get weight web/s1\n"],
        [b"prompt\n", b"set timeout cli 10\n", b"set severity-output number\n", b"get weight x\n"],
        [b"prompt\n", b"x" * 17000],
    ],
)
def test_conversations(pair: tuple[Socket, Socket], pieces: Sequence[bytes]) -> None:
    """Prompts, ends, payloads and empty lines come at the same moments, byte for byte."""
    for silence in (0.15, 1.0, 3.0):  # an answer that a busy machine delays is no other answer
        ours, theirs = (control.talk(*pieces, silence=silence) for control in pair)
        if ours == theirs:
            break
    assert ours == theirs


def test_unknown_commands(pair: tuple[Socket, Socket]) -> None:
    """What is no command is answered with the same first line, and the same commands at the end."""
    for line in ("", "show", "show servers", "show cli", "set maxconn", "disable"):
        ours, theirs = (control.say(line).splitlines() for control in pair)
        assert ours[0] == theirs[0]
        assert [mine.split(":")[0] for mine in ours[-4:]] == [other.split(":")[0] for other in theirs[-4:]]


DYNAMIC = (
    "add server back/n1 127.0.0.1:9 weight 3", "add server back/n2 127.0.0.1:9 id 7", "enable server back/n2",
    "add server back/n3 127.0.0.1:9 disabled backup maxconn 3", "add server back/n4 127.0.0.1:9 track web/s1",
    "set server back/n1 state ready", "add server back/n1 127.0.0.1:9", "add server nope/n1 127.0.0.1:9",
    "add server web", "del server back/n1", "set server back/n1 state maint", "del server back/n1",
    "del server back/n1", "add server back/n5 127.0.0.1:9", "set server back/n4 state ready", "del server web/s1",
    "set server back/n4 state maint", "set weight back/n2 7", "del server back/n4", "set server back/n2 state drain",
    "del server back/n2", "set server back/n2 state maint", "del server back/n2", "del server back/n3",
    "del server back/n5", "disable agent web/s1", "add server pages/n1 127.0.0.1:9 pool-max-conn 1",
    "add server empty/n1 127.0.0.1:9", "get weight empty/n1", "del server empty/n1",
    "disable server pages/n1", "del server pages/n1",
)  # fmt: skip


def healthless(line: str) -> list[str]:
    """Return the words of a line of `show servers state` without the age, and the health that nothing checks."""
    words = ageless(line)
    return words[:11] + words[12:]


def settled(row: dict[str, str]) -> dict[str, str]:
    """Return a row without what differs of servers added at run time (docs/differences.rst)."""
    waits = row["status"].startswith("MAINT")
    return {**steady(row), "src_ilim": "", "weight": "" if waits else row["weight"]}


def test_servers_come_and_go(pair: tuple[Socket, Socket]) -> None:
    """Servers are added and deleted alike; after each command both show the same states and numbers."""
    for change in DYNAMIC:
        ours, theirs = (control.say(change).strip() for control in pair)
        assert (change, ours) == (change, theirs)
        states = [control.say("show servers state").splitlines() for control in pair]
        assert [healthless(line) for line in states[0]] == [healthless(line) for line in states[1]], change
        shown = [rows(control.say("show stat -1 6 -1")) for control in pair]
        for mine, other in zip(*shown, strict=True):
            assert settled(mine) == settled(other), change


CHANGES = (
    "disable server web/s1", "enable server web/s1", "set server web/s1 state drain", "set weight back/x2 50%",
    "set server web/s1 state ready", "set server web/s1 health up", "set server back/x2 state maint",
    "set maxconn frontend front 33", "set maxconn server web/s1 9", "disable frontend front",
    "set server web/s2 weight 12", "set server back/x2 state ready", "enable frontend front",
    "set server web/s1 health down", "shutdown frontend front", "clear counters",
)  # fmt: skip


def test_changes(pair: tuple[Socket, Socket]) -> None:
    """After each change both answer alike and show the same statistics. Last, for it leaves both changed."""
    for change in CHANGES:
        ours, theirs = (control.say(change) for control in pair)
        assert (change, ours) == (change, theirs)
        compare(pair)
