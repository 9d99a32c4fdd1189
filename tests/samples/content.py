"""What HAProxy takes from the bytes of a client or a server in TCP mode: its samples, and whether it waits for more.

One haproxy has a frontend for each expression. A connection's log line tells the value, and whether a test that never
matches was decided before inspect-delay ended: then the rules ran once since the first byte, or ended early. Of a
condition (`if ...`) the value is 1 where it is met, at the latest once nothing more is waited for.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.running import HAPROXY, PATIENCE, free_port, program

AT_ONCE = 150
"""Connections at a time."""
SHOWN = 60
"""Bytes of a value that are shown."""
DELAY = 600
"""Milliseconds of inspect-delay."""
VALUE = "%[var(txn.value)"

TOP = """global
  nbthread 1
  maxconn 2000
  log 127.0.0.1:{log} len 65000 local0
defaults
  mode tcp
  timeout client 10s
  timeout server 10s
  timeout connect 2s
  log global
  log-format "%fp %cp|%[var(txn.passes)]|%[var(txn.found)]|{value},sha1,hex]|{value},bytes(0,{shown}),hex]|%Tt %ts %B"
listen ready
  bind 127.0.0.1:{ready}
  no log
  tcp-request connection reject
"""


class Seen(NamedTuple):
    """What came of an expression: its sample as HAProxy casts it to bytes, None for none, and whether it may change.

    start: its first bytes, which a failing test shows; digest: of all of it (SHA-1).
    """

    start: bytes | None
    digest: bytes
    waits: bool

    @classmethod
    def of(cls, value: bytes | None, waits: bool) -> Seen:
        """Return what a value looks like."""
        if value is None:
            return cls(None, b"", waits)
        return cls(value[:SHOWN], hashlib.sha1(value).digest(), waits)


class Answers:
    """A running haproxy that knows some expressions. ask() gives it bytes of clients, or of servers."""

    def __init__(self, expressions: Sequence[str], side: str, first: int, log: socket.socket, server: socket.socket):
        self.ports = {text: first + at for at, text in enumerate(expressions)}
        self.side, self.log, self.server = side, log, server

    def ask(self, questions: Sequence[tuple[str, bytes]]) -> list[Seen]:
        """Return what HAProxy says of each expression with these bytes."""
        found: list[Seen] = []
        for start in range(0, len(questions), AT_ONCE):
            found += self._ask_some(questions[start : start + AT_ONCE])
        return found

    def _ask_some(self, questions: Sequence[tuple[str, bytes]]) -> list[Seen]:
        told: dict[bytes, Seen] = {}
        with contextlib.ExitStack() as stack:
            numbers = [self._connect(stack, text, data) for text, data in questions]
            deadline = time.monotonic() + PATIENCE
            while len(told) < len(numbers):
                assert time.monotonic() < deadline, f"{len(numbers) - len(told)} of {len(numbers)} lines are missing"
                line = self.log.recv(70000).split(b": ", 1)[1].split(b"|")
                if line[0] in numbers:  # somebody who looks for a free port may have been here, too
                    told[line[0]] = _seen(line)
        return [told[number] for number in numbers]

    def _connect(self, stack: contextlib.ExitStack, text: str, data: bytes) -> bytes:
        client = stack.enter_context(socket.create_connection(("127.0.0.1", self.ports[text]), PATIENCE))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.side == "request":
            client.sendall(data)
        else:
            client.sendall(b"?")
            server = stack.enter_context(self.server.accept()[0])
            server.sendall(data)
        return b"%d %d" % (self.ports[text], client.getsockname()[1])


def _seen(line: Sequence[bytes]) -> Seen:
    waits = int(line[1]) > 1 and int(line[5].split()[0]) >= DELAY / 2
    if line[2] != b"1":
        return Seen.of(None, waits)
    digest, start = (bytes.fromhex(part.decode("ascii").strip("-")) for part in line[3:5])
    return Seen(start, digest, waits) if start else Seen.of(b"", waits)


def _rules(text: str, side: str) -> list[str]:
    rule, length = f"tcp-{side} content", "req.len" if side == "request" else "res.len"
    if text.startswith("if "):
        asked = [f"{rule} set-var(txn.value) int(1) {text}"]
    else:
        asked = [f"{rule} set-var(txn.value) {text}"]
        asked += [f"{rule} set-var(txn.never) int(1) if {{ {text} -m str no.such.value }}"]
    return [
        f"tcp-{side} inspect-delay {DELAY}ms",
        f"{rule} set-var(txn.passes) var(txn.passes,0),add(1) if {{ {length} gt 0 }}",
        *asked,
        f"{rule} set-var(txn.found) int(1) if {{ var(txn.value) -m found }}",
        f"{rule} reject",
    ]


@contextlib.contextmanager
def answers(folder: Path, expressions: Sequence[str], side: str = "request") -> Iterator[Answers]:
    """Run a haproxy that knows these expressions. side: of whose content they are, the request's or the response's."""
    ready = free_port(count=len(expressions) + 1)
    first = ready + 1
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        log.settimeout(PATIENCE)
        log.bind(("127.0.0.1", 0))
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE))
        lines = [TOP.format(log=log.getsockname()[1], ready=ready, value=VALUE, shown=SHOWN)]
        for at, text in enumerate(expressions):
            lines += [f"listen f{at}", f"  bind 127.0.0.1:{first + at}"]
            lines += [f"  {line}" for line in _rules(text, side)]
            if side == "response":
                lines += [f"  server s 127.0.0.1:{server.getsockname()[1]}"]
        file = folder / "content.cfg"
        file.write_text("\n".join(lines) + "\n")
        checked = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        stack.enter_context(program(HAPROXY, "-db", "-f", str(file), port=ready))
        yield Answers(expressions, side, first, log, server)
