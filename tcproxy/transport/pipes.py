"""A bounded pool of large pipes, through which os.splice moves bytes that never enter this process.

A pipe is taken only while bytes are in it, so a few serve many connections. Where limits of the system
forbid large ones, smaller ones serve; where the pool is empty, the relay copies.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass

LARGEST = 1 << 20
SMALLEST = 1 << 16
MOST = 64
"""Pipes open at once, at the most, unless the configuration says otherwise (`maxpipes`)."""


@dataclass(slots=True)
class Pipe:
    """One pipe: the descriptor to read, the one to write, and how many bytes fit."""

    read: int
    write: int
    size: int

    def close(self) -> None:
        """Close both ends."""
        os.close(self.read)
        os.close(self.write)


class PipePool:
    """Lends empty pipes. `most`: open at once; `size`: bytes wanted for each; `open`: how many there are."""

    def __init__(self, most: int = MOST, size: int = LARGEST) -> None:
        self.most = most
        self.size = size
        self.open = 0
        self._idle: list[Pipe] = []

    @property
    def free(self) -> int:
        """Return how many pipes are open and lent to nobody."""
        return len(self._idle)

    @property
    def used(self) -> int:
        """Return how many pipes have bytes of somebody in them."""
        return self.open - len(self._idle)

    def take(self) -> Pipe | None:
        """Return an empty pipe, None when all are in use or none can be made."""
        if self._idle:
            return self._idle.pop()
        if self.open >= self.most:
            return None
        try:
            read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None  # descriptors are short, and copying needs none
        self.open += 1
        return Pipe(read, write, _enlarge(write, self.size))

    def give(self, pipe: Pipe) -> None:
        """Take back an empty pipe."""
        self._idle.append(pipe)

    def discard(self, pipe: Pipe) -> None:
        """Take back a pipe that is not empty: it is closed, and its bytes with it."""
        self.open -= 1
        pipe.close()

    def close(self) -> None:
        """Close the idle pipes."""
        while self._idle:
            self.discard(self._idle.pop())


def _enlarge(pipe: int, size: int) -> int:
    """Ask for `size` bytes, or as many as the limits allow; return how many there are."""
    while size > SMALLEST:
        try:
            return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
        except OSError:
            size >>= 1
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
