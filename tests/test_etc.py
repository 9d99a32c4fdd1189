"""The files of etc/: configurations that both programs accept, the demonstration, and the init script."""

from __future__ import annotations

import os
import re
import signal
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
        told = told.replace("/tmp/tcproxy-demo.jar", str(tmp_path / "jar"))
        turns, kept, broken, wire, counts, disable = re.findall(r"^    (\S.*)", told, re.MULTILINE)
        address = re.findall(r"http://127\.0\.0\.1:(\d+)/", told)
        wait_for(lambda: answers(int(address[0])), what="the proxy of the demonstration")
        assert sorted(shell(turns)) == ["", *["hello from one"] * 2, *["hello from three"] * 4, *["hello from two"] * 2]
        assert len(set(shell(kept))) == 2, "one server, and the end of the last line"
        assert shell(broken) == ["two is broken", ""]
        two = f"curl -s -b SHOP=two http://127.0.0.1:{address[0]}/"
        others = ("hello from one", "hello from three")
        wait_for(lambda: shell(two)[0] in others, what="the broken server to be left out")
        wait_for(lambda: shell(two)[0] == "hello from two", what="it to come back")
        assert sorted(shell(wire)) == ["", *["hello from one"] * 2, *["hello from two"] * 2]
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
