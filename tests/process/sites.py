"""A proxy to start, replace and stop: its configuration, port and pidfile, for both programs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port

BOTH = [pytest.param(HAPROXY, marks=pytest.mark.reference, id="haproxy"), pytest.param(TCPROXY, id="tcproxy")]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root: privileges are given up")
TIMEOUTS = "timeout client 1m\n timeout server 1m\n timeout connect 1m"


class Site:
    """A server, a configuration with a proxy before it, and its port."""

    def __init__(self, folder: Path, server: int) -> None:
        self.port = free_port()
        self.server = server
        self.path = folder / "haproxy.cfg"
        self.pidfile = folder / "pid"

    def configure(self, settings: str = "") -> None:
        """Write the configuration with these lines in its global section."""
        self.path.write_text(
            f"global\n{settings}\ndefaults\n mode tcp\n {TIMEOUTS}\n"
            f"listen one\n bind 127.0.0.1:{self.port}\n server s 127.0.0.1:{self.server}\n"
            f"frontend two\n bind 127.0.0.1:{free_port()}\n default_backend three\n"
            f"backend three\n server s 127.0.0.1:{self.server} disabled\n"
        )

    def hello(self) -> bytes:
        """Ask the server through the proxy."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            client.sendall(b"Hello")
            return client.recv(100)

    def pid(self) -> int:
        """Return the number in the pidfile."""
        return int(self.pidfile.read_text())


@contextlib.contextmanager
def daemon(name: str, site: Site, *more: str) -> Iterator[int]:
    """Start a daemon; return its number, and end it."""
    subprocess.run([name, "-D", "-f", str(site.path), "-p", str(site.pidfile), *more], check=True, timeout=60)
    pid = site.pid()
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Return whether the process runs."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
