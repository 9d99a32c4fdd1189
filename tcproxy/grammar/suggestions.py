"""Near misses: the known word that somebody perhaps meant to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


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


_QUOTED = re.compile(r"'([^']+)'")


def with_suggestion(sentence: str, wrong: str) -> str:
    """Return a sentence about a wrong word with a proposal, where it quotes known ones like it.

    The sentence says `not 'x'`, `no NOUN 'x'` or `'x' is not one of`, and quotes what may stand instead. So a proposal
    costs whoever refuses a value nothing more, a plugin neither.
    """
    word = re.escape(f"'{wrong}'")
    if "did you mean" in sentence or not re.search(rf"\b(?:not|no(?: [a-z-]+)+) {word}|{word} is not one of", sentence):
        return sentence
    return sentence + near(wrong, [known for known in _QUOTED.findall(sentence) if known != wrong])


def blamed(sentence: str, words: Sequence[str], otherwise: int) -> int:
    """Return the index of the word behind `otherwise` which the sentence quotes last, `otherwise` without one."""
    for quoted in reversed(_QUOTED.findall(sentence)):
        if quoted in words[otherwise + 1 :]:
            return words.index(quoted, otherwise + 1)
    return otherwise
