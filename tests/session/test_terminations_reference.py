"""Every way a TCP session ends, played against HAProxy and tcproxy at once: both must log the same.

Each play has a `listen` section, a server and a client of its own; all run together. Compared are names, letters,
retries, queue places and bytes exactly, and times within a tolerance.
"""

from __future__ import annotations

import contextlib
import csv
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program, wait_for

HOST = "127.0.81.1"
"""An address of this file alone, so that no port found free is taken by another test's connection meanwhile."""
RESET = struct.pack("ii", 1, 0)
TOLERANCE = 250
"""Milliseconds by which a time may differ: the machine has other work, too. Timeouts here are 300 and more."""
AGAIN = 2
"""How often plays that differed are played anew, by themselves: a machine that stalls shows as other times."""

HEAD = """
global
    log 127.0.81.1:{log} local0
    stats socket {control} level admin
    nbthread 1
defaults
    mode tcp
    log global
    log-format "<%f> %b/%s %Tw/%Tc/%Tt %B %ts %rc %sq/%bq"
    timeout connect 400ms
    timeout client 5s
    timeout server 5s
    timeout queue 300ms
    retries 0
listen control
    bind 127.0.81.1:{port}
"""


@dataclass
class Cast:
    """What a play works with: its section, how clients come in, the server's listening socket, the runtime socket."""

    name: str
    port: int
    server: socket.socket
    control: str

    def client(self, data: bytes = b"") -> socket.socket:
        """A client comes in."""
        made = socket.create_connection((HOST, self.port), PATIENCE)
        if data:
            made.sendall(data)
        return made

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """A client comes in, its link arrives at the server, and the proxy knows that it stands."""
        made = self.client()
        link, _ = self.server.accept()
        link.settimeout(PATIENCE)
        # the kernel has made the link; the loop of the proxy's one thread has come round when it answers a command
        self.command("show version")
        return made, link

    def until(self, row: str, **values: int) -> None:
        """Wait until columns of a row of the section's `show stat` have these values."""

        def reached() -> bool:
            table = csv.DictReader(self.command(f"show stat {self.name} -1 -1").removeprefix("# ").splitlines())
            found = next(one for one in table if one["svname"] == row)
            return all(found[column] == str(value) for column, value in values.items())

        wait_for(reached, what=f"{values} of {self.name}/{row}")

    def command(self, text: str) -> str:
        """Say it on the runtime socket."""
        return command(self.control, text)


def command(control: str, text: str) -> str:
    """Say something on a runtime socket; return the answer."""
    with socket.socket(socket.AF_UNIX) as runtime:
        runtime.connect(control)
        runtime.sendall(text.encode() + b"\n")
        runtime.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: runtime.recv(65536), b"")).decode()


Kept = object
"""What a play leaves open until all are over."""
Play = Callable[[Cast], Kept]
PLAYS: dict[str, tuple[str, Play]] = {}


def play(words: str = "", server: str = "") -> Callable[[Play], Play]:
    """Add a play, with the words of its section, and those of its server line."""

    def add(act: Play) -> Play:
        line = "" if "server s" in words else f"server s 127.0.81.1:SERVER {server}"
        PLAYS[act.__name__] = ("\n    ".join([*words.split("; "), line]), act)
        return act

    return add


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


SILENT = "server s 127.0.81.1:SILENT"
DEAD = "server s 127.0.81.1:DEAD"


@play()
def server_closes_first(cast: Cast) -> Kept:
    """Server closes first."""
    client, link = cast.pair()
    client.sendall(b"ask")
    link.recv(3)
    link.sendall(b"answer")
    link.close()
    client.recv(6)
    client.recv(1)
    client.close()
    return None


@play()
def client_closes_first(cast: Cast) -> Kept:
    """Client closes first."""
    client, link = cast.pair()
    client.sendall(b"ask")
    client.close()
    link.recv(4)
    link.recv(1)
    link.close()
    return None


@play()
def client_resets(cast: Cast) -> Kept:
    """Client resets."""
    client, link = cast.pair()
    reset(client)
    return link


@play()
def server_resets(cast: Cast) -> Kept:
    """Server resets."""
    client, link = cast.pair()
    reset(link)
    return client


@play("timeout client 500ms; timeout server 500ms")
def both_silent(cast: Cast) -> Kept:
    """Both silent."""
    return cast.pair()


@play("timeout client 400ms; timeout server 1s")
def client_silent_first(cast: Cast) -> Kept:
    """Client silent first."""
    return cast.pair()


@play("timeout client 1s; timeout server 400ms")
def server_silent_first(cast: Cast) -> Kept:
    """Server silent first."""
    return cast.pair()


@play("timeout server 500ms")
def client_done_and_server_silent(cast: Cast) -> Kept:
    """Client done and server silent."""
    client, link = cast.pair()
    client.shutdown(socket.SHUT_WR)
    return client, link


@play("timeout client 500ms")
def server_done_and_client_silent(cast: Cast) -> Kept:
    """Server done and client silent."""
    client, link = cast.pair()
    link.shutdown(socket.SHUT_WR)
    return client, link


@play("timeout server-fin 200ms")
def server_fin(cast: Cast) -> Kept:
    """Server fin."""
    client, link = cast.pair()
    client.shutdown(socket.SHUT_WR)
    return client, link


@play("timeout client-fin 200ms")
def client_fin(cast: Cast) -> Kept:
    """Client fin."""
    client, link = cast.pair()
    link.shutdown(socket.SHUT_WR)
    return client, link


@play("timeout tunnel 500ms")
def tunnel(cast: Cast) -> Kept:
    """Tunnel."""
    return cast.pair()


@play("timeout tunnel 800ms; timeout server-fin 200ms")
def tunnel_half_closed(cast: Cast) -> Kept:
    """Tunnel half closed."""
    client, link = cast.pair()
    client.shutdown(socket.SHUT_WR)
    return client, link


@play(SILENT)
def no_answer(cast: Cast) -> Kept:
    """No answer."""
    return cast.client()


@play(f"retries 2; {SILENT}")
def no_answer_retried(cast: Cast) -> Kept:
    """No answer retried."""
    return cast.client()


@play(SILENT)
def leaves_while_connecting(cast: Cast) -> Kept:
    """Leaves while connecting."""
    client = cast.client()
    cast.until("s", scur=1)
    client.close()
    return None


@play(SILENT)
def orders_and_leaves_while_connecting(cast: Cast) -> Kept:
    """Orders and leaves while connecting."""
    client = cast.client(b"x")
    cast.until("s", scur=1)
    client.shutdown(socket.SHUT_WR)
    return client


@play(f"option abortonclose; {SILENT}")
def orders_and_leaves_with_abortonclose(cast: Cast) -> Kept:
    """Orders and leaves with abortonclose."""
    client = cast.client(b"x")
    cast.until("s", scur=1)
    client.shutdown(socket.SHUT_WR)
    return client


@play(SILENT)
def resets_while_connecting(cast: Cast) -> Kept:
    """Resets while connecting."""
    client = cast.client()
    cast.until("s", scur=1)
    reset(client)
    return None


@play(f"timeout client 200ms; {SILENT}")
def silent_while_connecting(cast: Cast) -> Kept:
    """Silent while connecting."""
    return cast.client()


@play(DEAD)
def refused(cast: Cast) -> Kept:
    """Refused."""
    return cast.client()


@play(f"retries 2; {DEAD}")
def refused_and_retried(cast: Cast) -> Kept:
    """Refused and retried."""
    return cast.client()


@play(f"retries 2; timeout client 200ms; {DEAD}")
def silent_in_a_pause(cast: Cast) -> Kept:
    """Silent in a pause."""
    return cast.client()


@play(f"retries 2; {DEAD}")
def leaves_in_a_pause(cast: Cast) -> Kept:
    """Leaves in a pause."""
    client = cast.client()
    cast.until("s", wretr=1)
    client.close()
    return None


@play(f"retries 3; option redispatch; {DEAD}; server t 127.0.81.1:DEAD")
def redispatched_in_turn(cast: Cast) -> Kept:
    """Redispatched in turn."""
    return cast.client()


@play(f"retries 3; option redispatch; balance leastconn; {DEAD}; server t 127.0.81.1:DEAD")
def redispatched_leastconn(cast: Cast) -> Kept:
    """Redispatched leastconn."""
    return cast.client()


@play(f"retries 3; option redispatch; balance source; {DEAD}; server t 127.0.81.1:DEAD")
def redispatched_last(cast: Cast) -> Kept:
    """Redispatched last."""
    return cast.client()


@play("server s 127.0.81.1:DEAD disabled")
def nobody(cast: Cast) -> Kept:
    """Nobody."""
    return cast.client()


@play("server s unix@/nonexistent/socket")
def no_socket(cast: Cast) -> Kept:
    """No socket."""
    return cast.client()


@play(server="maxconn 1")
def queue_timeout(cast: Cast) -> Kept:
    """Queue timeout."""
    first = cast.pair()
    return first, cast.client()


@play(server="maxconn 1")
def leaves_the_queue(cast: Cast) -> Kept:
    """Leaves the queue."""
    first, client = cast.pair(), cast.client()
    cast.until("BACKEND", qcur=1)
    client.close()
    return first


@play(server="maxconn 1")
def resets_in_the_queue(cast: Cast) -> Kept:
    """Resets in the queue."""
    first, client = cast.pair(), cast.client()
    cast.until("BACKEND", qcur=1)
    reset(client)
    return first


@play("timeout queue 5s", server="maxconn 1")
def served_after_the_queue(cast: Cast) -> Kept:
    """Served after the queue."""
    first, client = cast.pair(), cast.client()
    cast.until("BACKEND", qcur=1)
    for one in first:
        one.close()
    link, _ = cast.server.accept()
    link.close()
    client.recv(1)
    client.close()
    return None


@play("retries 1", server="source 127.0.81.1:PORT-PORT")
def out_of_ports(cast: Cast) -> Kept:
    """Out of ports."""
    first = cast.pair()
    return first, cast.client()


@play()
def killed(cast: Cast) -> Kept:
    """Killed."""
    both = cast.pair()
    cast.command("shutdown sessions server killed/s")
    return both


@play(SILENT)
def killed_while_connecting(cast: Cast) -> Kept:
    """Killed while connecting."""
    client = cast.client()
    cast.until("s", scur=1)
    cast.command("shutdown sessions server killed_while_connecting/s")
    return client


@play("option dontlognull; timeout client 300ms")
def said_something(cast: Cast) -> Kept:
    """Said something."""
    client, link = cast.pair()
    client.sendall(b"x")
    return client, link


class Silent:
    """A listening socket whose backlog is full: a connection to it gets no answer at all."""

    def __init__(self) -> None:
        self.sock = socket.socket()
        self.sock.bind((HOST, 0))
        self.sock.listen(0)
        self.port = self.sock.getsockname()[1]
        self.fillers = [socket.socket() for _ in range(3)]
        for filler in self.fillers:
            filler.setblocking(False)
            filler.connect_ex((HOST, self.port))


class PortTaken(Exception):
    """The program could not start: of so many ports, one was taken since it was found free."""


def performance(words: list[str], folder: Path, names: Collection[str]) -> Performance:
    """Play these against one program."""
    for _ in range(5):
        with contextlib.suppress(PortTaken):
            return Performance(words, folder, names)
    return Performance(words, folder, names)


def serves(control: str) -> bool:
    """Return whether the runtime socket answers."""
    with contextlib.suppress(OSError):
        return "Uptime" in command(control, "show info")
    return False


class Performance:
    """Plays against one program: the log lines, by section."""

    def __init__(self, words: list[str], folder: Path, names: Collection[str]) -> None:
        folder.mkdir(exist_ok=True)
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind((HOST, 0))
        self.log.settimeout(0.2)
        self.lines: dict[str, list[str]] = {name: [] for name in names}
        control, entry = str(folder / "control"), free_port(HOST)
        silent, dead = Silent(), free_port(HOST)
        text = HEAD.format(log=self.log.getsockname()[1], control=control, port=entry)
        casts: dict[str, Cast] = {}
        for name in names:
            section = PLAYS[name][0]
            server = socket.create_server((HOST, 0))
            server.settimeout(PATIENCE)
            casts[name] = Cast(name, free_port(HOST), server, control)
            for word, port in (("SERVER", server.getsockname()[1]), ("SILENT", silent.port), ("DEAD", dead)):
                section = section.replace(word, str(port))
            section = section.replace("PORT", str(free_port(HOST)))
            text += f"\nlisten {name}\n    bind 127.0.81.1:{casts[name].port}\n    {section}\n"
        (folder / "plays.cfg").write_text(text)
        try:
            with program(*words, "-f", str(folder / "plays.cfg")) as process:
                # who answers there has bound every port
                wait_for(lambda: process.poll() is not None or serves(control), what=words[0])
                if process.poll() is not None:
                    raise PortTaken(process.communicate()[1])
                self._run(casts)
        finally:
            for cast in casts.values():
                cast.server.close()
            self.log.close()

    def _run(self, casts: dict[str, Cast]) -> None:
        kept: list[Kept] = []
        troubles: list[str] = []

        def act(name: str) -> None:
            try:
                kept.append(PLAYS[name][1](casts[name]))
            except OSError as error:
                troubles.append(f"{name}: {error!r}")

        threads = [threading.Thread(target=act, args=(name,)) for name in casts]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not all(self.lines.values()):
            self._listen()
        for thread in threads:
            thread.join(PATIENCE)
        for _ in range(3):
            self._listen()  # sections with a second line
        assert not troubles, troubles

    def _listen(self) -> None:
        with contextlib.suppress(TimeoutError):
            line = self.log.recv(4096).decode()
            found = re.search(r"<(\w+)> (.*)", line)
            if found and found[1] in self.lines:
                self.lines[found[1]].append(found[2])


@pytest.fixture(scope="module")
def performances(tmp_path_factory: pytest.TempPathFactory) -> tuple[Performance, Performance]:
    """The plays with HAProxy and with tcproxy, one after the other."""
    folder = tmp_path_factory.mktemp("plays")
    theirs, ours = both(folder, PLAYS)
    for _ in range(AGAIN):
        differing = [name for name in PLAYS if difference(theirs.lines[name], ours.lines[name])]
        if differing:
            for whole, part in zip((theirs, ours), both(folder, differing), strict=True):
                whole.lines.update(part.lines)
    return theirs, ours


def both(folder: Path, names: Collection[str]) -> tuple[Performance, Performance]:
    """Play these with HAProxy, then with tcproxy."""
    theirs = performance([HAPROXY, "-db"], folder / "haproxy", names)
    return theirs, performance([TCPROXY, "-db"], folder / "tcproxy", names)


def difference(theirs: list[str], ours: list[str]) -> object:
    """Return what differs in the log lines of a play, nothing if they tell the same."""
    if not theirs:
        return "the reference logged nothing"
    if len(ours) != len(theirs):
        return theirs, ours
    for one, other in zip(theirs, ours, strict=True):
        expected, got = facts(one), facts(other)
        if got[0] != expected[0] or any(abs(a - b) >= TOLERANCE for a, b in zip(expected[1], got[1], strict=True)):
            return one, other
    return None


def facts(line: str) -> tuple[list[str], list[int]]:
    """Return what must be equal, and the times, of which -1 must be equal, too."""
    names, times, *rest = line.split()
    numbers = [int(number) for number in times.split("/")]
    return [names, *rest, *("-1" if number < 0 else "reached" for number in numbers)], numbers


@pytest.mark.reference
@pytest.mark.parametrize("name", PLAYS)
def test_a_session_ends_as_with_the_reference(name: str, performances: tuple[Performance, Performance]) -> None:
    """The log lines of the play's section are the same, but for small differences of time."""
    theirs, ours = (one.lines[name] for one in performances)
    assert not difference(theirs, ours), difference(theirs, ours)
