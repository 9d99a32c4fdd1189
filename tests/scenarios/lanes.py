"""Lanes: many small proxies in one program, each of which plays one case after another, as many side by side.

A lane is a `listen` section whose server the test plays, so that a case's bytes can be told from all others without
anything added to them. A case is a Play: what clients send, step by step, and what the server answers to each request.
What came of it is an Outcome: the bytes on each link, the bytes of each client, the log lines.

Nothing here waits for a time. A client takes its next step when the last one was told in a log line, and the lane is
free when all is closed and the program has seen it: a barrier, which is a request of ours to another proxy of the same
process, is answered behind whatever came before it.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.running import HAPROXY, PATIENCE, TCPROXY, assert_sound, end, free_port

PROGRAMS = {"haproxy": HAPROXY, "tcproxy": TCPROXY}
KINDS = {
    "strict": "",
    "lenient": "option accept-invalid-http-request\n  option accept-invalid-http-response",
    "shared": "http-reuse always",
}
"""What each kind of lane has beside its server."""
LANES = 12
"""Lanes of each kind."""
TIMES = {"client": 600, "server": 600, "request": 400, "idle": 10_000, "tunnel": 200}
"""Milliseconds of the timeouts."""
CONFIGURATION = """
global
  log 127.0.0.1:{log} local0
  nbthread 1
  stats socket {folder}/{program} level admin
  {settings}
defaults
  mode http
  timeout connect 20s
  timeout client {client}ms
  timeout server {server}ms
  timeout tunnel {tunnel}ms
  timeout http-keep-alive {idle}ms
  timeout http-request {request}ms
  log-format "%fp:%cp %ST %ts %B %U %{{+Q}}r"
  retries 0
frontend barrier
  bind 127.0.0.1:{barrier}
  timeout client 1h
  timeout http-keep-alive 1h
"""
SECTION = """
listen {name}
  bind 127.0.0.1:{port}
  log global
  {words}
  server s 127.0.0.1:{server}
"""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Answer(NamedTuple):
    """What a server sends in answer to a request.

    closes: and then its FIN; leaves: it closes, and will take nothing more. cut: where it is sent in two pieces, 0 for
    in one. early: it is sent when the request's head is there, and not only when all of it is.
    """

    data: bytes = OK
    closes: bool = False
    leaves: bool = False
    cut: int = 0
    early: bool = False


class Play(NamedTuple):
    """One case.

    clients: one after another; each sends its steps, the next one when a log line told of the last. An empty step is
    the client's FIN, for which nothing is waited. cut: where the longest step is sent in two pieces, 0 for nowhere.
    answers: to the requests that come, in their order; to all others OK. eager: a client takes its next step when bytes
    of an answer came. rounds: how often it is played in the same lane.
    """

    kind: str
    clients: tuple[tuple[bytes, ...], ...]
    answers: tuple[Answer, ...] = ()
    cut: int = 0
    eager: bool = False
    rounds: int = 1


@dataclass
class Outcome:
    """What came of a play: bytes of each link that carried any; of each client its bytes, and its log lines."""

    links: list[bytes] = field(default_factory=list)
    clients: list[bytes] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)


class Link(asyncio.Protocol):
    """A connection of the proxy to its server."""

    transport: asyncio.Transport
    sending: asyncio.Task[None]

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.data = self.buffer = b""
        self.answered = self.closed = False
        lane.links.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request when it is whole, or its head."""
        self.data += data
        self.buffer += data
        while self.buffer and not self.closed:
            whole = request_end(self.buffer)
            if not self.answered and (whole is not None or (b"\r\n\r\n" in self.buffer and self.lane.early)):
                self.answered = True
                self.sending = asyncio.ensure_future(self._send(self.lane.answer()))
            if whole is None:
                return
            self.buffer = self.buffer[whole:]
            self.answered = False

    async def _send(self, answer: Answer) -> None:
        self.closed = answer.closes or answer.leaves
        if answer.cut:
            self.transport.write(answer.data[: answer.cut])
            await self.lane.stage.barrier()
        self.transport.write(answer.data[answer.cut :])
        if answer.leaves:
            self.transport.close()
        elif answer.closes and not self.transport.is_closing():
            with suppress(OSError):  # the proxy has reset it
                self.transport.write_eof()


class Client(asyncio.Protocol):
    """A connection to the proxy. news: something came of it, or a log line."""

    def __init__(self) -> None:
        self.got = b""
        self.lines: list[str] = []
        self.over = asyncio.Event()
        self.news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.got += data
        self.news.set()

    def connection_lost(self, error: Exception | None) -> None:
        """The proxy closed."""
        self.over.set()
        self.news.set()

    async def ready(self, told: int, eager: bool) -> None:
        """Wait for more log lines than these, for the end, or (eager) for bytes."""
        if eager:
            self.news.clear()
        while not (self.over.is_set() or len(self.lines) > told or (eager and self.news.is_set())):
            if not eager:
                self.news.clear()
            await self.news.wait()


class Lane:
    """One proxy of the program."""

    def __init__(self, stage: Stage, port: int) -> None:
        self.stage = stage
        self.port = port
        self.links: list[Link] = []
        self.answers: list[Answer] = []

    @property
    def early(self) -> bool:
        """The next request is answered when its head is there."""
        return bool(self.answers) and self.answers[0].early

    def answer(self) -> Answer:
        """Return what the next request is answered."""
        return self.answers.pop(0) if self.answers else Answer()

    async def play(self, play: Play) -> Outcome:
        """Play a case once."""
        outcome = Outcome()
        self.links, self.answers = [], list(play.answers)
        for steps in play.clients:
            await self._client(steps, play, outcome)
        for link in self.links:
            link.transport.close()
        await self.stage.barrier()
        outcome.links = [link.data for link in self.links if link.data]
        return outcome

    async def _client(self, steps: tuple[bytes, ...], play: Play, outcome: Outcome) -> None:
        loop = asyncio.get_running_loop()
        transport, client = await loop.create_connection(Client, "127.0.0.1", self.port)
        self.stage.clients[f"{self.port}:{transport.get_extra_info('sockname')[1]}"] = client
        told = 0
        for number, step in enumerate(steps):
            if number and step:
                await client.ready(told, play.eager)
            if client.over.is_set():
                break
            told = len(client.lines)
            await self._send(transport, step, play.cut if step == max(steps, key=len) else 0)
        await client.over.wait()
        await self.stage.barrier()
        outcome.clients.append(client.got)
        outcome.lines.append(client.lines)

    async def _send(self, transport: asyncio.Transport, step: bytes, cut: int) -> None:
        if not step:
            await self.stage.barrier()
            with suppress(OSError):
                transport.write_eof()
            return
        if cut:
            transport.write(step[:cut])
            await self.stage.barrier()
        transport.write(step[cut:])


class Stage(asyncio.DatagramProtocol):
    """One program with its lanes."""

    def __init__(self, program: str, folder: Path, longer: int = 1, settings: str = "") -> None:
        """`longer`: how many times longer the timeouts are. settings: lines of the global section."""
        self.program = program
        self.folder = folder
        self.longer = longer
        self.settings = settings
        self.lanes: dict[str, list[Lane]] = {}
        self.free: dict[str, asyncio.Queue[Lane]] = {}
        self.clients: dict[str, Client] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._barrier: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._passing: asyncio.Task[None] | None = None

    async def play_all(
        self, plays: Sequence[Play], at_once: int = LANES, lesson: Play | None = None
    ) -> list[list[Outcome]]:
        """Play all cases, many side by side; return the outcomes of each one's rounds. lesson: played first by all."""
        loop = asyncio.get_running_loop()
        logs, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        logs.get_extra_info("socket").setsockopt(1, 8, 1 << 24)  # SO_RCVBUF, as much as there may be
        kinds = sorted({play.kind for play in plays})
        port = free_port(count=1 + at_once * len(kinds))
        text = CONFIGURATION.format(
            log=logs.get_extra_info("sockname")[1], barrier=port, folder=self.folder, program=self.program,
            settings=self.settings, **{name: time * self.longer for name, time in TIMES.items()},
        )  # fmt: skip
        servers = []
        for kind in kinds:
            self.free[kind], self.lanes[kind] = asyncio.Queue(), []
            for number in range(at_once):
                port += 1
                lane = Lane(self, port)
                servers.append(await loop.create_server(partial(Link, lane), "127.0.0.1", 0))
                text += SECTION.format(
                    name=f"{kind}{number}", port=port, words=KINDS[kind],
                    server=servers[-1].sockets[0].getsockname()[1],
                )  # fmt: skip
                self.free[kind].put_nowait(lane)
                self.lanes[kind].append(lane)
        try:
            with self._running(text):
                playing = self._play_all(plays, port - at_once * len(kinds), lesson)
                return await asyncio.wait_for(playing, 10 * PATIENCE)
        finally:
            logs.close()
            for server in servers:
                server.close()

    @contextmanager
    def _running(self, text: str) -> Iterator[None]:
        file, said = self.folder / f"{self.program}.cfg", self.folder / f"{self.program}.said"
        file.write_text(text)
        with said.open("w") as output:
            process = subprocess.Popen([PROGRAMS[self.program], "-db", "-f", str(file)], stdout=output, stderr=output)
        try:
            yield
        finally:
            end(process)
            assert_sound(said.read_text())

    async def _play_all(self, plays: Sequence[Play], barrier: int, lesson: Play | None) -> list[list[Outcome]]:
        while self._barrier is None:
            try:
                self._barrier = await asyncio.open_connection("127.0.0.1", barrier)
            except OSError:
                await asyncio.sleep(0.02)
        await self.barrier()  # all lanes stand then, and not only this one
        if lesson is not None:
            await asyncio.gather(*(lane.play(lesson) for lanes in self.lanes.values() for lane in lanes))
        outcomes = await asyncio.gather(*(self._play(play) for play in plays))
        await self._all_told()
        self._barrier[1].close()
        return outcomes

    async def _all_told(self) -> None:
        """Wait until all clients of lanes are gone, and so all lines are written."""
        while True:
            reader, writer = await asyncio.open_unix_connection(str(self.folder / self.program))
            writer.write(b"show info\n")
            said = await reader.read()
            writer.close()
            if b"\nCurrConns: 1\n" in said:
                return
            await asyncio.sleep(0.02)

    async def _play(self, play: Play) -> list[Outcome]:
        lane = await self.free[play.kind].get()
        try:
            return [await lane.play(play) for _ in range(play.rounds)]
        finally:
            self.free[play.kind].put_nowait(lane)

    async def barrier(self) -> None:
        """Wait until the program has seen all that was sent to it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._passing is None or self._passing.done():
            self._passing = asyncio.ensure_future(self._pass())
        await done

    async def _pass(self) -> None:
        assert self._barrier is not None
        reader, writer = self._barrier
        while self._waiting:
            passing, self._waiting = self._waiting, []
            writer.write(b"GET / HTTP/1.1\r\nHost: barrier\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"ontent-length: (\d+)", head)
            assert length is not None, head
            await reader.readexactly(int(length[1]))
            for done in passing:
                done.set_result(None)

    def datagram_received(self, data: bytes, address: object) -> None:
        """Take a log line; it begins with the two ports of its client."""
        name, _, line = data.decode("latin-1").partition("]: ")[2].rstrip().partition(" ")
        client = self.clients.get(name)
        if client is not None:
            client.lines.append(line)
            client.news.set()


def request_end(data: bytes) -> int | None:
    """Return where a request ends that a proxy wrote: its form is always the same."""
    head, found, _ = data.partition(b"\r\n\r\n")
    if not found:
        return None
    at = len(head) + 4
    if not re.search(rb"\r\ntransfer-encoding: ", head):
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        at += int(length[1]) if length else 0
        return at if len(data) >= at else None
    while (size := CHUNK.match(data, at)) and size[1] != b"0":
        at = size.end() + int(size[1], 16) + 2
    last = LAST_CHUNK.match(data, at)
    return last.end() if last else None


CHUNK = re.compile(rb"([0-9A-F]+)\r\n")
LAST_CHUNK = re.compile(rb"0\r\n(?:[^\r\n]+\r\n)*\r\n")
