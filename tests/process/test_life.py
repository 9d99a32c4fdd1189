"""Signals become decisions: soft stop, grace, hard stop."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tcproxy.model.process import Global
from tcproxy.process.life import Life


class Service:
    """A running service that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.ended: Deferred[None] = Deferred()

    def soft_stop(self) -> Deferred[None]:
        """Stop listening."""
        self.calls.append("soft_stop")
        return self.ended

    def hard_stop(self) -> None:
        """End every session."""
        self.calls.append("hard_stop")

    def pause(self) -> None:
        """Pause."""
        self.calls.append("pause")

    def resume(self) -> None:
        """Resume."""
        self.calls.append("resume")

    def report_states(self) -> None:
        """Report."""
        self.calls.append("report_states")


class Living:
    """A life, its service and clock, and what it said."""

    def __init__(self, **settings: Any) -> None:
        self.service = Service()
        self.clock = Clock()
        self.said: list[tuple[int, str]] = []
        self.left = 0
        self.life = Life(self.service, Global(**settings), self.clock, self.leave, lambda *said: self.said.append(said))  # type: ignore[arg-type]

    def leave(self) -> None:
        """Count how often the process was told to leave."""
        self.left += 1

    def signal(self, number: int) -> None:
        """Do what the signal asks for."""
        self.life.actions()[number]()


def test_soft_stop_leaves_with_the_last_session() -> None:
    """SIGUSR1 stops listening at once, and the process leaves when the last session has ended, not before."""
    living = Living()
    living.signal(signal.SIGUSR1)
    living.signal(signal.SIGUSR1)
    assert (living.service.calls, living.left) == (["soft_stop"], 0)
    living.service.ended.callback(None)
    assert living.left == 1
    assert living.said == []


def test_grace_comes_before_the_soft_stop() -> None:
    """With `grace`, clients are still accepted for that time."""
    living = Living(grace=1500)
    living.signal(signal.SIGUSR1)
    living.clock.advance(1.4)
    assert living.service.calls == []
    living.clock.advance(0.2)
    assert living.service.calls == ["soft_stop"]
    assert living.said == [
        (4, "Scheduling a soft-stop in 1500 ms."),
        (5, "Grace period expired, proceeding with soft-stop now."),
    ]


def test_hard_stop_after_counts_from_the_end_of_grace() -> None:
    """A soft stop that lasts too long becomes a hard one; a late end of sessions changes nothing."""
    living = Living(grace=1000, hard_stop_after=2000)
    living.signal(signal.SIGUSR1)
    living.clock.advance(1.0)
    living.clock.advance(1.9)
    assert living.left == 0
    living.clock.advance(0.1)
    assert (living.service.calls, living.left) == (["soft_stop", "hard_stop"], 1)
    assert living.said[-1] == (4, "soft-stop running for too long, performing a hard-stop.")
    living.service.ended.callback(None)
    assert living.left == 1


def test_hard_stop_after_is_forgotten_when_sessions_end() -> None:
    """A soft stop in time leaves nothing for the hard one to do."""
    living = Living(hard_stop_after=2000)
    living.signal(signal.SIGUSR1)
    living.service.ended.callback(None)
    living.clock.advance(3)
    assert (living.service.calls, living.left) == (["soft_stop"], 1)


@pytest.mark.parametrize(
    ("number", "call"),
    [(signal.SIGTTOU, "pause"), (signal.SIGTTIN, "resume"), (signal.SIGHUP, "report_states")],
)
def test_other_signals(number: int, call: str) -> None:
    """Pause, resume and the report of states go to the service."""
    living = Living()
    living.signal(number)
    assert living.service.calls == [call]


def test_sigquit_tells_memory() -> None:
    """SIGQUIT gives memory back and says how much there was."""
    living = Living()
    living.signal(signal.SIGQUIT)
    assert living.said[0][0] == 5
    assert "kB of memory" in living.said[0][1]
