"""A statement: one line of a configuration as words, where it stands, and the error that refuses it."""

from __future__ import annotations

from typing import NamedTuple


class Origin(NamedTuple):
    """Where a thing was declared: for messages and statistics."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Origin("", 0)


class Statement(NamedTuple):
    """One logical line of a configuration, unquoted and expanded.

    words: the line's words, without a leading `no` or `default`.
    negation: "", "no" or "default".
    columns: for each word the column (from 0) in `text` where it begins, for the caret.
    text: the physical line as written.
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
