"""The same HTTP checks by HAProxy and by tcproxy: the bytes that servers get, the statistics and the log lines.

Each case is a backend of one server with an answer of its own; one run of each program makes all the checks.
"""

from __future__ import annotations

import contextlib
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.running import HAPROXY, TCPROXY, program, wait_for

pytestmark = pytest.mark.reference

OK = b"HTTP/1.0 200 OK\r\n\r\n"
COLUMNS = ("status", "check_status", "check_code", "last_chk", "check_desc", "check_health")
DURATION = re.compile(r"duration: \d+ms")


def answer(status: int, reason: str = "Y", body: bytes = b"", headers: str = "") -> bytes:
    """Return a response."""
    return f"HTTP/1.1 {status} {reason}\r\n{headers}\r\n".encode() + body


@dataclass
class Case:
    """One backend. lines: parted by `;`. answer: None is silence. closes: the server closes behind it."""

    lines: str
    answer: bytes | None = OK
    closes: bool = True
    heard: list[bytes] = field(default_factory=list)


H = "option httpchk"
SEND = f"{H}; http-check send"
EXPECT = f"{H}; http-check expect"
CHUNKED = "Transfer-Encoding: chunked\r\n"
LATE = f"{H} GET / HTTP/1.1"

REQUESTS = [
    H, f"{H} /x", f"{H} GET /x", f"{H} GET", LATE, f"{H} GET /x HTTP/2.0", f"{H} POST /", f"{H} DELETE /",
    f"{H} FOO / HTTP/1.1", f"{H} GET /x HTTP/1.1\\r\\nHost:\\ www",
    f'{H} HEAD / "HTTP/1.1\\r\\nHost: a\\r\\nX-Y: z"', f'{H} POST / "HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nbody"',
    f'{H} GET / "HTTP/1.1\\r\\nA: 1\\nB: 2"', f'{H} GET / "HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"',
    f'{H} GET / "HTTP/1.1\\r\\nHost: a\\r\\n"', f'{H} GET / "HTTP/1.0\\r\\nHost: a\\r\\n\\r\\n"',
    f'{H} GET / "HTTP/1.0\\r\\nHost:a\\r\\nConnection:x\\r\\nContent-Length: 9"',
    f"{SEND}", f"{SEND} meth PUT uri /u ver HTTP/1.1 hdr Host www hdr X-A b body hello",
    f"{SEND} body hello", f"{SEND} hdr Content-Length 3 hdr connection keep-alive body hello",
    f"{SEND} meth PUT ver HTTP/1.1 hdr A b hdr Connection x", f"{SEND} ver HTTP/1.1 hdr Connection close hdr A b",
    f"{SEND} ver HTTP/1.1 hdr Connection keep-alive hdr A b", f"{SEND} hdr Connection close hdr A b",
    f"{SEND} ver HTTP/1.1 hdr Connection upgrade,close hdr A b", f'{SEND} hdr A "x%%y"', f'{SEND} hdr A " x  y "',
    f"{SEND} uri http://h/x ver HTTP/1.1 hdr Host w", f"{SEND} uri http://h/x ver HTTP/1.1",
    f"{SEND} meth CONNECT uri h:80 ver HTTP/1.1 hdr Host w", f"{SEND} hdr A a hdr a c", f"{SEND} uri a%b",
    f"{H} GET /y; http-check send uri /x hdr a b", f"http-check send uri /x meth PUT hdr a b; {H} GET /y",
    f"http-check send meth PUT uri /u ver HTTP/1.1 body b; {H}", f"{LATE}; {H} /z",
    f"http-check send meth PUT uri /u ver HTTP/1.1 body b; {H} /y",
    f'http-check send meth PUT ver HTTP/1.1 hdr a b body b; {H} GET /y "HTTP/1.0\\r\\nc: d"',
    f'{H} GET /y "HTTP/1.1\\r\\nHost: q\\r\\n\\r\\nbbb"; http-check send hdr a b',
    f'{H} GET /y "HTTP/1.1\\r\\nc: d\\r\\n\\r\\nzz"; http-check send body b',
    f"{H}; http-check send-state", f"{LATE}; http-check send-state; http-check send hdr a b body q",
]  # fmt: skip

ANSWERS = [
    *(Case(H, one) for one in (
        answer(404), answer(503, "Service Unavailable"), answer(399, ""), answer(100) + OK, answer(500, ""),
        answer(500, "A\xe9<b"), answer(500, "x" * 300), b"HTTP/1.1 500\r\n\r\n", b"", b"hello\r\n\r\n",
        b"HTTP/1.1 2", b"HTTP/1.0 abc X\r\n\r\n", b"HTTP/2.0 200 X\r\n\r\n", b"ICY 200 X\r\n\r\n",
        b"HTTP/1.1 200 X\r\nbad\r\n\r\n", b"HTTP/1.1 200 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 X\nA: b\n\n", b"HTTP/1.1 200 X\r\nA: b\r\n", b"HTTP/1.1 200 " + b"x" * 20000,
        answer(200, "OK", b"abc", "Content-Length: 10\r\n"), answer(304, "x", b"", "Content-Length: 4\r\n"),
    )),
    Case(H, None), Case(f"{EXPECT} string a", answer(200, "OK", b"b"), closes=False),
    Case(f"{EXPECT} status 200", answer(500, "No", b"b", "Content-Length: 4\r\n"), closes=False),
    Case(f"{H}; http-check disable-on-404", answer(404)), Case(f"{H}; http-check disable-on-404", answer(500)),
    Case(f"{EXPECT} status 404; http-check disable-on-404", answer(404)),
    Case(f"{EXPECT} status 200,300-310", answer(305)), Case(f"{EXPECT} status 200,300-310", answer(404)),
    Case(f"{EXPECT} ! status 200,300-310", answer(305)), Case(f"{EXPECT} !status 200,,310", answer(500)),
    Case(f"{EXPECT} ! ! status 200", answer(200)), Case(f"{EXPECT} rstatus ^2", answer(305)),
    Case(f"{EXPECT} rstatus 200|30[0-9]", answer(305)), Case(f"{EXPECT} ! rstatus ^3", answer(305)),
    *(Case(f"{EXPECT} {no}{kind}", answer(500, "Y", body))
      for kind in ("string abc", "rstring a.c") for no in ("", "! ") for body in (b"xxabcxx", b"xxabxx", b"")),
    Case(f"{EXPECT} string abc", answer(500, "Y", b"3\r\nxab\r\n3\r\ncxx\r\n", CHUNKED), closes=False),
    Case(f"{EXPECT} ! string abc", answer(500, "Y", b"3\r\nxab\r\n0\r\n\r\n", CHUNKED), closes=False),
    Case(f"{EXPECT} string abc", answer(200, "Y", b"x" * 17000 + b"abc")),
    Case(f"{EXPECT} string abc", answer(200, "Y", b"x" * 10000 + b"abc")),
    Case(f"{H} HEAD /; http-check expect string abc", answer(200, "Y", b"abc")),
    Case(f"{EXPECT} status 200; http-check expect string abc", answer(200, "Y", b"abc")),
    Case(f"{EXPECT} status 200; http-check expect string abc", answer(201, "Y", b"abc")),
]  # fmt: skip


class Servers:
    """A server for each case, in threads that end with their sockets."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases = cases
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in cases]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        for case, listener in zip(cases, self.listeners, strict=True):
            threading.Thread(target=self._serve, args=(case, listener), daemon=True).start()

    def _serve(self, case: Case, listener: socket.socket) -> None:
        held = []
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.settimeout(2)
                with contextlib.suppress(OSError):
                    case.heard.append(client.recv(65536))
                    client.sendall(case.answer or b"")
                    if case.answer is not None and case.closes:
                        client.shutdown(socket.SHUT_WR)
                held.append(client)

    def close(self) -> None:
        """Listen no more."""
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@dataclass
class Seen:
    """What came of each case, by one program."""

    requests: list[bytes]
    statistics: list[dict[str, str]]
    lines: list[str]


def statistics(path: Path) -> dict[str, dict[str, str]]:
    """Return the rows of servers by the names of their backends."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(b"show stat -1 4 -1\n")
        text = b"".join(iter(lambda: line.recv(65536), b"")).decode("utf-8", "surrogateescape")
    header, *rows = [row.split(",") for row in text.splitlines() if row]
    return {row[0]: dict(zip(header, row, strict=False)) for row in rows}


def play(which: str, folder: Path, cases: list[Case], ports: list[int]) -> Seen:
    """Let a program check all servers once."""
    for case in cases:
        case.heard.clear()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        text = (
            f"global\n stats socket {folder}/ctl level admin\n node here\n"
            f" log 127.0.0.1:{log.getsockname()[1]} format raw local0\n"
            "defaults\n log global\n mode tcp\n timeout connect 5s\n timeout client 9s\n timeout server 9s\n"
            f"frontend f\n bind unix@{folder}/f\n default_backend b0\n"
        )
        for number, (case, port) in enumerate(zip(cases, ports, strict=True)):
            lines = "\n ".join(line.strip() for line in case.lines.split(";"))
            text += f"backend b{number}\n {lines}\n server s 127.0.0.1:{port} check inter 900ms fall 1 rise 1\n"
        (folder / "cfg").write_text(text)
        with program(which, "-db", "-f", str(folder / "cfg")) as process:
            wait_for(lambda: (folder / "ctl").exists() or process.poll() is not None, what=which)
            assert process.poll() is None, process.communicate()[1]
            rows: dict[str, dict[str, str]] = {}

            def checked() -> bool:
                rows.update(statistics(folder / "ctl"))
                return all(row["check_status"].lstrip("* ") not in ("INI", "UNK", "") for row in rows.values())

            wait_for(checked, what="all checks")
            ordered = [rows[f"b{number}"] for number in range(len(cases))]
            requests = [case.heard[0] for case in cases]
        lines_heard = sorted(heard(log))
    return Seen(requests, [{name: row[name].lstrip("* ") for name in COLUMNS} for row in ordered], lines_heard)


def heard(log: socket.socket) -> Iterator[str]:
    """Return the lines about servers, without what differs from run to run, each once."""
    log.setblocking(False)
    known = set()
    with contextlib.suppress(BlockingIOError):
        while True:
            line = DURATION.sub("", log.recv(65536).decode("utf-8", "surrogateescape")).strip()
            if "Server b" in line and line not in known:
                known.add(line)
                yield line


STORY = [answer(200)] * 2 + [answer(500)] * 4 + [answer(200)] * 3 + [answer(404)] * 2 + [answer(500), answer(200)]


def told_states(which: str, folder: Path) -> list[bytes]:
    """Return what a server is told of itself while its answers follow the story."""
    told: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    head = client.recv(65536)
                    told.append(re.sub(rb"port=\d+", b"port=_", head))
                    client.sendall(STORY[min(len(told), len(STORY)) - 1])

    threading.Thread(target=serve, daemon=True).start()
    (folder / "cfg").write_text(
        f"global\n node here\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 9s\n timeout server 9s\n"
        f"frontend f\n bind unix@{folder}/f\n default_backend b\nbackend b\n option httpchk\n"
        f" http-check send-state\n http-check disable-on-404\n server t 127.0.0.1:1 weight 5\n"
        f" server s 127.0.0.1:{listener.getsockname()[1]} check inter 30ms fall 3 rise 2 weight 3\n"
    )
    with program(which, "-db", "-f", str(folder / "cfg")):
        wait_for(lambda: len(told) > len(STORY), what="the end of the story")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    return told[: len(STORY) + 1]


def test_servers_are_told_how_they_are_seen() -> None:
    """From up to down, back, stopping and down again: the same headers, check by check."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        theirs = told_states(HAPROXY, Path(one))
        assert told_states(TCPROXY, Path(two)) == theirs
    assert {re.split(rb"[ ;]", line.split(b"state: ")[1])[0] for line in theirs} == {b"UP", b"DOWN", b"NOLB"}


def compared(cases: list[Case]) -> tuple[Any, Any]:
    """Return what both programs made of the cases."""
    servers = Servers(cases)
    try:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            return play(HAPROXY, Path(one), cases, servers.ports), play(TCPROXY, Path(two), cases, servers.ports)
    finally:
        servers.close()


def test_requests_as_the_reference_sends_them() -> None:
    """Whatever the words, servers get the same bytes."""
    cases = [Case(lines) for lines in REQUESTS]
    theirs, ours = compared(cases)
    for case, expected, found in zip(cases, theirs.requests, ours.requests, strict=True):
        assert found == expected, case.lines


def test_checks_as_the_reference_makes_them() -> None:
    """Whatever servers answer, statistics and log lines are the same."""
    theirs, ours = compared(ANSWERS)
    for case, expected, found in zip(ANSWERS, theirs.statistics, ours.statistics, strict=True):
        assert found == expected, (case.lines, case.answer and case.answer[:80])
    assert ours.lines == theirs.lines
