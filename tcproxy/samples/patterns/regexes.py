"""Regular expressions of a configuration: PCRE2's, as HAProxy is built.

The standard library's `re` takes the patterns that both are sure to read alike, since it is the quicker of the two,
as long as it is sure to end soon (costs.py); the package `pcre2`, the library that HAProxy uses, takes all others.
Without the package those are refused: a pattern that is silently misread would match wrongly.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from tcproxy.samples.patterns.costs import longest_for_re
from tcproxy.samples.patterns.entries import Entry, Find, Match


class Found(Protocol):
    """Where a pattern was found, and what its groups are: a match of `re` or of PCRE2."""

    def span(self) -> tuple[int, int]:
        """Return where the match begins and ends."""
        ...

    def __getitem__(self, group: int) -> bytes | None: ...


FindIn: TypeAlias = Callable[[bytes], Found | None]
"""Finds a pattern in a value."""

NEEDS_PCRE2 = "this needs the package 'pcre2' (pip install tcproxy[pcre2])"

_LONG = 500
"""A pattern that `re` may match with values of this length (costs.py) needs no PCRE2: it takes no second for any."""


def compile_regex(pattern: bytes, ignore_case: bool) -> Callable[[bytes], bool]:
    """Return the function that says whether the pattern is found in a value. Raises ValueError, as `compile_search`."""
    find = compile_search(pattern, ignore_case).first
    return lambda value: find(value) is not None


class Search(NamedTuple):
    """Finds a pattern: in a text, or in the rest of one behind another match, where no line begins any more.

    groups: how many the pattern has. later: is given only the rest, so that nothing in the pattern sees what stood
    before it, as in HAProxy.
    """

    groups: int
    first: FindIn
    later: FindIn


def compile_search(pattern: bytes, ignore_case: bool) -> Search:
    """Return what finds a pattern. Raises ValueError for one that is wrong, or that cannot be trusted to `re`.

    Where a search takes more steps than PCRE2 allows, nothing is found, as in HAProxy.
    """
    doubt = doubtful(pattern)
    longest = None if doubt else longest_for_re(pattern)
    library = _pcre2()
    if doubt or longest == 0:
        if library is None:
            doubt = doubt or "what may take a time without end"
            raise ValueError(f"{doubt} in the regular expression '{_text(pattern)}': {NEEDS_PCRE2}")
        return _search_by_pcre2(library, pattern, ignore_case)
    flags = re.IGNORECASE if ignore_case else 0
    try:
        found = re.compile(pattern, flags)
        later = found.search if b"^" not in pattern else re.compile(_without_starts(pattern), flags).search
    except (re.error, OverflowError, RecursionError) as error:
        if library is not None:  # it takes some forms that `re` finds wrong, such as ^*
            return _search_by_pcre2(library, pattern, ignore_case)
        raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    if longest is None or (library is None and longest >= _LONG):
        return Search(found.groups, found.search, later)
    if library is None:
        raise ValueError(f"what may take long in the regular expression '{_text(pattern)}': {NEEDS_PCRE2}")
    of_long = _search_by_pcre2(library, pattern, ignore_case)
    return Search(
        found.groups, _by_length(longest, found.search, of_long.first), _by_length(longest, later, of_long.later)
    )


def _by_length(longest: int, of_short: FindIn, of_long: FindIn) -> FindIn:
    """Return the search of `re` for values of at most `longest` bytes, and that of PCRE2 for others."""
    return lambda value: of_short(value) if len(value) <= longest else of_long(value)


def _text(pattern: bytes) -> str:
    return pattern.decode("utf-8", "backslashreplace")


def _pcre2() -> Any:
    try:
        return importlib.import_module("pcre2")
    except ImportError:
        return None


def _without_starts(pattern: bytes) -> bytes:
    """Return a trusted pattern with what matches nowhere in place of each `^`."""
    at = 4 if pattern.startswith(b"(?i)") else 0
    parts = [pattern[:at]]
    while match := _TRUSTED.match(pattern, at):
        parts.append(b"(?!)" if match[0] == b"^" else match[0])
        at = match.end()
    return b"".join(parts)


def _search_by_pcre2(library: Any, pattern: bytes, ignore_case: bool) -> Search:
    try:
        compiled = library.compile(pattern, library.IGNORECASE if ignore_case else 0)
    except library.LibraryError as error:
        raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    search, failed = compiled.search, library.LibraryError

    def first(text: bytes) -> Found | None:
        try:
            found: Found | None = search(text)
        except failed:  # a limit of the library was reached: no match, as in HAProxy
            return None
        return found

    if b"^" not in pattern:
        return Search(compiled.groups, first, first)
    # the library has no word for "no line begins here": behind a blank none does
    return Search(compiled.groups, first, lambda text: _behind(search, failed, text))


class _Behind:
    """A match in a text with one byte before it."""

    __slots__ = ("match",)

    def __init__(self, match: Any) -> None:
        self.match = match

    def span(self) -> tuple[int, int]:
        start, end = self.match.span()
        return start - 1, end - 1

    def __getitem__(self, group: int) -> bytes | None:
        found: bytes | None = self.match[group]
        return found


def _behind(search: Callable[..., Any], failed: type[Exception], text: bytes) -> Found | None:
    try:
        match = search(b" " + text, 1)
    except failed:
        return None
    return None if match is None else _Behind(match)


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
            return only.first
        return self.find()

    def find(self) -> Find:
        """Return the function that finds the first pattern that is found in a value."""
        searches = [(search.first, entry) for entry, search in self.searches.items()]

        def find(value: bytes) -> Entry | None:
            for search, entry in searches:
                if search(value) is not None:
                    return entry
            return None

        return find
