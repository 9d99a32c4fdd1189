"""Rings in memory: what log lines become in them, beside haproxy's, and how `show events` tells of them."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program, wait_for

FORMATS = ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")
CONFIGURATION = """
global
    stats socket {folder}/admin level admin
    stats socket {folder}/user level user
    log-tag some-tag
    log-send-hostname some-host
    {globals}
    log ring@buf0 len 80 local2
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
    log-format "path %HP of %HM"
    log global
frontend front
    bind 127.0.0.1:{port}
    http-request return status 200
    log ring@plain local0 notice
    log ring@plain format short local1 info err
ring plain
    description "A ring"
    size 20000
{rings}
"""
ROUNDS = 150
"""Requests whose lines are more than a ring of 16384 bytes holds."""


def configuration(folder: Path, port: int) -> str:
    """Return a configuration with a ring of each format, which two `log` lines write to."""
    globals = "\n    ".join(
        f"log ring@{form} len 80 format raw daemon\n    log ring@{form} len 300 sample 1:2 daemon info notice"
        for form in FORMATS
    )
    rings = "\n".join(f"ring {form}\n    format {form}\n    maxlen 120" for form in FORMATS)
    return CONFIGURATION.format(folder=folder, port=port, globals=globals, rings=rings)


class Side:
    """One program after the same requests."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def get(self, path: str) -> None:
        """Ask for a path."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            answer.read()

    @contextlib.contextmanager
    def talk(self, level: str = "admin") -> Iterator[socket.socket]:
        """Connect to a command socket."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.folder / level))
            yield client

    def order(self, command: str, level: str = "admin") -> str:
        """Return the answer to a command."""
        with self.talk(level) as client:
            client.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def events(self, ring: str) -> list[str]:
        """Return the lines of a ring, without what differs from run to run."""
        text = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:.+-]+", "DATE", self.order(f"show events {ring}"))
        text = re.sub(r"(?m)^(<\d+>)?[A-Z][a-z]{2} [ \d]\d [\d:]{8} ", r"\1DATE ", text)
        return re.sub(r"(some-tag[\[ ])\d+", r"\1PID", text).splitlines()


@contextlib.contextmanager
def served(name: str, folder: Path) -> Iterator[Side]:
    """Run a program, and send it requests."""
    port = free_port()
    path = folder / "cfg"
    path.write_text(configuration(folder, port))
    with program(name, "-f", str(path)):
        side = Side(folder, port)
        wait_for(lambda: (folder / "admin").exists(), what="the command socket")
        wait_for(lambda: _serves(side), what="the frontend")
        for number in range(ROUNDS):
            side.get(f"/{number:070d}")
        side.get("/" + "x" * 400)
        wait_for(lambda: "xxx" in side.order("show events raw"), what="the last line")
        yield side


def _serves(side: Side) -> bool:
    with contextlib.suppress(OSError):
        side.get("/first")
        return True
    return False


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """Our side."""
    with served(TCPROXY, tmp_path_factory.mktemp("ours")) as side:
        yield side


@pytest.mark.reference
def test_lines_are_kept_alike(ours: Side, tmp_path: Path) -> None:
    """Rings of all formats hold the same lines as haproxy's, as many of them, cut at the same byte."""
    with served(HAPROXY, tmp_path) as theirs:
        for ring in (*FORMATS, "plain", "buf0"):
            assert (ring, ours.events(ring)) == (ring, theirs.events(ring))
        for command in ("show events nowhere", "show events plain x", "show events stdout", "show events plain -n"):
            assert ours.order(command).rstrip("\n") == theirs.order(command).rstrip("\n")
        assert ours.order("show events plain", "user") == theirs.order("show events plain", "user")
        listed, known = ours.order("show events").splitlines()[4:], theirs.order("show events").splitlines()[4:]
        assert listed == known


def test_events_are_waited_for(ours: Side) -> None:
    """With `-nw` new lines come as they are written, and any input ends that, which is not obeyed."""
    with ours.talk() as client:
        client.sendall(b"show events plain -nw\n")
        came = b""
        for number in range(3):
            asked = f"/new{number}"
            while asked.encode() not in came:
                ours.get(asked)
                client.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    came += client.recv(65536)
        client.settimeout(PATIENCE)
        client.sendall(b"show version\n")
        came += b"".join(iter(lambda: client.recv(65536), b""))
    lines = came.decode().splitlines()
    assert lines[-1] == ""
    assert {line.split("/")[0] for line in lines[:-1]} == {"path "}
    assert ours.order("show events plain -nw;show version") == "\n"


def test_waiting_ends_with_the_client(ours: Side) -> None:
    """A client that leaves, or closes its side, ends its waiting, and lines go on being written."""
    for half in (True, False):
        with ours.talk() as client:
            client.sendall(b"show events plain -nw\n")
            if half:
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100) == b""
    ours.get("/after")
    wait_for(lambda: "/after" in ours.order("show events plain"), what="the line")


REFUSED = {
    "ring": "'ring' needs a name behind it",
    "ring a/b": "the character '/' cannot stand in the ring name 'a/b'",
    "ring a\nring a": "there is a 'ring' section 'a' at",
    "ring buf0": "there is a 'ring' section 'buf0' always",
    "ring a\n server s 127.0.0.1:1": "'server' is known to HAProxy 2.6, not supported by tcproxy yet",
    "ring a\n backing-file /tmp/x": "'backing-file' is known to HAProxy 2.6, not supported by tcproxy yet",
    "ring a\n format foo": "'format' : 'foo' is not one of the formats",
    "ring a\n size abc": "'size' : 'abc' is not a number of bytes",
    "ring a\n maxlen": "'maxlen' : '' is not a number of bytes",
    "ring a\n timeout connect": "'timeout connect' needs an argument behind it",
    "ring a\n bind :80": "unknown keyword 'bind' in 'ring' section",
    "global\n log ring@ local0": "'log' : 'ring@' needs the name of a ring behind it",
}
WARNED = {
    "ring a\n maxlen 32000\n size 20000": "ring 'a' : its 'maxlen' 32000 is more than its size 20000",
    "ring a\n size 100": "'size' : 100 is less than the 16384 that the ring has",
    "ring a b": "'b' behind the section's name is not read",
    "ring errors\nglobal\n log ring@errrs local0": "no ring 'errrs': these lines are lost; did you mean 'errors'",
}


@pytest.mark.parametrize(("text", "sentence"), (REFUSED | WARNED).items())
def test_what_is_wrong_is_told(text: str, sentence: str) -> None:
    """Errors in rings are told at their line; what HAProxy puts right is a warning."""
    said = io.StringIO()
    diagnostics = Diagnostics(1, said)
    language.read_text(text, Environment({}), diagnostics, name="cfg")
    assert sentence in said.getvalue()
    assert bool(diagnostics.alerts) == (text in REFUSED)
