"""The reference beside our pickers: the same clients and the same changes for both, and who served whom.

`Pair` drives a real haproxy over real connections and a FakeFarm by calls; a test plays a script on the pair and
compares. Each session on the reference is greeted with its server's name, so the client knows it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import selectors
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tcproxy.interfaces import IBalancingStrategy
from tcproxy.model.proxy import HashType
from tests.balance.farms import FakeFarm, FakeServer
from tests.running import HAPROXY, PATIENCE, wait_for

NAMES = "abcdefgh"

CONFIGURATION = """
global
    stats socket unix@{folder}/ctl level admin
    stats timeout 1h
    nbthread 1
defaults
    mode tcp
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout queue 20s
    retries 1
    option nolinger
listen farm
    bind fd@{tcp}
    bind unix@{folder}/clients
    bind unix@{folder}/told accept-proxy
"""


class NamedServers:
    """Eight TCP servers a to h in one thread: each greets a client with its name and waits for it to leave."""

    def __init__(self) -> None:
        self._ready = selectors.DefaultSelector()
        self.ports: dict[str, int] = {}
        for name in NAMES:
            listener = socket.create_server(("127.0.0.1", 0), backlog=512)
            self.ports[name] = listener.getsockname()[1]
            self._ready.register(listener, selectors.EVENT_READ, name.encode())
        self._stop, stop = socket.socketpair()
        self._ready.register(stop, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            for key, _ in self._ready.select():
                assert isinstance(key.fileobj, socket.socket)
                if key.data is None:
                    return
                if key.data:
                    client, _ = key.fileobj.accept()
                    client.sendall(key.data)
                    self._ready.register(client, selectors.EVENT_READ, b"")
                else:
                    self._ready.unregister(key.fileobj)
                    key.fileobj.close()

    def close(self) -> None:
        """End the thread and close every socket."""
        self._stop.close()
        self._thread.join(PATIENCE)
        for key in list(self._ready.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._ready.close()


class Reference:
    """A running haproxy, or another program of its kind, with one farm."""

    def __init__(self, folder: Path, lines: Sequence[str], program: str = HAPROXY) -> None:
        self.folder = folder
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        text = CONFIGURATION.format(folder=folder, tcp=listener.fileno()) + "\n".join(["", *lines, ""])
        (folder / "haproxy.cfg").write_text(text)
        self._process = subprocess.Popen(
            [program, "-db", "-f", str(folder / "haproxy.cfg")],
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        listener.close()
        self._control = self._dial_control()

    def _dial_control(self) -> socket.socket:
        control = socket.socket(socket.AF_UNIX)

        def connected() -> bool:
            if self._process.poll() is not None:
                assert self._process.stderr
                raise AssertionError(self._process.stderr.read().decode())
            with contextlib.suppress(OSError):
                control.connect(str(self.folder / "ctl"))
                return True
            return False

        wait_for(connected, what="haproxy's control socket")
        control.sendall(b"prompt\n")
        self._answer(control)
        return control

    def _answer(self, control: socket.socket) -> str:
        data = b""
        while not data.endswith(b"\n> "):
            piece = control.recv(65536)
            assert piece, "the control connection was closed"
            data += piece
        return data[:-3].decode().strip()

    def command(self, text: str) -> str:
        """Return the answer to a runtime command."""
        self._control.sendall(text.encode() + b"\n")
        return self._answer(self._control)

    def client(self, source: str) -> socket.socket:
        """Return a connection to the farm from an address, or through its UNIX socket for ""."""
        if not source or ":" in source:
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(self.folder / ("told" if source else "clients")))
            if source:
                client.sendall(f"PROXY TCP6 {source} ::1 1 2\r\n".encode())
            return client
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE, source_address=(source, 0))
        # leave by a reset: thousands of clients would use up the machine's ports in TIME_WAIT
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return client

    def sessions(self) -> dict[str, tuple[int, int]]:
        """Return how many sessions each server serves and queues; the backend under ""."""
        rows = [line.split(",") for line in self.command("show stat farm 6 -1").splitlines()]
        return {row[1].replace("BACKEND", ""): (int(row[4]), int(row[2])) for row in rows[1:] if len(row) > 4}

    def close(self) -> None:
        """End the program."""
        self._control.close()
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stderr
        self._process.stderr.close()


@dataclass
class Case:
    """A farm to build twice. servers: name to its options as words; scripts name servers by their letters."""

    balance: str
    servers: dict[str, str]
    hash_type: str = ""
    lines: Sequence[str] = ()
    factor: int = 0
    all_backups: bool = False

    @property
    def loads(self) -> bool:
        """Whether a pick depends on who else is there, so that clients must be seen going."""
        return self.balance == "leastconn" or self.factor > 0 or "maxconn" in " ".join(self.servers.values())

    def reference_lines(self, ports: dict[str, int]) -> list[str]:
        """Return the farm's lines for haproxy."""
        lines = [f"balance {self.balance}", *self.lines]
        lines += [f"hash-type {self.hash_type}"] if self.hash_type else []
        lines += [f"hash-balance-factor {self.factor}"] if self.factor else []
        lines += ["option allbackups"] if self.all_backups else []
        return lines + [
            f"server {name} 127.0.0.1:{1 if 'refuses' in words else ports[name]} {words.replace('refuses', '')}"
            for name, words in self.servers.items()
        ]

    def farm(self, strategy: IBalancingStrategy) -> FakeFarm:
        """Return our farm."""
        servers = [_server(number, name, words) for number, (name, words) in enumerate(self.servers.items(), 1)]
        inner = self.balance.partition("(")[1:]
        return FakeFarm(
            strategy,
            servers,
            hashing(self.hash_type, self.factor),
            ["".join(inner)] if inner[0] else [],
            self.all_backups,
        )


def hashing(text: str, factor: int = 0) -> HashType:
    """Return what `hash-type TEXT` means."""
    method, function, modifier = (*text.split(), "", "", "")[:3]
    avalanche = modifier == "avalanche" or (method == "consistent" and not function)
    return HashType(method or "map-based", function or "sdbm", avalanche, factor)


def _server(number: int, name: str, words: str) -> FakeServer:
    server = FakeServer(name, number)
    options = iter(words.split())
    for word in options:
        if word == "backup":
            server.backup = True
        elif word == "disabled":
            server.up = False
        elif word in ("id", "weight", "maxconn", "maxqueue"):
            setattr(server, "user_weight" if word == "weight" else word, int(next(options)))
    return server


def packed(source: str) -> bytes:
    """Return an address as a strategy sees it."""
    return ipaddress.ip_address(source).packed if source else b""


@dataclass
class Pair:
    """One farm at the reference and at ours. `theirs` and `ours`: the names of who served, in order."""

    case: Case
    reference: Reference
    farm: FakeFarm
    theirs: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    held: list[tuple[socket.socket, FakeServer]] = field(default_factory=list)

    def go(self, count: int = 1, source: str = "127.0.0.1") -> None:
        """Let clients come and go, one after the other."""
        for _ in range(count):
            self.hold(source)
            self.free(-1)

    def hold(self, source: str = "127.0.0.1") -> None:
        """Let a client come and stay."""
        client = self.reference.client(source)
        self.theirs.append(client.recv(1).decode() or "-")
        server = self.farm.take(packed(source))
        self.ours.append(server.name if server else "-")
        assert server is not None
        assert self.theirs == self.ours, "".join(self.theirs) + " is not " + "".join(self.ours)
        self.held.append((client, server))

    def free(self, index: int) -> None:
        """Let a client that stayed go."""
        client, server = self.held.pop(index)
        client.close()
        self.farm.leave(server)
        if self.case.loads:
            self.settle()

    def settle(self) -> None:
        """Wait until the reference has seen every client go that went; each look is a round trip, so no sleep."""
        deadline = time.monotonic() + PATIENCE
        while self.reference.sessions()[""][0] != len(self.held):
            assert time.monotonic() < deadline, "the reference does not see the client gone"

    def weight(self, name: str, weight: int) -> None:
        """Set a weight at run time."""
        assert self.reference.command(f"set server farm/{name} weight {weight}") == ""
        self.farm.change(name, user_weight=weight)

    def state(self, name: str, state: str) -> None:
        """Set a server ready, to maintenance, or to drain."""
        assert self.reference.command(f"set server farm/{name} state {state}") == ""
        self.farm.change(name, up=state == "ready")


@contextlib.contextmanager
def playing(
    folder: Path, ports: dict[str, int], case: Case, strategy: IBalancingStrategy, program: str = HAPROXY
) -> Iterator[Pair]:
    """Run the program with a case's farm, and our pickers beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    reference = Reference(folder, case.reference_lines(ports), program)
    pair = Pair(case, reference, case.farm(strategy))
    try:
        yield pair
    finally:
        for client, _ in pair.held:
            client.close()
        reference.close()
