"""Near misses: the known word that somebody perhaps meant to write."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], likeness: float = 0.7) -> str:
    """Return the known word that is most like `word`, "" when none is like it.

    likeness: from 0 to 1 (the same word). A word of the same letters in another order is always like it: letters that
    changed places are much of a short name, as in `scr` for `src`.
    """
    # only for messages about errors, and slow to import
    from difflib import get_close_matches

    every = list(known)
    letters = sorted(word)
    found = [one for one in every if sorted(one) == letters] or get_close_matches(word, every, 1, likeness)
    return found[0] if found else ""


def suggestion(word: str) -> str:
    """Return the end of a sentence that proposes `word`, "" for none."""
    return f"; did you mean '{word}' maybe?" if word else ""


def near(word: str, known: Iterable[str], likeness: float = 0.7) -> str:
    """Return the end of a sentence that proposes the known word which is most like `word`, "" when none is."""
    return suggestion(nearest(word, known, likeness))
