"""`tcp-request content` rules of TCP mode: a step that may wait until enough bytes came to decide (manual 4.2).

A rule whose condition is not known yet waits for more bytes, at most for the section's inspect-delay, and no longer
when no byte can come any more: the client ended, or its buffer is full. Then all conditions are known. As in HAProxy
the rules are looked at from the first one on whenever bytes came; a capture waits for its sample in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcproxy.rules.actions.rows import Assembly
from tcproxy.rules.lines import Rule
from tcproxy.rules.waiting import Wait, decide, waiting_rules
from tcproxy.session.settings import Step
from tcproxy.session.stages import CHOOSING, CLOSED, INSPECTING, NEVER


class Inspection(Wait):
    """The rules of one stream under way. until: when the wait ends, monotonic seconds, NEVER before it has begun.

    delay: seconds.
    """

    __slots__ = ("delay", "until")

    def __init__(self, delay: float) -> None:
        super().__init__(over=not delay)
        self.delay = delay
        self.until = NEVER

    def wait(self, now: float) -> None:
        """Begin the wait, or go on with it."""
        if self.until == NEVER:
            self.until = now + self.delay


def inspecting(rules: Sequence[Rule], assembly: Assembly, delay: float, full: int) -> Step:
    """Return the step of the rules of one section. delay: seconds. full: bytes held at which no more are waited for."""
    made = waiting_rules(rules, assembly)

    def inspect(stream: Any) -> bool:
        inspection: Inspection | None = stream.inspection
        if inspection is None:
            inspection = stream.inspection = Inspection(delay)
        client_full = len(stream.client.held) >= full
        inspection.over = inspection.over or stream.client_done or client_full or stream.now() >= inspection.until
        verdict = decide(made, stream, inspection)
        if stream.stage is CLOSED:  # it speaks HTTP from now on
            return False
        if verdict:
            stream.inspection = None
            stream.stage = CHOOSING
            stream.expires = NEVER
        elif verdict is None:
            inspection.wait(stream.now())
            stream.stage = INSPECTING
            stream.expires = inspection.until
            stream.next_step -= 1  # this step again, when bytes came or the time is over
        return bool(verdict)

    return inspect
