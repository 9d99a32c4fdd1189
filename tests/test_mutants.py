"""The mutation check: which mutants it makes of a text, and that it tells those that tests notice from the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import mutants

SOURCE = '''\
"""A file."""
LIMIT = 5


def judged(size: int, more: bool = True) -> bool:
    """Return whether a size fits."""
    size += 1
    if size > LIMIT and not more:
        return False
    return size in (1, 2.5)
'''


def test_each_mutant_is_one_change() -> None:
    """Statements, comparisons, conditions and constants of functions are changed one at a time, and nothing else is."""
    made = [(one.number, one.what) for one in mutants.mutants(SOURCE)]
    assert made == [
        (7, "left out"), (7, "constant changed"),
        (8, "and for or"), (8, "comparison turned round"), (8, "not left out"),
        (9, "left out"), (9, "constant changed"),
        (10, "left out"), (10, "comparison turned round"), (10, "constant changed"), (10, "constant changed"),
    ]  # fmt: skip
    texts = [one.text for one in mutants.mutants(SOURCE)]
    assert len(set(texts)) == len(texts)
    assert all('"""Return whether a size fits."""' in text and "LIMIT = 5" in text for text in texts)
    assert "if size <= LIMIT and (not more):" in texts[3] and texts[0].count("pass") == 1


def test_what_tests_do_not_notice_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant lives if the named tests pass with it; tests that fail without one are an error."""
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "PYTEST", "-x -q -p no:cacheprovider")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "judge.py").write_text("def judged(size):\n    known = 1\n    return size > 5\n")
    test = tests / "test_judge.py"
    test.write_text("from judge import judged\n\ndef test_it():\n    assert judged(7) and not judged(4)\n")
    alive = mutants.survivors("tests/judge.py", ["tests/test_judge.py"], 2)
    assert [(one.number, one.what, one.line) for one in alive] == [
        (2, "left out", "known = 1"), (2, "constant changed", "known = 1"), (3, "constant changed", "return size > 5"),
    ]  # fmt: skip
    test.write_text("def test_it():\n    assert False\n")
    with pytest.raises(RuntimeError, match="fail without a mutant"):
        mutants.survivors("tests/judge.py", ["tests/test_judge.py"], 1)
