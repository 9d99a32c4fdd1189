"""Who is reached at the path of a UNIX socket while a process takes over from another one, and when it cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.process.sites import BOTH, Site, alive, daemon, needs_root
from tests.running import HAPROXY, PATIENCE, TCPROXY, answers, program, wait_for


def ask(path: Path, command: str = "show info") -> str:
    """Return the answer of a command socket; "" if nobody listens there."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(str(path))
        except OSError:
            return ""
        client.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def pid_behind(path: Path) -> int:
    """Return the number of the process that answers at a command socket; 0 if nobody does."""
    lines = dict(line.split(": ", 1) for line in ask(path).splitlines() if ": " in line)
    return int(lines.get("Pid", 0))


@pytest.fixture
def local(site: Site, tmp_path: Path) -> Site:
    """Return a site with a command socket and a frontend on a UNIX socket."""
    site.configure(f" stats socket {tmp_path}/admin level admin")
    with site.path.open("a") as file:
        file.write(f"frontend local\n bind unix@{tmp_path}/front\n default_backend three\n")
    return site


def busy(site: Site, port: int) -> None:
    """Add a frontend on a port that another program has."""
    with site.path.open("a") as file:
        file.write(f"frontend busy\n bind 127.0.0.1:{port}\n default_backend three\n")


def leftovers(folder: Path) -> list[str]:
    """Return the names in a folder that a start leaves behind besides sockets, configuration and pidfile."""
    return sorted({entry.name for entry in folder.iterdir()} - {"admin", "front", "haproxy.cfg", "pid"})


@pytest.mark.parametrize("name", BOTH)
def test_a_successor_answers_at_the_paths(name: str, local: Site, tmp_path: Path) -> None:
    """After a take-over the new process answers at the command socket, and nothing else is left in the folder."""
    with daemon(name, local) as old:
        assert pid_behind(tmp_path / "admin") == old
        with daemon(name, local, "-sf", str(old)) as new:
            wait_for(lambda: not alive(old), what="the old process to end")
            assert pid_behind(tmp_path / "admin") == new
            assert leftovers(tmp_path) == []


def fail_to_take_over(name: str, site: Site, old: int) -> None:
    """Start a successor that cannot listen on one of its ports, and wait for its end."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy(site, other.getsockname()[1])
        words = [name, "-D", "-f", str(site.path), "-p", str(site.pidfile), "-sf", str(old)]
        assert subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 1


def test_the_old_process_keeps_its_paths_when_a_port_is_taken(local: Site, tmp_path: Path) -> None:
    """A successor that cannot bind leaves the old process reachable at all its paths, and leaves no file behind."""
    with daemon(TCPROXY, local) as old:
        fail_to_take_over(TCPROXY, local, old)
        assert pid_behind(tmp_path / "admin") == old
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "front"))
        assert leftovers(tmp_path) == []


@pytest.mark.reference
def test_haproxy_loses_its_command_socket_then(local: Site, tmp_path: Path) -> None:
    """HAProxy's old process serves on, but nobody answers at its command socket any more (docs/differences.rst)."""
    with daemon(HAPROXY, local) as old:
        fail_to_take_over(HAPROXY, local, old)
        assert alive(old)
        assert pid_behind(tmp_path / "admin") == 0


@needs_root
@pytest.mark.parametrize("setting", ["chroot /nonexistent", "user nobody-of-that-name"])
@pytest.mark.parametrize("how", ["-D", "-db"])
def test_the_old_process_keeps_its_paths_when_privileges_cannot_be_dropped(
    how: str, setting: str, local: Site, tmp_path: Path
) -> None:
    """A successor that fails behind its binding, as a daemon or not, changes nothing for the old process."""
    with daemon(TCPROXY, local) as old:
        local.path.write_text(local.path.read_text().replace("global\n", f"global\n {setting}\n"))
        words = [TCPROXY, how, "-f", str(local.path), "-p", str(local.pidfile), "-sf", str(old)]
        assert subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 1
        assert pid_behind(tmp_path / "admin") == old
        assert local.hello() == b"Hello"
        assert leftovers(tmp_path) == []


@needs_root
def test_the_path_is_taken_by_whom_may_not_write_there_later(local: Site, tmp_path: Path) -> None:
    """A daemon that becomes another user in another root directory gets the paths of its folder all the same."""
    jail = tmp_path / "jail"
    jail.mkdir()
    local.path.write_text(local.path.read_text().replace("global\n", f"global\n chroot {jail}\n uid 12\n gid 13\n"))
    with daemon(TCPROXY, local) as pid:
        assert pid_behind(tmp_path / "admin") == pid
        assert leftovers(tmp_path) == ["jail"]


def test_a_process_in_the_foreground_has_its_paths_when_it_serves(local: Site, tmp_path: Path) -> None:
    """A process without a parent that waits takes its paths as well."""
    with program(TCPROXY, "-db", "-f", str(local.path), port=local.port) as process:
        wait_for(lambda: pid_behind(tmp_path / "admin") == process.pid, what="the command socket")
        assert os.kill(process.pid, signal.SIGUSR1) is None
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("name", BOTH)
def test_a_pause_does_not_close_unix_sockets(name: str, local: Site, tmp_path: Path) -> None:
    """Clients of a UNIX socket are served while TCP listeners are paused, and afterwards."""
    local.path.write_text(
        local.path.read_text().replace("front\n default_backend three\n", "front\n default_backend one\n")
    )
    with program(name, "-db", "-f", str(local.path), port=local.port) as process:

        def hello() -> bytes:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(str(tmp_path / "front"))
                client.sendall(b"Hello")
                return client.recv(100)

        wait_for((tmp_path / "front").exists, what="the UNIX socket")
        assert hello() == b"Hello"
        process.send_signal(signal.SIGTTOU)
        wait_for(lambda: not answers(local.port), what="the pause")
        assert hello() == b"Hello"
        process.send_signal(signal.SIGTTIN)
        wait_for(lambda: answers(local.port), what="the end of the pause")
        assert hello() == b"Hello"
