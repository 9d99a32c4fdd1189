"""Messages: their form, order, counts, and the caret."""

from __future__ import annotations

import io

from tcproxy.grammar.diagnostics import Diagnostics, excerpt
from tcproxy.grammar.statements import Origin, Statement


def test_form() -> None:
    """Each level has the label and column of the reference; the first alert is introduced, no notice."""
    out = io.StringIO()
    told = Diagnostics(7, out, executable="/x/tcproxy", version="1.2", diagnosing=True)
    told.notice("hello")
    told.warning("careful")
    told.alert("wrong", about="")
    told.diag("aside")
    assert out.getvalue().splitlines() == [
        "[NOTICE]   (7) : config : hello",
        "[NOTICE]   (7) : tcproxy version is 1.2",
        "[NOTICE]   (7) : path to executable is /x/tcproxy",
        "[WARNING]  (7) : config : careful",
        "[ALERT]    (7) : wrong",
        "[DIAG]     (7) : config : aside",
    ]


def test_record() -> None:
    """Without a stream messages are recorded in order; diag speaks only when asked."""
    told = Diagnostics(7)
    told.diag("nothing")
    told.warning("b")
    told.alert("a")
    assert [(level, message) for level, message, _ in told.items] == [("warning", "b"), ("alert", "a")]
    assert (told.alerts, told.warnings, told.count("notice")) == (1, 1, 0)


def test_quiet() -> None:
    """-q prints nothing and records all the same."""
    out = io.StringIO()
    told = Diagnostics(7, out, quiet=True)
    told.alert("a")
    assert (out.getvalue(), told.alerts) == ("", 1)


def test_caret() -> None:
    """With a caret, the line of the statement is shown, and the word at fault is pointed at."""
    out = io.StringIO()
    told = Diagnostics(7, out, caret=True)
    told.warning("w", Statement(Origin("f", 1), ("bind", "x"), columns=(2, 7), text="  bind x"), word=1)
    assert out.getvalue().splitlines()[-2:] == ["    bind x", "         ^"]
    told.warning("w", Statement(Origin("f", 1), ("bind", "x"), columns=(2, 7), text="  bind x"))
    assert out.getvalue().splitlines()[-1] == "    ^"


def test_excerpt() -> None:
    """A long line is cut around the column, and what cannot be printed is replaced."""
    assert excerpt("a\tb\x07", 2) == ("a b?", 2)
    line = "x" * 200 + "Y" + "z" * 200
    shown, place = excerpt(line, 200)
    assert shown[place] == "Y"
    assert len(shown) <= 76
    assert shown.startswith("...")


def test_unprintable() -> None:
    """A message made of bytes that are no text is printed with escapes instead of an error."""
    out = io.StringIO()
    Diagnostics(7, out).notice("a\udcffb")
    assert "a\\xffb" in out.getvalue()


def test_caret_below_wide_characters() -> None:
    """The caret stands below its word also behind characters that take two cells of a terminal, or none."""
    assert excerpt("größe x", 6) == ("größe x", 6)
    assert excerpt("日本 x", 3) == ("日本 x", 5)
    assert excerpt("e\u0301 x", 3) == ("e\u0301 x", 2)


def test_control_characters_are_escaped() -> None:
    """Neither a word of the configuration nor a message can drive the terminal or begin a line of its own."""
    out = io.StringIO()
    told = Diagnostics(7, out)
    words = ("option", "a\nb\x1b[31m")
    told.alert("unknown option 'a\nb\x1b[31m'", Statement(Origin("f", 1), words))
    told.notice("one\n   | two\x07\u202e\t.")
    assert out.getvalue().splitlines()[2:] == [
        "[ALERT]    (7) : config : unknown option 'a\\nb\\x1b[31m'",
        "[NOTICE]   (7) : config : one",
        "   | two\\x07\\u202e\t.",
    ]
