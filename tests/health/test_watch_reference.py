"""The same fates of a checked server in HAProxy and here: the same log lines, but for durations."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.health.tcp import TcpCheck
from tcproxy.health.watch import Settings, Watch
from tcproxy.model.server import SourceAddress
from tcproxy.servers.state import LiveServer
from tests.health.playing import REFUSED, Network, Play
from tests.running import PATIENCE, EchoServer, free_port, wait_for
from tests.servers import playing
from tests.servers.reference import Reference, reference

pytestmark = [pytest.mark.reference]


@dataclass
class Story:
    """A server's options as written and as fields, and its fate.

    plot: `open` and `close` say what its port does from now on, `errors N` are failed connections of clients,
    anything else is an order to the runtime socket. Each scene lasts until no more news would come.
    """

    plot: list[str]
    written: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    log_checks: bool = True


def observed(mode: str, log_checks: bool = True) -> Story:
    """Return a story of live traffic that fails while checks pass."""
    return Story(
        ["errors 3", "errors 3", "errors 2"],
        f"observe layer4 error-limit 3 on-error {mode}",
        {"observe": "layer4", "error_limit": 3, "on_error": mode},
        log_checks,
    )


STORIES = {
    "down and up": Story(["close", "open"], "rise 3 fall 2", {"rise": 3, "fall": 2}),
    "down and up, told by the server alone": Story(["close", "open"], log_checks=False),
    "in and out of maintenance": Story(
        ["set server b/s state maint", "set server b/s state ready", "close", "set server b/s state maint",
         "set server b/s state ready", "set server b/s state drain", "open", "set server b/s state ready"],
        log_checks=False,
    ),
    "down while in maintenance": Story(["set server b/s state maint", "close", "set server b/s state ready", "open"]),
    "orders against checks": Story(
        ["set server b/s health down", "set server b/s health stopping", "close", "set server b/s health up", "open"],
        log_checks=False,
    ),
    "without weight": Story(["set server b/s weight 0", "close", "open"]),
    "a backup": Story(["close", "open"], "backup", {"backup": True}),
    "slow start": Story(["close", "open"], "slowstart 1s", {"slowstart": 1000}, log_checks=False),
    **{f"observe, {mode}": observed(mode) for mode in ("fastinter", "fail-check", "sudden-death", "mark-down")},
    "observe, mark-down, told by the server alone": observed("mark-down", log_checks=False),
}  # fmt: skip


class Here:
    """A farm of one checked server and an unchecked one, on a network of our own."""

    def __init__(self, story: Story) -> None:
        self.play = playing.Play()
        self.network = Network(self.play.clock)
        inter = 3_600_000 if "observe" in story.fields else 50
        checked = playing.model("s", check=True, inter=inter, **story.fields)
        farm = self.play.farm(checked, playing.model("t"))
        self.server: LiveServer = farm.servers[0]
        self.server.watch = watch = Watch(
            self.server, TcpCheck(), None, Settings(log_checks=story.log_checks), self.play.clock,
            self.network.dial, farm.announce,
        )  # fmt: skip
        watch.start()

    def scene(self, scene: str) -> list[tuple[int, str]]:
        """Let it happen; return what is said until no more is to come."""
        words = scene.split()
        if scene in ("open", "close"):
            self.network.answers = "open" if scene == "open" else REFUSED
        elif words[0] == "errors":
            for _ in range(int(words[1]) if self.server.usable else 0):
                self.server.counters.current = 1  # the session that failed is still on the server
                self.server.observed(False)
            return self.play.said()
        else:
            {"state": self.server.set_state, "health": self.server.set_health, "weight": self.server.set_weight}[
                words[3]
            ](words[4])
        if self.server.model.observe == "":
            self.play.clock.pump([0.01] * 200)
        return self.play.said()


VARYING = re.compile(r"(?<=duration: )\d+(?=ms)|(?<=source address )\([^)]*\)")
"""Durations; and HAProxy's errno of a bind that failed is at times that of a later call."""


def without_durations(messages: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the messages without what differs from run to run."""
    return [(level, VARYING.sub("_", text)) for level, text in messages]


class There:
    """The same in the reference: real ports."""

    def __init__(self, haproxy: Reference, front: int, echo: EchoServer) -> None:
        self.haproxy, self.front, self.port, self.echo = haproxy, front, echo.port, echo

    def scene(self, scene: str, count: int) -> list[tuple[int, str]]:
        """Let it happen; return the messages once there are `count`."""
        if scene == "open":
            self.echo = EchoServer(port=self.port)
        elif scene == "close":
            self.echo.close()
        elif scene.startswith("errors"):
            for _ in range(int(scene.split()[1])):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.front)) as client:
                    client.settimeout(PATIENCE)
                    client.recv(1)
        else:
            self.haproxy.say(scene)
        messages: list[tuple[int, str]] = []

        def enough() -> bool:
            messages.extend(m for m in self.haproxy.said() if m[0] != 6)
            return len(messages) >= count

        wait_for(enough, what=f"{count} messages after {scene}")
        return messages


@pytest.mark.parametrize("name", STORIES)
def test_same_fate_same_words(name: str, tmp_path: Path) -> None:
    """Scene by scene, checks, live traffic and orders make the same messages at the same levels."""
    story = STORIES[name]
    front, port = free_port(), free_port()
    traffic = free_port() if "observe" in story.fields else port
    inter = "1h" if "observe" in story.fields else "50ms"
    here = Here(story)
    sections = (
        f"frontend f\n bind 127.0.0.1:{front}\n default_backend b\nbackend b\n retries 0\n"
        f"{' option log-health-checks' if story.log_checks else ''}\n"
        f" server s 127.0.0.1:{traffic} check port {port} inter {inter} {story.written}\n"
        f" server t 127.0.0.1:{traffic} weight {1 if traffic == port else 0}\n"
    )
    if traffic != port:
        other = here.play.farms["b"].servers[1]
        other.initial_weight = 0
        other.set_weight("0")
    with EchoServer(port=port) as first, reference(tmp_path, sections) as haproxy:
        there = There(haproxy, front, first)
        here.play.clock.advance(0.01)
        begin = here.play.said()
        wait_for(lambda: haproxy.table("show stat")["b/s"]["check_status"] == "L4OK")
        assert without_durations(begin) == without_durations(haproxy.said())
        for scene in story.plot:
            said = here.scene(scene)
            assert without_durations(said) == without_durations(there.scene(scene, len(said))), scene
        there.echo.close()


@contextlib.contextmanager
def deaf_listener() -> Iterator[int]:
    """Listen with a full backlog: connections are neither accepted nor refused."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]


def test_same_words_for_what_does_not_connect(tmp_path: Path) -> None:
    """Timeouts, UNIX sockets that are not there and sources that are not ours are told in the same words."""
    nowhere = Address(Family.UNIX, str(tmp_path / "none"))
    foreign = SourceAddress(Address(Family.INET, "192.0.2.7"))
    cases: dict[str, tuple[str, dict[str, Any], int | None]] = {
        "a": ("127.0.0.1:{port}", {}, None),
        "b": (f"unix@{nowhere.host}", {"address": nowhere}, errno.ENOENT),
        "c": ("127.0.0.1:1 source 192.0.2.7", {"source": foreign}, errno.EADDRNOTAVAIL),
    }
    expected = set()
    for name, (_, options, answer) in cases.items():
        play = Play(Settings(log_checks=True), inter=200, **options)
        play.network.answers = answer
        play.server.label = f"b/{name}"
        play.watch.start()
        play.run(0.3)
        expected.add(without_durations([(5, play.log[0][2:])])[0])
    with deaf_listener() as port:
        servers = "".join(f" server {n} {c[0].format(port=port)} check inter 200\n" for n, c in cases.items())
        with reference(tmp_path, f"backend b\n option log-health-checks\n{servers}") as haproxy:
            messages: set[tuple[int, str]] = set()

            def all_told() -> bool:
                messages.update(without_durations(m for m in haproxy.said() if m[1].startswith("Health")))
                return len(messages) >= len(cases)

            wait_for(all_told, what="all checks")
    assert messages == expected
