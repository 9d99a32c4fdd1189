"""The command line: HAProxy's odd forms, and what is wrong with one."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.process.command_line import Arguments, WrongArgument, WrongUsage, parse


def test_files_by_option_and_behind_the_dashes() -> None:
    """-f may be repeated, and everything behind -- is a file, dashes or not."""
    assert parse(["-f", "a", "-f", "b", "--", "c", "-d"]).files == ["a", "b", "c", "-d"]


def test_a_value_is_the_next_word_whatever_it_looks_like() -> None:
    """The value of -f is the next word, be it an option, and letters behind an option are passed over."""
    assert parse(["-fgh", "-c"]) == Arguments(files=["-c"])


@pytest.mark.parametrize(("word", "level"), [("-v", 1), ("-vv", 2), ("-vvv", 2), ("-vV", 1), ("-vfoo", 1)])
def test_version(word: str, level: int) -> None:
    """-v with any letter behind it tells the version, and what follows is not read."""
    assert parse(["-q", word, "nonsense"]).version == level


@pytest.mark.parametrize(
    ("word", "name"),
    [
        *(("-d", "debug"), ("-dZ", "debug"), ("-db", "foreground"), ("-dD", "diagnosing")),
        *(("-dW", "zero_warning"), ("-dr", "ignore_resolution"), ("-dS", "no_splice")),
        *(("-dL", "dump_objects"), ("-D", "daemon"), ("-q", "quiet")),
        *(("-V", "verbose"), ("-c", "check"), ("-Dq", "daemon")),
    ],
)  # fmt: skip
def test_switches(word: str, name: str) -> None:
    """Each switch sets its one field."""
    assert parse([word]) == Arguments(**{name: True})


def test_values() -> None:
    """Options with a value take it as it stands."""
    said = parse(["-C", "/tmp", "-L", "me", "-p", "pid", "-n", "10", "-N", "5", "-m", "64", "-dKcfg,cli", "-cc", "x"])
    assert (said.directory, said.peer, said.pidfile, said.keywords) == ("/tmp", "me", "pid", "cfg,cli")
    assert (said.maxconn, said.proxy_maxconn, said.memory_limit, said.condition) == (10, 5, 64, "x")


def test_old_processes() -> None:
    """-sf and -st take every word up to the next option, none included."""
    soft = parse(["-sf", "12", "13", "-f", "a"])
    assert (soft.old_pids, soft.old_signal, soft.files) == ([12, 13], signal.SIGUSR1, ["a"])
    assert parse(["-st", "12"]).old_signal == signal.SIGTERM
    assert parse(["-f", "a", "-sf"]).old_pids == []


@pytest.mark.parametrize("words", [["-sf", "12a"], ["-sf", "1 2"], ["-n", "x"], ["-n"], ["-f"], ["-C"], ["-x"]])
def test_a_wrong_argument_is_named(words: list[str]) -> None:
    """What is wrong with one option is said with its name."""
    with pytest.raises(WrongArgument, match=words[0]):
        parse(words)


@pytest.mark.parametrize("words", [["file"], ["-"], ["-Z"], ["-h"], ["-cc"], ["-sf", "0"], ["-sf", ""], [""]])
def test_wrong_usage(words: list[str]) -> None:
    """Where HAProxy shows its usage, so do we."""
    with pytest.raises(WrongUsage):
        parse(words)


def test_what_cannot_be_obeyed_is_told() -> None:
    """Options that change nothing, and those not supported yet, are remembered by name."""
    said = parse(["-de", "-dp", "-dG", "-dM50", "-dR", "-dV", "-W", "-Ws", "-S", "sock", "-x", "sock"])
    assert [word.split()[0] for word in said.ineffective] == ["-de", "-dp", "-dG", "-dM", "-dR", "-dV"]
    assert said.refused == ["-W", "-Ws", "-S", "-x"]


@given(st.lists(st.text(alphabet="-cdDfhsStvVWqnNmpxLCKMbr 01", max_size=4), max_size=6))
def test_no_command_line_breaks_the_parser(words: list[str]) -> None:
    """Any words are read, or refused with one of the two errors."""
    try:
        assert isinstance(parse(words), Arguments)
    except (WrongUsage, WrongArgument) as wrong:
        assert str(wrong) is not None
