"""Sockets in memory, and a loop for them: whoever holds a pipe plays the other side, step by step."""

from __future__ import annotations

import socket
from errno import EAGAIN, ENOPROTOOPT
from select import EPOLLIN
from time import monotonic
from typing import Any

from twisted.internet.task import Clock

from tcproxy.session.ends import Address
from tcproxy.transport.stream_socket import StreamSocket

PEEK = int(socket.MSG_PEEK)


class Pipe:
    """A socket of the program whose other side is held by us.

    peer, name: addresses of the two sides. given: what the program reads next; over: FIN follows it. sent: what the
    program has sent; shut: and FIN behind it. closed: the program has closed it.
    """

    def __init__(self, number: int, peer: Address, name: Address) -> None:
        self.number, self.peer, self.name = number, peer, name
        self.family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        self.given = b""
        self.over = False
        self.sent = b""
        self.shut = self.closed = False
        self.transport: Any = None

    def fileno(self) -> int:
        """Return a number of its own."""
        return self.number

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return bytes that were given, as many as fit."""
        data = self.given[:size]
        if not data and not self.over:
            raise BlockingIOError(EAGAIN, "nothing yet")
        if not flags & PEEK:
            self.given = self.given[len(data) :]
        return data

    def send(self, data: bytes, flags: int = 0) -> int:
        """Take all that is sent."""
        self.sent += data
        return len(data)

    def shutdown(self, how: int) -> None:
        """Take FIN."""
        self.shut = True

    def close(self) -> None:
        """Take the end."""
        self.closed = True

    def setsockopt(self, *words: object) -> None:
        """Take an option, which changes nothing here."""

    def getsockopt(self, level: int, option: int, size: int = 0) -> int:
        """Return that there is no error. Raises OSError for a struct (TCP_INFO): no kernel has measured anything."""
        if size:
            raise OSError(ENOPROTOOPT, "no such option")
        return 0

    def getsockname(self) -> Address:
        """Return the address of the program's side."""
        return self.name

    def getpeername(self) -> Address:
        """Return the address of our side."""
        return self.peer

    def wake(self) -> None:
        """Let the program read, as long as it wants to and there is something."""
        while not self.closed and self.transport.interest & EPOLLIN and (self.given or self.over):
            before = len(self.given)
            self.transport.doRead()
            if len(self.given) == before:
                break


class Loop(Clock):
    """What transports know of a reactor, and a clock: monotonic seconds, and those that it was moved on by.

    Delayed calls are made by `move` only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0.0
        self.clock: Any = MovedClock(self)  # an IClock, whose callLater is the loop's

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.moved += seconds
        self.advance(seconds)

    def watch(self, transport: Any, interest: int) -> None:
        """Note what a transport waits for."""
        transport.interest = interest

    def forget(self, transport: Any) -> None:
        """Wait for nothing."""
        transport.interest = 0


class MovedClock:
    """The clock of a world over a loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.callLater = loop.callLater

    def seconds(self) -> float:
        """Return the monotonic seconds of the machine, and those that were passed over."""
        return monotonic() + self._loop.moved


def joined(loop: Any, pipe: Pipe) -> StreamSocket:
    """Return the program's transport over a pipe."""
    sock: Any = pipe
    transport = pipe.transport = StreamSocket(loop, sock, pipe.peer)
    return transport
