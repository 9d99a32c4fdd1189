"""Environment variables and the words that change them."""

from __future__ import annotations

import os

import pytest

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Origin, Refused, Statement
from tcproxy.grammar.variables import WORDS


def run(reading: Reading, line: str) -> None:
    """Call the parse function of the row for a line whose words hold no spaces; '' is an empty word."""
    words = tuple("" if word == "''" else word for word in line.split())
    (row,) = (row for row in WORDS if row.name == words[0])
    assert row.parse
    row.parse(Statement(Origin("x.cfg", 1), words), Draft(), reading)


@pytest.fixture
def reading() -> Reading:
    """A reading with two variables."""
    return Reading(Diagnostics(1), Environment({"HOME": "/", "PATH": "/bin"}))


def test_own_copy(reading: Reading) -> None:
    """A proxy's variables are its own: the process's stay as they are."""
    run(reading, "setenv TCPROXY_TEST_X 1")
    assert reading.environment.get("TCPROXY_TEST_X") == "1"
    assert "TCPROXY_TEST_X" not in os.environ


def test_changes(reading: Reading) -> None:
    """setenv sets, presetenv keeps what is there, unsetenv forgets, resetenv forgets the rest."""
    run(reading, "setenv A 1")
    run(reading, "presetenv A 2")
    run(reading, "presetenv B 3")
    assert (reading.environment.get("A"), reading.environment.get("B")) == ("1", "3")
    run(reading, "unsetenv A B nosuch")
    assert "A" not in reading.environment
    run(reading, "resetenv PATH")
    assert reading.environment.items() == [("PATH", "/bin")]
    run(reading, "resetenv")
    assert list(reading.environment) == []


@pytest.mark.parametrize(
    "line",
    [
        "setenv",
        "setenv A",
        "setenv A ''",
        "presetenv",
        "setenv A=B c",
        "unsetenv",
        "unsetenv A=B",
        "setenv '' x",
    ],
)
def test_refusals(reading: Reading, line: str) -> None:
    """What the reference refuses is refused with a sentence that names the word."""
    with pytest.raises(Refused, match="env'"):
        run(reading, line)


def test_more_words(reading: Reading) -> None:
    """Words behind the value are told to be ignored."""
    run(reading, "setenv A b c")
    assert reading.environment.get("A") == "b"
    assert reading.diagnostics.warnings == 1
