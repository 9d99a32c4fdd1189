"""Pattern files and map files: whatever bytes they have, they are read or refused with a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.rules.acls import parse_test
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Kind
from tcproxy.samples.patterns.files import LONGEST_LINE, PatternFiles, lines_of
from tcproxy.samples.patterns.methods import CRITERIA_METHODS, METHODS, Flags
from tcproxy.samples.patterns.sets import PatternSet
from tests.rules.world import client, reading, statement

contents = some.binary(max_size=80) | some.text(
    alphabet="ab1.:-/ \t\r\n\0#()[]*+?\\^$", max_size=80
).map(str.encode)  # fmt: skip
VALUES: dict[Kind, tuple[object, ...]] = {
    Kind.SINT: (0, -1, 5), Kind.STR: (b"", b"ab", b"a\0b"), Kind.BIN: (b"", b"ab"), Kind.METH: (b"GET", b"x"),
    Kind.ADDR: (b"\1\2\3\4", bytes(16)),
}  # fmt: skip


@given(contents, some.booleans())
def test_lines_are_what_haproxy_sees(content: bytes, has_values: bool) -> None:
    """No pattern is empty or has an end of a line in it, and keys of maps have no blanks."""
    for number, text, value in lines_of(content, has_values):
        assert number >= 1 and text and not set(text) & set(b"\n\r\0")
        assert (value is not None) == has_values
        assert not has_values or not set(text) & set(b" \t")


@given(some.sampled_from([*METHODS.values(), *CRITERIA_METHODS.values()]), contents, some.booleans())
def test_no_content_raises_anything_else(method: object, content: bytes, fold: bool) -> None:
    """Each method reads any content, or raises ValueError with the line; what it reads can be asked for any value."""
    if method.reader is None:  # type: ignore[attr-defined]
        return
    found = PatternSet("file")
    found.fill(lines_of(content, False))
    try:
        matcher = found.matcher(method, Flags(ignore_case=fold, resolve=False))  # type: ignore[arg-type]
    except ValueError as error:
        assert re.search(r"at line \d+ of the file 'file'", str(error))
        return
    for value in VALUES[method.wants]:  # type: ignore[attr-defined]
        entry = matcher.find(value)
        assert bool(matcher.match(value)) == (entry is not None)


@given(contents, some.sampled_from([Kind.STR, Kind.SINT, Kind.ADDR]))
def test_any_value_is_an_output_or_refused(content: bytes, kind: Kind) -> None:
    """Values of a map are of the kind that it gives, or refused with the line."""
    found = PatternSet("file", has_values=True)
    found.fill(lines_of(content, True))
    try:
        found.require(kind)
    except ValueError as error:
        assert "of the file 'file'" in str(error)


def test_long_lines_are_read_in_pieces() -> None:
    """A line that is longer than HAProxy's buffer counts as several, of which the last has the rest."""
    texts = [text for _, text, _ in lines_of(b"a" * (2 * LONGEST_LINE + 3) + b"\nb", False)]
    assert [len(text) for text in texts] == [LONGEST_LINE, LONGEST_LINE, 3, 1]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """All ACLs and maps that name a file share its set, and one that wants other columns is refused."""
    (tmp_path / "m").write_text("a 1\nb 2\n")
    here = reading()
    here.default_path = f"origin {tmp_path}"
    files = PatternFiles(here, statement("here"))
    first = files.load("m", True)
    (tmp_path / "m").unlink()
    line = statement("str(a),map(m) -M -f m")
    test = parse_test(line, 0, len(line.words), here)
    assert PatternFiles(here, line).load("m", True) is first and len(first.maps) == len(first.acls) == 1
    with pytest.raises(ValueError, match="cannot be read with one column here"):
        files.load("m", False)
    with pytest.raises(ValueError, match=r"cannot read the pattern file 'nul.*null byte"):
        files.load("nul\0", False)
    assert not test.holds(client()), "the map's value 1 is none of its keys"


def test_what_changes_a_test_is_known(tmp_path: Path) -> None:
    """Rules that change a file change the tests and samples over it, so nobody takes them for fixed."""
    (tmp_path / "m").write_text("127.0.0.1 a\n")
    (tmp_path / "l").write_text("127.0.0.1\n")
    here = reading()
    here.default_path = f"origin {tmp_path}"
    for text, reads, fixed in (
        ("src 127.0.0.1", set(), True),
        ("src -f l", {"patterns l"}, False),
        ("src,map_ip(m) -m found", {"patterns m"}, False),
        ("src,map_ip(m) -f l", {"patterns l", "patterns m"}, False),
    ):
        line = statement(text)
        test = parse_test(line, 0, len(line.words), here)
        assert test.reads is not None
        assert {one for one in test.reads if one.startswith("patterns")} == reads and test.is_fixed is fixed, text
    files = PatternFiles(here, statement("here"))
    expression = parse_expression("src,map_ip(m,none)", "f", files)
    assert expression.take(client()) == b"a" and "patterns m" in (expression.reads or ())
    changed = here.patterns.of_file("m")
    changed.set(b"127.0.0.1", b"b")
    assert expression.take(client()) == b"b"
    changed.delete(b"127.0.0.1")
    assert expression.take(client()) == b"none"
    with pytest.raises(ValueError, match="cannot read its file from here"):
        parse_expression("src,map_ip(m)", "f")
