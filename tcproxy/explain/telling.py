"""What came of a rehearsal, as text for a person and as a record for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tcproxy.explain.rehearsal import Outcome
from tcproxy.explain.watching import Note, TestNote

_KEYS = re.compile(
    r"\b(hmac\([^,)]*,|jwt_verify\([^,)]*,|aes_gcm_dec\([^,)]*,[^,)]*,)(?!(?:proc|sess|txn|req|res)\.)[^,)]+"
)


def without_keys(text: str) -> str:
    """Return a line with asterisks for the keys of `hmac`, `jwt_verify` and `aes_gcm_dec`; variables stay."""
    return _KEYS.sub(r"\1***", text)


def told(outcome: Outcome) -> str:
    """Return the outcome as lines of text."""
    return "".join(f"{line}\n" for line in _lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"frontend {outcome.frontend}"
    for note in outcome.notes:
        yield from _note(note)
    if outcome.waited:
        yield f"waited {outcome.waited:g} s"
    if outcome.backend:
        yield f"backend {outcome.backend}"
    if outcome.server:
        yield f"server {outcome.server}: {outcome.why}"
    else:
        yield f"no server was asked{f': {outcome.why}' if outcome.why else ''}"
    if outcome.forwarded:
        yield "to the server:"
        yield from _head(outcome.forwarded)
    if outcome.received:
        yield "to the client:"
        yield from _head(outcome.received)
    elif outcome.closed:
        yield "the client is closed without an answer"
    for line in outcome.log:
        yield f"log: {line}"
    for message in outcome.told:
        yield f"told: {message}"


def _note(note: Note) -> Iterator[str]:
    sign = "*" if note.met else " "
    yield f"{sign} {note.origin}  {note.proxy}: {without_keys(note.text)}"
    for test in note.tests:
        yield f"      {_test(test)}"
    for change in note.changes:
        yield f"      {change}"
    if note.met and note.ends:
        yield "      no more rules of this set are looked at"


def _test(test: TestNote) -> str:
    name = f"{test.acl}: " if test.acl else ""
    value = "no sample" if test.value is None else repr(test.value)
    verdict = "holds" if test.holds else "does not hold"
    turned = f", and '!' {'makes it fail' if test.holds else 'makes it hold'}" if test.negated else ""
    return f"{name}{without_keys(test.text)} -> {value}: {verdict}{turned}"


def _head(data: bytes) -> Iterator[str]:
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/") and b" HTTP/" not in head.partition(b"\r\n")[0]:
        yield f"      {len(data)} bytes: {data[:64].hex(' ')}{' ...' if len(data) > 64 else ''}"
        return
    for line in head.decode("utf-8", "backslashreplace").split("\r\n"):
        yield f"      {line}"
    if body:
        yield f"      and {len(body)} bytes of a body"


def record(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as what JSON has: numbers, texts, lists and tables."""
    return {
        "frontend": outcome.frontend,
        "rules": [
            {
                "at": str(note.origin), "proxy": note.proxy, "rule": without_keys(note.text), "met": note.met,
                "ends": note.ends,
                "tests": [
                    {
                        "test": without_keys(one.text), "acl": one.acl, "negated": one.negated, "value": one.value,
                        "holds": one.holds,
                    }
                    for one in note.tests
                ],
                "changes": note.changes,
            }
            for note in outcome.notes
        ],
        "backend": outcome.backend,
        "server": outcome.server,
        "why": outcome.why,
        "status": outcome.status,
        "waited": outcome.waited,
        "forwarded": outcome.forwarded.decode("utf-8", "backslashreplace"),
        "received": outcome.received.decode("utf-8", "backslashreplace"),
        "log": outcome.log,
        "told": outcome.told,
    }  # fmt: skip
