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

Line = tuple[int, bytes, bytes | None]
"""Number, pattern, value; a file of one column has no values."""


def lines_of(content: bytes, has_values: bool) -> Iterator[Line]:
    """Return the patterns of a file.

    Blanks before a pattern do not count, nor do empty lines, lines that begin with #, and what stands behind a
    carriage return or a NUL. has_values: the pattern ends at a blank, and its value follows.
    """
    number = 0
    for line in content.split(b"\n"):
        for start in range(0, len(line) or 1, LONGEST_LINE):
            number += 1
            piece = line[start : start + LONGEST_LINE]
            if piece[:1] == b"#":
                continue
            if b"\r" in piece or b"\0" in piece:
                piece = piece.partition(b"\0")[0].partition(b"\r")[0]
            piece = piece.lstrip(b" \t")
            if not piece:
                continue
            if has_values:
                columns = _COLUMNS.fullmatch(piece)
                assert columns is not None
                yield number, columns[1], columns[2].rstrip(b" \t")
            else:
                yield number, piece, None


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
