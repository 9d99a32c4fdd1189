"""Pattern files and map files as HAProxy reads them (manual 7.1, `-f` and `-M`; 7.3.1, `map`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tcproxy.grammar.files import path_of
from tcproxy.grammar.rows import Reading
from tcproxy.grammar.statements import Statement
from tcproxy.samples.patterns.sets import PatternSet, PatternSets

LONGEST_LINE = 16383
"""HAProxy reads longer lines in pieces of this many bytes, as if they were lines."""

HASH = b"#"[0]
Line = tuple[int, bytes, bytes | None]
"""Number, pattern, value; a file of one column has no values."""


def lines_of(content: bytes, has_values: bool) -> Iterator[Line]:
    """Return the patterns of a file.

    Blanks before a pattern do not count, nor do empty lines, lines that begin with #, and what stands behind a
    carriage return or a NUL. has_values: the pattern ends at a blank, and its value follows.
    """
    lines = content.split(b"\n")
    if b"\r" in content or b"\0" in content or max(map(len, lines)) > LONGEST_LINE:
        lines = _cut(lines)
    has_tabs = b"\t" in content
    for number, line in enumerate(lines, 1):
        text = line.lstrip(b" \t")
        if not text or line[0] == HASH:
            continue
        if not has_values:
            yield number, text, None
        elif has_tabs:
            columns = _COLUMNS.fullmatch(text)
            assert columns is not None
            yield number, columns[1], columns[2].rstrip(b" \t")
        else:
            key, _, value = text.partition(b" ")
            yield number, key, value.strip(b" ")


def _cut(lines: list[bytes]) -> list[bytes]:
    """Return lines as HAProxy reads them: of limited length, and what a NUL or carriage return ends."""
    pieces = [
        line[start : start + LONGEST_LINE] for line in lines for start in range(0, len(line) or 1, LONGEST_LINE)
    ]
    return [piece.partition(b"\0")[0].partition(b"\r")[0] for piece in pieces]


_COLUMNS = re.compile(rb"([^ \t]+)[ \t]*(.*)", re.DOTALL)


class PatternFiles:
    """What a line of the configuration needs to use pattern files: the sets, and where its files lie."""

    def __init__(self, reading: Reading, statement: Statement) -> None:
        if reading.patterns is None:
            reading.patterns = PatternSets()
        self.sets: PatternSets = reading.patterns
        self.reading = reading
        self.statement = statement

    def load(self, name: str, has_values: bool) -> PatternSet:
        """Return the set of a file, which is read with its first use. Raises ValueError."""
        found = self.sets.of_file(name)
        if found is None:
            found = PatternSet(name, self.statement.origin, has_values)
            try:
                content = Path(path_of(name, self.statement, self.reading)).read_bytes()
            except (OSError, ValueError) as error:
                raise ValueError(f"cannot read the pattern file '{name}': {_reason(error)}") from None
            found.fill(lines_of(content, has_values))
            self.sets.add(found)
        elif found.has_values != has_values:
            columns = ("one column", "two columns")
            raise ValueError(
                f"the file '{name}' cannot be read with {columns[has_values]} here, since a line above reads it "
                f"with {columns[found.has_values]}"
            )
        return found


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
