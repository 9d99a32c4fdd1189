"""Rules of HTTP in both programs: each case is a frontend and a backend of its own, all of them in one process.

Seen of each case: what the client got, what the server got, log lines, and counters of `show stat`.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import HAPROXY, TCPROXY, assert_sound, free_port, stop, wait_for

COLUMNS = tuple(
    """stot bin bout dreq dresp ereq econ eresp wretr wredis lbtot hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx
    hrsp_other req_tot cli_abrt srv_abrt wrew connect reuse intercepted""".split()  # noqa: SIM905  # as in likeness.py
)
PROGRAMS = {"haproxy": HAPROXY, "tcproxy": TCPROXY}
AT_ONCE = 16
PAUSE = 0.15
"""Seconds between two steps of a client: to be read apart, they need not be answered apart."""
ENOUGH = 8.0
"""Seconds that a client waits for its connection's end: longer than all timeouts here."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok"

GLOBAL = """
global
    nbthread 1
    stats socket {control} level admin
    expose-experimental-directives
{more}
"""
DEFAULTS = """
defaults
    mode http
    timeout connect 1s
    timeout client 3s
    timeout server 3s
    log 127.0.0.1:{log} local0
    log-format "%ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %rc %sq/%bq %hr %hs %{{+Q}}r"
"""
SECTION = """
{more}
frontend f{number}
    bind 127.0.0.1:{port}
{front}
    default_backend b{number}
backend b{number}
{back}
    server s 127.0.0.1:{server} {words}
"""


@dataclass(frozen=True)
class Case:
    """One case. front, back: lines of its sections. steps: what its client sends. answer: of its server, b"" for none.

    more: sections in front of them; `#` in all lines is the number of the case. words: of the server's line.
    """

    front: str
    back: str = ""
    steps: tuple[bytes, ...] = (b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nConnection: close\r\n\r\n",)
    answer: bytes = OK
    more: str = ""
    words: str = ""


def get(target: str = "/a?b=c", *headers: str, method: str = "GET", body: bytes = b"") -> tuple[bytes, ...]:
    """Return the one step of a client that asks for this, and nothing else."""
    lines = [f"{method} {target} HTTP/1.1", "Host: h", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body,)


@dataclass
class Seen:
    """What was seen of a case with one program."""

    client: bytes = b""
    server: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    counters: dict[str, dict[str, str]] = field(default_factory=dict)

    def text(self) -> str:
        """Return all of it as lines."""
        lines = ["client:", *_lines(self.client)]
        for data in self.server:
            lines += ["server:", *_lines(data)]
        lines += ["log:", *self.lines]
        lines += [f"{name} {column} {value}" for name, row in self.counters.items() for column, value in row.items()]
        return "\n".join(lines)


def _lines(data: bytes) -> list[str]:
    return [repr(line)[2:-1] for line in data.splitlines(keepends=True)]


def both(cases: list[Case], more: str = "", settings: str = "") -> list[tuple[str, str]]:
    """Return what is seen of each case with HAProxy and with tcproxy. more: sections; settings: of `global`."""
    first = _seen("haproxy", cases, more, settings)
    second = _seen("tcproxy", cases, more, settings)
    return [(one.text(), other.text()) for one, other in zip(first, second, strict=True)]


def _seen(name: str, cases: list[Case], more: str, settings: str) -> list[Seen]:
    with tempfile.TemporaryDirectory(prefix="sides") as folder:
        return asyncio.run(_Stage(name, cases, Path(folder), more, settings).play())


class _Stage(asyncio.DatagramProtocol):
    """One program with all cases."""

    def __init__(self, name: str, cases: list[Case], folder: Path, more: str, settings: str) -> None:
        self.name, self.cases, self.folder, self.more, self.settings = name, cases, folder, more, settings
        self.seen = [Seen() for _ in cases]
        self.lines = 0

    def datagram_received(self, data: bytes, address: object) -> None:
        """Take a log line: it begins with the frontend of its case."""
        level, _, rest = data.decode("latin-1").partition(">")
        line = rest.partition("]: ")[2].rstrip()
        number = int(re.match(r"f(\d+)", line)[1])  # type: ignore[index]  # the format begins so
        line = re.sub(r"(?<=[ /])\d+(?=/)|(?<=/)\d+(?= \S+ \d+ \S+ \S+ \S{4} )", "T", line, count=0)
        self.seen[number].lines.append(f"{level}> {line}")

    async def play(self) -> list[Seen]:
        """Play all cases."""
        loop = asyncio.get_running_loop()
        logs, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        log = logs.get_extra_info("sockname")[1]
        text = GLOBAL.format(control=self.folder / "control", more=self.settings)
        text += self.more + DEFAULTS.format(log=log)
        port = free_port(count=len(self.cases))
        servers = []
        for number, case in enumerate(self.cases):
            servers.append(await asyncio.start_server(_Server(case, self.seen[number]).serve, "127.0.0.1", 0))
            text += SECTION.format(
                number=number, port=port + number, front=_indented(case.front, number), words=case.words,
                back=_indented(case.back, number), server=servers[-1].sockets[0].getsockname()[1],
                more=case.more.replace("#", str(number)),
            )  # fmt: skip
        path = self.folder / "haproxy.cfg"
        path.write_text(text)
        with self._running(path) as process:
            ready = lambda: process.poll() is not None or (self.folder / "control").exists()  # noqa: E731
            await asyncio.to_thread(wait_for, ready)
            assert process.poll() is None, (self.folder / "said").read_text()
            turns = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._play(number, port + number, turns) for number in range(len(self.cases))))
            await asyncio.sleep(0.2)
            await self._count()
        for server in servers:
            server.close()
        logs.close()
        return self.seen

    @contextlib.contextmanager
    def _running(self, path: Path) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "said").open("w") as said:  # a pipe may fill up
            words = [PROGRAMS[self.name], "-db", "-f", str(path)]
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            yield process
        finally:
            stop(process)
        assert_sound((self.folder / "said").read_text())

    async def _play(self, number: int, port: int, turns: asyncio.Semaphore) -> None:
        async with turns:
            with contextlib.suppress(OSError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                for at, step in enumerate(self.cases[number].steps):
                    if at:
                        await asyncio.sleep(PAUSE)
                    if step:
                        writer.write(step)
                    else:
                        writer.write_eof()
                async with asyncio.timeout(ENOUGH):
                    while data := await reader.read(65536):
                        self.seen[number].client += data
                writer.close()

    async def _count(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "control"))
        writer.write(b"show stat\n")
        table = (await reader.read()).decode()
        writer.close()
        for row in csv.DictReader(table.removeprefix("# ").splitlines()):
            found = re.fullmatch(r"([fb])(\d+)", row["pxname"])
            if found and row["svname"] in ("FRONTEND", "BACKEND", "s"):
                self.seen[int(found[2])].counters[f"{found[1]}/{row['svname']}"] = {
                    column: row[column] for column in COLUMNS if row.get(column) not in ("", "0", None)
                }


def _indented(lines: str, number: int) -> str:
    return "\n".join("    " + line.strip().replace("#", str(number)) for line in lines.splitlines())


class _Server:
    """The server of one case: it answers each request when it is whole."""

    def __init__(self, case: Case, seen: Seen) -> None:
        self.case, self.seen = case, seen

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1])) if length else b""
                self.seen.server.append(head + body)
                if not self.case.answer:
                    break
                writer.write(self.case.answer)
                if b"content-length" not in self.case.answer.lower():
                    break
        writer.close()
