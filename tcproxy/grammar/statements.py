"""What a parse function of a keyword row is given: the statement, and the reading it is part of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcproxy.grammar.diagnostics import Diagnostics
    from tcproxy.grammar.environment import Environment
    from tcproxy.grammar.words import Words


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a thing was declared: for messages and statistics."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Origin("", 0)


@dataclass(frozen=True, slots=True)
class Statement:
    """One logical line of a configuration, unquoted and expanded.

    words: the line's words, without a leading `no` or `default`.
    negation: "", "no" or "default".
    columns: for each word the column (from 0) in `text` where it begins, for the caret.
    text: the physical line as written (of a continued line, the first).
    """

    origin: Origin
    words: tuple[str, ...]
    negation: str = ""
    columns: tuple[int, ...] = ()
    text: str = ""


class Refused(Exception):
    """A statement is wrong: the sentence to tell, and the index of the word at fault (-1: the whole statement)."""

    def __init__(self, message: str, word: int = -1) -> None:
        super().__init__(message)
        self.word = word


def _no_words() -> Words:
    from tcproxy.grammar.words import Words

    return Words()


@dataclass(slots=True)
class Reading:
    """One reading of a configuration: where messages go, what variables there are, which plugins are loaded.

    section: the kind of section being read ("global", "backend" ...); name: its name, "" without one.
    files: cache of pattern files and the like, by path, so that each is read once.
    words: the joined table of keyword rows. conditions: reads `if|unless CONDITION` (see model/switching.py).
    check_format: raises ValueError about a log format that is wrong; its second argument: in HTTP mode.
    process: the draft of the global section, as far as it has been read.
    unresolved_allowed: a server whose name cannot be resolved is taken out of service (-dr) and is no error.
    embedded: an application gives the text, and asks on which ports it is served: `bind ADDRESS:0` may stand.
    """

    diagnostics: Diagnostics
    environment: Environment
    strategies: Mapping[str, Any] = field(default_factory=dict)
    checkers: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    name: str = ""
    default_path: str = "current"
    files: dict[str, Any] = field(default_factory=dict)
    words: Words = field(default_factory=_no_words)
    conditions: Any = None
    check_format: Callable[[str, bool], object] | None = None
    unresolved_allowed: bool = False
    embedded: bool = False
    process: dict[str, Any] = field(default_factory=dict)

    def warn(self, statement: Statement, message: str) -> None:
        """Emit a warning about the statement, in the reference's form."""
        self.diagnostics.warning(f"parsing [{statement.origin}] : {message}", statement)
