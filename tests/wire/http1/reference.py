"""The reference: one haproxy between clients that send the corpus and a server that records, and answers as told.

Many cases end by its timeouts, which are short for that. On a busy machine its clients and servers here may be slower
than these: what seems to differ is asked again, a few cases at a time and with timeouts that nobody is late for.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import HAPROXY, PATIENCE, end, free_port

CONFIGURATION = """
defaults
  mode http
  timeout connect 20s
  timeout client {client}ms
  timeout server {client}ms
  timeout tunnel {tunnel}ms
  timeout http-keep-alive {idle}ms
  timeout http-request {request}ms
  http-reuse never
  retries 0
listen strict
  bind 127.0.0.1:{strict}
  server s 127.0.0.1:{server} send-proxy
listen lenient
  bind 127.0.0.1:{lenient}
  option accept-invalid-http-request
  option accept-invalid-http-response
  server s 127.0.0.1:{server} send-proxy
"""
TIMES = {"client": 400, "request": 250, "tunnel": 150, "idle": 30}
"""Milliseconds of its timeouts."""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
AT_ONCE = 48
UNHURRIED = ((16, 5), (4, 25))
"""How many at a time, and how many times longer, in turn, cases are asked again."""

Asked = tuple[str, bytes, bytes | None]
"""A case: the listener, what is sent to it, and what its server answers; without that, it answers all with 200."""


@dataclass
class Seen:
    """What came of one case: bytes that the server got, bytes that the client got."""

    server: bytes = b""
    client: bytes = b""

    @property
    def statuses(self) -> list[int]:
        """Statuses of all responses that the client got, as far as they can be told."""
        return [int(code) for code in re.findall(rb"HTTP/\d\.\d (\d{3}) ", self.client)]

    @property
    def refusal(self) -> int:
        """The status with which a request was refused, 0 when none was."""
        return next((status for status in self.statuses if status in (400, 413, 422)), 0)


@dataclass
class Reference:
    """Asks haproxy about cases; each client is told from the others by its port, which haproxy tells the server."""

    folder: Path
    seen: dict[int, Seen] = field(default_factory=dict)
    answers: dict[int, bytes] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    async def ask_all(self, cases: list[Asked], at_once: int = AT_ONCE, longer: int = 1) -> list[Seen]:
        """Send cases, many at once; return what came of each. longer: how many times longer the timeouts are."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.ports = {"strict": free_port(), "lenient": free_port()}
        file = self.folder / "haproxy.cfg"
        times = {name: longer * time for name, time in TIMES.items()}
        file.write_text(CONFIGURATION.format(server=port, **self.ports, **times))
        words = [HAPROXY, "-db", "-f", str(file)]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            await self._ready()
            gate = asyncio.Semaphore(at_once)
            return await asyncio.gather(*(_gated(gate, lambda c=case: self._ask(*c)) for case in cases))
        finally:
            end(process)
            server.close()

    async def _ready(self) -> None:
        for _ in range(int(PATIENCE * 100)):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.ports["lenient"])
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
        raise AssertionError("haproxy did not start")

    async def _ask(self, listener: str, request: bytes, answer: bytes | None) -> Seen:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[listener])
        port = writer.get_extra_info("sockname")[1]
        seen = self.seen[port] = Seen()
        if answer is not None:
            self.answers[port] = answer
        try:
            writer.write(request)
            while data := await asyncio.wait_for(reader.read(65536), PATIENCE):
                seen.client += data
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()
        return seen

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            port = int((await reader.readline()).split()[4])
            await self._answer(reader, writer, port)
        except (ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        seen, buffer = self.seen[port], b""
        scripted = self.answers.get(port)
        while data := await reader.read(65536):
            buffer += data
            seen.server += data
            while (whole := _request_end(buffer)) is not None:
                buffer = buffer[whole:]
                writer.write(OK if scripted is None else scripted)
                await writer.drain()
                if scripted is not None:
                    return


async def _gated(gate: asyncio.Semaphore, ask: Callable[[], Awaitable[Seen]]) -> Seen:
    async with gate:
        return await ask()


def _request_end(data: bytes) -> int | None:
    """Return where a request ends that haproxy wrote: its form is always the same."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    start = len(head) + 4
    if re.search(rb"\r\ntransfer-encoding: ", head):
        last = re.search(rb"(?:\A|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n", body)
        return start + last.end() if last else None
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    needed = int(length[1]) if length else 0
    return start + needed if len(body) >= needed else None
