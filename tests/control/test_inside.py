"""Commands that look inside of the process: bad messages beside HAProxy, limits, descriptors, memory, code at work."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcproxy.report.error_captures import dumped
from tests.control.beside import ask
from tests.running import HAPROXY, TCPROXY, free_port, program, wait_for

CONFIGURATION = """
global
    stats socket {folder}/ctl level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend f
    bind {folder}/f
    default_backend b
backend b
    server s 127.0.0.1:{port}
"""
BAD = (
    b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\\b\tc\xff\r\nx y: " + b"z" * 200 + b"\r\n\r\n",
)
OWN = re.compile(r"^  (H1 |[a-z ].* :$).*\n", re.MULTILINE)
VARIABLE = re.compile(r"\[\d\d/\w+/\d{4}:[\d:.]+\]|\d+ free|wraps at \d+|src \S+|event #\d+|captured on .*")


def layout(answer: str) -> str:
    """Return an answer of `show errors` without dates, ports, sizes of buffers, and each program's own sentences."""
    return VARIABLE.sub("X", OWN.sub("", answer)).strip()


class BadServer(threading.Thread):
    """Answers each connection with bytes that are no response."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", port))

    def run(self) -> None:
        """Answer until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                with link:
                    link.recv(4096)
                    link.sendall(b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n")


@contextlib.contextmanager
def at_work(what: str, folder: Path, port: int) -> Iterator[Path]:
    """Run a program."""
    (folder / "a.cfg").write_text(CONFIGURATION.format(folder=folder, port=port))
    with program(what, "-db", "-f", str(folder / "a.cfg")):
        wait_for((folder / "ctl").exists, what=f"the socket of {what}")
        yield folder


def request(folder: Path, text: bytes) -> bytes:
    """Return what a request is answered."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(folder / "f"))
        client.sendall(text)
        return client.recv(4096)


@pytest.mark.reference
def test_bad_messages_are_shown_alike(tmp_path: Path) -> None:
    """The last bad request and the last bad response are printed with their places, byte by byte."""
    port = free_port()
    server = BadServer(port)
    server.start()
    told = []
    for what in (TCPROXY, HAPROXY):
        folder = tmp_path / Path(what).name
        folder.mkdir()
        with at_work(what, folder, port):
            seen = [layout(ask(folder / "ctl", "show errors"))]
            for text in BAD:
                assert b" 400 " in request(folder, text)
                seen.append(layout(ask(folder / "ctl", "show errors")))
            assert b" 502 " in request(folder, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            seen += [
                layout(ask(folder / "ctl", f"show errors {words}"))
                for words in ("", "-1", "f", "b", "b request", "b response", "f request", "2", "3")
            ]
            told.append(seen)
    server.listener.close()
    assert told[0] == told[1]


def test_a_dump_is_cut_into_lines() -> None:
    """Each line of the text begins a line, long ones go on behind a `+`, and what is not printable is escaped."""
    assert list(dumped(b"ab\r\n\x00\xff\\")) == ["  00000  ab\\r\\n\n", "  00004  \\x00\\xFF\\\\\n"]
    lines = list(dumped(b"x" * 100))
    assert [line[:9] for line in lines] == ["  00000  ", "  00070+ "] and max(map(len, lines)) == 80


def test_limits_are_set_while_it_runs(tmp_path: Path) -> None:
    """`set rate-limit` changes what `show info` tells; what is not there yet is refused by name."""
    with at_work(TCPROXY, tmp_path, 9) as folder:
        assert ask(folder / "ctl", "set rate-limit connections global 7") == "\n"
        assert ask(folder / "ctl", "set rate-limit sessions global 9") == "\n"
        info = ask(folder / "ctl", "show info")
        assert "ConnRateLimit: 7\n" in info and "SessRateLimit: 9\n" in info
        assert "needs TLS" in ask(folder / "ctl", "set rate-limit ssl-sessions global 5")
        assert "supports" in ask(folder / "ctl", "set rate-limit other global 5")
        assert "integer" in ask(folder / "ctl", "set rate-limit sessions global")
        ask(folder / "ctl", "set rate-limit connections global 0;set rate-limit sessions global 0")
        assert request(folder, b"bad\r\n\r\n")


@pytest.mark.parametrize(
    ("command", "has"),
    [
        ("show activity", r"req_count: \d+\n"), ("show fd", r" +\d+ : socket:\[\d+\] flags=0\d+\n"),
        ("show libs", r"0x[0-9a-f]+-0x[0-9a-f]+ \(0x[0-9a-f]+\) /\S+\n"), ("show pools", r"  - VmRSS : \d+ kB\n"),
        ("show threads", r"\* Thread 1 : id=0x[0-9a-f]+ name=MainThread\n +File "),
        ("show tasks", r"Delayed calls: \d+ "),
    ],
)  # fmt: skip
def test_the_process_is_described(shared: Path, command: str, has: str) -> None:
    """Each command tells of this process, in the form of HAProxy's where that has a meaning."""
    assert re.search(has, ask(shared / "ctl", command))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the folder of a program at work."""
    with at_work(TCPROXY, tmp_path_factory.mktemp("inside"), 9) as folder:
        yield folder
