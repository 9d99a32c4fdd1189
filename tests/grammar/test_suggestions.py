"""Near misses: which word is proposed, and which one is blamed."""

from __future__ import annotations

import pytest

from tcproxy.grammar.suggestions import blamed, near, nearest, with_suggestion


def test_letters_that_changed_places() -> None:
    """A word of the same letters is always near, a slip is, and nonsense is not."""
    assert nearest("scr", ["dst", "src"]) == "src"
    assert near("maxcon", ["minconn", "maxconn"]) == "; did you mean 'maxconn' maybe?"
    assert near("qqqq", ["src"]) == ""


@pytest.mark.parametrize(
    ("sentence", "wrong", "proposed"),
    [
        ("'mode' supports 'tcp' and 'http', and not 'tpc'", "tpc", "tcp"),
        ("'balance' has no strategy 'rondrobin'; there are 'first' or 'roundrobin'", "rondrobin", "roundrobin"),
        ("'allways' is not one of 'never' or 'always'", "allways", "always"),
        ("'mode' supports 'tcp' and 'http', and not 'qqq'", "qqq", ""),
        ("the character 'x' cannot stand in 'xx'", "xx", ""),
        ("'deny_status' can stand only once: write 'status'", "deny_status", ""),
        ("unknown keyword 'tpc'; did you mean 'tcp' maybe?", "tpc", ""),
    ],
)
def test_a_value_is_proposed_from_the_sentence(sentence: str, wrong: str, proposed: str) -> None:
    """A sentence that quotes the wrong word and what may stand instead gains a proposal; others stay as they are."""
    end = f"; did you mean '{proposed}' maybe?" if proposed else ""
    assert with_suggestion(sentence, wrong) == sentence + end


def test_the_word_that_a_plugin_blames() -> None:
    """Of the words behind a name, the one that the sentence quotes last is at fault; without one, the name."""
    words = ("balance", "uri", "len", "0")
    assert blamed("'len' needs a number above 0 behind it, and not '0'", words, 1) == 3
    assert blamed("it takes 'depth', and not 'len'", words, 1) == 2
    assert blamed("nothing is quoted", words, 1) == 1
