"""Actions that change the patterns of files: what each does to them, and that rules behind it see that."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tcproxy.grammar.rows import Draft
from tcproxy.rules.actions.table import ACTIONS, KNOWN
from tcproxy.rules.compiling import compile_rules
from tcproxy.rules.lines import parse_rule
from tcproxy.rules.sets import SetKind
from tcproxy.samples.patterns.sets import PatternSet
from tests.rules.world import client, reading, statement

NAMES = {"add-acl", "del-acl", "del-map", "set-map"}


def run(folder: Path, *lines: str) -> tuple[PatternSet | None, SimpleNamespace]:
    """Run `http-request` rules once for a client at 127.0.0.1; return the set of `f` in the folder, and the client."""
    of, draft = reading(), Draft(kind="frontend")
    for line in lines:
        parse_rule(SetKind.HTTP_REQUEST, statement(f"http-request {line.replace('DIR', str(folder))}"), draft, of)
    facts = client("127.0.0.1")
    assembly: Any = SimpleNamespace(
        text=lambda form: lambda facts: form.text.encode(), log_level=lambda level: lambda facts: levels.append(level)
    )
    levels: list[int] = []
    for step in compile_rules(draft["rules"][SetKind.HTTP_REQUEST], assembly):
        step(facts)
    facts.levels = levels
    return of.patterns.of_file(f"{folder}/f"), facts


def entries(patterns: PatternSet | None) -> list[tuple[bytes, bytes | None]]:
    """Return the patterns and their values."""
    assert patterns is not None
    return [(entry.text, entry.value) for entry in patterns.entries()]


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("add-acl(DIR/f) a", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]),
        ("add-acl(DIR/f) c", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", None)]),
        ("del-acl(DIR/f) a", [(b"b", b"2")]),
        ("del-map(DIR/f) a", [(b"b", b"2")]),
        ("del-map(DIR/f) c", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]),
        ("set-map(DIR/f) a 4", [(b"a", b"4"), (b"b", b"2"), (b"a", b"4")]),
        ("set-map(DIR/f) c 4", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4")]),
        ("set-map(DIR/f) a x", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]),
        ("set-map(DIR/f) c x", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]),
        ("set-map(DIR/g) a 4", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]),
    ],
)
def test_a_file_is_changed(action: str, left: list[tuple[bytes, bytes | None]], tmp_path: Path) -> None:
    """An action changes all patterns of its text; what does not fit a map of integers changes nothing."""
    (tmp_path / "f").write_text("a 1\nb 2\na 3\n")
    patterns, _ = run(tmp_path, action, "set-log-level info if { src,map_str_int(DIR/f) 5 }")
    assert entries(patterns) == left


def test_rules_behind_see_the_change(tmp_path: Path) -> None:
    """The same condition is looked at anew behind a rule that changes its file."""
    (tmp_path / "f").write_text("")
    met = "if { src -f DIR/f }"
    lines = (
        f"set-log-level err {met}", "add-acl(DIR/f) 127.0.0.1", f"set-log-level info {met}", "del-acl(DIR/f) 127.0.0.1",
        f"set-log-level debug {met}", f"set-log-level emerg unless {met[3:]}",
    )  # fmt: skip
    _, facts = run(tmp_path, *lines)
    assert facts.levels == [6, 0]


def test_responses_have_them_and_rules_after_responses_do_not() -> None:
    """The four actions stand in the sets of HAProxy that have them."""
    assert ACTIONS[SetKind.HTTP_REQUEST].keys() & ACTIONS[SetKind.HTTP_RESPONSE].keys() >= NAMES
    assert NAMES.isdisjoint(KNOWN[SetKind.HTTP_AFTER])
