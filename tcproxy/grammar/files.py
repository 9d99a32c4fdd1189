"""Files that a configuration names: where they are, by its `default-path` (manual 3.1)."""

from __future__ import annotations

from pathlib import Path

from tcproxy.grammar.rows import Reading
from tcproxy.grammar.statements import Statement


def path_of(name: str, statement: Statement, reading: Reading) -> str:
    """Return the path of a file that the statement names, by the `default-path` in force."""
    mode, _, origin = reading.default_path.partition(" ")
    folder = Path(statement.origin.file).parent
    base = {"config": folder, "parent": folder / "..", "origin": Path(origin)}.get(mode, Path())
    return str(base / name) if name else name
