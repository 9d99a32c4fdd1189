"""Signals reach the reactor in the order in which they came.

Python runs handlers by the number of the signal when several are pending, so that a successor's SIGTTOU and SIGTTIN
could change places and leave the proxy paused. Its wake-up descriptor keeps the order. What the signals mean is
life.py's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_log = Logger("tcproxy.signals")


@implementer(IReadDescriptor)
class Signals:
    """A descriptor that the reactor watches. Each signal makes it readable, and doRead calls the signal's action."""

    def __init__(self, actions: Mapping[int, Callable[[], None]]) -> None:
        self._actions = actions
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def install(self) -> None:
        """Receive the signals from now on.

        SIGTERM and SIGINT get their default action back, which Python and Twisted replace: the process dies of them, as
        HAProxy does. Where a shell has it ignore SIGINT, in the background, it goes on ignoring that.
        """
        self.wake()
        for number in self._actions:
            signal.signal(number, _wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGUSR2, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)

    def wake(self) -> None:
        """Let every signal write its number to this descriptor.

        A forked child says so again: asyncio, which Twisted imports, takes the descriptor away there (Python 3.12).
        """
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._reading

    def doRead(self) -> None:
        """Call the action of each signal that has come since the last call."""
        try:
            numbers = os.read(self._reading, 4096)
        except BlockingIOError:
            return
        for number in numbers:
            if number in self._actions:
                self._act(number)

    def _act(self, number: int) -> None:
        try:
            self._actions[number]()
        except Exception:
            # a descriptor that raises is dropped by the reactor, and no signal would be heard any more
            _log.failure("Failed to obey {signal}", signal=signal.Signals(number).name)

    def connectionLost(self, reason: Failure) -> None:
        """Nothing ends here: the process does."""

    def logPrefix(self) -> str:
        """Return the name in logs."""
        return "signals"


def _wake(number: int, frame: object) -> None:
    """Do nothing. Python has written the signal's number to the pipe, which doRead reads."""
