"""Actions about time: waits within a rule set, timeouts, and the order in queues (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.grammar.units import Size, Time
from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Ends, Made, Text
from tcproxy.rules.sets import MESSAGES, REQUESTS, SetKind
from tcproxy.samples.kinds import Kind

CLASSES, OFFSETS = 2047, 524287
"""The highest class of priority, and milliseconds of the highest offset; the lowest are their negatives."""


def _read_body_wait(words: ActionWords) -> Made:
    """Read `time TIME [at-least BYTES]`, in any order."""
    found: dict[str, int] = {}
    while words.next in ("time", "at-least"):
        name = words.word("")
        at, word = words.at, words.word("a number")
        try:
            found[name] = int((Time() if name == "time" else Size()).read(word))
        except ValueError as wrong:
            raise words.refuse(str(wrong), at) from None
    if "time" not in found:
        raise words.refuse("'time' and how long to wait must follow")
    return Made(lambda assembly: assembly.wait_for_body(found["time"], found.get("at-least", 0)), ("body",))


def _read_timeout(words: ActionWords) -> Made:
    """Read `server|tunnel TIME|EXPRESSION`."""
    at, name = words.at, words.word("'server' or 'tunnel'")
    if name not in ("server", "tunnel"):
        raise words.refuse(f"there are the timeouts 'server' and 'tunnel', and not '{name}'", at)
    if words.draft.get("kind") == "frontend":
        raise words.refuse("a frontend has no servers: this can stand in a backend or a listen section", at)
    at, word = words.at, words.next
    try:
        time = Time().read(word)
    except ValueError:
        return _timeout_of_expression(words, name)
    words.at += 1
    if not time:
        raise words.refuse("a timeout of 0 is none", at)
    return Made(lambda assembly: assembly.set_timeout(name, lambda exchange: time), ())


def _timeout_of_expression(words: ActionWords, name: str) -> Made:
    expression = words.expression("a time or an expression")
    take = expression.taking(Kind.SINT)
    if take is None:
        raise words.refuse("the expression gives no number", words.at - 1)
    return Made(lambda assembly: assembly.set_timeout(name, take), (), (expression,))


def _priority(offset: bool) -> Callable[[ActionWords], Made]:
    """Return what reads `EXPRESSION`."""
    most = OFFSETS if offset else CLASSES

    def read(words: ActionWords) -> Made:
        expression = words.expression("an expression")
        take = expression.taking(Kind.SINT)

        def make(assembly: Assembly) -> Act:
            change = assembly.set_priority(offset)

            def set_priority(exchange: Any) -> None:
                value = take(exchange) if take is not None else None
                if value is not None:
                    change(exchange, min(max(value, -most), most))

            return set_priority

        return Made(make, (), (expression,))

    return read


def _read_hint(words: ActionWords) -> Made:
    """Read `NAME FORMAT`."""
    name = words.word("the name of a header").lower().encode("utf-8", "surrogateescape")
    form = words.format("a value")

    def make(assembly: Assembly) -> Act:
        text: Text = assembly.text(form)
        return assembly.early_hint(name, text)

    return Made(make, (), form.expressions)


def _read_nothing(words: ActionWords) -> Made:
    return Made(lambda assembly: lambda exchange: None, ())


PRIORITIZED = REQUESTS | {SetKind.TCP_CONTENT}

ACTIONS = (
    Action("early-hint", REQUESTS, "Send a response 103 with a header before any other.", _read_hint, "NAME FORMAT"),
    Action("set-priority-class", PRIORITIZED, "Set the class of the request in queues: the lowest goes first.",
           _priority(False), "EXPRESSION"),
    Action("set-priority-offset", PRIORITIZED, "Let the request count in queues as come so many milliseconds later.",
           _priority(True), "EXPRESSION"),
    Action("set-timeout", REQUESTS, "Set 'timeout server' or 'timeout tunnel' for the request.", _read_timeout,
           "server|tunnel TIME|EXPRESSION"),
    Action("wait-for-body", MESSAGES, "Wait for the body of the request, or of the response.", _read_body_wait,
           "time TIME [at-least BYTES]", Ends.SOMETIMES, waits=True),
    Action("wait-for-handshake", REQUESTS, "No effect: nothing comes before a TLS handshake is over.", _read_nothing),
)  # fmt: skip
