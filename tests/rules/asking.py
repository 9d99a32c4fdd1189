"""Ask HAProxy, and tcproxy, what many tests say: whether each is accepted, and whether it holds.

A test is what stands between braces, as `str(abc) -m beg ab`. One haproxy answers for all tests of a call. Files that
tests name are given by name and content, and lie in the folder that HAProxy and tcproxy read from.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.running import HAPROXY, PATIENCE, free_port, program

_BATCH = 100
_ALERT = re.compile(r"\[ALERT\].*?\[[^\]\[]*:([0-9]+)\] ?: (.*)")
_HEAD = """\
global
  log /dev/null local0
defaults
  mode http
  timeout client 30s
frontend f
  bind 127.0.0.1:%d
"""


@contextmanager
def folder_of(files: Mapping[str, bytes]) -> Iterator[Path]:
    """Work in a new folder with these files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            Path(name, file).write_bytes(content)
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def of_haproxy(tests: Sequence[str]) -> list[bool | str]:
    """Return whether each test holds in HAProxy, or why it refuses it; files are those of the current folder."""
    refused: dict[int, str] = {}
    while True:
        numbers = _write(tests, refused, 1)
        run = subprocess.run([HAPROXY, "-c", "-f", "ask.cfg"], capture_output=True, check=False)
        if run.returncode == 0:
            break
        said = run.stderr.decode(errors="replace")
        found = {numbers[int(line)]: why for line, why in _ALERT.findall(said) if "too many fatal" not in why}
        assert found and -1 not in found, said
        refused.update(found)
    held = _ask(tests, refused)
    return [refused[at] if at in refused else held[at] for at in range(len(tests))]


def _write(tests: Sequence[str], refused: Mapping[int, str], port: int) -> list[int]:
    """Write the configuration without the refused tests; return the number of the test of each line."""
    kept = [at for at in range(len(tests)) if at not in refused]
    rules = [f"  tcp-request content set-var(txn.v{at}) str(1) if {{ {_quoted(tests[at])} }}\n" for at in kept]
    lines, batches = [], [kept[start : start + _BATCH] for start in range(0, len(kept), _BATCH)]
    for number, batch in enumerate(batches):
        answer = "".join(f"%[var(txn.v{at},0)]" for at in batch)
        lines.append(f'  http-request return status 200 content-type text/plain lf-string "{answer}"')
        lines[-1] += f" if {{ path /{number} }}\n"
    head = _HEAD % port
    Path("ask.cfg").write_bytes((head + "".join(rules) + "".join(lines)).encode("utf-8", "surrogateescape"))
    return [-1] * (head.count("\n") + 1) + kept + [-1] * len(lines)


def _quoted(test: str) -> str:
    """Return the words of a test as HAProxy's reader of lines takes them."""
    return re.sub(r"([\\#\"'])", r"\\\1", test)


def _ask(tests: Sequence[str], refused: Mapping[int, str]) -> dict[int, bool]:
    kept = [at for at in range(len(tests)) if at not in refused]
    port = free_port()
    _write(tests, refused, port)
    answers = ""
    with program(HAPROXY, "-db", "-f", "ask.cfg", port=port):
        for number in range((len(kept) + _BATCH - 1) // _BATCH):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(b"GET /%d HTTP/1.0\r\n\r\n" % number)
                reply = b"".join(iter(lambda client=client: client.recv(65536), b""))  # type: ignore[misc]
            answers += reply.split(b"\r\n\r\n", 1)[1].decode()
    assert len(answers) == len(kept), answers
    return {at: said == "1" for at, said in zip(kept, answers, strict=True)}
