"""How long `re` may take: what is estimated, and that searches end soon for values of any length."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tcproxy.samples.patterns import regexes
from tcproxy.samples.patterns.costs import longest_for_re
from tcproxy.samples.patterns.regexes import compile_regex, compile_search, doubtful

QUICK = (
    rb"^/static/", rb"\.(?:png|jpg)$", rb"^/([^/]+)/([^/]+)/(.*)", rb"^www\.", rb"^a+$", rb"(?i)^foo.*bar", rb"",
    rb"^[0-9]{1,3}\.[0-9]{1,3}$", rb"^(?:a|b)?c", rb"foo.*",
    rb"^([0-9a-f]{2}:){5}[0-9a-f]{2}$", rb"(ab){2}", rb"[0-9a-f]{32}",
)  # fmt: skip
LIMITED = (rb"foo.*bar", rb"[a-z]+\.com", rb"^/a.*b.*c", rb"a?b.*c", rb"[ab]*[ab]+?1", rb"(ab)+c", rb"(?=a)*b")
FOR_PCRE2 = (
    rb"(a+)+$", rb"(a|aa)*b", rb"(?:[a-z]+\.)*x", rb"(a|b){2}", rb"a*a*a*a*b", rb"a?a?a?a?a?a?a?a?a?b",
    rb"a{0,200}a{0,200}a*b.*c", rb"((ab){2,}c){2}",
)  # fmt: skip


@pytest.mark.parametrize("pattern", QUICK)
def test_plain_patterns_are_for_re(pattern: bytes) -> None:
    """Patterns that never go back far take values of any length."""
    assert longest_for_re(pattern) is None


@pytest.mark.parametrize("pattern", LIMITED)
def test_long_values_of_some_patterns_are_for_pcre2(pattern: bytes) -> None:
    """Where the time grows with a power of the length, `re` has short values only."""
    longest = longest_for_re(pattern)
    assert longest is not None and 32 <= longest <= 1000


@pytest.mark.parametrize("pattern", FOR_PCRE2)
def test_exponential_patterns_are_for_pcre2(pattern: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may take a time without end is never for `re`; without PCRE2 it is refused with what it needs."""
    assert longest_for_re(pattern) == 0
    monkeypatch.setattr(regexes, "_pcre2", lambda: None)
    with pytest.raises(ValueError, match="needs the package 'pcre2'"):
        compile_regex(pattern, False)


def test_both_engines_of_one_pattern_find_the_same() -> None:
    """A value beyond the limit of `re` is searched by PCRE2, with the same groups."""
    pytest.importorskip("pcre2")
    search = compile_search(rb"f(o+).*b", False)
    for length in (10, 5000):
        found = search.first(b"x" * length + b"foo" + b"-" * length + b"b")
        assert found is not None and found[1] == b"oo" and found.span() == (length, 2 * length + 4)
        assert search.first(b"x" * length) is None


@pytest.mark.parametrize("pattern", [*LIMITED, *FOR_PCRE2, rb"^(\w+\s?)*$"])
def test_hostile_values_end_soon(pattern: bytes) -> None:
    """A value of 16 kB that is made to go back takes no more than PCRE2's limits allow."""
    pytest.importorskip("pcre2")
    matches = compile_regex(pattern, False)
    for value in (b"a" * 16_000, b"a" * 15_999 + b"!", b"foo" * 5000, b"ab" * 400, b"/ab" * 300 + b"!", b"a" * 99):
        started = time.perf_counter()
        assert matches(value) in (True, False)
        assert time.perf_counter() - started < 3


forms = some.lists(
    some.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "/", "(a|b)", "(?:ab)", "^", "$", "|", "a+", "b*", ".*",
                       ".*?", "(ab)+", "[ab]+", "a?", "a{2,}", "(?=a)", "(?!b)"]),
    max_size=7,
).map(lambda parts: "".join(parts).encode())  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(forms)
def test_what_is_for_re_ends_soon(pattern: bytes) -> None:
    """Whatever pattern is left to `re`, the longest value that it is given takes no second."""
    longest = longest_for_re(pattern)
    if doubtful(pattern) or longest == 0:
        return
    length = 16_000 if longest is None else longest
    try:
        search = compile_search(pattern, False).first
    except ValueError:
        return
    for value in (b"a" * length, b"ab" * (length // 2), b"a" * (length - 1) + b"!"):
        started = time.perf_counter()
        search(value)
        assert time.perf_counter() - started < 2
