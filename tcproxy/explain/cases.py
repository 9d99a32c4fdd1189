"""Tables of requests, and what is expected to come of them: files of TOML or YAML (docs/testing.rst).

    configuration = "haproxy.cfg"

    [[case]]
    name = "guests see the shop"
    request = "GET https://example.org/"
    expect = { backend = "shop", server = ["s1", "s2"] }
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcproxy.explain.asking import payload_bytes, request_bytes
from tcproxy.explain.rehearsal import Outcome, Question, Rehearsal, WrongQuestion


class WrongCases(ValueError):
    """A file of cases cannot be used; the sentence says why, and in which case."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and what is expected."""

    name: str
    question: Question
    expect: Mapping[str, Any] = field(default_factory=dict)

    def play(self, rehearsal: Rehearsal) -> tuple[Outcome, list[str]]:
        """Play it; return what came of it, and a sentence for each difference. Raises WrongQuestion."""
        outcome = rehearsal.play(self.question)
        found = [EXPECTATIONS[name](outcome, wanted) for name, wanted in self.expect.items()]
        return outcome, [sentence for sentence in found if sentence]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of cases. configuration: the files that it names, as paths."""

    path: Path
    configuration: tuple[Path, ...]
    cases: tuple[Case, ...]


def read_cases(path: Path) -> CaseFile:
    """Read a file of cases. Raises WrongCases, OSError."""
    table = _table(path)
    unknown = set(table) - {"configuration", "case", "cases"}
    if unknown:
        raise WrongCases(f"{path}: there is no setting '{sorted(unknown)[0]}'; there are configuration and case")
    named = table.get("configuration", ())
    names = [named] if isinstance(named, str) else list(named)
    rows = table.get("case", table.get("cases", ()))
    cases = tuple(_case(path, number, row) for number, row in enumerate(rows, 1))
    if not cases:
        raise WrongCases(f"{path}: there are no cases in it")
    return CaseFile(path, tuple(path.parent / name for name in names), cases)


def _table(path: Path) -> Mapping[str, Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise WrongCases(f"{path}: {error}") from None
    try:
        import yaml
    except ImportError:
        raise WrongCases(f"{path}: files of YAML need PyYAML: pip install 'tcproxy[cases]', or write TOML") from None
    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WrongCases(f"{path}: {error}") from None
    if not isinstance(table, dict):
        raise WrongCases(f"{path}: it must have the settings configuration and case")
    return table


SETTINGS = (
    "name", "request", "payload", "headers", "data", "src", "frontend", "bind", "down", "answer", "expect",
)  # fmt: skip


def _case(path: Path, number: int, row: Any) -> Case:
    title = f"{path}: case {number}"
    if not isinstance(row, Mapping):
        raise WrongCases(f"{title}: it must be a table with a request and what to expect")
    name = str(row.get("name", row.get("request", number)))
    for setting in row:
        if setting not in SETTINGS:
            raise WrongCases(f"{title} ({name}): there is no setting '{setting}'; there are {', '.join(SETTINGS)}")
    expect = row.get("expect", {})
    for wanted in expect:
        if wanted not in EXPECTATIONS:
            known = ", ".join(EXPECTATIONS)
            raise WrongCases(f"{title} ({name}): nothing is known of '{wanted}'; one may expect {known}")
    if not expect:
        raise WrongCases(f"{title} ({name}): it expects nothing")
    try:
        return Case(name, _question(row), expect)
    except WrongQuestion as wrong:
        raise WrongCases(f"{title} ({name}): {wrong}") from None


def _question(row: Mapping[str, Any]) -> Question:
    if "payload" in row:
        data, port = payload_bytes(str(row["payload"])), 0
    elif "request" in row:
        headers = row.get("headers", {})
        pairs = headers.items() if isinstance(headers, Mapping) else (str(one).split(":", 1) for one in headers)
        body = str(row.get("data", "")).encode("utf-8", "surrogateescape")
        data, port = request_bytes(str(row["request"]), [f"{name}: {value}" for name, value in pairs], body)
    else:
        raise WrongQuestion("a request is missing, or a payload")
    question = Question(data, str(row.get("src", "127.0.0.1")), row.get("frontend", ""), row.get("bind", ""), port)
    if "answer" in row:
        question.answer = str(row["answer"]).encode("utf-8", "surrogateescape")
    down = row.get("down", ())
    question.down = (down,) if isinstance(down, str) else tuple(down)
    return question


# what may be expected

Expectation = Callable[[Outcome, Any], str]
"""Returns a sentence for a difference, "" where there is none."""


def _one_of(what: str, found: str, wanted: Any) -> str:
    every = [wanted] if isinstance(wanted, str) else list(wanted)
    return "" if found in every else f"{what}: {found or 'none'!r} instead of {' or '.join(map(repr, every))}"


def _backend(outcome: Outcome, wanted: Any) -> str:
    return _one_of("backend", outcome.backend, wanted)


def _server(outcome: Outcome, wanted: Any) -> str:
    return _one_of("server", outcome.server, wanted)


def _status(outcome: Outcome, wanted: Any) -> str:
    return "" if outcome.status == wanted else f"status: {outcome.status or 'none'} instead of {wanted}"


def _location(outcome: Outcome, wanted: Any) -> str:
    return _header("location", _headers(outcome.received), "location", wanted)


def _to_server(outcome: Outcome, wanted: Any) -> str:
    return _wanted_headers("to the server", outcome.forwarded, wanted)


def _to_client(outcome: Outcome, wanted: Any) -> str:
    return _wanted_headers("to the client", outcome.received, wanted)


def _target(outcome: Outcome, wanted: Any) -> str:
    words = outcome.forwarded.partition(b"\r\n")[0].decode("utf-8", "backslashreplace").split(" ")
    found = " ".join(words[:2])
    return "" if found == wanted else f"request to the server: {found or 'none'!r} instead of {wanted!r}"


def _ended_by(outcome: Outcome, wanted: Any) -> str:
    notes = [note for note in outcome.notes if note.met and note.ends]
    if any(str(wanted) in note.text or str(note.origin).endswith(str(wanted)) for note in notes):
        return ""
    found = f"{notes[-1].origin} {notes[-1].text}" if notes else "no rule"
    return f"ended by: {found} instead of {wanted}"


def _sent(outcome: Outcome, wanted: Any) -> str:
    found = outcome.received.decode("utf-8", "backslashreplace")
    return "" if str(wanted) in found else f"body: {wanted!r} is not in what the client got"


def _wanted_headers(where: str, data: bytes, wanted: Mapping[str, Any]) -> str:
    headers = _headers(data)
    found = [_header(where, headers, name, value) for name, value in wanted.items()]
    return "; ".join(sentence for sentence in found if sentence)


def _header(where: str, headers: Mapping[str, list[str]], name: str, wanted: Any) -> str:
    """Compare one header. wanted: its value, or its values, or false where there must be none."""
    found = headers.get(name.lower(), [])
    if wanted is None or wanted is False:
        return f"{where}: the header {name} is there: {found}" if found else ""
    every = [wanted] if isinstance(wanted, str) else list(wanted)
    return "" if found == every else f"{where}: {name}: {found or 'none'} instead of {every}"


def _headers(data: bytes) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in data.partition(b"\r\n\r\n")[0].decode("utf-8", "backslashreplace").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        found.setdefault(name.lower(), []).append(value.strip())
    return found


EXPECTATIONS: Mapping[str, Expectation] = {
    "backend": _backend,
    "server": _server,
    "status": _status,
    "location": _location,
    "to_server": _to_server,
    "to_client": _to_client,
    "request": _target,
    "ended_by": _ended_by,
    "contains": _sent,
}
"""What a case may expect, by name."""
