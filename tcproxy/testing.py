"""Tests of configurations from Python: the engine of `tcproxy explain` and `tcproxy test` (docs/testing.rst).

    site = tcproxy.testing.load("haproxy.cfg")
    outcome = tcproxy.testing.ask(site, "GET https://example.org/", src="10.0.0.1")
    assert (outcome.backend, outcome.status) == ("shop", 200)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tcproxy.explain.asking import payload_bytes, request_bytes
from tcproxy.explain.cases import Case, CaseFile, WrongCases, read_cases
from tcproxy.explain.loading import load
from tcproxy.explain.rehearsal import Outcome, Question, Rehearsal, WrongQuestion
from tcproxy.explain.telling import record, told

__all__ = [
    "Case", "CaseFile", "Outcome", "Question", "Rehearsal", "WrongCases", "WrongQuestion", "ask", "load",
    "payload_bytes", "read_cases", "record", "told",
]  # fmt: skip


def ask(
    site: Rehearsal, request: str, headers: Iterable[str] = (), data: bytes = b"", src: str = "127.0.0.1", **more: Any
) -> Outcome:
    """Play a request. request: `METHOD URL`; headers: `Name: value` each; more: other fields of a Question.

    Raises WrongQuestion.
    """
    octets, port = request_bytes(request, headers, data)
    return site.play(Question(octets, src, port=port, **more))
