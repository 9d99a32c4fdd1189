"""One check: a conversation over one connection, within its time limits, until there is a verdict."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from tcproxy.health.dialling import Cancellable, CheckDialler, CheckTarget, why_not_connected
from tcproxy.interfaces import CheckStatus, IClock, IConversation, IDelayedCall, Verdict

_SILENCE = {4: CheckStatus.L4_TIMEOUT, 6: CheckStatus.L6_TIMEOUT, 7: CheckStatus.L7_TIMEOUT}


@dataclass(frozen=True, slots=True)
class CheckTimes:
    """The time limits of one check, in seconds.

    connect: for the connection. answer: for the conversation after it; None: both must fit into `connect`.
    As in HAProxy, an answer that comes within `connect` seconds of the check's start is never too late.
    """

    connect: float
    answer: float | None = None


class Run:
    """One check in progress. Calls `done(verdict, milliseconds)` once, unless it is cancelled."""

    def __init__(self, conversation: IConversation, clock: IClock, done: Callable[[Verdict, int], None]) -> None:
        self._conversation = conversation
        self._clock = clock
        self._done = done
        self._started = clock.seconds()
        self._stands = self._over = False
        self._target: CheckTarget | None = None
        self._connection: Cancellable | None = None
        self._timer: IDelayedCall | None = None
        self._answer: float | None = None
        self._limit = 0.0
        self._write: Callable[[bytes], None] | None = None

    def start(self, dial: CheckDialler, target: CheckTarget, times: CheckTimes) -> None:
        """Connect."""
        self._target = target
        self._answer = times.answer
        self._limit = times.connect
        self._timer = self._clock.callLater(times.connect, self._expired)
        connection = dial(target, self)
        if self._over:
            connection.cancel()
        else:
            self._connection = connection

    def cancel(self) -> None:
        """Drop the check and its connection; `done` is not called."""
        self._over = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cancel()

    def _finish(self, verdict: Verdict) -> None:
        if self._over:
            return
        self.cancel()
        self._done(verdict, int((self._clock.seconds() - self._started) * 1000 + 1e-6))

    def _expired(self) -> None:
        layer = self._conversation.layer if self._stands else 4
        self._finish(Verdict(_SILENCE[layer]))

    def _hear(self, said: Verdict | bytes | None) -> None:
        if isinstance(said, Verdict):
            self._finish(said)
        elif said and self._write is not None:
            self._write(said)

    def connected(self, write: Callable[[bytes], None]) -> None:
        """Begin the conversation."""
        if self._over:
            return
        self._stands, self._write = True, write
        if self._answer is not None and self._timer is not None:
            left = self._started + self._limit - self._clock.seconds()
            self._timer.reset(max(self._answer, left))
        self._hear(self._conversation.connected())

    def received(self, data: bytes) -> None:
        """Pass the bytes to the conversation."""
        if not self._over:
            self._hear(self._conversation.received(data))

    def ended(self) -> None:
        """Take the conversation's last verdict; without one, a server that closes is a connection problem (L4CON)."""
        if not self._over:
            self._finish(self._conversation.ended() or Verdict(CheckStatus.L4_CONNECTION))

    def failed(self, errno: int) -> None:
        """End the check with the operating system's words for the error."""
        if self._stands or self._target is None:
            self._finish(Verdict(CheckStatus.SOCKET_ERROR, os.strerror(errno)))
        else:
            self._finish(why_not_connected(errno, self._target))
