"""Files into statements: order, conditions, messages, what is wrong with a file, and that nothing raises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.reader import MAX_ERRORS, MAX_NESTED, Reader, find_files
from tcproxy.grammar.statements import Statement


def read(text: str | bytes, **variables: str) -> tuple[list[Statement], Reader]:
    """Read one file's content."""
    content = text.encode() if isinstance(text, str) else text
    reader = Reader(Diagnostics(1), Environment(variables))
    return list(reader.read_bytes("x.cfg", content)), reader


def told(reader: Reader) -> list[str]:
    """Return the messages, but for the summary of a file."""
    return [item.message for item in reader.diagnostics.items if not item.message.startswith("Error(s)")]


def test_statements() -> None:
    """Lines become statements with their place, columns, text and negation."""
    statements, reader = read("global\n  no  option x # c\n\n default log\nfrontend 'a b'\n")
    assert told(reader) == []
    assert [(str(one.origin), one.negation, one.words) for one in statements] == [
        ("x.cfg:1", "", ("global",)),
        ("x.cfg:2", "no", ("option", "x")),
        ("x.cfg:4", "default", ("log",)),
        ("x.cfg:5", "", ("frontend", "a b")),
    ]
    assert statements[1].columns == (6, 13)
    assert statements[1].text == "  no  option x # c"


def test_places() -> None:
    """The pseudo-variables tell file, line and section of the line where they stand."""
    text = '.notice "[${.SECTION}]"\nglobal\nfrontend f\n x "${.FILE}" "${.LINE}" "${.SECTION}"\n'
    text += 'defaults\n x "$.SECTION"\n'
    statements, reader = read(text)
    assert told(reader) == ["parsing [x.cfg:1]: '[]'."]
    assert statements[2].words == ("x", "x.cfg", "4", "f")
    assert statements[4].words == ("x", "defaults")


def test_variables_are_seen_by_the_next_line() -> None:
    """What is done with a statement before the next is drawn is seen by the next."""
    reader = Reader(Diagnostics(1), Environment())
    words = []
    for statement in reader.read_bytes("x", b'global\n setenv A 1\n a "$A"\n'):
        words.append(statement.words)
        if statement.words[0] == "setenv":
            reader.environment.set(*statement.words[1:])
    assert words[-1] == ("a", "1")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (".if 1\nA\n.else\nB\n.endif\nC", "AC"),
        (".if 0\nA\n.else\nB\n.endif\nC", "BC"),
        (".if 0\nA\n.elif 1\nB\n.elif 1\nC\n.else\nD\n.endif", "B"),
        (".if 1\nA\n.elif foo\nB\n.endif", "A"),
        (".if 0\n.if foo\nA\n.elif foo\nB\n.else\nC\n.endif\n.foo\n.alert x\n.else\nD\n.endif", "D"),
        (".if 1\n.if 0\nA\n.endif\nB\n.endif", "B"),
        (".if\nA\n.else ''\nB\n.endif # c", "B"),
        ('.if !streq("$V",x) && 1 # c\nA\n.endif', "A"),
        ("'.if' 1\nA\n.endif", "A"),
        ('.if "${L[*]}"\nA\n.endif', "A"),
    ],
)
def test_conditions(text: str, lines: str) -> None:
    """Of each block the lines of the branch that holds are read, and only they."""
    statements, reader = read(f"global\n{text}\n", V="val", L="1 && 1")
    assert told(reader) == []
    assert "".join(one.words[0] for one in statements[1:]) == lines
    assert not reader.aborted


@pytest.mark.parametrize(
    ("text", "line", "aborted"),
    [
        (".elif 1\n", 1, True),
        (".else\n", 1, True),
        (".endif\n", 1, True),
        (".endif x\n", 1, True),
        (".if 1\n.else x\n", 2, True),
        (".if 1\n.else\n.else\n", 3, True),
        (".if 1\n.else\n.elif 1\n", 3, True),
        (".if 1\n", 1, True),
        (".if 1\nglobal\n", 2, True),
        (".if foo\n", 1, True),
        (".if 0\n.elif 1 x\n", 2, True),
        (".if 1\n" * MAX_NESTED, MAX_NESTED, True),
        (".alert x\nfoo\n", 1, True),
        (".alert x y\n", 1, False),
        (".notice x y\n", 1, False),
        (".foo\n", 1, False),
        ("foo\n", 1, False),
        ("global\n no\n", 2, False),
        ("global\n no '' x\n", 2, False),
        ("'a\n", 1, False),
        ("[a\n", 1, False),
        ("[]\n", 1, False),
        ("[a b]\n", 1, True),
        ("[a]]\n", 1, True),
        ("global", 1, False),
        ("global\n ", 2, False),
        ("global\n#", 2, False),
        ("global\n\0", 2, False),
        ("global\0\n", 1, False),
        ("glo\0bal\nglobal\n", 1, False),
        ("global\n" + "x " * 65 + "\n", 2, False),
    ],
)
def test_faults(text: str, line: int, aborted: bool) -> None:
    """Each fault is an alert with its line, and the file is told; some end the whole reading."""
    _, reader = read(text)
    assert f"parsing [x.cfg:{line}]: " in told(reader)[-1]
    assert reader.diagnostics.items[-1].message == "Error(s) found in configuration file : x.cfg"
    assert reader.aborted is aborted


def test_caret() -> None:
    """A fault inside a line shows the line and points at its column."""
    _, reader = read("global\n  log 'x\n.if 1 ) 2\n")
    first, second = told(reader)
    assert first.splitlines() == ["parsing [x.cfg:2]: a quote is not closed at position 7:", "  log 'x", "      ^"]
    assert second.splitlines()[1:] == ["  .if 1 ) 2", "        ^"]


def test_messages() -> None:
    """The four directives speak at their level; .diag only when diagnosing."""
    _, reader = read('.notice "a ${V}"\n.warning\n.diag d\n', V="v")
    assert [tuple(item)[:2] for item in reader.diagnostics.items] == [
        ("notice", "parsing [x.cfg:1]: 'a v'."),
        ("warning", "parsing [x.cfg:2]: ''."),
    ]
    reader.diagnostics.diagnosing = True
    list(reader.read_bytes("y", b".diag d\n"))
    assert told(reader)[-1] == "parsing [y:1]: 'd'."


def test_scopes_mean_nothing() -> None:
    """A line in brackets is passed over."""
    statements, reader = read(" [a.b-c:9_]#x\nglobal\n")
    assert (len(statements), told(reader)) == (1, [])


def test_line_ends() -> None:
    """CR LF is a line end like LF; a byte order mark is not part of the language; bytes that are no text pass."""
    statements, reader = read(b"global\r\n log '\xff' \xc3\xa9\r\n")
    assert told(reader) == []
    assert statements[1].words == ("log", "\udcff", "é")
    _, reader = read(b"\xef\xbb\xbfglobal\n")
    assert "byte order mark" in told(reader)[0]


def test_enough_errors() -> None:
    """After fifty errors the rest of a file is left unread, and the next file is read."""
    _, reader = read("foo\n" * 80)
    assert reader.diagnostics.alerts == MAX_ERRORS + 2
    assert not reader.aborted


def test_long_line() -> None:
    """A line may be long."""
    statements, reader = read("global\n log " + "x" * 100_000 + "\n")
    assert (len(statements[1].words[1]), told(reader)) == (100_000, [])


def test_files(tmp_path: Path) -> None:
    """A directory stands for its *.cfg in the order of bytes; a section does not go on in the next file."""
    for name in ("b.cfg", "a.cfg", "B.cfg", ".h.cfg", "x.conf"):
        (tmp_path / name).write_text(f"global\n file {name}\n")
    (tmp_path / "d.cfg").mkdir()
    diagnostics = Diagnostics(1)
    files = find_files([str(tmp_path), str(tmp_path / "x.conf")], diagnostics)
    assert [os.path.relpath(file, tmp_path) for file in files] == ["B.cfg", "a.cfg", "b.cfg", "x.conf"]
    reader = Reader(diagnostics, Environment())
    words = [statement.words for statement in reader.read(files)]
    assert words[1::2] == [("file", "B.cfg"), ("file", "a.cfg"), ("file", "b.cfg"), ("file", "x.conf")]
    assert diagnostics.items == []
    (tmp_path / "c.cfg").write_text(" daemon\n")
    list(reader.read([files[0], str(tmp_path / "c.cfg")]))
    assert "outside of any section" in told(reader)[0]


def test_missing_files(tmp_path: Path) -> None:
    """A file that is not there or cannot be read is an alert with the system's reason; `-` is no file."""
    diagnostics = Diagnostics(1)
    assert find_files(["-", str(tmp_path / "no"), "a\0b"], diagnostics) == []
    assert diagnostics.items[0].message == "Cannot open configuration file/directory - : No such file or directory"
    assert diagnostics.alerts == 3
    reader = Reader(diagnostics, Environment())
    assert list(reader.read([str(tmp_path)])) == []
    assert reader.aborted


FRAGMENTS = st.sampled_from(
    [
        *(
            "global\n",
            "frontend f\n",
            ".if ",
            ".elif 1\n",
            ".else\n",
            ".endif\n",
            "1\n",
            "0\n",
            "no ",
            "default ",
            "\n",
        ),
        *(
            '"${L[*]}"',
            '"$V',
            '"',
            "'",
            "\\",
            "\\x4",
            " ",
            "#",
            "[a]\n",
            "\0",
            "\r",
            "$",
            "{",
            ".notice ",
            ".alert x\n",
        ),
        *("(", ")", "&&", "streq(", "a,", "x" * 90, "\ud800", "é", "option "),
    ]
)


@given(st.binary() | st.lists(FRAGMENTS).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")))
def test_fuzz(content: bytes) -> None:
    """Whatever a file holds, nothing is raised: there are statements of at least one word, and messages."""
    statements, reader = read(content, V="val", L="a b  c")
    assert all(one.words and one.words[0] and len(one.words) <= 64 for one in statements)
    assert all(len(one.words) == len(one.columns) for one in statements)
    if content and not content.endswith(b"\n"):
        assert reader.diagnostics.alerts


def test_an_empty_word_ends_a_line() -> None:
    """What stands behind an empty word is not read, and a warning tells so, but for lines that do not count."""
    statements, reader = read('global\n a b "$NO" c\n no ""\n "" x\n.if 0\n a ""\n.endif\n', A="")
    assert [one.words for one in statements] == [("global",), ("a", "b")]
    assert told(reader) == [
        "parsing [x.cfg:2] : an empty word ends the line: 'c' is not read (is a variable not set?)",
        "parsing [x.cfg:3] : an empty word ends the line (is a variable not set?)",
        "parsing [x.cfg:3]: a word is missing behind 'no'.",
        "parsing [x.cfg:4] : an empty word ends the line: 'x' is not read (is a variable not set?)",
    ]
    assert reader.diagnostics.items[0].word == 2
