"""Regular expressions of a configuration: PCRE2's, as HAProxy is built.

The standard library's `re` takes the patterns that both are sure to read alike, since it is the quicker of the two,
as long as it is sure to end soon (costs.py); the package `pcre2`, the library that HAProxy uses, takes all others.
Without the package those are refused: a pattern that is silently misread would match wrongly.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from tcproxy.samples.patterns.costs import longest_for_re
from tcproxy.samples.patterns.entries import Entry, Find, Match

Search: TypeAlias = Callable[[bytes], "re.Match[bytes] | None"]
"""Finds a pattern in a value. (A match of PCRE2 has the same methods as one of `re`.)"""

NEEDS_PCRE2 = "this needs the package 'pcre2' (pip install tcproxy[pcre2])"

_LONG = 500
"""A pattern that `re` may match with values of this length (costs.py) needs no PCRE2: it takes no second for any."""


def compile_regex(pattern: bytes, ignore_case: bool) -> Callable[[bytes], bool]:
    """Return the function that says whether the pattern is found in a value. Raises ValueError."""
    search = compile_search(pattern, ignore_case)
    return lambda value: search(value) is not None


def compile_search(pattern: bytes, ignore_case: bool) -> Search:
    """Return the function that finds the pattern in a value.

    Where the search takes more steps than PCRE2 allows, nothing is found, as in HAProxy. Raises ValueError for a
    pattern that is wrong, or that cannot be trusted to `re`.
    """
    doubt = doubtful(pattern)
    longest = None if doubt else longest_for_re(pattern)
    if doubt or longest == 0:
        library = _pcre2()
        if library is None:
            doubt = doubt or "what may take a time without end"
            raise ValueError(f"{doubt} in the regular expression '{_text(pattern)}': {NEEDS_PCRE2}")
        return _compile_pcre2(library, pattern, ignore_case)
    return _compile_re(pattern, ignore_case, longest)


def _compile_re(pattern: bytes, ignore_case: bool, longest: int | None) -> Search:
    """Return the search of `re`, for values of at most `longest` bytes where PCRE2 can take those that are longer."""
    library = _pcre2()
    try:
        search = re.compile(pattern, re.IGNORECASE if ignore_case else 0).search
    except (re.error, OverflowError, RecursionError) as error:
        if library is not None:  # it takes some forms that `re` finds wrong, such as ^*
            return _compile_pcre2(library, pattern, ignore_case)
        raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    if longest is None or (library is None and longest >= _LONG):
        return search
    if library is None:
        raise ValueError(f"what may take long in the regular expression '{_text(pattern)}': {NEEDS_PCRE2}")
    of_long = _compile_pcre2(library, pattern, ignore_case)
    return lambda value: search(value) if len(value) <= longest else of_long(value)


def _text(pattern: bytes) -> str:
    return pattern.decode("utf-8", "backslashreplace")


def _pcre2() -> Any:
    try:
        return importlib.import_module("pcre2")
    except ImportError:
        return None


def _compile_pcre2(library: Any, pattern: bytes, ignore_case: bool) -> Search:
    try:
        found = library.compile(pattern, library.IGNORECASE if ignore_case else 0)
    except library.LibraryError as error:
        raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    search, failed = found.search, library.LibraryError

    def limited(value: bytes) -> re.Match[bytes] | None:
        try:
            return search(value)  # type: ignore[no-any-return]
        except failed:  # a limit of the library was reached: no match, as in HAProxy
            return None

    return limited


_TRUSTED = re.compile(
    rb"""
      (?P<escape> \\ (?: [dDwWsSbBtnrf] | x[0-9a-fA-F]{2} | [^0-9A-Za-z\x80-\xff] ) )
    | (?P<class> \[ \^? \]? (?: \\ (?: [dDwWsStnrf] | x[0-9a-fA-F]{2} | [^0-9A-Za-z\x80-\xff] ) | [^\\\[\]] )* \] )
    | (?P<group> \( (?: \?: | \?= | \?! )? (?! [?*] ) | \) )
    | (?P<repeat> (?: [*+?] | \{ [0-9]{1,3} (?: , [0-9]{0,3} )? \} ) \?? (?! [+*?{] ) )
    | (?P<plain> [^\\\[\]{}()*+?] )
    """,
    re.VERBOSE | re.DOTALL,
)
_SET_OPERATORS = (b"--", b"&&", b"~~", b"||")


def doubtful(pattern: bytes) -> str:
    """Say what in a pattern `re` and PCRE2 may read differently, "" for nothing.

    Trusted are: plain bytes, the common escapes and classes, groups, lookahead, and the repeats but possessive.
    """
    at = len(b"(?i)") if pattern.startswith(b"(?i)") else 0
    if at == 0 and pattern.startswith((b"(*", b"(?")) and not pattern.startswith((b"(?:", b"(?=", b"(?!")):
        return f"'{_text(pattern[:4])}'"
    while at < len(pattern):
        match = _TRUSTED.match(pattern, at)
        if match is None:
            return f"'{_text(pattern[at : at + 3])}'"
        if match["class"] and any(operator in match[0] for operator in _SET_OPERATORS):
            return f"'{_text(match[0])}'"
        at = match.end()
    return ""


class RegexStore:
    """The regular expressions of one use of a set; they are tried in their order."""

    def __init__(self, read: Callable[[bytes], Search]) -> None:
        self.read = read
        self.searches: dict[Entry, Search] = {}

    def __len__(self) -> int:
        return len(self.searches)

    def add(self, entry: Entry) -> None:
        """Take a pattern. Raises ValueError."""
        self.searches[entry] = self.read(entry.text)

    def remove(self, entry: Entry) -> None:
        """Give up a pattern."""
        del self.searches[entry]

    def test(self) -> Match:
        """Return the function that says whether a pattern is found in a value."""
        if len(self.searches) == 1:
            (only,) = self.searches.values()
            return only
        return self.find()

    def find(self) -> Find:
        """Return the function that finds the first pattern that is found in a value."""
        match = self.match()

        def find(value: bytes) -> Entry | None:
            found = match(value)
            return None if found is None else found[0]

        return find

    def match(self) -> Callable[[bytes], tuple[Entry, re.Match[bytes]] | None]:
        """Return the function that finds the first pattern that is found in a value, and where."""
        searches = list(self.searches.items())

        def match(value: bytes) -> tuple[Entry, re.Match[bytes]] | None:
            for entry, search in searches:
                found = search(value)
                if found is not None:
                    return entry, found
            return None

        return match
