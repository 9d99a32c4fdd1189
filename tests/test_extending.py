"""The plug-ins of the docs, as files in a folder and by entry point: in a running proxy, and by plain calls."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from zope.interface.verify import verifyObject

from tcproxy.interfaces import CheckStatus, IBalancingStrategy, IConversation, IHealthChecker, IPicker, Verdict
from tests.balance.farms import FakeFarm, FakeServer
from tests.running import EchoServer, free_port, program, wait_for

EXAMPLES = Path(__file__).parent.parent / "docs" / "extending"

TEXT = """
defaults
    mode tcp
    timeout client 5s
    timeout connect 1s
    timeout server 5s
    timeout check 500ms
listen shop
    bind 127.0.0.1:{port}
    balance least-recent{argument}
    option redis-ping
{servers}
"""


def load(name: str) -> ModuleType:
    """Import an example of the docs."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drop_files(folder: Path) -> None:
    """Install the examples as files of a plug-in folder."""
    plugins = folder / "tcproxy" / "plugins"
    plugins.mkdir(parents=True)
    shutil.copy(EXAMPLES / "strategy_example.py", plugins / "least_recent.py")
    shutil.copy(EXAMPLES / "checker_example.py", plugins / "redis_ping.py")


def install_package(folder: Path) -> None:
    """Install the examples as a package with entry points, as pip leaves it."""
    package, metadata = folder / "balancing", folder / "balancing-1.0.dist-info"
    shutil.copytree(EXAMPLES, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: balancing\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[tcproxy.plugins]\n"
        "least-recent = balancing.strategy_example:least_recent\n"
        "redis-ping = balancing.checker_example:redis_ping\n"
    )


Install = Callable[[Path], None]

either_way = pytest.mark.parametrize("install", [drop_files, install_package], ids=["file", "entry point"])


class Redis(EchoServer):
    """A server that greets with its name, or answers a check's PING."""

    pong = b"+PONG\r\n"

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(100):
                connection.sendall(self.pong if data == b"PING\r\n" else self.name)


@pytest.fixture
def servers() -> Iterator[list[Redis]]:
    """Three servers that answer their names, the second of which fails its checks."""
    made = [Redis(name) for name in (b"a", b"b", b"c")]
    made[1].pong = b"-LOADING data\r\n"
    yield made
    for server in made:
        server.close()


def tcproxy(folder: Path, *words: str) -> list[str]:
    """Return the command line of a proxy whose Python path has the folder."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tcproxy.command import main; sys.exit(main())"
    return [sys.executable, "-c", code, str(folder), *words]


def ask(port: int) -> str:
    """Return who serves a client."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"who?")
        return client.recv(10).decode()


@either_way
def test_a_proxy_runs_with_them(install: Install, tmp_path: Path, servers: list[Redis]) -> None:
    """The strategy chooses and the check takes the failing server out, wherever they were found."""
    install(tmp_path)
    port = free_port()
    lines = [f"    server {one.name.decode()} 127.0.0.1:{one.port} check inter 100ms" for one in servers]
    config = tmp_path / "t.cfg"
    config.write_text(TEXT.format(port=port, argument="(2)", servers="\n".join(lines)))
    with program(*tcproxy(tmp_path, "-db", "-f", str(config)), port=port):
        wait_for(lambda: "b" not in "".join(ask(port) for _ in range(6)), what="the failing server to be taken out")
        assert "".join(ask(port) for _ in range(8)) in ("aaccaacc", "accaacca", "ccaaccaa", "caaccaac")


@either_way
def test_they_are_listed_with_their_place(install: Install, tmp_path: Path) -> None:
    """`-vv` names both plug-ins and where each came from."""
    install(tmp_path)
    listed = subprocess.run(tcproxy(tmp_path, "-vv"), capture_output=True, text=True, timeout=60).stdout
    for name, file in (("least-recent", "least_recent.py"), ("redis-ping", "redis_ping.py")):
        line = next(line for line in listed.splitlines() if name in line)
        assert file in line or "entry point" in line


@either_way
@pytest.mark.parametrize(
    ("line", "words"),
    [("balance least-recent(0)", "least-recent(N)"), ("option redis-ping one two", "a password behind it")],
)
def test_their_errors_are_told_with_the_line(install: Install, tmp_path: Path, line: str, words: str) -> None:
    """What `parse` objects to is an error of the configuration, with file and line."""
    install(tmp_path)
    config = tmp_path / "t.cfg"
    config.write_text(f"backend b\n    {line}\n")
    checked = subprocess.run(
        tcproxy(tmp_path, "-c", "-f", str(config)), capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert checked.returncode == 1
    assert f"[{config}:2]" in checked.stderr
    assert words in checked.stderr


def test_the_tests_of_the_docs_pass(tmp_path: Path) -> None:
    """What the docs show as tests of the examples runs, and passes."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir"]
    done = subprocess.run(
        [*command, str(tmp_path), str(EXAMPLES / "test_examples.py")],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_strategy_by_plain_calls() -> None:
    """It is complete; it rests who was used, passes over who cannot serve, and avoids whom it is told to."""
    strategy = load("strategy_example").least_recent
    assert verifyObject(IBalancingStrategy, strategy)
    ours = FakeFarm(strategy, [FakeServer("a", 1), FakeServer("b", 2, maxconn=1), FakeServer("c", 3)], words=("(1)",))
    assert verifyObject(IPicker, ours.groups[0][1])
    assert ours.names(5) == "abcab"
    ours["b"].served = 1
    ours.change("a", up=False)
    assert ours.names(2) == "cc"
    assert ours.pick(avoid=ours["c"]) is ours["c"]
    ours.change("c", up=False)
    assert ours.pick() is None


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([b"+PONG\r\n"], Verdict(CheckStatus.L7_OK, "PONG")),
        ([b"+P", b"ONG\r", b"\n"], Verdict(CheckStatus.L7_OK, "PONG")),
        ([b"-LOADING wait\r\n"], Verdict(CheckStatus.L7_STATUS, "LOADING wait")),
        ([b"SSH-2.0-x\r\n"], Verdict(CheckStatus.L7_RESPONSE, "this is not Redis")),
        ([b"x" * 600], Verdict(CheckStatus.L7_RESPONSE, "line too long")),
        ([b"+PO"], Verdict(CheckStatus.L7_RESPONSE, "closed before it answered")),
    ],
)
def test_the_checker_by_plain_calls(answers: list[bytes], verdict: Verdict) -> None:
    """It is complete, and comes to the right verdict however the answer is cut into pieces."""
    checker = load("checker_example").redis_ping
    assert verifyObject(IHealthChecker, checker)
    conversation = checker.conversation(FakeServer("a", 1), checker.parse([]))
    assert verifyObject(IConversation, conversation)
    assert conversation.connected() == b"PING\r\n"
    found = [conversation.received(answer) for answer in answers][-1] or conversation.ended()
    assert found == verdict


def test_the_checker_gives_its_password_first() -> None:
    """With a password it asks AUTH, and PING after the server agreed."""
    checker = load("checker_example").redis_ping
    conversation = checker.conversation(FakeServer("a", 1), checker.parse(["secret"]))
    assert conversation.connected() == b"AUTH secret\r\n"
    assert conversation.received(b"+OK\r\n") == b"PING\r\n"
    assert conversation.received(b"+PONG\r\n").status is CheckStatus.L7_OK
