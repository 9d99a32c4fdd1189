"""ACLs: criteria, flags, patterns and matching methods, as the reference answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcproxy.grammar.rows import Draft
from tcproxy.grammar.statements import Refused
from tcproxy.rules.acls import parse_acl, parse_test
from tcproxy.samples.arguments import Argument
from tests.rules.cases import ACCEPTED, MATCHES, REFUSED
from tests.rules.world import client, farm, matches, reading, server, statement, warnings


def lively() -> object:
    """Return the facts of a session like the one that the cases were asked with."""
    servers = (
        server("s1", weight=5 * 16, user_weight=5, initial_weight=5),
        server("s2", backup=True, maxconn=7),
    )
    facts = client(farms=[farm("b", *servers)])
    facts.frontend.model = facts.frontend.model.__class__("frontend", "f", timeouts={"client": 1000})
    facts.bind.model = facts.bind.model.__class__(facts.bind.model.address, id=1, name="lis")
    return facts


@pytest.mark.parametrize("case", MATCHES)
def test_matches_like_the_reference(case: str) -> None:
    """Each sample matches its patterns exactly when it does in HAProxy."""
    assert matches(case[2:], lively()) == (case[0] == "1")


@pytest.mark.parametrize("case", [case for case in REFUSED if case.startswith("acl")])
def test_wrong_lines_are_refused(case: str) -> None:
    """A wrong line raises Refused with a sentence, and points at a word of the line."""
    line = statement(case)
    with pytest.raises(Refused) as caught:
        parse_acl(line, Draft(), reading())
    assert str(caught.value) and caught.value.word < len(line.words)


@pytest.mark.parametrize("case", [case for case in ACCEPTED if case.startswith("acl")])
def test_good_lines_are_accepted(case: str) -> None:
    """What HAProxy accepts makes an ACL."""
    draft = Draft()
    parse_acl(statement(case), draft, reading())
    assert list(draft["acls"]) == [case.split()[1]]


@pytest.mark.parametrize(
    "case",
    ["ssl_fc_sni_end x", "sc0_conn_cnt 1", "src,table_conn_cnt(t) 1", "sc0_tracked", "cpu_calls 1"],
)
def test_what_is_not_done_is_refused_by_name(case: str) -> None:
    """Fetches and converters that HAProxy knows and we do not are named in the refusal."""
    with pytest.raises(Refused, match="not supported by tcproxy yet"):
        matches(case)


@pytest.mark.parametrize(("wrong", "near"), [("srcc", "src"), ("be_con", "be_conn"), ("str(x),lowr", "lower")])
def test_near_misses_are_suggested(wrong: str, near: str) -> None:
    """A misspelled fetch or converter is answered with the nearest name."""
    with pytest.raises(Refused, match=f"did you mean '{near}'"):
        matches(wrong)


def test_refusals_point_at_the_word() -> None:
    """The index of the word at fault is right for criteria, flags and patterns."""
    for line, word in (("srcc 1", 0), ("src -q 1", 1), ("src -m foo 1", 2), ("src 1.2.3.4 x y", 2), ("bin(61) 61", 0)):
        words = statement(f"acl a {line}")
        with pytest.raises(Refused) as caught:
            parse_test(words, 2, len(words.words), reading())
        assert caught.value.word == word + 2, line


def test_no_pattern_is_warned_of() -> None:
    """An ACL that can never match for want of a pattern is told, unless `--` says that it is meant."""
    for line, warned in (("src", 1), ("src --", 0), ("src -f /dev/null", 0), ("always_true", 0), ("src -m found", 0)):
        here = reading()
        parse_acl(statement(f"acl a {line}"), Draft(), here)
        assert len(warnings(here)) == warned, line


def test_tests_of_one_name_are_alternatives() -> None:
    """A second `acl` line of a name adds to the first, and whoever has the ACL already sees it."""
    draft, here = Draft(), reading()
    parse_acl(statement("acl a src 9.9.9.9"), draft, here)
    acl = draft["acls"]["a"]
    assert not acl.holds(client())
    parse_acl(statement("acl a src 127.0.0.1"), draft, here)
    assert acl.holds(client()) and draft["acls"]["a"] is acl


def test_patterns_from_files(tmp_path: Path) -> None:
    """Files: comments, blank lines and leading blanks go; trailing blanks stay; flags count from where they stand."""
    file = tmp_path / "p.lst"
    file.write_bytes(b"abc\n  def  \n#ghi\n #x\n\nj k\n\t#y\nl\r\nm \nlast n")
    for value, flags, found in (
        ("abc", "", True), ("def", "", False), ("#ghi", "", False), ("#x", "", True), ("#y", "", True),
        ("l", "", True), ("m", "", False), ("ABC", "", False), ("ABC", "-i", True), ("", "", False),
    ):  # fmt: skip
        assert matches(f"str({value}) {flags} -f {file}".replace("  ", " ")) is found, (value, flags)
    assert not matches(f"str(ABC) -f {file} -i")
    assert matches(f"str(X) -f {file} -i x")
    numbers = _file(tmp_path, "5\n7:9\n")
    assert matches(f"int(8) -f {numbers}")
    _file(tmp_path, "5\ngt 10\n")
    with pytest.raises(Refused, match="line 2 of the file"):
        matches(f"int(8) -f {numbers}")


def _file(folder: Path, text: str) -> Path:
    file = folder / "more.lst"
    file.write_text(text)
    return file


def test_relative_files_follow_default_path(tmp_path: Path) -> None:
    """`default-path config` looks beside the configuration, `origin` in the folder it names."""
    _file(tmp_path, "abc\n")
    here = reading()
    here.default_path = f"origin {tmp_path}"
    line = statement("str(abc) -f more.lst")
    assert parse_test(line, 0, len(line.words), here).holds(client())
    here = reading()
    here.default_path = "config"
    with pytest.raises(Refused, match="cannot read"):
        parse_test(line, 0, len(line.words), here)


def test_a_session_without_addresses_matches_nothing() -> None:
    """A client on a UNIX socket has neither address nor port: no pattern matches, and `found` says so."""
    facts = client(source="", destination="")
    lines = ("src 0.0.0.0/0 ::/0", "src -m found", "src_port ge 0", "dst -m found", "dst_port ge 0", "src_is_local")
    for line in lines:
        assert not matches(line, facts), line


def test_long_lists_are_not_scanned(tmp_path: Path) -> None:
    """Of 50,000 networks and as many strings, the right ones match."""
    file = tmp_path / "networks.lst"
    file.write_text("\n".join(f"10.{n >> 8}.{n & 255}.0/24" for n in range(50_000)))
    line = statement(f"src -f {file}")
    test = parse_test(line, 0, len(line.words), reading())
    assert test.holds(client(source="10.195.79.3")) and not test.holds(client(source="10.195.80.3"))


def test_argument_values_keep_quotes_apart() -> None:
    """Quotes and backslashes keep commas, spaces and parentheses in an argument."""
    from tcproxy.samples.arguments import split

    assert split("a,b)c") == (["a", "b"], "c")
    assert split('"a,b")') == (["a,b"], "")
    assert split("'a)b')x") == (["a)b"], "x")
    assert split("a\\\\b\\ c)") == (["a\\b c"], "")
    assert split("a\\d)") == (["a\\d"], "")
    for broken in ("", "a", "'a)", '"'):
        with pytest.raises(ValueError):
            split(broken)
    assert Argument is not None
