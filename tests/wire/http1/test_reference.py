"""The corpus, through haproxy and through the codec: the same bytes forwarded, the same refusals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tcproxy.wire.http1 import CodecLimits

from . import corpus
from .departures import DEPARTURES, departure
from .reference import UNHURRIED, Reference, Seen
from .verdicts import request_verdict, response_verdict

LENIENT = CodecLimits(lenient=True)
PAGE = re.compile(rb"HTTP/1\.1 502 Bad Gateway\r\n.*(?:</html>\n|\r\n\r\n\Z)", re.DOTALL)
"""The reference's own answer; that to HEAD has no body."""


class Case(NamedTuple):
    """One message; `asked` names the request that a response answers, empty for a request."""

    lenient: bool
    asked: str
    message: bytes

    @property
    def role(self) -> str:
        """Which role reads it."""
        return "response" if self.asked else "request"

    def play(self) -> tuple[str, bytes, bytes | None]:
        """Return the listener to ask, what to send it, and what its server answers."""
        listener = "lenient" if self.lenient else "strict"
        if self.asked:
            return listener, corpus.REQUESTS[self.asked], self.message
        return listener, self.message, None

    def ours(self) -> tuple[int, bytes]:
        """Return our status and what we forward."""
        limits = LENIENT if self.lenient else CodecLimits()
        if self.asked:
            verdict = response_verdict(self.asked, [self.message], limits)
            return verdict.status, verdict.forwarded
        verdict = request_verdict([self.message], limits)
        return verdict.status, verdict.forwarded

    def theirs(self, seen: Seen) -> tuple[int, bytes]:
        """Return the reference's status and what it forwarded."""
        if not self.asked:
            return seen.refusal, seen.server
        forwarded = PAGE.sub(b"", seen.client)
        return 502 if forwarded != seen.client else 0, forwarded


def cases() -> Iterator[Case]:
    """Yield all cases of the corpus."""
    for lenient, suffix in ((False, ""), (True, "-lenient")):
        for message in corpus.requests("requests" + suffix):
            yield Case(lenient, "", message)
        for asked, message in corpus.responses("responses" + suffix):
            yield Case(lenient, asked, message)


@pytest.mark.reference
def test_the_corpus_is_forwarded_and_refused_as_by_the_reference(tmp_path: Path) -> None:
    """Every case has the reference's outcome, except those that the table of departures tells, which have not."""
    everything = list(cases())
    wrong = compared(tmp_path, everything)
    for at_once, longer in UNHURRIED:
        wrong = compared(tmp_path, list(wrong), at_once, longer) if wrong else {}
    assert not wrong, "\n".join(str(line)[:800] for line in list(wrong.items())[:20])
    used = {departure(case.role, case.message, case.lenient) for case in everything} - {None}
    assert used == set(DEPARTURES), "a departure that no case shows"


def compared(folder: Path, everything: list[Case], *how: int) -> dict[Case, object]:
    """Ask the reference about cases; return those whose outcome is not as it should be, with both outcomes."""
    seen = asyncio.run(Reference(folder).ask_all([case.play() for case in everything], *how))
    wrong: dict[Case, object] = {}
    for case, saw in zip(everything, seen, strict=True):
        row = departure(case.role, case.message, case.lenient)
        if (case.ours() == case.theirs(saw)) != (row is None) and not (row and row.wavers):
            wrong[case] = "ours", case.ours(), "theirs", case.theirs(saw), row
    return wrong


def test_the_corpus_has_a_few_hundred_cases_of_each_role() -> None:
    """The corpus is not empty, and its form is read back as it was written."""
    everything = list(cases())
    assert len([case for case in everything if case.role == "request"]) > 500
    assert len([case for case in everything if case.role == "response"]) > 300
    assert all(corpus.unwritten(corpus.written(case.message)) == case.message for case in everything)


def told(case: Case, pieces: list[bytes]) -> tuple[object, ...]:
    """Return what a fresh codec says of a case in these pieces. Chunks follow the pieces, so bodies are compared."""
    limits = LENIENT if case.lenient else CodecLimits()
    verdict = response_verdict(case.asked, pieces, limits) if case.asked else request_verdict(pieces, limits)
    heads = [(repr(head), repr(head.fields), head.keep_alive) for head in verdict.heads]
    return verdict.status, verdict.incomplete, verdict.bodies, heads


def test_the_corpus_is_judged_alike_in_any_pieces() -> None:
    """Whole, in two pieces, and (when short) byte by byte, each case has the same outcome."""
    for case in cases():
        message = case.message
        whole = told(case, [message])
        for at in {1, len(message) // 3, len(message) // 2, len(message) - 1}:
            assert told(case, [message[:at], message[at:]]) == whole, (case, at)
        if len(message) < 300:
            assert told(case, [message[at : at + 1] for at in range(len(message))]) == whole, case
