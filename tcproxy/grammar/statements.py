"""A statement: one line of a configuration as words, where it stands, and the error that refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """A statement is wrong: the sentence to tell, and the index of the word at fault (-1: the whole statement).

    others: what else is wrong with the same statement.
    """

    def __init__(self, message: str, word: int = -1, others: Sequence[Refused] = ()) -> None:
        super().__init__(message)
        self.word = word
        self.others = tuple(others)

    def each(self) -> list[Refused]:
        """Return this fault and all others of the statement, in the order of their words."""
        return [self, *(fault for other in self.others for fault in other.each())]

    def behind(self, start: str) -> Refused:
        """Return the same faults with `start` and a colon in front of each sentence."""
        first, *others = (Refused(f"{start} : {fault}", fault.word) for fault in self.each())
        first.others = tuple(others)
        return first


def refuse_all(faults: Iterable[Refused]) -> None:
    """Raise all faults as one Refused; nothing is done where there are none."""
    every = [Refused(str(fault), fault.word) for one in faults for fault in one.each()]
    if every:
        raise Refused(str(every[0]), every[0].word, every[1:])
