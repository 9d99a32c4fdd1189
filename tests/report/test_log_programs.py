"""Log lines of the whole program beside haproxy's: the same configuration, the same clients, the same lines."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.report.test_log_reference import collector, gather, listener
from tests.running import HAPROXY, PATIENCE, TCPROXY, EchoServer, program, wait_for

HEAD = """
global
    log-tag some-tag
defaults
    mode tcp
    timeout connect 500ms
    timeout client 2s
    timeout server 2s
    retries 0
    log 127.0.0.1:{port} len 2000 format {form} local3 info
"""
FRONT = """
listen web
    bind fd@{fd} name door {bind}
    {options}
    server s1 127.0.0.1:{server}
"""


@contextlib.contextmanager
def running(what: str, folder: Path, text: str, front: socket.socket) -> Iterator[None]:
    """Run a program on a socket that listens already."""
    (folder / "a.cfg").write_text(text)
    with program(what, "-db", "-f", str(folder / "a.cfg"), pass_fds=[front.fileno()]):
        yield


def polite(address: tuple[str, int]) -> None:
    """Send five bytes, read them back, leave."""
    with socket.create_connection(address, PATIENCE) as client, contextlib.suppress(OSError):
        client.sendall(b"hello")
        client.recv(100)
        client.shutdown(socket.SHUT_WR)
        client.recv(100)


def garbled(address: tuple[str, int]) -> None:
    """Send what is no PROXY header."""
    with socket.create_connection(address, PATIENCE) as client, contextlib.suppress(OSError):
        client.sendall(b"no header at all, really\r\n" * 10)
        client.recv(100)


def introduced(address: tuple[str, int]) -> None:
    """Send a PROXY header, then be polite."""
    with socket.create_connection(address, PATIENCE) as client, contextlib.suppress(OSError):
        client.sendall(b"PROXY TCP4 1.2.3.4 5.6.7.8 99 88\r\nhello")
        client.recv(100)
        client.shutdown(socket.SHUT_WR)
        client.recv(100)


def likeness(line: str) -> str:
    """Return a line without process ids, ports, dates and timers."""
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+-]+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "DATE", line)
    line = re.sub(r"\d\d/[A-Z][a-z]{2}/\d{4}:[\d:.]+", "DATE", line)
    line = re.sub(r"(?<=127\.0\.0\.1:)\d+", "PORT", line)
    line = re.sub(r"some-tag\[\d+\]|some-tag \d+", "some-tag PID", line)
    return re.sub(r" (-1|\d+)/(-1|\d+)/(\+?)\d+ ", _timeless, line)


def _timeless(found: re.Match[str]) -> str:
    return f" {_sign(found[1])}/{_sign(found[2])}/{found[3]}N "


def _sign(number: str) -> str:
    return "-1" if number == "-1" else "N"


Client = Callable[[tuple[str, int]], None]
AGAIN = 3
"""How often a line is compared: on a busy machine the connection that found the program ready may still be counted."""


@pytest.mark.reference
@pytest.mark.parametrize(
    ("options", "bind", "form", "serving", "client"),
    [
        ("", "", "local", True, polite),
        ("option tcplog", "", "rfc3164", True, polite),
        ("option tcplog", "", "raw", False, polite),
        ("option tcplog\n option logasap", "", "raw", True, polite),
        ("option tcplog\n option log-separate-errors", "", "short", False, polite),
        ("option tcplog", "accept-proxy", "raw", True, introduced),
        ("option tcplog", "accept-proxy", "raw", True, garbled),
        ("", "accept-proxy", "raw", True, introduced),
        ("log-format '%b/%s %ts %B %U %fi %bi %si %rc %ac %fc'", "", "timed", True, polite),
        ("log-format 'to %b %B'\n log-format-sd '[a@1 s=%s]'", "", "rfc5424", True, polite),
        ("error-log-format 'lost %ci %ft'", "accept-proxy", "raw", True, garbled),
        ("option tcplog\n error-log-format 'lost %ci %ft'", "", "raw", False, polite),
    ],
)
def test_lines(tmp_path: Path, options: str, bind: str, form: str, serving: bool, client: Client) -> None:
    """One client, one line: in either program the same, but for what differs from run to run."""
    for _ in range(AGAIN):
        found = []
        for what in (HAPROXY, TCPROXY):
            with collector() as log, listener() as front, EchoServer() as server:
                server_port = server.port if serving else 1
                text = HEAD.format(port=log.getsockname()[1], form=form)
                text += FRONT.format(fd=front.fileno(), bind=bind, options=options, server=server_port)
                with running(what, tmp_path, text, front):
                    client(front.getsockname())
                    found.append(likeness(gather(log, 1)[0]))
        if found[1] == found[0]:
            return
    assert found[1] == found[0]


QUEUE = """
global
    stats socket {folder}/ctl
defaults
    mode tcp
    timeout connect 500ms
    timeout client 2s
    timeout server 2s
    log {folder}/log format raw local0
listen web
    bind fd@{fd}
    server s1 127.0.0.1:{server}
"""


def dropped(folder: Path) -> int:
    """Return what `show info` says of lines that were dropped."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(folder / "ctl"))
        client.sendall(b"show info\n")
        answer = b""
        while data := client.recv(65536):
            answer += data
    return int(answer.partition(b"DroppedLogs: ")[2].partition(b"\n")[0])


@pytest.mark.parametrize("what", [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)])
def test_lines_that_find_a_full_queue_are_counted(tmp_path: Path, what: str) -> None:
    """A syslog server that reads nothing costs lines, not time: DroppedLogs counts those that it will never read."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log,
        listener() as front,
        EchoServer() as server,
    ):
        log.bind(str(tmp_path / "log"))
        with running(what, tmp_path, QUEUE.format(folder=tmp_path, fd=front.fileno(), server=server.port), front):
            for _ in range(1000):
                polite(front.getsockname())
                if dropped(tmp_path) >= 5:
                    break
            lost, read = dropped(tmp_path), 0
            log.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while log.recv(70000):
                    read += 1
            assert lost >= 5 and read > 0
            polite(front.getsockname())
            log.settimeout(PATIENCE)
            assert log.recv(70000)
            assert dropped(tmp_path) == lost


def test_a_target_that_comes_back(tmp_path: Path) -> None:
    """Lines for a target that is away are counted in DroppedLogs; once it is back, it gets lines again."""
    path = tmp_path / "log"
    with contextlib.ExitStack() as running_now:
        front, server = running_now.enter_context(listener()), running_now.enter_context(EchoServer())
        text = QUEUE.format(folder=tmp_path, fd=front.fileno(), server=server.port)
        running_now.enter_context(running(TCPROXY, tmp_path, text, front))
        polite(front.getsockname())
        wait_for(lambda: dropped(tmp_path), what="a line that is dropped")
        for _ in range(2):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
                log.bind(str(path))
                log.setblocking(False)
                wait_for(lambda: _line_of(log, front), what="a line")
            path.unlink()


def _line_of(log: socket.socket, front: socket.socket) -> bytes:
    polite(front.getsockname())
    with contextlib.suppress(BlockingIOError):
        return log.recv(70000)
    return b""
