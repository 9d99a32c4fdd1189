"""ACLs and conditions beside HAProxy: the verdicts on lines, and what each test says of a real client."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.cases import ACCEPTED, CONDITIONS, DECLARED, MATCHES, REFUSED, RESOLVED, UNRESOLVED
from tests.running import HAPROXY, free_port, program

pytestmark = pytest.mark.reference

DEFAULTS = """global
  nbthread 1
defaults
  mode {mode}
  timeout connect 1s
  timeout client 1s
  timeout server 1s
"""


def refused(file: Path, line: str) -> bool:
    """Return whether the reference refuses a line of a frontend `f`, beside a backend `b` with a server `s`."""
    text = DEFAULTS.format(mode="tcp") + "backend b\n  server s 127.0.0.1:1\nfrontend f\n  bind 127.0.0.1:1\n"
    file.write_text(f"{text}  {line}\n")
    run = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, check=False)
    return run.returncode != 0


@pytest.mark.parametrize(
    ("lines", "expected"), [(REFUSED, True), (ACCEPTED, False), (UNRESOLVED, True), (RESOLVED, False)]
)
def test_verdicts_are_the_reference_verdicts(tmp_path: Path, lines: list[str], expected: bool) -> None:
    """HAProxy refuses each line that we refuse, and accepts each that we accept."""
    plain = [line for line in lines if '"' not in line]  # a quote means something to the reader of lines
    assert [line for line in plain if refused(tmp_path / "line.cfg", line) != expected] == []


def asked() -> list[tuple[bool, str]]:
    """Return all conditions with their expected answers, the tests between braces."""
    tests = [(case[0] == "1", f"{{ {case[2:]} }}") for case in MATCHES]
    return tests + [(case[0] == "1", case[2:]) for case in CONDITIONS]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Ask a running haproxy all conditions with one request."""
    folder, port = tmp_path_factory.mktemp("answers"), free_port()
    lines = [
        DEFAULTS.format(mode="http"),
        "backend b\n  server s1 127.0.0.1:1 weight 5\n  server s2 127.0.0.1:2 backup maxconn 7",
        f"frontend f\n  bind 127.0.0.1:{port} name lis",
        *(f"  {line}" for line in DECLARED),
    ]
    conditions = [condition for _, condition in asked()]
    for at, condition in enumerate(conditions):
        lines.append(f"  http-request set-var(txn.v{at}) str(1) if {condition}")
    answer = "".join(f"%[var(txn.v{at},0)]" for at in range(len(conditions)))
    lines.append(f'  http-request return status 200 content-type text/plain lf-string "{answer}"\n')
    file = folder / "ask.cfg"
    file.write_text("\n".join(lines))
    with program(HAPROXY, "-db", "-f", str(file), port=port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            reply = b"".join(iter(lambda: client.recv(65536), b""))
        yield list(reply.split(b"\r\n\r\n", 1)[1].decode())


def test_every_answer_is_the_reference_answer(answers: list[str]) -> None:
    """What our cases expect is what HAProxy finds, for each test and each condition."""
    assert len(answers) == len(asked())
    pairs = zip(asked(), answers, strict=True)
    wrong = [condition for (expected, condition), said in pairs if expected != (said == "1")]
    assert wrong == []
