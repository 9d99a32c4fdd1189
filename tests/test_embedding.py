"""The proxy as a service of another Twisted application: started, used and stopped without a trace."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_twisted
from twisted.application.service import MultiService
from twisted.internet import defer, reactor, task
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent, readBody
from zope.interface import implementer

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.interfaces import IBalancingStrategy
from tcproxy.registry import Registry
from tcproxy.service import service_from_text
from tests.running import PATIENCE, EchoServer, answers, free_port

TRIAL = str(Path(sys.executable).with_name("trial"))
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


TIMEOUTS = "defaults\n mode tcp\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"


@pytest.mark.parametrize("reactor_name", ["epoll", "select", "asyncio"])
def test_the_example_of_two_proxies_passes_its_own_tests(reactor_name: str, tmp_path: Path) -> None:
    """The trial test of the docs finds nothing left in the reactor, whichever reactor that is."""
    command = [TRIAL, "--reactor", reactor_name, "--temp-directory", str(tmp_path / "trial"), "test_two_proxies"]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED (successes=2)" in done.stdout


@pytest_twisted.ensureDeferred
async def test_a_service_tells_where_it_listens(tmp_path: Path) -> None:
    """Addresses come in the order of the lines, with ports that the system gave; a section that is closed has none."""
    path = tmp_path / "door"
    before = traces()
    with EchoServer() as server:
        service = service_from_text(
            f"{TIMEOUTS}listen one\n bind 127.0.0.1:0\n bind unix@{path}\n bind [::1]:0,127.0.0.1:0\n"
            f" server s 127.0.0.1:{server.port}\nlisten two\n disabled\n bind 127.0.0.1:0\n"
            f"backend none\n server s 127.0.0.1:{server.port}\n"
        )
        assert service.addresses() == {"one": []}
        listening = service.when_listening()
        forgotten = service.when_listening()
        forgotten.addErrback(lambda failure: failure.trap(defer.CancelledError))
        forgotten.cancel()
        assert not listening.called
        service.startService()
        assert await listening is service
        assert await service.when_listening() is service
        first, door, six, last = service.addresses()["one"]
        assert (first, six) == (IPv4Address("TCP", "127.0.0.1", first.port), IPv6Address("TCP", "::1", six.port))
        assert door == UNIXAddress(str(path))
        assert 0 not in (first.port, six.port, last.port) and first.port != last.port
        assert await hello(first.port) == await hello(last.port) == b"Hello"
        await service.soft_stop()
        assert service.addresses() == {"one": []}
        again = service.when_listening()
        await service.stopService()
        assert not again.called
        service.startService()
        await again
        assert await hello(service.addresses()["one"][0].port) == b"Hello"
        await service.stopService()
    assert await settled(before) == before


def test_messages_name_the_text() -> None:
    """What is wrong in a text is told with the name that the host gives it, or as a text, and the line."""
    wrong = f"{TIMEOUTS}listen one\n bnd 127.0.0.1:0"
    with pytest.raises(ValueError, match=r"parsing \[<text>:7\] : unknown keyword 'bnd'"):
        service_from_text(wrong)
    with pytest.raises(ValueError, match=r"parsing \[shop:7\] : unknown keyword 'bnd'"):
        service_from_text(wrong, name="shop")
    with pytest.raises(ValueError, match=r"^\[<text>:7\] : 'server b/s' : there is no server 'nobody'"):
        service_from_text(f"{TIMEOUTS}backend b\n server s 127.0.0.1:1 track nobody\n")


def test_warnings_about_a_text_are_told() -> None:
    """A text that is right but doubtful is served, and the warning goes where events go."""
    told: list[str] = []
    service_from_text(
        "listen one\n mode tcp\n bind 127.0.0.1:0\n server s 127.0.0.1:1\n",
        announce=lambda level, message: told.append(message),
    )
    assert any("timeout" in message for message in told)


def test_port_0_is_for_texts_only(tmp_path: Path) -> None:
    """In a file it is refused, as HAProxy does: nobody could ask which port it became."""
    path = tmp_path / "t.cfg"
    path.write_text(f"{TIMEOUTS}listen one\n bind 127.0.0.1:0\n server s 127.0.0.1:1\n")
    diagnostics = Diagnostics(1)
    assert language.read([str(path)], Environment(), diagnostics) is None
    assert "'0' is not a valid port number" in diagnostics.items[0].message


def test_a_strategy_without_a_picker_is_an_error_of_the_text() -> None:
    """A third party's strategy that fails to make a picker is told as all that is wrong in a text."""

    @implementer(IBalancingStrategy)
    class Broken:
        name, manual = "broken-one", "a sentence"

        def parse(self, words: object) -> None:
            """Take anything."""

        def picker(self, servers: object, hashing: object, options: object) -> None:
            """Give nothing."""

    registry = Registry()
    registry.offer(Broken(), "somewhere.py")
    text = f"{TIMEOUTS}backend shop\n balance broken-one\n server s 127.0.0.1:1\n"
    said = r"the strategy 'broken-one' of somewhere\.py failed in 'picker' for backend shop: it returned no picker"
    with pytest.raises(ValueError, match=said):
        service_from_text(text, registry=registry)
