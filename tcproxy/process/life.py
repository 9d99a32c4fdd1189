"""What a running process does on signals, and how it ends (management manual, 4; configuration manual 3.1).

* SIGUSR1: soft stop. After `grace` the listeners close; the process ends with its last session, or at
  `hard-stop-after`.
* SIGTERM, SIGINT: hard stop. The process dies of the signal, and the kernel closes what was open.
* SIGTTOU, SIGTTIN: stop listening, listen again. A new process that cannot bind sends them to the old one.
* SIGHUP: write the state of every server to the logs.
* SIGQUIT: free memory that is not needed, and tell how much was in use at the most.
* SIGUSR2, SIGPIPE: nothing.

This file decides what to do. How sessions end and how listeners pause is the service's (service.py).
"""

from __future__ import annotations

import gc
import resource
import signal
from collections.abc import Callable
from typing import Any, Protocol

from tcproxy.interfaces import IClock
from tcproxy.model.process import Global

WARNING, NOTICE = 4, 5
"""Syslog levels."""


class Running(Protocol):
    """The part of a ProxyService that signals reach."""

    def soft_stop(self) -> Any:
        """Close the listeners; the Deferred fires when the last session has ended."""

    def hard_stop(self) -> Any:
        """End every session."""

    def pause(self) -> None:
        """Stop listening."""

    def resume(self) -> None:
        """Listen again."""

    def report_states(self) -> None:
        """Tell the states of servers to the log."""


class Life:
    """Obeys the signals for one service. leave: a function that ends the process with exit code 0."""

    def __init__(
        self,
        service: Running,
        settings: Global,
        clock: IClock,
        leave: Callable[[], None],
        announce: Callable[[int, str], None],
    ) -> None:
        self._service = service
        self._settings = settings
        self._clock = clock
        self._leave = leave
        self._announce = announce
        self._stopping = False
        self._left = False

    def actions(self) -> dict[int, Callable[[], None]]:
        """Return the function to call for each signal. Other signals keep their default action."""
        return {
            signal.SIGUSR1: self.soft_stop,
            signal.SIGTTOU: self._service.pause,
            signal.SIGTTIN: self._service.resume,
            signal.SIGHUP: self._service.report_states,
            signal.SIGQUIT: self.trim,
        }

    def soft_stop(self) -> None:
        """Close the listeners after `grace`, and end with the last session. A second call does nothing."""
        if self._stopping:
            return
        self._stopping = True
        grace = self._settings.grace
        if not grace:
            self._stop_listening()
            return
        self._announce(WARNING, f"Scheduling a soft-stop in {grace} ms.")
        self._clock.callLater(grace / 1000, self._grace_over)

    def _grace_over(self) -> None:
        self._announce(NOTICE, "Grace period expired, proceeding with soft-stop now.")
        self._stop_listening()

    def _stop_listening(self) -> None:
        if self._settings.hard_stop_after:
            self._clock.callLater(self._settings.hard_stop_after / 1000, self._hard_stop)
        self._service.soft_stop().addBoth(self._finish)

    def _hard_stop(self) -> None:
        if self._left:
            return
        self._announce(WARNING, "soft-stop running for too long, performing a hard-stop.")
        self._service.hard_stop()
        self._finish(None)

    def _finish(self, result: Any) -> Any:
        if not self._left:
            self._left = True
            self._leave()
        return result

    def trim(self) -> None:
        """Run the garbage collector, and tell the most memory that the process has held, in kB."""
        freed = gc.collect()
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._announce(NOTICE, f"SIGQUIT: {freed} objects freed, {highest} kB of memory at the most so far.")
