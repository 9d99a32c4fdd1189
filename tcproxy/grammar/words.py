"""The joined table of keyword rows: finds the row of a statement, and the word that was perhaps meant.

Which rooms contribute is told in tcproxy/language.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from tcproxy.grammar.rows import PROXY, Row, Where

LONGEST = 3
"""Words of the longest name of a row, as in `tcp-request connection set-src`."""


class DuplicateWord(Exception):
    """Two rows claim one word in one place: an error of the program, not of a configuration."""


class Words:
    """All rows, found by the place where a word stands and its name of one or more words."""

    def __init__(self, *rooms: Iterable[Row]) -> None:
        self.rows: tuple[Row, ...] = tuple(row for room in rooms for row in room)
        self._places: dict[Where, dict[str, Row]] = {where: {} for where in Where}
        for row in self.rows:
            for where in row.where:
                self._add(where, row)

    def _add(self, where: Where, row: Row) -> None:
        place = self._places[where]
        if row.name in place:
            raise DuplicateWord(f"two rows for '{row.name}' in {where.value}")
        place[row.name] = row

    def at(self, where: Where) -> dict[str, Row]:
        """Return the rows of one place by name."""
        return self._places[where]

    def find(self, where: Where, words: tuple[str, ...]) -> Row | None:
        """Return the row with the longest name that these words begin with, None when there is none."""
        place = self._places[where]
        for length in range(min(LONGEST, len(words)), 0, -1):
            row = place.get(" ".join(words[:length]) if length > 1 else words[0])
            if row is not None:
                return row
        return None

    def find_elsewhere(self, where: Where, words: tuple[str, ...]) -> Row | None:
        """Return the row that another kind of proxy has for these words."""
        if where not in PROXY:
            return None
        for other in (Where.LISTEN, Where.FRONTEND, Where.BACKEND, Where.DEFAULTS):
            row = self.find(other, words)
            if row is not None:
                return row
        return None

    def group(self, where: Where, head: str) -> tuple[str, ...]:
        """Return what may follow `head`, a word that no row has by itself: `client`, `server` ... of `timeout`."""
        found = [name.split(" ")[1] for name in self._names(where) if name.startswith(head + " ")]
        return tuple(dict.fromkeys(found))

    def near(self, where: Where, word: str) -> str:
        """Return the first word of a name of the place that is most like `word`, "" when none is."""
        return nearest(word, [name.split(" ")[0] for name in self._names(where)])

    def _names(self, where: Where) -> list[str]:
        return list(self._places[where])


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like `word`, "" when none is like it."""
    # only for messages about errors, and slow to import
    from difflib import get_close_matches

    matches = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return matches[0] if matches else ""


def suggestion(word: str) -> str:
    """Return the end of a sentence that proposes `word`, "" for none."""
    return f"; did you mean '{word}' maybe?" if word else ""
