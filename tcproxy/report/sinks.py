"""Where log datagrams go: UDP and UNIX sockets and open descriptors, none of which ever makes anyone wait.

A line that the system does not take at once is dropped and counted. What it says is outlets.py, formats.py.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Protocol

from tcproxy.grammar.addresses import Address, Family, abstract_name
from tcproxy.report.events import Events

PIPE_BUF = select.PIPE_BUF
"""Bytes that a pipe takes whole whenever it is writable at all."""
PAUSE = 0.1
"""Seconds without a further try after a target has failed twice in a row."""
NOT_THIS_LINE = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.EMSGSIZE})
"""Errors of one line: the queue is full, or the line is longer than a datagram may be. The next one may pass."""

MOST_LINES = 64
"""Lines that wait at most; then they are sent, wherever the turn is."""

Destination = str | bytes | tuple[str, int]
Later = Callable[[Callable[[], object]], object]


class LineSink(Protocol):
    """A place for log lines. dropped: how many lines it did not take. fd: True for a descriptor, False for a socket."""

    dropped: int
    fd: bool

    def write(self, line: bytes) -> None:
        """Take a line, newline included, or drop it."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class DatagramSink:
    """A syslog server behind a UDP or UNIX datagram socket.

    The socket is connected, which spares the system a look-up for each line, and tells when nobody listens. It is
    opened with the first line. After an error the line is sent once more at once, so that a server that was restarted
    meanwhile misses nothing; where that fails too, or the next error comes within two pauses, lines are dropped for one
    pause: a target that nobody listens on costs less than one that takes its lines.

    Lines are sent together at the end of a turn of the reactor: their reader is woken once for all of them, not
    once for each, and waking it is half of what a line costs the system. clock: monotonic seconds. later: makes a call
    at the end of the turn; without it each line is sent at once.
    """

    fd = False

    def __init__(
        self,
        family: int,
        destination: Destination,
        clock: Callable[[], float] = time.monotonic,
        later: Later | None = None,
    ) -> None:
        self.family = family
        self.destination = destination
        self.dropped = 0
        self._clock = clock
        self._later = later
        self._lines: list[bytes] = []
        self._socket: socket.socket | None = None
        self._failed = float("-inf")
        self._paused_until = 0.0

    def write(self, line: bytes) -> None:
        """Send a line, or drop it: at the end of the turn where the reactor tells of it."""
        if self._later is None:
            self._write(line)
            return
        lines = self._lines
        if not lines:
            self._later(self._send_lines)
        lines.append(line)
        if len(lines) >= MOST_LINES:
            self._send_lines()

    def _send_lines(self) -> None:
        """Send the lines of this turn."""
        for line in self._lines:
            self._write(line)
        self._lines.clear()

    def _write(self, line: bytes) -> None:
        if self._paused_until:
            if self._clock() < self._paused_until:
                self.dropped += 1
                return
            self._paused_until = 0.0
        try:
            self._send(line)
        except OSError as error:
            if error.errno in NOT_THIS_LINE:
                self.dropped += 1
            else:
                self._fail(error, line)

    def _send(self, line: bytes) -> None:
        if self._socket is None:
            self._socket = self._open()
        self._socket.send(line)

    def _open(self) -> socket.socket:
        opened = socket.socket(self.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            opened.connect(self.destination)
        except OSError:
            opened.close()
            raise
        return opened

    def _fail(self, error: OSError, line: bytes) -> None:
        """Send the line once more, or drop it and pause."""
        if error.errno == errno.ECONNREFUSED and self.family != socket.AF_UNIX:
            self.dropped += 1  # an earlier line: UDP tells of it with the next one, and its socket is as good as new
        else:
            self._close()
        now = self._clock()
        again = now - self._failed >= 2 * PAUSE
        self._failed = now
        if not (again and self._sent_again(line)):
            self.dropped += 1
            self._paused_until = now + PAUSE

    def _sent_again(self, line: bytes) -> bool:
        try:
            self._send(line)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Send what waits, and close the socket; the next line opens another."""
        self._send_lines()
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class DescriptorSink:
    """An open descriptor: a terminal, a pipe, a file. Who opened it closes it; it is never closed here.

    Other programs share its blocking flag, so the flag is left alone, and poll tells whether a line can be written.
    """

    fd = True

    def __init__(self, number: int) -> None:
        self.number = number
        self.dropped = 0
        self._poll = select.poll()
        self._poll.register(number, select.POLLOUT)

    def write(self, line: bytes) -> None:
        """Write a line if the descriptor takes it now."""
        try:
            ready = self._poll.poll(0)
            if not ready or not ready[0][1] & select.POLLOUT:
                self.dropped += 1
            elif len(line) <= PIPE_BUF:
                os.write(self.number, line)
            else:
                self._write_long(line)
        except OSError:
            self.dropped += 1

    def _write_long(self, line: bytes) -> None:
        """Write a line longer than PIPE_BUF: a writable pipe may still lack room for it, and must not block."""
        blocking = os.get_blocking(self.number)
        os.set_blocking(self.number, False)
        try:
            if os.write(self.number, line) < len(line):
                self.dropped += 1
        finally:
            os.set_blocking(self.number, blocking)

    def close(self) -> None:
        """Do nothing: the descriptor belongs to the one who opened it."""


class Sinks:
    """The sinks of one proxy: targets of the same address share one, whichever section names them.

    clock: monotonic seconds. later: makes a call at the end of the reactor's turn; None where there is no such reactor.
    rings: by name, in the order of the configuration, `buf0` first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, later: Later | None = None) -> None:
        self._clock = clock
        self._later = later
        self._sinks: dict[tuple[int, Destination | int], LineSink] = {}
        self.rings: dict[str, Events] = {"buf0": Events()}

    @property
    def dropped(self) -> int:
        """Return how many lines all sinks have dropped so far (`DroppedLogs` of `show info`)."""
        return sum(sink.dropped for sink in self._sinks.values())

    def sink(self, address: Address) -> LineSink:
        """Return the sink of an address; ValueError when a log cannot go there."""
        family, destination = _destination(address)
        key = (family, destination)
        if key not in self._sinks:
            if isinstance(destination, int):
                self._sinks[key] = DescriptorSink(destination)
            else:
                self._sinks[key] = DatagramSink(family, destination, self._clock, self._later)
        return self._sinks[key]

    def close(self) -> None:
        """Close every socket."""
        for sink in self._sinks.values():
            sink.close()


def _destination(address: Address) -> tuple[int, Destination | int]:
    if address.family is Family.FD:
        return 0, int(address.host)
    if address.family is Family.UNIX:
        return socket.AF_UNIX, address.host
    if address.family is Family.ABNS:
        return socket.AF_UNIX, abstract_name(address.host)
    if address.family in (Family.INET, Family.INET6, Family.ANY):
        return _resolved(address)
    raise ValueError(f"a log cannot be sent to an address of the form {address.family.value}")


def _resolved(address: Address) -> tuple[int, Destination]:
    """Return family and numeric destination; a name is looked up here, once, as HAProxy does at its start."""
    wanted = {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}.get(address.family, 0)
    flags = 0 if address.is_name else socket.AI_NUMERICHOST
    port = address.port or 514
    try:
        found = socket.getaddrinfo(address.host, port, wanted, socket.SOCK_DGRAM, 0, flags)
    except OSError as error:
        raise ValueError(f"the log address '{address.host}' cannot be resolved: {error.args[-1]}") from error
    family, _, _, _, destination = found[0]
    return family, (str(destination[0]), int(destination[1]))
