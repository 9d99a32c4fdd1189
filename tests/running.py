"""Programs under test: start one, wait until it serves, end it by its own pid."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TCPROXY = str(Path(sys.executable).with_name("tcproxy"))
HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin") or "haproxy"
PATIENCE = 30.0
"""Seconds that a test waits for what must come. A busy machine stalls for some; who waits well never needs them."""


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE, what: str = "the condition") -> object:
    """Return the condition's first true value; fail when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def assert_sound(said: str) -> None:
    """Fail where what a program said tells of an exception that nobody expected, which no play may cause."""
    fault = re.search(r"internal :|Traceback", said)
    assert fault is None, said[max(fault.start() - 200, 0) :][:5000]


def outstanding(sock: socket.socket) -> bool:
    """Return whether something that was sent has not arrived: not acknowledged (TCP), not read (UNIX sockets)."""
    return fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)) != bytes(4)


def free_port(host: str = "127.0.0.1", count: int = 1) -> int:
    """Return a TCP port, the first of `count`, that nobody listens on, from below those the system gives to clients.

    A client's port may be any free one of its own range, and would then be in the way of a listener.
    """
    while True:
        first = random.SystemRandom().randrange(10_000, 32_000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as probes:
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind((host, port))
            return first


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a connection to the port is accepted."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), PATIENCE):
        return True
    return False


@contextlib.contextmanager
def program(*words: str, port: int = 0, **more: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the block ends; with `port`, the block begins when the port accepts connections.

    What it said on standard error and nobody has read must tell of no unexpected exception.
    """
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **more  # type: ignore[call-overload]
    )
    try:
        if port:
            wait_for(lambda: process.poll() is not None or answers(port), what=f"{words[0]} on port {port}")
            assert process.poll() is None, process.communicate()[1]
        yield process
    finally:
        stop(process)
        said = unread(process)
        end(process)
    assert_sound(said)


def unread(process: subprocess.Popen[str]) -> str:
    """Return what a process that has ended said on standard error, if that is a pipe that nobody has read."""
    if process.stderr is None or process.stderr.closed:
        return ""
    os.set_blocking(process.stderr.fileno(), False)  # its children may hold the pipe open
    with contextlib.suppress(BlockingIOError):
        return os.read(process.stderr.fileno(), 1 << 20).decode("utf-8", "backslashreplace")
    return ""


def stop(process: subprocess.Popen[str] | subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    """End the process: politely, then at once."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    """End the process, and close what it writes to."""
    stop(process, how)
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


class EchoServer:
    """A TCP server in threads that returns what it reads, or greets with its name when `name` is given."""

    def __init__(self, name: bytes = b"", host: str = "127.0.0.1", port: int = 0) -> None:
        self.name = name
        self.listener = socket.create_server((host, port))
        self.port = int(self.listener.getsockname()[1])
        self.peers: list[object] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self.name:
                connection.sendall(self.name)
            while data := connection.recv(65536):
                connection.sendall(data)

    def close(self) -> None:
        """Refuse further clients; those that are served go on."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self) -> EchoServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
