"""The same TCP checks by HAProxy and by tcproxy: whether the application sees them, and what becomes known of them."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from tests.health.test_httpchk_reference import COLUMNS, heard, statistics
from tests.running import HAPROXY, TCPROXY, free_port, program, wait_for

pytestmark = pytest.mark.reference

CASES = {
    "tcp": ("mode tcp", ""),
    "http": ("mode http", ""),
    "source": ("mode tcp", "source 127.0.0.5"),
    "smart": ("mode tcp\n option tcp-smart-connect", ""),
    "logged": ("mode tcp\n option log-health-checks", ""),
    "header": ("mode tcp", "send-proxy"),
    "check header": ("mode tcp", "check-send-proxy"),
    "second version": ("mode http", "send-proxy-v2"),
    "elsewhere": ("mode tcp", "send-proxy port {port}"),
    "request": ("mode tcp\n option httpchk", ""),
    "closed": ("mode tcp", ""),
}
"""Lines of the backend, and words of its server, by case."""
SEEN = {"header", "check header", "second version", "request"}
"""Checks that have something to say."""
ENOUGH, FEW = 10, 2
"""Checks to wait for, and how many may be accepted all the same, since a machine stalled for longer than an
acknowledgement can be put off (200 ms)."""


class Counter:
    """A server that counts its connections, and closes each when the other side does."""

    def __init__(self) -> None:
        self.accepted = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.accepted += 1
                with client, contextlib.suppress(OSError):
                    client.settimeout(1)
                    if b"OPTIONS" in client.recv(999):
                        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    def close(self) -> None:
        """Listen no more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def play(which: str, folder: Path) -> tuple[dict[str, bool], dict[str, list[str]], list[str]]:
    """Return, by case, whether checks are accepted, what statistics say of them, and the lines of the log."""
    counters = {name: Counter() for name in CASES if name != "closed"}
    closed = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        text = (
            f"global\n stats socket {folder}/ctl level admin\n log 127.0.0.1:{log.getsockname()[1]} format raw local0\n"
            "defaults\n log global\n timeout connect 5s\n timeout client 9s\n timeout server 9s\n"
            f"frontend f\n bind unix@{folder}/f\n default_backend b0\n"
        )
        for number, (name, (lines, words)) in enumerate(CASES.items()):
            port = counters[name].port if name in counters else closed
            server = f"server s 127.0.0.1:{port} check inter 40ms fall 1 rise 1 {words.format(port=port)}"
            text += f"backend b{number}\n {lines}\n {server}\n"
        (folder / "cfg").write_text(text)
        with program(which, "-db", "-f", str(folder / "cfg")) as process:
            wait_for(lambda: (folder / "ctl").exists() or process.poll() is not None, what=which)
            assert process.poll() is None, process.communicate()[1]
            wait_for(lambda: all(counters[name].accepted >= ENOUGH for name in SEEN), what=f"{ENOUGH} checks")
            rows = statistics(folder / "ctl")
            # before the end of the process, which may fall into a check
            accepted = {name: counter.accepted > FEW for name, counter in counters.items()}
        lines_heard = sorted(heard(log))
    for counter in counters.values():
        counter.close()
    known = {name: rows[f"b{number}"] for number, name in enumerate(CASES)}
    for name, row in known.items():
        assert int(row["check_duration"]) < 1000, f"{which}: a check of '{name}' took {row['check_duration']} ms"
    columns = {name: [row[column].lstrip("* ") for column in COLUMNS] for name, row in known.items()}
    return accepted, columns, lines_heard


def test_only_checks_that_say_something_are_accepted() -> None:
    """A check of TCP alone never reaches accept(), in both programs; statistics, durations and lines are alike."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        haproxy, tcproxy = play(HAPROXY, Path(one)), play(TCPROXY, Path(other))
    assert haproxy == tcproxy
    assert {name for name, accepted in haproxy[0].items() if accepted} == SEEN
    assert any("Layer4 connection problem" in line for line in haproxy[2])
