"""The lines `tcp-request ...` and `tcp-response ...`: rules, and how long they may wait for bytes (manual 4.2)."""

from __future__ import annotations

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.suggestions import near
from tcproxy.grammar.units import Time
from tcproxy.rules.lines import parse_rule
from tcproxy.rules.sets import SetKind

REQUESTS = {
    "connection": SetKind.TCP_CONNECTION,
    "content": SetKind.TCP_CONTENT,
    "session": SetKind.TCP_SESSION,
}
RESPONSES = {"content": SetKind.TCP_RESPONSE}
DELAY = "inspect-delay"


def parse_request(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `tcp-request connection|session|content ACTION ...` or `tcp-request inspect-delay TIME`."""
    word = _second(statement, (DELAY, *REQUESTS))
    kind = draft.get("kind", "")
    if word == DELAY:
        _read_delay(statement, "request_delay", draft, reading)
        return
    if kind == "backend" and word != "content":
        raise Refused(f"'tcp-request {word}' cannot stand in a backend: it is about connections of frontends", 1)
    parse_rule(REQUESTS[word], statement, draft, reading)


def parse_response(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `tcp-response content ACTION ...` or `tcp-response inspect-delay TIME`."""
    word = _second(statement, (DELAY, *RESPONSES))
    if draft.get("kind") == "frontend":
        raise Refused(f"'tcp-response {word}' cannot stand in a frontend: it is about servers of backends", 1)
    if word == DELAY:
        _read_delay(statement, "response_delay", draft, reading)
        return
    parse_rule(RESPONSES[word], statement, draft, reading)


def _second(statement: Statement, known: tuple[str, ...]) -> str:
    words = statement.words
    word = words[1] if len(words) > 1 else ""
    if not word:
        raise Refused(f"'{words[0]}' needs one of {', '.join(known)} behind it", 0)
    if word not in known:
        raise Refused(f"'{words[0]}' has no '{word}'{near(word, list(known))}", 1)
    return word


def _read_delay(statement: Statement, field: str, draft: Draft, reading: Reading) -> None:
    """Read a delay, milliseconds; the first one that is said in a section holds, as in HAProxy."""
    words = statement.words
    title = f"{words[0]} {DELAY}"
    if len(words) < 3 or not words[2]:
        raise Refused(f"'{title}' needs a time behind it", 1)
    try:
        delay = Time(0).read(words[2])
    except ValueError as wrong:
        raise Refused(f"'{title}' : {wrong}", 2) from None
    if draft.get(field):
        reading.warn(statement, f"'{title}' was said before: this one is ignored")
        return
    draft[field] = delay
