"""Sets of patterns: what rules and the runtime socket may do to them, and that every way of use follows at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.samples.kinds import Kind
from tcproxy.samples.patterns.matchers import Matcher, Patterns
from tcproxy.samples.patterns.methods import METHODS, Flags
from tcproxy.samples.patterns.sets import PatternSet, PatternSets


def set_of(*texts: str, values: bool = False) -> PatternSet:
    """Return a set of patterns, with the values v0, v1 ... of a map."""
    found = PatternSet("file", has_values=values)
    found.fill((at + 1, text.encode(), f"v{at}".encode() if values else None) for at, text in enumerate(texts))
    return found


def test_all_uses_follow_a_change() -> None:
    """A pattern that is added or deleted counts at once for each method and each set of flags."""
    found = set_of("abc", "5")
    exact, folded = found.matcher(METHODS["str"], Flags()), found.matcher(METHODS["str"], Flags(ignore_case=True))
    begins, inside = found.matcher(METHODS["beg"], Flags()), found.matcher(METHODS["sub"], Flags())
    assert found.matcher(METHODS["str"], Flags()) is exact
    every = (exact, folded, begins, inside)
    assert not any(one.match(b"new") for one in every)
    found.add(b"new")
    assert all(one.match(b"new") for one in every) and folded.match(b"NEW") and not exact.match(b"NEW")
    assert begins.match(b"newer") and inside.match(b"a new one")
    assert found.delete(b"new") == 1 and found.delete(b"new") == 0
    assert not any(one.match(b"new") for one in every) and exact.match(b"abc")
    found.clear()
    assert not any(one.match(b"abc") for one in every) and list(found.entries()) == []


def test_the_patterns_of_a_test_are_those_of_its_files_and_its_line() -> None:
    """They match if any of them does, also when one of the sets is empty, is filled and emptied again."""
    file, own = set_of("abc"), PatternSet()
    patterns = Patterns([one.matcher(METHODS["str"], Flags()) for one in (file, own)])
    assert patterns.match(b"abc") and not patterns.match(b"x")
    own.add(b"x")
    entry = patterns.find(b"x")
    assert patterns.match(b"x") and patterns.match(b"abc") and entry is not None and entry.text == b"x"
    file.delete(b"abc")
    assert not patterns.match(b"abc") and patterns.match(b"x")
    own.clear()
    assert not patterns.match(b"x") and patterns.find(b"abc") is None


def test_what_a_use_cannot_read_changes_nothing() -> None:
    """A pattern that one way of use refuses is not added to the others either."""
    found = set_of("1.2.3.4")
    text, address = found.matcher(METHODS["str"], Flags()), found.matcher(METHODS["ip"], Flags(resolve=False))
    with pytest.raises(ValueError, match="neither an IPv4 nor an IPv6"):
        found.add(b"word")
    assert not text.match(b"word") and len(found) == 1 and address.match(bytes((1, 2, 3, 4)))
    with pytest.raises(ValueError, match="at line 1 of the file 'file'"):
        set_of("word").matcher(METHODS["int"], Flags())


def test_values_are_set_by_text_and_by_id() -> None:
    """All patterns of a text get a value, or one by its id; a value that a map cannot use is refused."""
    found = set_of("a", "a", "b", values=True)
    matcher = found.matcher(METHODS["str"], Flags())
    first = matcher.find(b"a")
    assert first is not None and first.value == b"v0"
    assert found.set(b"a", b"7") == 2 and found.set(b"none", b"x") == 0
    assert [entry.value for entry in found.entries()] == [b"7", b"7", b"v2"]
    assert found.set_entry(first.id, b"8") and not found.set_entry(99, b"8")
    assert found.entry(first.id) is first and first.value == b"8" and found.find(b"a") is first
    assert found.delete_entry(first.id) and not found.delete_entry(first.id)
    second = matcher.find(b"a")
    assert second is not None and second.value == b"7"
    with pytest.raises(ValueError, match="'v2' is not an integer, at line 3"):
        found.require(Kind.SINT)
    found.set(b"b", b"9")
    found.require(Kind.SINT)
    assert second.integer == 7
    with pytest.raises(ValueError, match="not an integer"):
        found.set(b"a", b"x")
    with pytest.raises(ValueError, match="not an integer"):
        found.add(b"c", b"x")
    assert second.value == b"7" and second.integer == 7 and not matcher.match(b"c")
    assert found.add(b"c", None).integer == 1


def test_a_generation_is_prepared_and_committed() -> None:
    """Patterns of a prepared generation match from its commit on, and those before it no more."""
    found = set_of("a", "b", values=True)
    matcher = found.matcher(METHODS["str"], Flags())
    generation = found.prepare()
    assert (generation, found.current, found.next) == (1, 0, 1)
    found.add(b"c", b"new", generation)
    found.add(b"a", b"newer", generation)
    assert not matcher.match(b"c") and found.find(b"c") is not None
    late = found.matcher(METHODS["beg"], Flags())
    assert not late.match(b"cx") and late.match(b"ax")
    assert found.delete(b"a") == 2, "of all generations"
    found.add(b"a", b"newer", generation)
    assert found.commit(generation) and found.current == 1
    entry = matcher.find(b"a")
    assert matcher.match(b"c") and late.match(b"cx") and not matcher.match(b"b")
    assert entry is not None and entry.value == b"newer" and len(found) == 2
    assert not found.commit(generation) and not found.commit(2)
    other = found.prepare()
    found.add(b"d", b"x", other)
    assert [entry.text for entry in found.entries(other)] == [b"d"]
    found.abandon(other)
    assert found.commit(other) and not matcher.match(b"d") and len(found) == 0


def test_sets_have_numbers() -> None:
    """Sets keep the numbers of `-u`; the others get the first free ones, in their order."""
    sets = PatternSets()
    numbers = [-1, 1, -1, 0, -1]
    made = [PatternSet(f"f{at}", number=number) for at, number in enumerate(numbers)]
    for one in made:
        sets.add(one)
    with pytest.raises(ValueError, match="number 1 already"):
        sets.add(PatternSet(number=1))
    sets.give_numbers()
    assert [one.number for one in made] == [2, 1, 3, 0, 4]
    assert sets.of_file("f2") is made[2] and sets.of_number(0) is made[3] and sets.of_number(9) is None
    assert [one.number for one in sets.sets] == [0, 1, 2, 3, 4]


words = some.sampled_from([b"a", b"A", b"ab", b"b", b"a.b", b"b.a", b"a/b", b"", b"abc", b"x.a.b"])


def scan(method: str, fold: bool, texts: list[bytes], value: bytes) -> set[bytes]:
    """Return the patterns that match, by the plainest comparison."""
    shown = value.lower() if fold else value
    matches = {
        "str": shown.__eq__, "beg": shown.startswith, "end": shown.endswith, "sub": shown.__contains__,
    }[method]  # fmt: skip
    return {text for text in texts if matches(text.lower() if fold else text)}


@given(
    some.sampled_from(["str", "beg", "end", "sub"]),
    some.booleans(),
    some.lists(some.tuples(some.booleans(), words), max_size=40),
    some.lists(words, max_size=14),
    words,
)
def test_lookups_are_scans(
    method: str, fold: bool, changes: list[tuple[bool, bytes]], first: list[bytes], value: bytes
) -> None:
    """After any additions and deletions a look-up says what a scan over all patterns says, and finds one of them."""
    found = PatternSet()
    found.fill((0, text, None) for text in first)
    matcher: Matcher = found.matcher(METHODS[method], Flags(ignore_case=fold))
    texts = list(first)
    for adds, text in [(True, value), *changes]:
        if adds:
            found.add(text)
            texts.append(text)
        else:
            found.delete(text)
            texts = [one for one in texts if one != text]
        expected = scan(method, fold, texts, value)
        entry = matcher.find(value)
        assert bool(matcher.match(value)) == bool(expected)
        assert (entry is None) == (not expected) and (entry is None or entry.text in expected)
    assert [entry.text for entry in found.entries()] == texts


def test_parts_between_delimiters_are_looked_up() -> None:
    """Long lists of domains and directories are found as short ones are, the first of the file before others."""
    texts = [f"d{n}.example" for n in range(50)]
    long, short = set_of(*texts, "a.b", "b"), set_of("d7.example", "a.b", "b")
    for value in (b"www.d7.example.com", b"d7.example", b"xd7.example", b"x:a.b/c", b"b", b"a..b", b"", b"b?a.b"):
        entries = [one.matcher(METHODS["dom"], Flags()).find(value) for one in (long, short)]
        matches = [bool(one.matcher(METHODS["dom"], Flags()).match(value)) for one in (long, short)]
        assert matches == [entry is not None for entry in entries]
        assert len({entry and entry.text for entry in entries}) == 1, value
