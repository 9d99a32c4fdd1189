"""Actions for log lines: their level, and what is captured for them (manual 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tcproxy.grammar.rows import Draft
from tcproxy.grammar.units import Integer
from tcproxy.model.captures import Capture
from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Exchange, Made
from tcproxy.rules.sets import HTTP, MESSAGES, TCP, TCP_CONTENTS, SetKind
from tcproxy.samples.expressions import Expression
from tcproxy.samples.kinds import Kind, bytes_of

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""Of syslog, by number."""
_NUMBER = re.compile(r"[0-9]+")


OF_REQUESTS = frozenset({SetKind.HTTP_REQUEST, SetKind.TCP_CONTENT})
CAPTURING = HTTP | {SetKind.TCP_CONTENT}


def _read_level(words: ActionWords) -> Made:
    """Read `LEVEL`, or `silent`."""
    at = words.at
    word = words.word("a level")
    if word != "silent" and word not in LEVELS:
        raise words.refuse(f"there is no level '{word}', but {', '.join((*LEVELS, 'silent'))}", at)
    level = LEVELS.index(word) if word in LEVELS else -1
    return Made(lambda assembly: assembly.log_level(level), ())


def _read_capture(words: ActionWords) -> Made:
    """Read `EXPRESSION len LENGTH` (of requests), or `EXPRESSION id SLOT`."""
    expression = words.expression("a sample")
    request = words.kind in OF_REQUESTS
    if request and words.take("len"):
        return _new_slot(words, expression, len(words.draft.get("request_captures", ())))
    at = words.at
    if words.kind is SetKind.TCP_CONTENT:
        raise words.refuse("'len' and a length must follow the sample", min(at, words.last))
    if not words.take("id"):
        raise words.refuse("'len' or 'id' must follow the sample" if request else "'id' must follow the sample", at)
    word = words.word("the number of a slot")
    if not _NUMBER.fullmatch(word):
        raise words.refuse(f"'{word}' is no number of a slot", words.at - 1)
    slot = int(word)
    return Made(
        lambda assembly: _capturing(expression, slot, assembly), ("capture",), (expression,),
        check=lambda draft: _missing_slot(draft, slot, request),
    )  # fmt: skip


def _missing_slot(draft: Draft, slot: int, request: bool) -> str:
    """Say that a section has no such slot; one without a frontend leaves it to the frontends."""
    direction = "request" if request else "response"
    if draft.get("kind") == "backend" or slot < len(draft.get(f"{direction}_captures", ())):
        return ""
    return f"there is no slot {slot} for captures of a {direction}: declare it by 'declare capture {direction}'"


def _new_slot(words: ActionWords, expression: Expression, slot: int) -> Made:
    if words.draft.get("kind") == "backend":
        raise words.refuse("'len' makes a slot, which a backend cannot have: name one of the frontend's by 'id'")
    at = words.at
    try:
        length = Integer(1, strict=True).read(words.word("a length"))
    except ValueError as wrong:
        raise words.refuse(str(wrong), at) from None
    words.draft.append("request_captures", Capture("", length))
    waits = _waiting(expression) if words.kind is SetKind.TCP_CONTENT else None
    return Made(lambda assembly: _capturing(expression, slot, assembly), ("capture",), (expression,), waits=waits)


def _waiting(expression: Expression) -> Callable[[Any], bool] | None:
    """Return what says whether a sample is not there, and may still come; None where that cannot be."""
    take, changes = expression.taking(Kind.STR), expression.waits
    if take is None or changes is None:
        return None
    return lambda facts: not facts.wait_over and take(facts) is None and changes(facts)


def _capturing(expression: Expression, slot: int, assembly: Assembly) -> Act:
    """Return what puts a sample into a slot; nothing where the frontend has no such slot."""
    take = expression.taking(Kind.STR)
    request = assembly.kind in OF_REQUESTS
    slots = assembly.front.request_captures if request else assembly.front.response_captures
    if take is None or slot >= len(slots):
        return lambda exchange: None
    length = slots[slot].length

    def capture(exchange: Exchange) -> None:
        value = take(exchange)
        if value is None:
            return
        captured = exchange.captured
        if captured is None:
            captured = assembly.begin_captures(exchange)
        if captured is not None:
            values = captured.request if request else captured.response
            values[slot] = bytes_of(value)[:length]

    return capture


ACTIONS = (
    Action("capture", CAPTURING, "Put a sample into a slot of the log line.", _read_capture,
           "SAMPLE len LENGTH|id SLOT", core=TCP),
    Action("set-log-level", MESSAGES | TCP_CONTENTS, "Set the level of the log line; 'silent': write none.",
           _read_level, "LEVEL"),
)  # fmt: skip
