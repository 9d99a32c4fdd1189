"""Regular expressions: what `re` may be trusted with, and that nothing else is matched without PCRE2."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.samples.patterns import regexes
from tcproxy.samples.patterns.regexes import compile_regex, doubtful


@pytest.fixture(params=["re", "pcre2"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Match with the standard library, and again with PCRE2 where it is installed."""
    if request.param == "pcre2":
        pytest.importorskip("pcre2")
    else:
        monkeypatch.setattr(regexes, "_pcre2", lambda: None)
    return str(request.param)


TRUSTED = (
    rb"^/static/.*\.(?:png|jpe?g)$", rb"(?i)^www\.", rb"[^a-z]{2,3}?x", rb"a(?=b)(?!bc)", rb"\d+\s\w\b", rb"[]a]",
    rb"\x41\-\/", rb"a{3}", rb"", rb"[\w.-]+@[a-z]+", b"\xc3\xa9", rb"()|x",
)  # fmt: skip
DOUBTFUL = (
    rb"[[:alpha:]]", rb"\h", rb"a\Kb", rb"\Qa.b\E", rb"a++", rb"(?>a)", rb"(?<=a)b", rb"(?P<n>a)", rb"(?#x)", rb"\1",
    rb"a{,3}", rb"{", rb"\R", rb"\pL", rb"(?i:a)", rb"(*UTF)a", rb"(?x)a", rb"[a--b]", rb"a**", rb"\A", rb"[a&&b]",
    rb"\012", rb"\cA", rb"\x{41}", rb"(?|a|b)",
)  # fmt: skip


@pytest.mark.parametrize("pattern", TRUSTED)
def test_trusted_patterns_compile(engine: str, pattern: bytes) -> None:
    """Patterns of the common forms are matched by either engine."""
    assert doubtful(pattern) == ""
    assert compile_regex(pattern, False)(b"/static/wWw.AAA a@bc ab 12 a aaa.png") in (True, False)


@pytest.mark.parametrize("pattern", DOUBTFUL)
def test_doubtful_patterns_are_refused_without_pcre2(pattern: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `re` would misread or refuse is told with what it needs, never matched by guess."""
    monkeypatch.setattr(regexes, "_pcre2", lambda: None)
    with pytest.raises(ValueError, match="needs the package 'pcre2'"):
        compile_regex(pattern, False)


def test_pcre2_matches_what_re_cannot() -> None:
    """With the package, PCRE2's own forms match, and wrong patterns and endless matches are no trouble."""
    pytest.importorskip("pcre2")
    assert compile_regex(rb"^[[:alpha:]]+\h\Qa.b\E$", True)(b"Word A.B")
    with pytest.raises(ValueError, match="is wrong"):
        compile_regex(rb"a(", False)
    assert not compile_regex(rb"(a+)+$", False)(b"a" * 40 + b"b")


def test_case_is_ignored_in_ascii_only(engine: str) -> None:
    """`-i` folds ASCII letters; bytes above stay themselves."""
    assert compile_regex(b"ab\xe9", True)(b"AB\xe9") and not compile_regex(b"\xe9", True)(b"\xc9")


@pytest.mark.parametrize("pattern", [rb"a(", rb"[b-a]", rb"*", rb"a)"])
def test_wrong_patterns_are_refused(engine: str, pattern: bytes) -> None:
    """A pattern that no engine takes is refused with the reason."""
    with pytest.raises(ValueError):
        compile_regex(pattern, False)


@given(some.binary(max_size=12) | some.text(alphabet="ab[](){}?*+^$|\\d:=!-,1", max_size=12).map(str.encode))
def test_no_pattern_raises_anything_else(pattern: bytes) -> None:
    """Any bytes are a matcher or a ValueError, and a trusted pattern never means a set operation to `re`."""
    try:
        matches = compile_regex(pattern, False)
    except ValueError:
        return
    assert matches(b"ab1") in (True, False)


forms = some.text(alphabet="ab.^$|?*+()[]-\\dw", max_size=10).map(str.encode)


@given(forms, some.text("ab1-.", max_size=6).map(str.encode))
def test_re_and_pcre2_agree_on_trusted_patterns(pattern: bytes, value: bytes) -> None:
    """What is trusted to `re` matches as in PCRE2."""
    library = pytest.importorskip("pcre2")
    if doubtful(pattern):
        return
    try:
        ours = re.compile(pattern).search(value) is not None
    except re.error:
        return
    assert ours == (library.compile(pattern).search(value) is not None)
