"""Fetches of HTTP in real sessions: both programs write their values into headers of requests and of responses.

A server records what it gets. Each value is seen by the rules that follow, since it stands in a header.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, free_port, program
from tests.samples.http_cases import requests, responses
from tests.samples.test_http_reference import OF_REQUESTS, OF_RESPONSES

CONFIGURATION = """
global
  tune.bufsize 131072
  tune.maxrewrite 60000
defaults
  mode http
  timeout client 20s
  timeout connect 20s
  timeout server 20s
frontend f
  bind 127.0.0.1:{port}
  log 127.0.0.1:1 local0
  option httplog
  option http-buffer-request
  unique-id-format %ci
  capture request header x len 5
  capture response header x len 7
{front}
  default_backend b
backend b
  http-reuse never
  server s 127.0.0.1:{server}
{back}
"""
MORE_OF_REQUESTS = ["capture.req.hdr(0)", "capture.req.hdr(1)", "unique-id", "http_auth_type"]
MORE_OF_RESPONSES = ["capture.res.hdr(0)", "capture.req.hdr(0)", "unique-id", "srv_name", "res.hdr(y-v0)"]
LEFT_OUT = {"res.body", "res.body_len", "req.body_param(a)"}
"""Bodies of responses come to each program in pieces of its own, and parameters of a body have another kind here."""


class Recorder:
    """A server that answers the requests in turn, and keeps their heads."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.heads: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for answer in self.answers:
            with contextlib.suppress(OSError), self.listener.accept()[0] as connection:
                data = b""
                while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                    data += more
                self.heads.append(data.partition(b"\r\n\r\n")[0])
                connection.sendall(answer)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()


def rules(kind: str, prefix: str, expressions: list[str]) -> str:
    """Return the lines that write each value into a header, and the numbers of those that there are."""
    lines = []
    for number, text in enumerate(expressions):
        lines.append(f"  {kind} set-header {prefix}-v{number} %[{text},hex]")
        lines.append(f"  {kind} add-header {prefix}-found {number} if {{ {text} -m found }}")
    return "\n".join(lines)


def written(head: bytes, prefix: bytes, expressions: list[str]) -> dict[str, bytes]:
    """Return the values of a head's headers that rules wrote, by the expressions; all numbers found as one."""
    values: dict[str, bytes] = {}
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name == prefix + b"-found":
            values["found"] = values.get("found", b"") + value + b","
        elif name.startswith(prefix + b"-v"):
            values[expressions[int(name[len(prefix) + 2 :])]] = value
    return values


def seen(words: list[str], folder: Path, prefix: str, expressions: list[str]) -> list[dict[str, bytes]]:
    """Run a program; return what its rules wrote for each case. prefix: x of requests, y of responses."""
    answers = [case.response for case in responses(60, 11)]
    asked = [case.request for case in requests(60, 12)]
    front = rules("http-request", "x", expressions) if prefix == "x" else ""
    back = rules("http-response", "y", expressions) if prefix == "y" else ""
    found = []
    with Recorder([answer for _ in range(3) for answer in answers]) as server:
        port = free_port()
        file = folder / "values.cfg"
        file.write_text(CONFIGURATION.format(port=port, server=server.port, front=front, back=back))
        with program(*words, "-db", "-f", str(file), port=port):
            for number, request in enumerate(asked):
                before = len(server.heads)
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                    client.sendall(request)
                    head = _head(client)
                if prefix == "x":
                    head = server.heads[before] if len(server.heads) > before else head.partition(b"\r\n")[0]
                found.append({"case": request + answers[number], **written(head, prefix.encode(), expressions)})
    return found


def _head(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        while b"\r\n\r\n" not in data and (more := client.recv(65536)):
            data += more
    return data.partition(b"\r\n\r\n")[0]


@pytest.mark.reference
@pytest.mark.parametrize("prefix", ["x", "y"])
def test_values_in_sessions(prefix: str, tmp_path: Path) -> None:
    """Every value that rules write into headers is the same in both programs."""
    every = OF_REQUESTS + MORE_OF_REQUESTS if prefix == "x" else OF_RESPONSES + MORE_OF_RESPONSES
    expressions = [text for text in every if text not in LEFT_OUT]
    theirs = seen([HAPROXY], tmp_path, prefix, expressions)
    ours = seen([sys.executable, "-m", "tcproxy.command"], tmp_path, prefix, expressions)
    differences = [
        f"{one['case']!r}\n    {name}: HAProxy {one.get(name)!r}, tcproxy {other.get(name)!r}"
        for one, other in zip(theirs, ours, strict=True)
        for name in {**one, **other}
        if one.get(name) != other.get(name)
    ]
    assert "\n".join(differences) == ""
    assert sum(len(one) > 20 for one in theirs) > 30
