"""What a start says of log targets that it cannot reach."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family, abstract_name
from tcproxy.model.logs import GLOBAL_LOG, LogTarget
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Proxy
from tcproxy.process.log_targets import unreachable
from tests.process.sites import Site, daemon, needs_root
from tests.running import PATIENCE, TCPROXY


def told(*addresses: Address) -> list[tuple[str, str]]:
    """Return what is out of reach of a configuration whose global section logs to these addresses."""
    targets = tuple(LogTarget(address) for address in addresses)
    proxy = Proxy("frontend", "f", log_targets=(GLOBAL_LOG, *targets))
    return list(unreachable(Configuration(Global(log_targets=targets), proxies=(proxy,))))


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    """Return a syslog daemon's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "log"))
        sock.settimeout(PATIENCE)
        yield sock


def test_paths_and_names(tmp_path: Path, heard: socket.socket) -> None:
    """UNIX sockets, abstract ones too, that nobody listens on are told once each, with the system's reason."""
    gone = tmp_path / "gone"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(gone))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        name = f"tcproxy-test-{os.getpid()}"
        abstract.bind(abstract_name(name))
        assert told(
            Address(Family.UNIX, str(tmp_path / "log")),
            Address(Family.UNIX, str(tmp_path / "never")),
            Address(Family.UNIX, str(gone)),
            Address(Family.ABNS, name),
            Address(Family.ABNS, name + "x"),
        ) == [
            (f"{tmp_path}/never", "No such file or directory"),
            (str(gone), "Connection refused"),
            (f"abns@{name}x", "Connection refused"),
        ]


def test_what_cannot_be_known_is_not_told() -> None:
    """Descriptors, and UDP ports of this machine that nobody listens on, are not told."""
    assert told(Address(Family.FD, "2"), Address(Family.INET, "127.0.0.1", 9, 9, has_port=True)) == []


def start(site: Site) -> str:
    """Start a daemon, end it, and return what it said on standard error."""
    words = [TCPROXY, "-D", "-f", str(site.path), "-p", str(site.pidfile)]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stderr
    os.kill(site.pid(), 15)
    return said


def test_a_daemon_warns(site: Site, tmp_path: Path) -> None:
    """The terminal of whoever starts a daemon shows the target and the reason."""
    site.configure(f" log {tmp_path}/none local0")
    assert re.search(
        rf"^\[WARNING\]  \(\d+\) : .*the log target {tmp_path}/none cannot be reached: No such file or directory\. ",
        start(site),
        re.MULTILINE,
    )


@needs_root
def test_the_root_directory_is_named(site: Site, tmp_path: Path, heard: socket.socket) -> None:
    """A log socket outside the root directory of `chroot` is out of reach, and the warning names both."""
    jail = tmp_path / "jail"
    jail.mkdir()
    site.configure(f" log {tmp_path}/log local0\n chroot {jail}\n uid 12\n gid 13")
    assert f"the log target {tmp_path}/log cannot be reached in the root directory {jail}: No such" in start(site)


@needs_root
def test_a_socket_in_the_root_directory_gets_the_lines(site: Site, tmp_path: Path) -> None:
    """A syslog daemon that listens inside the root directory gets the lines, and nothing is warned of."""
    (tmp_path / "jail/dev").mkdir(parents=True)
    site.configure(f" log /dev/log local0\n chroot {tmp_path}/jail\n uid 12\n gid 13")
    site.path.write_text(site.path.read_text().replace("mode tcp\n", "mode tcp\n log global\n option tcplog\n"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "jail/dev/log"))
        (tmp_path / "jail/dev/log").chmod(0o666)
        sock.settimeout(PATIENCE)
        assert "log target" not in start(site)
        with daemon(TCPROXY, site):
            assert site.hello() == b"Hello"
            while b" one one/s " not in (line := sock.recv(1024)):
                assert line
