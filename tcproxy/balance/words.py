"""What follows a strategy's name on a `balance` line: the argument in parentheses. The rest is ignored there."""

from __future__ import annotations

from collections.abc import Sequence


def parenthesised(words: Sequence[str]) -> str | None:
    """Return the text in parentheses right behind the name; None without parentheses.

    Raises ValueError where a parenthesis is not closed, or something follows it directly.
    """
    if not words or not words[0].startswith("("):
        return None
    inner, closing, rest = words[0][1:].partition(")")
    if not closing:
        raise ValueError("the parenthesis is not closed")
    if rest:
        raise ValueError(f"unexpected '{rest}' after the closing parenthesis")
    return inner


def refuse_parentheses(name: str, words: Sequence[str]) -> None:
    """Raise ValueError where a strategy that takes no argument is given one in parentheses.

    Other words pass: HAProxy ignores them, and configurations that have them must load.
    """
    if words and words[0].startswith("("):
        raise ValueError(f"'{name}' takes no argument in parentheses")
