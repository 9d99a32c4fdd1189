"""The proxy as a service of another Twisted application: started, used and stopped without a trace."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest_twisted
from twisted.application.service import MultiService
from twisted.internet import reactor, task
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent, readBody

from tcproxy.service import service_from_text
from tests.running import PATIENCE, EchoServer, answers, free_port

EXAMPLE = Path(__file__).parent.parent / "docs" / "embedding" / "embedded_example.py"


def load_example() -> ModuleType:
    """Import the example of the docs as its reader would."""
    spec = importlib.util.spec_from_file_location("embedded_example", EXAMPLE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def traces() -> tuple[int, int, int]:
    """Count what the reactor reads, writes and will call."""
    host: Any = reactor
    return len(host.getReaders()), len(host.getWriters()), len(host.getDelayedCalls())


async def settled(before: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the traces once they are as before, or what is left after a long wait."""
    for _ in range(int(PATIENCE * 100)):
        if traces() == before:
            break
        await task.deferLater(reactor, 0.01, lambda: None)  # type: ignore[arg-type]
    return traces()


async def fetch(port: int) -> bytes:
    """Fetch the page, on a connection of its own."""
    answer = await Agent(reactor).request(b"GET", f"http://127.0.0.1:{port}/".encode())
    body: bytes = await readBody(answer)
    return body


@pytest_twisted.ensureDeferred
async def test_the_example_balances_and_stops_cleanly() -> None:
    """The web application of the docs answers from both servers in turn; stopped, it leaves nothing in the reactor."""
    front, one, two = free_port(), free_port(), free_port()
    example = load_example()
    before = traces()
    whole = example.shop(front, [one, two])
    whole.startService()
    pages = [await fetch(front) for _ in range(4)]
    assert sorted(pages) == sorted([f"hello from server {port}\n".encode() for port in (one, two)] * 2)
    assert pages[0] != pages[1]
    await whole.stopService()
    assert await settled(before) == before


@pytest_twisted.ensureDeferred
async def test_two_proxies_live_in_one_process() -> None:
    """Two services with sections of the same names carry their own connections, and stop one by one."""
    text = (
        "defaults\n mode tcp\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n"
        "listen one\n bind 127.0.0.1:{front}\n server s 127.0.0.1:{back} check inter 100\n"
    )
    before = traces()
    with EchoServer() as first, EchoServer() as second:
        whole = MultiService()
        fronts = [free_port(), free_port()]
        for front, back in zip(fronts, (first, second), strict=True):
            service = service_from_text(text.format(front=front, back=back.port), reactor=reactor)
            service.setServiceParent(whole)
        whole.startService()
        for front in fronts:
            assert await hello(front) == b"Hello"
        assert first.peers and second.peers
        await whole.services[0].stopService()  # type: ignore[misc]
        assert await hello(fronts[1]) == b"Hello"
        await whole.stopService()
    assert await settled(before) == before


async def hello(port: int) -> bytes:
    """Send Hello and return the echo."""
    from twisted.internet.threads import deferToThread

    def blocking() -> bytes:
        import socket

        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(b"Hello")
            return client.recv(100)

    back: bytes = await deferToThread(blocking)
    return back


@pytest_twisted.ensureDeferred
async def test_a_stopped_service_starts_again() -> None:
    """After a stop of either kind the same service serves again, and a second soft stop closes its listener too."""
    with EchoServer() as server:
        port = free_port()
        before = traces()
        service = service_from_text(
            "defaults\n mode tcp\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
            f"listen one\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{server.port}\n"
        )
        for _ in range(2):
            service.startService()
            assert (service.world.stopping, service.world.frontends["one"].state) == (False, "open")
            assert await deferToThread(answers, port)
            await service.soft_stop()
            assert not await deferToThread(answers, port)
            await service.stopService()
    assert await settled(before) == before


@pytest_twisted.ensureDeferred
async def test_a_second_pause_changes_nothing() -> None:
    """Pauses and resumptions that change nothing are not told, and a pause is seen in the frontend's state."""
    told: list[str] = []
    service = service_from_text(
        "defaults\n mode tcp\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
        f"listen one\n bind 127.0.0.1:{free_port()}\n server s 127.0.0.1:{free_port()}\n",
        announce=lambda level, message: told.append(message),
    )
    service.startService()
    states = []
    for change in (service.resume, service.pause, service.pause, service.resume):
        change()
        states.append(service.world.frontends["one"].state)
    await service.stopService()
    assert states == ["open", "paused", "paused", "open"]
    assert told == ["Paused proxy one.", "Resumed proxy one."]
