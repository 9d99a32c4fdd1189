"""Clients and servers of a story: plain blocking sockets that put down what they see."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
from typing import TYPE_CHECKING

from tests.running import PATIENCE

if TYPE_CHECKING:
    from tests.scenarios.beside import Scene

RESET = struct.pack("ii", 1, 0)


class Actor:
    """One connected socket of a story."""

    def __init__(self, scene: Scene, name: str, sock: socket.socket) -> None:
        self.scene, self.name, self.sock = scene, name, sock

    def send(self, data: bytes) -> Actor:
        """Send all of it; put down an error."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            self.scene.note(f"{self.name} cannot send: {type(error).__name__}")
        return self

    def flood(self) -> int:
        """Send until nobody takes any more for a while; return how many bytes went."""
        self.sock.settimeout(0.1)
        sent = 0
        try:
            while True:
                sent += self.sock.send(b"x" * 65536)
        except TimeoutError:
            self.sock.settimeout(PATIENCE)
            return sent

    def reads(self, size: int) -> Actor:
        """Read exactly so many bytes and put them down."""
        data, end = self._read(size)
        self.scene.note(f"{self.name} reads {_digest(data)}{end}")
        return self

    def ends(self, count: bool = True, reset: bool = True) -> Actor:
        """Read to the end and put down what came and how it ended.

        count: how many bytes is part of the story. reset: whether it was FIN or RST is.
        """
        data, end = self._read(1 << 30)
        end = end if reset else " end"
        self.scene.note(f"{self.name} reads {_digest(data) if count else 'some'}{end}")
        return self

    def _read(self, size: int) -> tuple[bytes, str]:
        data = b""
        try:
            while len(data) < size:
                piece = self.sock.recv(min(65536, size - len(data)))
                if not piece:
                    return data, " FIN"
                data += piece
        except TimeoutError:
            return data, " and waits in vain"
        except ConnectionResetError:
            return data, " RST"
        return data, ""

    def quiet(self, seconds: float = 0.15) -> Actor:
        """See that nothing comes for a while."""
        self.sock.settimeout(seconds)
        data, end = self._read(1)
        self.sock.settimeout(PATIENCE)
        self.scene.note(f"{self.name} hears {_digest(data)}{end}")
        return self

    def finish(self) -> Actor:
        """Send FIN, if the other side did not reset meanwhile."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        return self

    def close(self) -> None:
        """Close."""
        self.sock.close()

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


class Doorman:
    """One listening socket of a story."""

    def __init__(self, scene: Scene, name: str, sock: socket.socket) -> None:
        self.scene, self.name, self.sock = scene, name, sock

    def accept(self, peer: bool = False) -> Actor:
        """Take the next connection in. peer: put down where it comes from."""
        sock, address = self.sock.accept()
        self.scene.keep(sock)
        sock.settimeout(PATIENCE)
        if peer:
            host = address[0] if isinstance(address, tuple) else "unix"
            self.scene.note(f"{self.name} sees {host.replace(self.scene.host, 'HOST')}")
        return Actor(self.scene, self.name, sock)

    def accept_if(self, seconds: float = 0.15) -> list[Actor]:
        """Take the next connection in, if one comes in time, and put down whether it did."""
        self.sock.settimeout(seconds)
        try:
            guests = [self.accept()]
        except TimeoutError:
            guests = []
        self.sock.settimeout(PATIENCE)
        self.scene.note(f"{self.name} has {len(guests)} guests")
        return guests

    def close(self) -> None:
        """Refuse further connections."""
        self.sock.close()


def _digest(data: bytes) -> str:
    return repr(data) if len(data) <= 200 else f"{len(data)} bytes {hashlib.sha1(data).hexdigest()}"
