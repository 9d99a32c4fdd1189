"""Command sockets on a real reactor: addresses of every kind, silence, too many clients, and clean ends."""

from __future__ import annotations

import contextlib
import resource
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program, wait_for

CONFIGURATION = """
global
    stats socket {folder}/ctl mode 660 level admin
    stats socket 127.0.0.1:{port}
    stats socket fd@{fd} level user severity-output number
    stats timeout 2s
    stats maxconn 2
defaults
    mode tcp
    timeout client 1s
listen web
    bind {folder}/web
"""


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[dict[str, object]]:
    """Run tcproxy with three command sockets; return their addresses."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as handed:
        text = CONFIGURATION.format(folder=tmp_path, port=port, fd=handed.fileno())
        (tmp_path / "a.cfg").write_text(text)
        with program(TCPROXY, "-db", "-f", str(tmp_path / "a.cfg"), port=port, pass_fds=[handed.fileno()]):
            wait_for((tmp_path / "ctl").exists, what="the socket")
            yield {"unix": str(tmp_path / "ctl"), "tcp": ("127.0.0.1", port), "fd": handed.getsockname()}


@contextlib.contextmanager
def client(address: object) -> Iterator[socket.socket]:
    """Be a client of a command socket."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connected:
        connected.settimeout(PATIENCE)
        connected.connect(address)  # type: ignore[arg-type]
        yield connected


def whole(connected: socket.socket) -> bytes:
    """Return everything until the end."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connected.recv(65536):
            answer += data
    return answer


def ask(address: object, line: bytes) -> bytes:
    """Ask one line, return the answer."""
    with client(address) as connected:
        connected.sendall(line + b"\n")
        return whole(connected)


def test_every_address_has_its_level(addresses: dict[str, object]) -> None:
    """UNIX, TCP and inherited sockets answer, each at its own level and with its own severities."""
    assert ask(addresses["unix"], b"show cli level") == b"admin\n\n"
    assert ask(addresses["tcp"], b"show cli level") == b"operator\n\n"
    assert ask(addresses["fd"], b"show cli level") == b"[6]: user\n\n"
    assert ask(addresses["fd"], b"show env") == b"[3]: Permission denied\n\n"
    path = str(addresses["unix"])
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o660


def test_silence_ends_a_conversation(addresses: dict[str, object]) -> None:
    """`stats timeout` closes a client that asks nothing; an interactive one may ask for more time first."""
    with client(addresses["unix"]) as silent, client(addresses["tcp"]) as patient:
        patient.sendall(b"prompt;set timeout cli 10m\n")
        assert whole(silent) == b""
        patient.sendall(b"show cli level;quit\n")
        assert whole(patient) == b"\n> \n> operator\n\n> "


def test_too_many_clients_wait(addresses: dict[str, object]) -> None:
    """Beyond `stats maxconn` clients wait, and are served when another leaves."""
    with client(addresses["unix"]) as first, client(addresses["tcp"]) as second:
        for connected in (first, second):
            connected.sendall(b"prompt;set timeout cli 1m\n")
            wait_for(lambda: connected.recv(100).endswith(b"> "), what="a prompt")  # noqa: B023
        with client(addresses["unix"]) as third:
            third.sendall(b"show cli level\n")
            third.settimeout(0.2)
            with pytest.raises(TimeoutError):
                third.recv(10)
            third.settimeout(PATIENCE)
            first.sendall(b"quit\n")
            assert whole(third) == b"admin\n\n"


def test_large_answers_arrive_whole(addresses: dict[str, object]) -> None:
    """An answer larger than any socket's buffer arrives to its last byte, however slowly it is read."""
    with client(addresses["unix"]) as connected:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.sendall(b"show stat typed;" * 200 + b"show cli level\n")
        answer = whole(connected)
    assert answer.count(b"\n\n") == 201
    assert answer.endswith(b"\n\nadmin\n\n")


def test_nothing_is_left_when_clients_go(addresses: dict[str, object]) -> None:
    """Clients that leave in the middle of a line or of an answer leave the sockets working."""
    for _ in range(5):
        with client(addresses["unix"]) as connected:
            connected.sendall(b"show stat typed;" * 50 + b"\nshow")
    wait_for(lambda: ask(addresses["unix"], b"show cli level") == b"admin\n\n", what="an answer")


def test_startup_logs(tmp_path: Path) -> None:
    """What was said at the start, warnings of the configuration among it, can be asked for later."""
    text = f"global\n stats socket {tmp_path}/ctl level admin\nfrontend a\n mode tcp\n bind {tmp_path}/a\n"
    (tmp_path / "a.cfg").write_text(text)
    with program(TCPROXY, "-db", "-f", str(tmp_path / "a.cfg")):
        wait_for((tmp_path / "ctl").exists, what="the socket")
        said = ask(str(tmp_path / "ctl"), b"show startup-logs").decode()
    assert "[WARNING]  (" in said
    assert "timeout" in said


CONNECTED = "03"
"""A socket's state in /proc/net/unix."""


QUESTIONS = (b"show info", b"show stat", b"show servers state", b"show sess", b"show env", b"help", b"show info json")


def _next_descriptor(pid: int, path: str) -> int:
    """Return the descriptor of a client that comes and goes; 0 if another client went meanwhile."""

    def taken() -> set[int]:
        return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}

    with client(path) as one:
        one.sendall(b"prompt\n")
        assert one.recv(10)
        during = taken()
    wait_for(lambda: taken() < during, what="a descriptor less")
    freed = during - taken()
    return min(freed) if len(freed) == 1 else 0


@pytest.mark.parametrize("what", [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)])
def test_one_descriptor_is_enough(tmp_path: Path, what: str) -> None:
    """With one descriptor left, commands are answered; with none, their client waits for one. Nothing is complained."""
    text = f"global\n nbthread 1\n stats socket {tmp_path}/ctl level admin\ndefaults\n timeout client 1s\n"
    (tmp_path / "a.cfg").write_text(f"{text}frontend a\n mode tcp\n bind {tmp_path}/a\n")
    with program(what, "-db", "-f", str(tmp_path / "a.cfg")) as process:
        wait_for((tmp_path / "ctl").exists, what="the socket")
        path = str(tmp_path / "ctl")
        wait_for(lambda: _answers(path), what="an answer")
        free = wait_for(lambda: _next_descriptor(process.pid, path), what="a client without another one beside it")
        assert isinstance(free, int)
        _, most = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (free + 1, most))
        for question in QUESTIONS:
            assert ask(path, question).endswith(b"\n")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (free, most))
        with client(path) as waiting:
            waiting.sendall(b"show info\n")
            waiting.settimeout(0.3)  # silence is what is proved: a client that could be accepted has its answer sooner
            with pytest.raises(TimeoutError):
                waiting.recv(10)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (free + 1, most))
            waiting.settimeout(PATIENCE)
            assert whole(waiting).endswith(b"\n\n")
        process.terminate()
        said = process.communicate()[1]
        assert "internal" not in said and "Traceback" not in said


SPLICED = """
global
    maxpipes 50
    stats socket {folder}/ctl level admin
defaults
    mode tcp
    option splice-response
    timeout connect 9s
    timeout client 60s
    timeout server 60s
listen a
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{server}
"""
LARGE = 32_000_000


@contextlib.contextmanager
def large_server() -> Iterator[int]:
    """Listen until the block ends; send every client as many bytes as no buffer holds, then close."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                connection.sendall(bytes(LARGE))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("what", [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)])
def test_pipes_are_counted(tmp_path: Path, what: str) -> None:
    """`show info` tells the limit of pipes, those in which bytes of clients wait, and those that are free."""
    port = free_port()
    with contextlib.ExitStack() as running:
        server = running.enter_context(large_server())
        (tmp_path / "a.cfg").write_text(SPLICED.format(folder=tmp_path, port=port, server=server))
        running.enter_context(program(what, "-db", "-f", str(tmp_path / "a.cfg"), port=port))
        path = str(tmp_path / "ctl")
        wait_for(lambda: _answers(path), what="an answer")
        with contextlib.ExitStack() as clients:
            standing = [clients.enter_context(client(("127.0.0.1", port))) for _ in range(5)]
            wait_for(lambda: b"\nMaxpipes: 50\nPipesUsed: 5\n" in ask(path, b"show info"), what="five pipes")
            free = _free_pipes(path)
            assert len(whole(standing[0])) == LARGE
            wait_for(lambda: b"\nPipesUsed: 4\n" in ask(path, b"show info"), what="a pipe less")
            assert _free_pipes(path) == free + 1
        wait_for(lambda: b"\nPipesUsed: 0\n" in ask(path, b"show info"), what="no pipe in use")


def _free_pipes(path: str) -> int:
    return int(ask(path, b"show info").partition(b"PipesFree: ")[2].partition(b"\n")[0])


def _answers(path: str) -> bool:
    with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
        return b"Uptime" in ask(path, b"show info")
    return False
