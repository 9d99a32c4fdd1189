"""Both programs at work on one configuration, and a client of their command sockets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY, program, wait_for


@contextlib.contextmanager
def both(
    factory: pytest.TempPathFactory, configuration: str, ready: str, files: Mapping[str, str] | None = None
) -> Iterator[tuple[Path, Path]]:
    """Give the folders of tcproxy and haproxy.

    configuration: `{folder}` stands for each one's own. ready: the socket there that is opened last.
    files: texts by the names that the configuration has for them.
    """
    with contextlib.ExitStack() as running:
        folders = []
        for what in (TCPROXY, HAPROXY):
            folder = factory.mktemp("one")
            (folder / "a.cfg").write_text(configuration.format(folder=folder))
            for name, text in (files or {}).items():
                (folder / name).write_text(text)
            running.enter_context(program(what, "-db", "-C", str(folder), "-f", "a.cfg"))
            wait_for((folder / ready).exists, what=f"the socket of {what}")
            folders.append(folder)
        yield folders[0], folders[1]


def ask(path: Path, command: str) -> str:
    r"""Return the answer to a command; `\n` in it is a line end."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(command.replace("\\n", "\n").encode() + b"\n")
        answer = b""
        while data := client.recv(65536):
            answer += data
    return answer.decode()
