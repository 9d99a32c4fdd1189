"""`tcp-request content` rules of TCP mode: a step that may wait until enough bytes came to decide (manual 4.2).

A rule whose condition is not known yet waits for more bytes, at most for the section's inspect-delay, and no longer
when no byte can come any more: the client ended, or its buffer is full. Then all conditions are known. As in HAProxy
the rules are looked at from the first one on whenever bytes came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcproxy.rules.actions.rows import Act, Assembly, Ends
from tcproxy.rules.lines import Rule
from tcproxy.rules.waiting import Holds3, three_valued
from tcproxy.session.settings import Step
from tcproxy.session.stages import CHOOSING, INSPECTING, NEVER


class Inspection:
    """The rules of one stream under way. until: when the wait ends, monotonic seconds, NEVER before it has begun.

    over: every condition is known, whatever comes.
    """

    __slots__ = ("over", "until")

    def __init__(self, over: bool) -> None:
        self.until = NEVER
        self.over = over


def inspecting(rules: Sequence[Rule], assembly: Assembly, delay: float, full: int) -> Step:
    """Return the step of the rules of one section. delay: seconds. full: bytes held at which no more are waited for."""
    made = [_made(rule, assembly) for rule in rules]

    def inspect(stream: Any) -> bool:
        inspection: Inspection | None = stream.inspection
        if inspection is None:
            inspection = stream.inspection = Inspection(not delay)
        elif stream.now() >= inspection.until:
            inspection.over = True
        if stream.client_done or len(stream.client.held) >= full:
            inspection.over = True
        for holds, act, ends in made:
            if holds is not None:
                met = holds(stream)
                if met is None:
                    _wait(stream, inspection, delay)
                    return False
                if not met:
                    continue
            going = act(stream)
            if ends is Ends.ALWAYS or (ends is Ends.SOMETIMES and not going):
                return False
            if ends is Ends.SET:
                break
        stream.inspection = None
        stream.stage = CHOOSING
        stream.expires = NEVER
        return True

    return inspect


def _made(rule: Rule, assembly: Assembly) -> tuple[Holds3 | None, Act, Ends]:
    holds = three_valued(rule.condition) if rule.condition is not None else None
    return holds, rule.made.make(assembly), rule.action.ends


def _wait(stream: Any, inspection: Inspection, delay: float) -> None:
    """Take the same step again when bytes came, or the time is over."""
    if inspection.until == NEVER:
        inspection.until = stream.now() + delay
    stream.stage = INSPECTING
    stream.expires = inspection.until
    stream.next_step -= 1
