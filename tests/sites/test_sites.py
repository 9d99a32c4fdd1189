"""Sites: configurations in the manner of those that people run, played by HAProxy and by tcproxy alike.

Each file of configurations/ says the requests to play in its last lines: `#> METHOD TARGET | Header: value | +body`,
with `@p2` for the second address.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program
from tests.sites.servers import Telling

HERE = Path(__file__).parent
FILES = sorted((HERE / "configurations").glob("*.cfg"))
SERVERS = 5
_PLACE = re.compile(r"\{(p1|p2|log|errors|maps|s\d)\}")


@dataclass(slots=True)
class Played:
    """What came of the requests: each answer, and the log lines, without what differs from run to run."""

    answers: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class Site:
    """One configuration, run by one program."""

    def __init__(self, name: str, text: str, servers: list[Telling], folder: Path) -> None:
        self.name, self.text = name, text
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind(("127.0.0.1", 0))
        self.log.settimeout(PATIENCE)
        self.ports = {"p1": free_port(), "p2": free_port()}
        places = {
            **self.ports, "log": self.log.getsockname()[1], "errors": HERE / "errors", "maps": HERE / "maps",
            **{f"s{number}": server.port for number, server in enumerate(servers, 1)},
        }  # fmt: skip
        self.file = folder / f"{Path(name).name}.cfg"
        self.file.write_text(_PLACE.sub(lambda found: str(places[found[1]]), text))

    def play(self) -> Played:
        """Play all requests, one after another, each on a connection of its own."""
        played = Played()
        with program(self.name, "-db", "-f", str(self.file), port=self.ports["p1"]):
            for line in re.findall(r"^#> (.*)$", self.text, re.MULTILINE):
                played.answers.append(self._exchange(line))
            played.lines = self._lines()
        self.log.close()
        return played

    def _exchange(self, line: str) -> bytes:
        first, *parts = [part.strip() for part in line.split(" | ")]
        port = self.ports["p1"]
        headers, body = ["Connection: close"], ""
        for part in parts:
            if part.startswith("@"):
                port = self.ports[part[1:]]
            elif part.startswith("+"):
                body = part[1:]
            else:
                headers.append(part)
        if not any(header.lower().startswith("host:") for header in headers):
            headers.insert(0, "Host: site")
        request = "\r\n".join([f"{first} HTTP/1.1", *headers, "", body])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(request.encode())
            return self._without_ports(_all(client))

    def _without_ports(self, answer: bytes) -> bytes:
        for name, port in self.ports.items():
            answer = answer.replace(str(port).encode(), name.encode())
        return answer

    def _lines(self) -> list[str]:
        """Return the log lines, sorted, without those of connections that only looked whether the program listens."""
        found: list[str] = []
        self.log.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                found.append(_plain(self.log.recv(65536).decode()))
        return sorted(line for line in found if " 400 0 - - CR-- " not in line)


def _all(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := client.recv(65536):
            data += more
    return data


def _plain(line: str) -> str:
    """Return a log line without dates, ports, times and counts; a time that never came stays."""
    line = re.sub(r"^<(\d+)>.*?\[\d+\]: ", r"<\1> ", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "CLIENT", line)
    line = re.sub(r"\[\d\d/\w+/\d{4}:[\d:.]+\]", "[DATE]", line)
    line = re.sub(r" \d+/\d+/\d+/\d+/(\d+) \d+/\d+(?=\s)", r" COUNTS/\1", line)
    return re.sub(r"(?<= )(-?\d+/)+-?\d+(?= )", lambda times: re.sub(r"(?<!-)\b\d+", "N", times[0]), line, count=1)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Telling]]:
    """Run the servers."""
    with contextlib.ExitStack() as running:
        yield [running.enter_context(Telling(f"s{number}")) for number in range(1, SERVERS + 1)]


@pytest.mark.reference
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_sites_are_played_alike(file: Path, servers: list[Telling], tmp_path: Path) -> None:
    """Answers, what servers were asked, and log lines are the same with either program."""
    text = file.read_text()
    theirs, ours = (Site(name, text, servers, tmp_path).play() for name in (HAPROXY, TCPROXY))
    assert ours.answers == theirs.answers
    assert ours.lines == theirs.lines


@pytest.mark.reference
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_sites_are_accepted_alike(file: Path, servers: list[Telling], tmp_path: Path) -> None:
    """Either program finds the file good, and warns of nothing."""
    for name in (HAPROXY, TCPROXY):
        site = Site(name, file.read_text(), servers, tmp_path)
        site.log.close()
        done = subprocess.run([name, "-c", "-f", str(site.file)], capture_output=True, text=True, check=False)
        assert (done.returncode, "[WARNING]" in done.stderr) == (0, False), done.stderr
