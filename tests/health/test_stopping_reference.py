"""Health checks while a process or a section stops: which of them go on, in HAProxy and here."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program, wait_for

pytestmark = [pytest.mark.reference]

INTERVAL = 0.05
CONFIGURATION = """
global
    stats socket {control} level admin
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option httpchk GET /check
listen front
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{one} check inter 50ms
backend other
    server s 127.0.0.1:{two} check inter 50ms
"""


class Checked:
    """A server that counts its checks, and swallows requests without an answer."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.checks = self.requests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if connection.recv(1000).startswith(b"GET /check"):
                self.checks += 1
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                return
            self.requests += 1
            while connection.recv(1000):
                pass


@pytest.fixture
def servers() -> Iterator[tuple[Checked, Checked]]:
    """The server of the section that has the client, and one of another section."""
    made = (Checked(), Checked())
    yield made
    for server in made:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


Change = Callable[["Popen[str]", str], None]


def stop_softly(process: Popen[str], control: str) -> None:
    """Let the process serve its last client and end."""
    process.send_signal(signal.SIGUSR1)


def pause(process: Popen[str], control: str) -> None:
    """Let the process stop listening for a while."""
    process.send_signal(signal.SIGTTOU)


def shut_down(process: Popen[str], control: str) -> None:
    """Close the listen section for good."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(control)
        client.sendall(b"shutdown frontend front\n")
        assert client.recv(100) == b"\n"


def closed(port: int) -> bool:
    """Return whether nobody can connect."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except OSError:
        return True
    return False


def goes_on(server: Checked) -> bool:
    """Return whether a server is checked more often than once within twenty intervals."""
    before, end = server.checks, time.monotonic() + 20 * INTERVAL
    while time.monotonic() < end and server.checks < before + 2:
        time.sleep(INTERVAL / 5)
    return server.checks >= before + 2


@pytest.mark.parametrize("path", [HAPROXY, TCPROXY], ids=["haproxy", "tcproxy"])
@pytest.mark.parametrize(
    ("change", "expected"), [(stop_softly, (False, False)), (pause, (True, True)), (shut_down, (False, True))]
)
def test_who_is_checked(
    change: Change, expected: tuple[bool, bool], path: str, tmp_path: Path, servers: tuple[Checked, Checked]
) -> None:
    """A soft stop ends all checks, `shutdown frontend` those of a listen section's servers, a pause ends none."""
    port, control = free_port(), str(tmp_path / "control")
    one, two = servers
    config = tmp_path / "t.cfg"
    config.write_text(CONFIGURATION.format(port=port, control=control, one=one.port, two=two.port))
    with (
        program(path, "-db", "-f", str(config), port=port) as process,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as client,
    ):
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
        wait_for(lambda: one.requests and one.checks > 1 and two.checks > 1, what="a session and some checks")
        change(process, control)
        wait_for(lambda: closed(port), what="the listener to close")
        goes_on(one)  # a check that had begun comes to its end
        assert (goes_on(one), goes_on(two)) == expected
        assert process.poll() is None
