"""Stories told twice: the same configuration, clients and servers around haproxy and around tcproxy, then compared.

A story is a configuration text and a function that plays clients and servers with plain blocking sockets. Each runs
at a loopback address of its own, so that all of them share one process of each program and run side by side.
Compared are what the actors saw, the log lines, and the counters of `show stat`. What the lines and counters
become before that stands in likeness.py; the actors themselves in actors.py.
"""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, assert_sound, free_port, wait_for
from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.likeness import Line, read_line, rows_of

PROGRAMS = {"haproxy": HAPROXY, "tcproxy": TCPROXY}
AT_ONCE = 8
"""Stories that run at the same time: enough to wait together, few enough that two cores are not late."""
LOG_PORT = 514
SETTLING = 2.0
"""Seconds within which lines and counters of both programs must have become alike: the end of a session is counted a
moment after its client sees it, and a busy machine makes that moment long."""
AGAIN = 2
"""How often a story that differed is told anew, alone: a machine that stalls shows as a difference of times."""

DEFAULTS = """
defaults
    mode tcp
    option tcplog
    log {host}:514 local0
    timeout connect 2s
    timeout client 2s
    timeout server 2s
"""
UNFORMATTED = DEFAULTS.replace("    option tcplog\n", "")
"""For stories without the usual defaults: with the default log line."""


class Scene:
    """One story around one program.

    host: the address that all its proxies and servers listen on. folder: for UNIX sockets. seen: what its actors saw.
    alone: the process has no other story. known: names of clients by their ports.
    free: ports that are free on every address. timed: the times in log lines are part of the story.
    """

    def __init__(self, story: Story, host: str, folder: Path, control: Path) -> None:
        self.name, self.alone, self.apart = story.name, story.alone, story.apart
        self.host, self.folder, self.control = host, folder, control
        self.free = free_port(), free_port()
        self.seen: list[str] = []
        self.timed = True
        self.spans: list[float] = []
        self.lines: list[Line] = []
        self.rows: dict[str, dict[str, str]] = {}
        self._open: list[socket.socket] = []
        self._logged = 0
        self.pid = 0
        self.known: dict[int, str] = {}
        self._log = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._log.bind((host, LOG_PORT))
        self._log.setblocking(False)

    def keep(self, sock: socket.socket) -> socket.socket:
        """Close the socket when the story is over."""
        self._open.append(sock)
        return sock

    def close(self) -> None:
        """Close every socket of the story."""
        for sock in self._open:
            sock.close()

    # actors

    def note(self, text: str) -> None:
        """Put down what an actor saw."""
        self.seen.append(text)

    def connect(
        self, port: int | str = 1000, name: str = "client", source: str = "", buffer: int = 0, host: str = ""
    ) -> Actor:
        """Connect a client to a port of the scene's address, or to a UNIX socket of its folder."""
        sock = self._socket(port, host)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if source:
            sock.bind((source, 0))
        sock.connect(self._place(port, host))
        if not isinstance(port, str):
            self.known[sock.getsockname()[1]] = name.upper()
        return Actor(self, name, sock)

    def _socket(self, port: int | str, host: str) -> socket.socket:
        family = socket.AF_UNIX if isinstance(port, str) else socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = self.keep(socket.socket(family))
        sock.settimeout(PATIENCE)
        return sock

    def _place(self, port: int | str, host: str) -> object:
        if isinstance(port, str):
            return port if port[:1] == "\0" else str(self.folder / port)
        return host or self.host, port

    def listen(
        self, port: int | str = 2000, name: str = "server", backlog: int = 64, buffer: int = 0, host: str = ""
    ) -> Doorman:
        """Open a listening socket for a server."""
        sock = self._socket(port, host)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.bind(self._place(port, host))
        sock.listen(backlog)
        return Doorman(self, name, sock)

    def blackhole(self, port: int = 2000) -> None:
        """Listen on a port whose backlog is full, so that connecting to it never ends."""
        self.listen(port, backlog=0)
        for _ in range(2):
            filler = self.keep(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((self.host, port))

    # the program

    def logged(self, more: int = 1) -> None:
        """Wait until so many log lines more came."""
        self._logged += more
        wait_for(lambda: len(self.read_log()) >= self._logged, what=f"log line {self._logged} of {self.name}")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the program for the block: what the kernel has done for it, it finds all at once."""
        assert self.alone
        os.kill(self.pid, signal.SIGSTOP)
        yield
        os.kill(self.pid, signal.SIGCONT)

    def read_log(self) -> list[Line]:
        """Return the log lines that came so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.lines.append(read_line(self._log.recv(65536).decode("utf-8", "backslashreplace"), self))
        return self.lines

    def order(self, text: str) -> str:
        """Give an order to the runtime socket and return the answer."""
        return order(self.control, text)

    def turn(self) -> None:
        """Wait until the program has read what stands in its sockets now."""
        turn(self.control)

    def row(self, name: str) -> dict[str, str]:
        """Return the row of `show stat` with this server name, of the story's own proxy."""
        return rows_of(self.order(f"show stat {self.name} -1 -1"), self.name)[f"{self.name}/{name}"]

    def until(self, name: str, **values: int) -> None:
        """Wait until columns of `show stat` have these values."""
        wanted = {column: str(value) for column, value in values.items()}
        wait_for(lambda: wanted.items() <= self.row(name).items(), what=f"{wanted} of {self.name}/{name}")

    def left(self) -> None:
        """Wait until every session of the story's proxies has ended and is counted."""

        def open_sessions() -> list[str]:
            rows = rows_of(self.order("show stat"), self.name)
            return [row["scur"] for name, row in rows.items() if name.endswith("/FRONTEND")]

        wait_for(lambda: set(open_sessions()) == {"0"}, what=f"the clients of {self.name} to leave")

    @contextlib.contextmanager
    def lasting(self) -> Iterator[None]:
        """Measure how long the block takes: to be alike in both programs."""
        begin = time.monotonic()
        yield
        self.spans.append((time.monotonic() - begin) * 1000)


def turn(control: Path) -> None:
    """Wait until a program of one thread has read what stands in its sockets now.

    When it answers a command, its loop has come round since the command was sent.
    """
    order(control, "show version")


def order(control: Path, text: str) -> str:
    """Give an order to a runtime socket and return the answer."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(control))
        sock.sendall(text.encode() + b"\n")
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


Play = Callable[[Scene], None]


@dataclass(frozen=True)
class Story:
    """One story.

    alone: it needs a process of its own, for instance since it counts all connections of the process. bare: without
    the usual defaults. settings: of the global section. apart: columns of `show stat` that differ for a known reason.
    """

    name: str
    text: str
    play: Play
    alone: bool = False
    bare: bool = False
    settings: str = ""
    apart: tuple[str, ...] = ()


@dataclass
class Told:
    """One story as it went with both programs."""

    scenes: dict[str, Scene] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class Stories:
    """The stories of one test module, in order."""

    def __init__(self) -> None:
        self.by_name: dict[str, Story] = {}

    def story(
        self,
        text: str,
        alone: bool | None = None,
        bare: bool = False,
        settings: str = "",
        apart: tuple[str, ...] = (),
    ) -> Callable[[Play], Play]:
        """Register the function that follows as a story with these properties.

        alone: without a word about it, a story with settings is.
        """
        alone = bool(settings) if alone is None else alone

        def register(play: Play) -> Play:
            name = play.__name__.replace("_", "-")
            assert play.__doc__ and name not in self.by_name
            self.by_name[name] = Story(name, text, play, alone, bare, settings, apart)
            return play

        return register

    def asked(self, request: pytest.FixtureRequest) -> list[Story]:
        """Return the stories of the tests that were selected."""
        items = [item for item in request.session.items if item.path == request.path]
        names = {item.callspec.params.get("name") for item in items if hasattr(item, "callspec")}
        return [story for name, story in self.by_name.items() if name in names]


# running


_serial = itertools.count(os.getpid())
"""Second parts of addresses: several test runs on one machine hardly ever meet."""


def tell(stories: Sequence[Story]) -> dict[str, Told]:
    """Tell the stories around both programs; those that differ once more, with less noise around them."""
    told = _tell(stories, AT_ONCE)
    for _ in range(AGAIN):
        differing = [story for story in stories if differences(told[story.name])]
        told.update(_tell(differing, 2))
    return told


def _tell(stories: Sequence[Story], at_once: int) -> dict[str, Told]:
    told = {story.name: Told() for story in stories}
    groups = [[story for story in stories if not story.alone], *([story] for story in stories if story.alone)]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        # a short path, since those of UNIX sockets are
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="told")))
        for number, (group, program) in enumerate(itertools.product(filter(None, groups), PROGRAMS)):
            scenes = stack.enter_context(_stage(group, program, folder / str(number)))
            for story, scene in zip(group, scenes, strict=True):
                told[story.name].scenes[program] = scene
                pool.submit(_play, story, scene, told[story.name].failures, program)
        pool.shutdown(wait=True)
        # Stories wait for the lines that they are about, and for those that need a timeout. Of others, those count that
        # follow from what the actors did last.
        for control in {scene.control for one in told.values() for scene in one.scenes.values()}:
            turn(control)
        deadline = time.monotonic() + SETTLING
        pending = list(stories)
        while pending:
            _read(pending, told)
            pending = [story for story in pending if differences(told[story.name])]
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
    return told


def _read(stories: Sequence[Story], told: dict[str, Told]) -> None:
    """Read the log lines and the counters of these stories as they are now."""
    statistics: dict[Path, str] = {}
    for story, program in itertools.product(stories, PROGRAMS):
        scene = told[story.name].scenes[program]
        scene.read_log()
        if scene.control not in statistics:
            statistics[scene.control] = scene.order("show stat")
        scene.rows = rows_of(statistics[scene.control], scene.name)


def _play(story: Story, scene: Scene, failures: dict[str, str], program: str) -> None:
    try:
        story.play(scene)
    except Exception:
        failures[program] = traceback.format_exc(limit=-4)


@contextlib.contextmanager
def _stage(stories: Sequence[Story], program: str, place: Path) -> Iterator[list[Scene]]:
    """Run one program with the configuration of all these stories; yield their scenes."""
    place.mkdir()
    control = place / "control"
    area = _free_area()
    text = f"global\n    stats socket {control} level admin\n    nbthread 1\n"
    text += "".join(dict.fromkeys(story.settings for story in stories))
    scenes = []
    for number, story in enumerate(stories, 1):
        here = place / str(number)
        here.mkdir()
        scenes.append(Scene(story, f"127.{area}.{number}.1", here, control))
        words = {"host": scenes[-1].host, "name": story.name, "dir": here}
        words |= {"free": scenes[-1].free[0], "free2": scenes[-1].free[1]}
        text += ("" if story.bare else DEFAULTS.format(**words)) + story.text.format(**words)
    (place / "haproxy.cfg").write_text(text + "\n")
    with open(place / "said", "w") as said:
        words_ = [PROGRAMS[program], "-db", "-f", str(place / "haproxy.cfg")]
        process = subprocess.Popen(words_, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        wait_for(lambda: process.poll() is not None or _serves(control), what=f"{program} to serve")
        assert process.poll() is None, (place / "said").read_text()
        for scene in scenes:
            scene.pid = process.pid
        yield scenes
    finally:
        process.kill()
        process.wait(PATIENCE)
        for scene in scenes:
            scene.close()
    assert_sound((place / "said").read_text())


def _free_area() -> int:
    """Return the second part of addresses that no other test run has."""
    while True:
        area = next(_serial) % 250 + 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind((f"127.{area}.1.1", LOG_PORT))
            return area


def _serves(control: Path) -> bool:
    with contextlib.suppress(OSError):
        return "Uptime" in order(control, "show info")
    return False


# comparing


def differences(told: Told, slack: float = 150) -> list[str]:
    """Return what differs: haproxy's with a minus sign, tcproxy's with a plus. slack: of times, milliseconds."""
    found = [f"{program} failed: {text}" for program, text in told.failures.items()]
    reference, ours = told.scenes["haproxy"], told.scenes["tcproxy"]
    found += _compare("seen", reference.seen, ours.seen)
    found += _compare("log", [line.text for line in reference.lines], [line.text for line in ours.lines])
    for one, other in zip(reference.lines, ours.lines, strict=False):
        # where no timeout is the cause, only how far it came is told by times
        room = 1000 if re.search(r" --(--)? ", one.text) else slack
        if reference.timed and any(not _alike(a, b, room) for a, b in zip(one.times, other.times, strict=False)):
            found.append(f"times: -{one.times} +{other.times} of {other.text}")
    for a, b in zip(reference.spans, ours.spans, strict=False):
        if not _alike(a, b, slack):
            found.append(f"span: -{a:.0f} +{b:.0f} ms")
    for name in sorted({*reference.rows, *ours.rows}):
        one_row, other_row = reference.rows.get(name, {}), ours.rows.get(name, {})
        found += [
            f"{name} {column}: -{one_row.get(column)} +{other_row.get(column)}"
            for column in sorted({*one_row, *other_row})
            if column not in ours.apart and one_row.get(column) != other_row.get(column)
        ]
    return found


def _alike(a: float, b: float, slack: float) -> bool:
    """Return whether two times tell the same: both never came, or hardly apart."""
    return (a < 0) == (b < 0) and abs(a - b) <= slack


def _compare(kind: str, one: list[str], other: list[str]) -> list[str]:
    if one == other:
        return []
    return [f"{kind}:", *(line for line in difflib.ndiff(one, other) if not line.startswith("?"))]
