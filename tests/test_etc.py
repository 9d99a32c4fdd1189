"""The files of etc/: configurations that both programs accept, the demonstration, and the init script."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY, EchoServer, answers, end, free_port, wait_for

ETC = Path(__file__).parent.parent / "etc"
CONFIGURATIONS = sorted(ETC.glob("*.cfg"))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
@pytest.mark.parametrize("name", [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)])
def test_configurations_are_valid(name: str, path: Path, tmp_path: Path) -> None:
    """Every configuration of etc/ passes the check of both programs without a warning."""
    text = re.sub(r"^ *(user|group) .*\n", "", path.read_text(), flags=re.MULTILINE)  # who may not exist here
    copy = tmp_path / path.name
    copy.write_text(text)
    result = subprocess.run(
        [name, "-c", "-dW", "-f", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


STARTED = [*CONFIGURATIONS, *ETC.parent.glob("docs/**/*.rst"), *ETC.parent.glob("tests/scenarios/**/*.*")]


@pytest.mark.parametrize("path", [path for path in STARTED if path.suffix not in (".pyc", ".pem")], ids=str)
def test_servers_are_on_the_loopback_network(path: Path) -> None:
    """No file whose configuration is started, or will be by a reader, speaks to another machine."""
    found = re.findall(r"^\s*server\s+\S+\s+(?:ipv4@)?(\d+\.\d+\.\d+\.\d+)", path.read_text(), re.MULTILINE)
    assert [address for address in found if not address.startswith(("127.", "0.0.0.0"))] == []


def elsewhere(text: str, folder: Path) -> str:
    """Return a configuration with its ports and socket moved to where nobody is."""
    for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text))):
        text = text.replace(f":{port}", f":{free_port()}")
    return text.replace("/tmp/tcproxy-demo.sock", str(folder / "sock"))


def shell(command: str) -> list[str]:
    """Run a command as a person does; return the lines that it prints."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split("\n")


def test_the_demonstration(tmp_path: Path) -> None:
    """`make run`'s program starts servers and proxy and tells what to try, which shows all that it promises.

    Turns of servers, cookies, a server that fails and comes back, TCP, and the runtime commands.
    """
    path = tmp_path / "demo.cfg"
    path.write_text(elsewhere((ETC / "demo.cfg").read_text(), tmp_path))
    process = subprocess.Popen(
        [sys.executable, str(ETC / "demo.py"), str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        told = "".join(iter(process.stdout.readline, "The log follows. Ctrl-C ends it.\n"))
        assert told.startswith("\nThe proxy is running.")
        told = told.replace("/tmp/tcproxy-demo.jar", str(tmp_path / "jar"))
        turns, kept, broken, wire, page, explained, counts, disable = re.findall(r"^    (\S.*)", told, re.MULTILINE)
        address = re.findall(r"http://127\.0\.0\.1:(\d+)/", told)
        assert answers(int(address[0])), "said to run, and not there"
        assert sorted(shell(turns)) == ["", *["hello from one"] * 2, *["hello from three"] * 4, *["hello from two"] * 2]
        assert len(set(shell(kept))) == 2, "one server, and the end of the last line"
        assert shell(broken) == ["two is broken", ""]
        two = f"curl -s -b SHOP=two http://127.0.0.1:{address[0]}/"
        others = ("hello from one", "hello from three")
        wait_for(lambda: shell(two)[0] in others, what="the broken server to be left out")
        wait_for(lambda: shell(two)[0] == "hello from two", what="it to come back")
        assert sorted(shell(wire)) == ["", *["hello from one"] * 2, *["hello from two"] * 2]
        assert "shops,three," in "".join(shell(page))
        assert "server two: the client's cookie" in shell(explained)
        table = shell(counts)
        assert table[0] == "# pxname,svname,stot,status,hrsp_2xx"
        assert [line.split(",")[3] for line in table[2:5]] == ["UP"] * 3
        shell(disable)
        assert "hello from one" not in shell(turns)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0
        assert "Traceback" not in rest
        assert "shops/three" in rest
        for event in ("Server shops/two is DOWN", "Server shops/two is UP", "Server shops/one is going DOWN"):
            assert rest.count(event) == 1, event
        assert not (tmp_path / "sock").exists()
    finally:
        end(process)


def test_the_demonstration_says_when_a_port_is_taken(tmp_path: Path) -> None:
    """A server's port that another program has is told in a sentence."""
    path = tmp_path / "demo.cfg"
    with EchoServer() as server:
        path.write_text(f"listen x\n server one 127.0.0.1:{server.port}\n")
        words = [sys.executable, str(ETC / "demo.py"), str(path)]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(f"The server one cannot listen on port {server.port}: Address already in use")


def test_the_demonstration_says_when_the_proxys_port_is_taken(tmp_path: Path) -> None:
    """A port that another proxy has, though it would share it, is told in a sentence before anything else."""
    path = tmp_path / "demo.cfg"
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        door = f"127.0.0.1:{other.getsockname()[1]}"
        path.write_text(f"listen x\n bind {door}\n server one 127.0.0.1:{free_port()}\n")
        words = [sys.executable, str(ETC / "demo.py"), str(path)]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"The proxy cannot listen on {door}: Address already in use. Does another demo run?\n"


def test_the_demonstration_tells_what_is_wrong_with_its_file(tmp_path: Path) -> None:
    """A configuration with an error is told as such, and nothing says that the proxy runs."""
    path = tmp_path / "demo.cfg"
    path.write_text(f"listen x\n bind 127.0.0.1:{free_port()}\n nonsense\n")
    words = [sys.executable, str(ETC / "demo.py"), str(path)]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert "nonsense" in said.stderr


def test_the_demonstration_without_helpers(tmp_path: Path) -> None:
    """Where neither curl nor socat is, the first is asked for, and runtime commands work all the same."""
    path = tmp_path / "demo.cfg"
    path.write_text(elsewhere((ETC / "demo.cfg").read_text(), tmp_path))
    words = [sys.executable, str(ETC / "demo.py"), str(path)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PATH": str(tmp_path)}
    )
    try:
        assert process.stdout is not None
        told = "".join(iter(process.stdout.readline, "The log follows. Ctrl-C ends it.\n"))
        assert "apt-get install curl" in told
        assert "socat" not in told
        shown = re.findall(r"^    (\S+ \S+demo\.py ask .*)", told, re.MULTILINE)
        assert shell(shown[0])[0] == "# pxname,svname,stot,status,hrsp_2xx"
    finally:
        end(process)


class Init:
    """The init script, with everything it touches in a scratch folder."""

    def __init__(self, folder: Path, server: int) -> None:
        self.port = free_port()
        self.config, self.pidfile = folder / "haproxy.cfg", folder / "pid"
        self.config.write_text(
            "defaults\n mode tcp\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
            f"listen one\n bind 127.0.0.1:{self.port}\n server s 127.0.0.1:{server}\n"
        )

    def do(self, action: str) -> int:
        """Run one action and return its exit code."""
        places = {"CONFIG": str(self.config), "PIDFILE": str(self.pidfile), "DEFAULTS": "/nonexistent"}
        places["RUNDIR"] = str(self.config.with_name("run"))
        places["RUNOWNER"] = f"{os.getuid()}:{os.getgid()}"
        environment = {**os.environ, **places, "PROGRAM": TCPROXY}
        words = ["sh", str(ETC / "tcproxy.init"), action]
        return subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False).returncode

    def pid(self) -> int:
        """Return the number of the running process."""
        return int(self.pidfile.read_text())


def test_the_init_script(tmp_path: Path) -> None:
    """start, status, reload, restart, stop and configtest do what they say, and a broken file changes nothing."""
    with EchoServer() as server:
        init = Init(tmp_path, server.port)
        assert init.do("status") == 3
        assert init.do("start") == 0
        assert init.config.with_name("run").stat().st_mode == stat.S_IFDIR | stat.S_ISGID | 0o775
        try:
            assert init.do("start") == 0
            assert init.do("status") == 0
            assert answers(init.port)
            first = init.pid()
            assert init.do("reload") == 0
            second = init.pid()
            assert second != first
            good = init.config.read_text()
            init.config.write_text(good + "nonsense\n")
            assert init.do("configtest") == 6
            assert init.do("reload") == 6
            assert init.do("restart") == 6
            assert init.pid() == second
            assert answers(init.port)
            init.config.write_text(good)
            assert init.do("configtest") == 0
            assert init.do("restart") == 0
            assert answers(init.port)
            assert init.pid() not in (first, second)
        finally:
            assert init.do("stop") == 0
        assert init.do("status") == 3
        assert init.do("nonsense") == 2
    wait_for(lambda: not answers(init.port), what="the port to be closed")


@pytest.mark.program("systemd-analyze")
def test_the_systemd_unit(tmp_path: Path) -> None:
    """systemd itself finds nothing wrong with the unit."""
    unit = tmp_path / "tcproxy.service"
    unit.write_text((ETC / "tcproxy.service").read_text().replace("/usr/local/bin/tcproxy", "/bin/true"))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
