"""Words of a line: quotes, escapes, comments, variables, and where errors point."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.lines import MAX_WORDS, Malformed, TooManyWords, split_line

VARIABLES = {"V": "val", "E": "", "L": "a b  c", "S": " lead ", "Q": "x\"y'z #w \\n", ".LINE": "7"}


def variable(name: str) -> str | None:
    """Give a variable of the table; a pseudo-variable must be in it."""
    return VARIABLES[name] if name.startswith(".") else VARIABLES.get(name)


def words(text: str) -> list[str]:
    """Return the words of a line."""
    return list(split_line(text, variable).words)


CASES = [
    ("", []),
    ("   \t", []),
    ("# comment", []),
    ("a  b\tc", ["a", "b", "c"]),
    ("a\x0bb\x0cc", ["a", "b", "c"]),
    ("global#comment", ["global"]),
    ("a # b", ["a"]),
    ("a\r", ["a"]),
    ("a \rb", ["a", "b"]),
    ("a\rb", ["a"]),
    (r"a\ b", ["a b"]),
    (r"a\#b", ["a#b"]),
    (r"\\", ["\\"]),
    (r"\'\"", ["'\""]),
    (r"\n\r\t", ["\n\r\t"]),
    (r"\x41\x20b", ["A b"]),
    (r"\xc3\xa9", ["é"]),
    (r"a\x00b c", ["a", "c"]),
    (r"\a\$V", ["\\a\\$V"]),
    ("a\\\tb", ["a\\", "b"]),
    ("a\\", ["a\\"]),
    ("'a b'\"c d\"e", ["a bc de"]),
    ("'a\\'", ["a\\"]),
    ("''", [""]),
    ('"" a', ["", "a"]),
    (r'"\a\$V\"\'\#\ \\"', ["\\a$V\"'# \\"]),
    ("$V ${V} '$V'", ["$V", "${V}", "$V"]),
    ('"$V" "${V}x" "$V-x"', ["val", "valx", "val-x"]),
    ('"${NO}" "${NO-d e}" "${E-d}" "${V-d}" "${NO-}"', ["", "d e", "", "val", ""]),
    ('"${NO-a"b}"', ['a"b']),
    ('"${NO-$V}"', ["$V"]),
    ('"x${L[*]}y"', ["xa", "b", "cy"]),
    ('"${S[*]}"', ["", "lead", ""]),
    ('"${NO[*]-d e}"', ["d", "e"]),
    ('"${L}" "$L[*]"', ["a b  c", "a b  c[*]"]),
    ('"${Q}"', ["x\"y'z #w \\n"]),
    ('"${.LINE}" "$.LINE.x"', ["7", "7.x"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_words(text: str, expected: list[str]) -> None:
    """Each rule of quoting, escaping and expansion gives the words that the reference gets."""
    assert words(text) == expected


ERRORS = [
    ('a "b', 2),
    ("a 'b", 2),
    ('a"', 1),
    ('"a\\"', 0),
    ("'a\rb'", 0),
    (r"a \x4", 2),
    (r"\xg1", 0),
    (r'"\x7"', 1),
    ('"$"', 2),
    ('"$1"', 2),
    ('"${"', 3),
    ('"${}"', 3),
    ('"${-x}"', 3),
    ('"${V"', 2),
    ('"${V-x"', 2),
    ('"${V x}"', 2),
    ('"${V:-x}"', 2),
    ('"${L[*}"', 4),
    ('"${L[@]}"', 4),
    ('"${L[*]x}"', 2),
    ('"${.NO}"', 3),
    ('"$.LINEX"', 2),
]


@pytest.mark.parametrize(("text", "column"), ERRORS)
def test_errors(text: str, column: int) -> None:
    """A line that cannot be parted is refused, and the error points where the reference's does."""
    with pytest.raises(Malformed) as caught:
        split_line(text, variable)
    assert caught.value.column == column


def test_count_of_words() -> None:
    """A line holds 64 words; one more is an error, also when a variable makes it."""
    assert len(words("w " * MAX_WORDS)) == MAX_WORDS
    with pytest.raises(TooManyWords):
        words("w " * (MAX_WORDS + 1))
    with pytest.raises(TooManyWords):
        split_line('"${X[*]}"', lambda name: "w " * MAX_WORDS)


def test_columns() -> None:
    """The column of each word is where it begins in the line, quotes included; of expanded words, the dollar."""
    assert split_line("  a 'b' \"${L[*]}\" c", variable).columns == (2, 4, 8, 9, 9, 18)
    assert split_line("  a  b", variable).columns == (2, 5)


def test_without_comments() -> None:
    """Where there are no comments a hash is a letter, and a backslash before it stays."""
    assert split_line(r"a #b \#", variable, comments=False).words == ("a", "#b", r"\#")


@given(st.lists(st.text(st.characters(blacklist_characters="\0\r\n'", blacklist_categories=["Cs"])), max_size=20))
def test_strong_quotes_keep(texts: list[str]) -> None:
    """Whatever is in single quotes is the word."""
    assert words(" ".join(f"'{text}'" for text in texts)) == texts


@given(st.lists(st.text(st.characters(blacklist_characters="\0\r\n", blacklist_categories=["Cs"])), max_size=20))
def test_escaped_weak_quotes_keep(texts: list[str]) -> None:
    """A backslash before each backslash, quote and dollar keeps any text in double quotes."""
    table = str.maketrans({letter: f"\\{letter}" for letter in '\\"$'})
    assert words(" ".join(f'"{text.translate(table)}"' for text in texts)) == texts


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_values_are_not_read_again(value: str) -> None:
    """The value of a variable stands as it is, whatever quotes it holds."""
    assert split_line('"${X}"', lambda name: value).words == (value,)


@given(st.text() | st.text("ab '\"\\$}{[*]-.#x4\r"))
def test_any_line(text: str) -> None:
    """Any text gives words with a column each, or one error that points into the line."""
    try:
        line = split_line(text, lambda name: None)
    except Malformed as wrong:
        assert 0 <= wrong.column <= len(text)
    else:
        assert len(line.words) == len(line.columns)
        assert list(line.columns) == sorted(line.columns)
