"""String patterns: exact, prefix, suffix, substring, subdir, domain (manual 7.1.3), and blocks of bytes (7.1.5).

Each matcher takes all patterns of one test at once, those that ignore case apart, so that long lists of exact
strings, prefixes and suffixes are looked up rather than scanned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

Pattern = tuple[bytes, bool]
"""A text, and whether its case is ignored (in ASCII only, as HAProxy does)."""

Matcher = Callable[[bytes], bool]

FEW = 8
"""Up to this many prefixes or suffixes are tried one by one."""


def exact_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the function that finds a value among the patterns."""
    return _either(patterns, lambda texts: frozenset(texts).__contains__)


def prefix_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the function that says whether a value begins like a pattern."""
    return _either(patterns, _prefixes)


def suffix_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the function that says whether a value ends like a pattern."""
    return _either(patterns, _suffixes)


def substring_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the function that says whether a pattern stands anywhere in a value."""
    return _either(patterns, _substrings)


def directory_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the function that finds a pattern in a value, between slashes or the ends."""
    return _delimited(patterns, b"/?")


def domain_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the function that finds a pattern in a value, between any of /?.: or the ends."""
    return _delimited(patterns, b"/?.:")


def _either(patterns: Sequence[Pattern], make: Callable[[list[bytes]], Matcher]) -> Matcher:
    """Return a matcher of both kinds of patterns, of which most tests have one kind only."""
    cased = make([text for text, ignore_case in patterns if not ignore_case])
    folded = make([text.lower() for text, ignore_case in patterns if ignore_case])
    if all(ignore_case for _, ignore_case in patterns):
        return lambda value: folded(value.lower())
    if not any(ignore_case for _, ignore_case in patterns):
        return cased
    return lambda value: cased(value) or folded(value.lower())


def _prefixes(texts: list[bytes]) -> Matcher:
    if len(texts) <= FEW:
        few = tuple(texts)
        return lambda value: value.startswith(few)
    by_length = _by_length(texts)
    return lambda value: any(value[:length] in found for length, found in by_length)


def _suffixes(texts: list[bytes]) -> Matcher:
    if len(texts) <= FEW:
        few = tuple(texts)
        return lambda value: value.endswith(few)
    by_length = _by_length(texts)
    return lambda value: any(value[-length:] in found for length, found in by_length)


def _by_length(texts: Iterable[bytes]) -> tuple[tuple[int, frozenset[bytes]], ...]:
    found: dict[int, set[bytes]] = {}
    for text in texts:
        found.setdefault(len(text), set()).add(text)
    return tuple((length, frozenset(group)) for length, group in found.items())


def _substrings(texts: list[bytes]) -> Matcher:
    if len(texts) == 1:
        (only,) = texts
        return lambda value: only in value
    return lambda value: any(text in value for text in texts)


def _delimited(patterns: Sequence[Pattern], delimiters: bytes) -> Matcher:
    """Return the function that finds a pattern between delimiters; those at a pattern's own ends do not count."""
    edge = re.escape(delimiters)

    def make(texts: list[bytes]) -> Matcher:
        cores = [re.escape(core) for text in texts if (core := text.strip(delimiters))]
        if not cores:
            return lambda value: False
        search = re.compile(b"(?:^|[%b])(?:%b)(?:\\Z|[%b])" % (edge, b"|".join(cores), edge)).search
        return lambda value: search(value) is not None

    return _either(patterns, make)
