"""The way in for twistd: the plugin, the options, and what a process run by twistd does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.application.service import IServiceMaker
from twisted.logger import capturedLogs
from twisted.plugin import IPlugin
from twisted.python import usage
from twisted.python.usage import UsageError
from zope.interface.verify import verifyObject

from tcproxy.tap import ConfigurationErrors, Options, makeService
from tests.running import PATIENCE, EchoServer, answers, end, free_port, program, wait_for

TWISTD = str(Path(sys.executable).with_name("twistd"))


def configured(tmp_path: Path, server: int, more: str = "", port: int = 0) -> tuple[str, int]:
    """Write a configuration with one proxy; return its path and the proxy's port, a free one by default."""
    path, port = tmp_path / "haproxy.cfg", port or free_port()
    timeouts = " timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
    path.write_text(
        f"global\n maxconn 100\n{more}defaults\n mode tcp\n{timeouts}"
        f"listen one\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{server}\n"
    )
    return str(path), port


def test_the_plugin_is_what_twistd_wants() -> None:
    """The service maker provides its interfaces, and names our own tap module."""
    from twisted.plugins.tcproxy_plugin import tcproxy, tcproxy_reactor

    assert verifyObject(IServiceMaker, tcproxy)
    assert verifyObject(IPlugin, tcproxy_reactor)
    assert (tcproxy.tapname, tcproxy.module, tcproxy_reactor.shortName) == ("tcproxy", "tcproxy.tap", "tcproxy")
    assert tcproxy.options is Options


def test_importing_the_plugin_installs_no_reactor() -> None:
    """Neither the plugin nor the tap module chooses a reactor for its host."""
    check = (
        "import sys; from twisted.plugins.tcproxy_plugin import tcproxy; tcproxy.options;"
        "assert 'twisted.internet.reactor' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


def test_twistd_lists_the_subcommand(tmp_path: Path) -> None:
    """`twistd --help` shows tcproxy and its sentence, and `--help-reactors` our reactor."""
    shown = subprocess.run([TWISTD, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60)
    assert "tcproxy          Proxy and balance connections" in shown.stdout
    shown = subprocess.run(
        [TWISTD, "--help-reactors"], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert "tcproxy" in shown.stdout


def test_files_are_needed() -> None:
    """Without --config there is nothing to run."""
    with pytest.raises(UsageError, match="--config"):
        Options().parseOptions([])


@pytest.mark.parametrize("way", ["parseOptions", "makeService", "options of the host"])
def test_an_application_gets_the_errors_as_an_exception(
    way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong configuration is a UsageError with each line at fault, never an exit, and standard error stays empty."""
    path = tmp_path / "wrong.cfg"
    path.write_text("listen f\n mode tcp\n bnd 127.0.0.1:1\n srver s 127.0.0.1:1\n")
    options = Options()
    options["config"] = [str(path)]

    class HostOptions(usage.Options):
        subCommands = [("proxy", None, Options, "the proxy of this application")]  # noqa: RUF012  # as Twisted has it

    with pytest.raises(UsageError) as raised:
        if way == "parseOptions":
            Options().parseOptions(["--config", str(path)])
        elif way == "makeService":
            makeService(options)
        else:
            HostOptions().parseOptions(["proxy", "--config", str(path)])
    assert isinstance(raised.value, ConfigurationErrors)
    assert "wrong.cfg:3" in str(raised.value) and "wrong.cfg:4" in str(raised.value)
    assert capsys.readouterr() == ("", "")


def test_options_of_an_application_leave_its_process_alone(tmp_path: Path) -> None:
    """Neither the limit on descriptors nor the choice of the reactor changes, though `maxconn` asks for more."""
    path = configured(tmp_path, 1)[0]
    Path(path).write_text(Path(path).read_text().replace("maxconn 100", "maxconn 2000"))
    check = (
        "import resource, sys; from tcproxy.tap import Options, makeService; o = Options();"
        "limit = min(300, resource.getrlimit(resource.RLIMIT_NOFILE)[1]);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]));"
        f"o.parseOptions(['--config', {path!r}]);"
        "assert 'twisted.internet.reactor' not in sys.modules;"
        "service = makeService(o); assert service.configuration.process.maxconn == 2000;"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == limit"
    )
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


def test_twistd_ends_with_the_errors(tmp_path: Path) -> None:
    """twistd with a wrong configuration ends with an exit code, the errors and no traceback."""
    (tmp_path / "wrong.cfg").write_text("listen f\n mode tcp\n bnd 127.0.0.1:1\n")
    result = subprocess.run(
        [TWISTD, "-n", "--pidfile=", "tcproxy", "--config", "wrong.cfg"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert result.returncode == 1
    assert "[wrong.cfg:3]" in result.stderr
    assert result.stderr.endswith(": the configuration has errors: wrong.cfg\n")
    assert "Traceback" not in result.stderr + result.stdout


def test_twistd_ends_with_a_sentence_where_a_port_is_taken(tmp_path: Path) -> None:
    """An address that another program has is named with the line that asks for it, and there is no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path, port = configured(tmp_path, 1, port=taken.getsockname()[1])
        result = subprocess.run(
            [TWISTD, "-n", "--pidfile=", "tcproxy", "--config", path],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
        )  # fmt: skip
    said = result.stderr + result.stdout
    assert result.returncode == 1 and "Traceback" not in said
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use [" in said


def test_what_belongs_to_twistd_is_left_to_it(tmp_path: Path) -> None:
    """User, root directory, pidfile and the background are warned about, in Twisted's log, and not touched."""
    words = " daemon\n chroot /nowhere\n uid 12\n gid 13\n pidfile /nowhere/pid\n"
    options = Options()
    options["config"] = [configured(tmp_path, 1, words)[0]]
    with capturedLogs() as logged:
        service = makeService(options)
    said = "\n".join(event.get("message", "") for event in logged)
    for word in ("daemon", "chroot", "uid", "gid", "pidfile"):
        assert f"'{word}' has no effect under twistd" in said
    assert service.configuration.process.chroot == "/nowhere"


@pytest.mark.parametrize("reactor", ["", "poll"])
def test_twistd_runs_a_proxy(reactor: str, tmp_path: Path) -> None:
    """A connection passes through twistd, on our reactor unless another is asked for."""
    with EchoServer() as server:
        path, port = configured(tmp_path, server.port)
        chosen = ["--reactor", reactor] if reactor else []
        words = [TWISTD, "-n", "--pidfile=", *chosen, "tcproxy", "--config", path]
        with program(*words, port=port, cwd=str(tmp_path)) as process:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(b"Hello")
                assert client.recv(100) == b"Hello"
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=PATIENCE)[0]
            assert process.returncode in (0, -signal.SIGTERM)
    name = "PollReactor" if reactor else "tcproxy.transport.reactor.Reactor"
    assert f"{name}." in said
    assert "Traceback" not in said


def test_twistd_in_the_background(tmp_path: Path) -> None:
    """twistd's own daemon carries the proxy: the reactor survives its fork."""
    pidfile = tmp_path / "twistd.pid"
    with EchoServer() as server:
        path, port = configured(tmp_path, server.port)
        words = [TWISTD, f"--pidfile={pidfile}", "--logfile", str(tmp_path / "log"), "tcproxy", "--config", path]
        subprocess.run(words, check=True, timeout=60, cwd=tmp_path)
        pid = int(pidfile.read_text())
        try:
            wait_for(lambda: answers(port))
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(b"Hello")
                assert client.recv(100) == b"Hello"
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not pidfile.exists(), what="twistd to end")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: twistd changes its user")
def test_sockets_are_opened_before_twistd_changes_its_user(tmp_path: Path) -> None:
    """A socket that only root can make is there although twistd becomes another user."""
    with EchoServer() as server:
        path, _ = configured(tmp_path, server.port)
        door = tmp_path / "door"
        Path(path).write_text(
            Path(path).read_text() + f"listen two\n bind unix@{door}\n server s 127.0.0.1:{server.port}\n"
        )
        words = [TWISTD, "-n", "--pidfile=", "--uid", "nobody", "--gid", "nogroup", "tcproxy", "--config", path]
        with program(*words, cwd=str(tmp_path)) as process:
            wait_for(lambda: door.exists() or process.poll() is not None, what="the socket")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(str(door))
                client.sendall(b"Hello")
                assert client.recv(100) == b"Hello"
            assert "\nUid:\t65534\t" in Path(f"/proc/{process.pid}/status").read_text()


def test_a_tap_file(tmp_path: Path) -> None:
    """`twistd -y` runs an application that a Python file makes with makeService."""
    with EchoServer() as server:
        path, port = configured(tmp_path, server.port)
        tac = tmp_path / "proxy.tac"
        tac.write_text(
            "from twisted.application.service import Application\n"
            "from tcproxy.tap import Options, makeService\n"
            "application = Application('proxy')\n"
            "options = Options()\n"
            f"options.parseOptions(['--config', {path!r}])\n"
            "makeService(options).setServiceParent(application)\n"
        )
        process = subprocess.Popen(
            [TWISTD, "-n", "--pidfile=", "-y", str(tac)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        try:
            wait_for(lambda: answers(port))
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(b"Hello")
                assert client.recv(100) == b"Hello"
        finally:
            end(process)
