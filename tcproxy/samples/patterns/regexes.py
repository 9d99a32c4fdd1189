"""Regular expressions of a configuration: PCRE2's, as HAProxy is built.

The standard library's `re` takes the patterns that both are sure to read alike, since it is the quicker of the two;
the package `pcre2`, the library that HAProxy uses, takes all others. Without the package those are refused: a
pattern that is silently misread would match wrongly.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

Matcher = Callable[[bytes], bool]

NEEDS_PCRE2 = "this needs the package 'pcre2' (pip install tcproxy[pcre2])"


def regex_matcher(patterns: Sequence[tuple[bytes, bool]]) -> Matcher:
    """Return the function that says whether any of the patterns (text, ignore case) is found in a value.

    Raises ValueError for a pattern that is wrong, or that cannot be trusted to `re`.
    """
    found = [compile_regex(text, ignore_case) for text, ignore_case in patterns]
    if len(found) == 1:
        return found[0]
    return lambda value: any(matches(value) for matches in found)


def compile_regex(pattern: bytes, ignore_case: bool) -> Matcher:
    """Return the function that says whether the pattern is found in a value. Raises ValueError."""
    doubt = doubtful(pattern)
    if doubt or _REPEATED_GROUP.search(pattern):
        library = _pcre2()
        if library is not None:
            return _compile_pcre2(library, pattern, ignore_case)
    if doubt:
        raise ValueError(f"{doubt} in the regular expression '{_text(pattern)}': {NEEDS_PCRE2}")
    return _compile_re(pattern, ignore_case)


_REPEATED_GROUP = re.compile(rb"\)[*+{]")
"""What may take a time without end on a hostile text: PCRE2 has a limit for that, `re` has none."""


def _compile_re(pattern: bytes, ignore_case: bool) -> Matcher:
    try:
        search = re.compile(pattern, re.IGNORECASE if ignore_case else 0).search
    except (re.error, OverflowError, RecursionError) as error:
        library = _pcre2()  # it takes some forms that `re` finds wrong, such as ^*
        if library is not None:
            return _compile_pcre2(library, pattern, ignore_case)
        raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    return lambda value: search(value) is not None


def _text(pattern: bytes) -> str:
    return pattern.decode("utf-8", "backslashreplace")


def _pcre2() -> Any:
    try:
        return importlib.import_module("pcre2")
    except ImportError:
        return None


def _compile_pcre2(library: Any, pattern: bytes, ignore_case: bool) -> Matcher:
    try:
        search = library.compile(pattern, library.IGNORECASE if ignore_case else 0).search
    except library.LibraryError as error:
        raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    failed = library.LibraryError

    def matches(value: bytes) -> bool:
        try:
            return search(value) is not None
        except failed:  # a limit of the library was reached: no match, as in HAProxy
            return False

    return matches


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


# where a pattern is found, for what replaces it


class Found(Protocol):
    """Where a pattern was found, and what its groups are."""

    def span(self) -> tuple[int, int]:
        """Return where the match begins and ends."""
        ...

    def __getitem__(self, group: int) -> bytes | None: ...


class Search(NamedTuple):
    """Finds a pattern: in a text, or in the rest of one behind another match, where no line begins any more.

    groups: how many the pattern has. later: is given only the rest, so that nothing in the pattern sees what stood
    before it, as in HAProxy.
    """

    groups: int
    first: Callable[[bytes], Found | None]
    later: Callable[[bytes], Found | None]


def compile_search(pattern: bytes, ignore_case: bool) -> Search:
    """Return what finds a pattern. Raises ValueError, as `compile_regex`."""
    doubt = doubtful(pattern)
    library = _pcre2() if doubt or _REPEATED_GROUP.search(pattern) else None
    if library is None and doubt:
        raise ValueError(f"{doubt} in the regular expression '{_text(pattern)}': {NEEDS_PCRE2}")
    if library is None:
        try:
            flags = re.IGNORECASE if ignore_case else 0
            found = re.compile(pattern, flags)
            return Search(found.groups, found.search, re.compile(_without_starts(pattern), flags).search)
        except (re.error, OverflowError, RecursionError) as error:
            library = _pcre2()
            if library is None:
                raise ValueError(f"the regular expression '{_text(pattern)}' is wrong: {error}") from None
    return _search_by_pcre2(library, pattern, ignore_case)


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
