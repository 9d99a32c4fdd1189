"""The reference program, to be provoked: its messages with their syslog levels, and its runtime socket."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.running import HAPROXY, end, wait_for


class Reference:
    """A running haproxy. Messages arrive in order and before the answer to the command that provoked them."""

    def __init__(self, folder: Path, log: socket.socket, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.path = str(folder / "cli")
        self.log = log
        log.setblocking(False)

    def say(self, command: str) -> str:
        """Give a command to the runtime socket; return the answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.path)
            line.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: line.recv(65536), b"")).decode().strip()

    def said(self) -> list[tuple[int, str]]:
        """Return the messages since the last call: level, text."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                level, _, text = self.log.recv(65536).decode().strip().partition(">")
                messages.append((int(level[1:]) % 8, text))
        return messages

    def table(self, command: str) -> dict[str, dict[str, str]]:
        """Return rows of `show stat` or `show servers state`, by backend/server."""
        lines = [line for line in self.say(command).splitlines() if line and line != "1"]
        csv = "," in lines[0]
        header = lines[0][2:].split("," if csv else None)
        rows = [dict(zip(header, line.split("," if csv else None), strict=False)) for line in lines[1:]]
        names = ("pxname", "svname") if csv else ("be_name", "srv_name")
        return {f"{row[names[0]]}/{row[names[1]]}": row for row in rows}


@contextlib.contextmanager
def reference(folder: Path, sections: str) -> Iterator[Reference]:
    """Run haproxy on these proxy sections (defaults: tcp mode, logs to us) until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        file = folder / "haproxy.cfg"
        file.write_text(
            f"global\n nbthread 1\n stats socket {folder}/cli level admin\n"
            f" log 127.0.0.1:{log.getsockname()[1]} format priority local0\n"
            "defaults\n log global\n mode tcp\n timeout connect 1s\n timeout client 10s\n timeout server 10s\n"
            f" timeout queue 10s\n{sections}"
        )
        process = subprocess.Popen(
            [HAPROXY, "-db", "-f", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            wait_for(lambda: (folder / "cli").exists() or process.poll() is not None, what="haproxy")
            assert process.poll() is None, process.communicate()[0]
            yield Reference(folder, log, process)
        finally:
            end(process)
