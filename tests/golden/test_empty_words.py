"""An empty word ends its line: wherever one is put into the statements of lines/*.cfg, HAProxy gives our verdict.

Each statement is cut behind its first words. Where both programs agree on that, they agree as well when an empty word
and the rest of the statement follow.
"""

from __future__ import annotations

import re
import shutil
from itertools import islice
from pathlib import Path

import pytest

from .test_lines import FILES, HERE, refused_by_reference, refused_here

WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\\.|[^\s"'])+""")
ROOM = 40
"""Statements of one file: HAProxy stops reading after 50 errors."""

LOOKS_BEHIND = ("capture cookie", "setenv")
"""Words of which HAProxy 2.6.12 looks behind an empty word (docs/differences.rst)."""


def statements(path: Path) -> list[tuple[str, list[str]]]:
    """Return each statement of a file as the head of its section and its words, quotes kept."""
    found, head = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"\s+# only .*", "", line)
        if not line.startswith(" "):
            head = line
        elif words := WORD.findall(line):
            found.append((head, words))
    return found


def files(path: Path, behind: int) -> list[list[tuple[str, str, str]]]:
    """Return groups of statements: head, what stands before the empty word, and what stands behind it."""
    cut = [
        (head, " ".join(words[:behind]), " ".join(words[behind:]) or "zzz")
        for head, words in statements(path)
        if len(words) >= behind and words[0] != "default-path" and not " ".join(words).startswith(LOOKS_BEHIND)
    ]
    rest = iter(cut)
    return list(iter(lambda: list(islice(rest, ROOM)), []))


def verdicts(path: Path, group: list[tuple[str, str, str]], whole: bool) -> tuple[set[int], set[int]]:
    """Return which statements of a group we refuse, and which HAProxy refuses, by their place in the group."""
    lines, places = [], {}
    for head in dict.fromkeys(head for head, _, _ in group):
        lines += [head, "    default-path config"] if head == "global" else [head]
        for place, (other, before, behind) in enumerate(group):
            if other == head:
                lines.append(f'    {before} "" {behind}' if whole else f"    {before}")
                places[len(lines)] = place
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ours, theirs = refused_here(path), refused_by_reference(path)
    return ({places[line] for line in found if line in places} for found in (ours, theirs))  # type: ignore[return-value]


@pytest.mark.reference
@pytest.mark.slow
@pytest.mark.parametrize("behind", [2, 3, 4, 5])
@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("word-in")])
def test_an_empty_word_ends_a_line(name: str, behind: int, tmp_path: Path) -> None:
    """What stands behind an empty word changes no verdict, ours or HAProxy's."""
    folder = Path(shutil.copytree(HERE, tmp_path / "golden")) / "lines"
    for group in files(HERE / "lines" / name, behind):
        ours, theirs = verdicts(folder / "cut.cfg", group, whole=False)
        ours_whole, theirs_whole = verdicts(folder / "whole.cfg", group, whole=True)
        assert ours_whole == ours
        doubtful = ours ^ theirs
        assert [group[place] for place in (ours_whole ^ theirs_whole) - doubtful] == []
