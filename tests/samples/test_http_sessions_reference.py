"""Conditions on fetches of HTTP in real sessions: HAProxy and tcproxy answer the same requests alike."""

from __future__ import annotations

import socket
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, free_port, program
from tests.samples.http_cases import requests
from tests.samples.test_http_reference import TESTS_OF_REQUESTS

CONFIGURATION = """
userlist L
  group G users joe
  user joe insecure-password pw
defaults
  mode http
  timeout client 20s
  timeout connect 20s
  timeout server 20s
frontend f
  bind 127.0.0.1:{port}
  option http-buffer-request
  capture request header x len 5
  capture request header accept len 20
  unique-id-format %ci-%rt
{rules}
  default_backend b
backend b
"""
ONLY_IN_SESSIONS = """
capture.req.hdr(0) -m found | capture.req.hdr(0) a | capture.req.hdr(1) -m len gt 0 | capture.req.hdr(2) -m found
unique-id -m found | unique-id -m beg 127 | http_first_req | fc_http_major 1 | fe_req_rate ge 1 | fe_req_rate(f) lt 0
http_auth(L) | http_auth_group(L) G | http_auth_user joe | http_auth_bearer -m found | method GET POST | method PATCH
capture.req.method -m str GET | capture.req.uri -m beg /a | capture.req.ver HTTP/1.1 | req.body_len gt 3 | req.ver 1.0
req.body_size 0 | url_port 8080 | url_ip 1.2.3.4 | base32 gt 2147483648 | req.hdr_names -m sub cookie | query -m found
"""


def conditions() -> list[str]:
    """Return the conditions, one of which each request asks for."""
    more = [f"{{ {test.strip()} }}" for line in ONLY_IN_SESSIONS.strip().splitlines() for test in line.split("|")]
    return TESTS_OF_REQUESTS + more


def asked() -> list[bytes]:
    """Return requests that ask for the condition with the number in their header X-Test."""
    login = b"Authorization: Basic " + b64encode(b"joe:pw") + b"\r\n"
    found = []
    for number, case in enumerate(requests(24, 5)):
        start, _, rest = case.request.partition(b"\r\n")
        for test in range(len(conditions())):
            head = b"X-Test: %d\r\n" % test + (login if number % 3 == 0 else b"")
            found.append(b"%b\r\n%b%b" % (start, head, rest))
    return found


def answers(words: list[str], folder: Path) -> list[tuple[bytes, bytes]]:
    """Run a program; return the status and the Location of each answer."""
    rules = [
        f"  redirect location /{n} if {{ req.hdr(x-test) {n} }} {text}" for n, text in enumerate(conditions())
    ]
    port = free_port()
    file = folder / "sessions.cfg"
    file.write_text(CONFIGURATION.format(port=port, rules="\n".join(rules)))
    with program(*words, "-db", "-f", str(file), port=port):
        return [_answer(port, request) for request in asked()]


def _answer(port: int, request: bytes) -> tuple[bytes, bytes]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(request)
        stream = connection.makefile("rb")
        status = stream.readline()[9:12]
        location = b""
        while line := stream.readline().rstrip():
            name, _, value = line.partition(b": ")
            if name == b"location":
                location = value
        return status, location


@pytest.mark.reference
def test_conditions_in_sessions(tmp_path: Path) -> None:
    """Redirects whose conditions look at requests apply to the same requests."""
    theirs = answers([HAPROXY], tmp_path)
    ours = answers([sys.executable, "-m", "tcproxy.command"], tmp_path)
    differences = [
        f"{request!r}\n  HAProxy {one}, tcproxy {other}"
        for request, one, other in zip(asked(), theirs, ours, strict=True)
        if one != other
    ]
    assert "\n".join(differences) == ""
    assert {status for status, _ in theirs} >= {b"302", b"503"}
