"""Scripts that were written for HAProxy find our process: by its name, and by its executable with etc/launcher.py.

Nothing here touches a process of another name than the test's own, which no other program has.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.sites import Site, alive
from tests.running import TCPROXY, EchoServer, answers, end, free_port, wait_for

SCRIPT = Path("/etc/init.d/haproxy")
LAUNCHER = Path(__file__).parent.parent / "etc/launcher.py"
THE_LINE = r"s/--exec \$HAPROXY/--startas $HAPROXY --name haproxy/"
"""The change that docs/operating.rst asks for where the program is the script that pip installs."""

pytestmark = [pytest.mark.reference, pytest.mark.program("start-stop-daemon", "pidof", "killall", "pgrep", "cc")]


class Called:
    """tcproxy under a name of its own, with Debian's init script moved into a folder."""

    def __init__(self, folder: Path, server: int, kind: str) -> None:
        self.name = f"tcp{os.getpid()}{free_port()}"[:15]
        self.folder = folder
        self.program = folder / self.name
        if kind == "launcher":
            if not Path(sysconfig.get_path("include"), "Python.h").exists() and "CI" not in os.environ:
                pytest.skip("needs Python's headers: apt-get install python3-dev")
            subprocess.run([sys.executable, str(LAUNCHER), str(self.program)], check=True, timeout=120)
        else:
            self.program.symlink_to(TCPROXY)
        self.site = Site(folder, server)
        self.site.configure()
        self.script = folder / "init"
        self.script.write_text(self._moved(SCRIPT.read_text(), kind))

    def _moved(self, text: str, kind: str) -> str:
        """Return the init script with its paths in the folder; nothing else is another."""
        if kind == "link":
            text = subprocess.run(
                ["sed", THE_LINE], input=text, capture_output=True, text=True, check=True, timeout=60
            ).stdout
        defaults = self.folder / "default" / self.name
        defaults.parent.mkdir()
        defaults.write_text(f"HAPROXY={self.program}\n")  # as docs/operating.rst says
        moves = {
            "BASENAME=haproxy": f"BASENAME={self.name}",
            "PIDFILE=/var/run/${BASENAME}.pid": f"PIDFILE={self.site.pidfile}",
            "CONFIG=/etc/${BASENAME}/${BASENAME}.cfg": f"CONFIG={self.site.path}",
            "RUNDIR=/run/${BASENAME}": f"RUNDIR={self.folder}/run",
            "chown haproxy:haproxy": "true",
            "/etc/default/": f"{defaults.parent}/",
            "grep haproxy": f"grep {self.name}",
            "--name haproxy": f"--name {self.name}",
        }
        for old, new in moves.items():
            text = text.replace(old, new)
        assert not re.search(r"/(?:var/run|run|etc)/(?!rcS|init)\S*haproxy", text)
        return text

    def init(self, action: str) -> int:
        """Run an action of Debian's script; return its exit code."""
        return self.shell(f"sh {self.script} {action}")[0]

    def shell(self, command: str) -> tuple[int, str]:
        """Run a command as an operator's script does; return its exit code and what it printed."""
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PATH": path}, cwd=self.folder,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def pids(self) -> list[int]:
        """Return the processes that `pidof` finds."""
        return sorted(int(word) for word in self.shell(f"pidof {self.name}")[1].split())


@contextlib.contextmanager
def called(folder: Path, kind: str) -> Iterator[Called]:
    """Have the program under its name; end every process that it left."""
    with EchoServer() as server:
        found = Called(folder, server.port, kind)
        try:
            yield found
        finally:
            for pid in found.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kind", ["launcher", "link"])
def test_debians_init_script(kind: str, tmp_path: Path) -> None:
    """A second `start` starts nothing, `reload` replaces the process, `stop` ends it; each says so by its code."""
    with called(tmp_path, kind) as ours:
        assert ours.init("status") == 3
        assert ours.init("start") == 0
        first = ours.site.pid()
        assert ours.pids() == [first]
        assert ours.site.hello() == b"Hello"
        assert ours.init("start") == 0
        assert ours.pids() == [first]
        assert ours.init("status") == 0
        assert ours.init("reload") == 0
        second = ours.site.pid()
        assert second != first
        wait_for(lambda: ours.pids() == [second], what="the old process to end")
        assert ours.init("stop") == 0
        assert ours.pids() == []
        assert not alive(second)
        assert ours.init("status") == 3


def test_debians_init_script_as_it_is_finds_no_script(tmp_path: Path) -> None:
    """Without the launcher and without the change, a second start leaves two: this is why there are both."""
    with called(tmp_path, "link") as ours:
        text = ours.script.read_text()
        ours.script.write_text(text.replace(f"--startas $HAPROXY --name {ours.name}", "--exec $HAPROXY"))
        assert (ours.init("start"), ours.init("start")) == (0, 0)
        assert len(ours.pids()) == 2


@pytest.mark.parametrize("kind", ["launcher", "link"])
def test_tools_find_the_process_by_name(kind: str, tmp_path: Path) -> None:
    """pidof, pgrep, killall, ps and LSB's functions find the daemon by the name that it was called by."""
    with called(tmp_path, kind) as ours:
        assert ours.shell(f"{ours.program} -D -f {ours.site.path} -p {ours.site.pidfile}")[0] == 0
        pid = ours.site.pid()
        for command in ("pidof", "pidof -x", "pgrep", "pgrep -x"):
            assert ours.shell(f"{command} {ours.name}") == (0, str(pid)), command
        assert ours.shell(f"killall -0 {ours.name}")[0] == 0
        assert ours.shell(f"ps -o comm= -p {pid}") == (0, ours.name)
        listed = ours.shell(f"ps -o args= -p {pid}")[1]
        assert listed == f"{ours.program} -D -f {ours.site.path} -p {ours.site.pidfile}"
        lsb = ". /lib/lsb/init-functions; "
        assert ours.shell(f"{lsb}pidofproc -p {ours.site.pidfile} {ours.program}") == (0, str(pid))
        assert ours.shell(f"{lsb}killproc -p {ours.site.pidfile} {ours.program} USR1")[0] == 0
        wait_for(lambda: not alive(pid), what="the soft stop")
        assert ours.shell(f"pidof {ours.name}") == (1, "")


def test_the_launcher_knows_its_own_name(tmp_path: Path) -> None:
    """A program that the launcher made says the same as the script, and imports nothing from where it is started."""
    with called(tmp_path, "launcher") as ours:
        (tmp_path / "tcproxy.py").write_text("raise SystemExit('imported from the working directory')")
        assert ours.shell(f"./{ours.name} -v") == ours.shell(f"{TCPROXY} -v")
        assert ours.shell(f"./{ours.name} -h 2>&1")[1].count(f"Usage : {ours.name} [") == 1
        assert ours.shell(f"./{ours.name} -c -f {ours.site.path}") == (0, "Configuration file is valid")


def test_a_module_keeps_its_arguments(tmp_path: Path) -> None:
    """Started as `python -m tcproxy.command`, the process is listed as it was called."""
    with EchoServer() as server:
        site = Site(tmp_path, server.port)
        site.configure()
        words = [sys.executable, "-m", "tcproxy.command", "-db", "-f", str(site.path)]
        process = subprocess.Popen(words, text=True)
        try:
            wait_for(lambda: answers(site.port), what="the start")
            listed = Path(f"/proc/{process.pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
            assert listed == words
        finally:
            end(process)
