"""Conditions: values, precedence, quoting inside, versions, errors, and the codes of -cc."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.environment import Environment
from tcproxy.grammar.features import FEATURES, LANGUAGE_VERSION, feature_list
from tcproxy.grammar.predicates import MAX_DEPTH, BadCondition, check_condition, evaluate

ENVIRONMENT = Environment({"V": "val", "E": "", "HOME": "/"})


TRUE = r"""1|5|-1|+1|01|0x1|!0|!!1|(1)|((1))|( 1 )|!( 0 )|1&&1|0 || 1|1 && 0 || 1|1 || 0 && 0|1 && ! 0
defined(HOME)|defined("HOME")|!defined(NO)|feature(EPOLL)|feature()|feature|!feature(epoll)|!feature(OPENSSL)
streq(a,a)|streq(,)|strneq(a,b)|streq("a,b",'a,b')|streq("a)","a)")|streq(a\ b,"a b")|streq(\n,"\n")
streq(a"b"c,abc)|streq((a,(a)|streq('\n',\\n)|version_atleast(2.6)|version_atleast(2.6.12)|version_atleast(2)
version_atleast()|version_atleast(abc)|version_atleast(2.6-dev5)|version_atleast(2.6.12-dev1)
version_before(2.6.13)|version_before(2.7)|version_before(2.7-dev0)|version_before(2.6.12-1)|version_before(3)
openssl_version_atleast(1.0.2)|openssl_version_before(7.9.9)|ssllib_name_startswith(OpenSSL)"""

FALSE = r"""0|00|!1|! 1|(0)|!(1)|1 && 0|(1 || 0) && 0|0 || 0|defined|defined()|defined(NO)|defined( HOME)
feature(QUIC)|feature(+EPOLL)|streq(a,b)|streq(a, a)|streq( a,a)|streq(a,)|strneq(a,a)|version_atleast(2.6.13)
version_atleast(2.7)|version_atleast(2.6.12-1)|version_before(2.6)|version_before(2.6.12)|version_before()
openssl_version_before(1.0.2)|ssllib_name_startswith(wolfSSL)"""

WRONG = r"""1x|()|(1|1 &|1&1|1 &&|1 ||&& 1|1 1|foo|foo()|defined (HOME)|defined(HOME,x)|defined(HOME|DEFINED(HOME)
streq|streq(a)|streq()|streq(a,b,c)|streq(a,b)x|strstr(abc,b)|1 && foo|0 && foo|1 || foo|(|)|!|1)|08|0x|- 1
defined&&1|streq("a,b)|streq(a\,b,x)|openssl_version_atleast(x)|openssl_version_atleast()|enabled(POLL)"""


def conditions(text: str) -> list[str]:
    """Part a table: a line break or a single bar parts conditions, `||` stays."""
    return [one.replace("\1", "||") for line in text.split("\n") for one in line.replace("||", "\1").split("|")]


@pytest.mark.parametrize("text", conditions(TRUE))
def test_true(text: str) -> None:
    """These hold."""
    assert evaluate(text, ENVIRONMENT) is True


@pytest.mark.parametrize("text", [*conditions(FALSE), ""])
def test_false(text: str) -> None:
    """These do not hold; the empty condition neither."""
    assert evaluate(text, ENVIRONMENT) is False


@pytest.mark.parametrize("text", conditions(WRONG))
def test_wrong(text: str) -> None:
    """These are no conditions, whatever their first part gives, and the error points into them."""
    with pytest.raises(BadCondition) as caught:
        evaluate(text, ENVIRONMENT)
    assert 0 <= caught.value.column <= len(text)


def test_depth() -> None:
    """Parentheses nest deep, and too deep is an error instead of a crash."""
    assert evaluate("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH, ENVIRONMENT)
    with pytest.raises(BadCondition, match="parentheses"):
        evaluate("(" * 5000 + "1" + ")" * 5000, ENVIRONMENT)
    assert evaluate("&&".join("1" * 5000), ENVIRONMENT)


def test_codes() -> None:
    """-cc gives 0, 1 or 2, and a sentence with 2 only; its argument is read as a line is."""
    assert check_condition("1", ENVIRONMENT) == (0, "")
    assert check_condition("", ENVIRONMENT) == (1, "")
    assert check_condition('""', ENVIRONMENT) == (1, "")
    assert check_condition('streq("$V",val) && defined( \\"HOME\\" )', ENVIRONMENT)[0] == 1
    assert check_condition('streq("$V",val)', ENVIRONMENT) == (0, "")
    for text in ("foo", " ", '"1', "1 # c", '"$.LINE"', "1 && " * 70 + "1"):
        code, sentence = check_condition(text, ENVIRONMENT)
        assert code == 2
        assert "position" in sentence


def test_features() -> None:
    """The table is in the order and form of -vv, and claims no more than there is."""
    assert feature_list().startswith("-51DEGREES +ACCEPT4 ")
    assert FEATURES["LINUX_SPLICE"]
    assert not FEATURES["QUIC"]
    assert evaluate(f"version_atleast({LANGUAGE_VERSION})", ENVIRONMENT)


@given(st.text() | st.text("01!()&| defined(HOME)streq(,)\"'\\"))
def test_any_text(text: str) -> None:
    """Any text is true, false, or one error; as a line it has one of three codes."""
    try:
        assert evaluate(text, ENVIRONMENT) in (True, False)
    except BadCondition as wrong:
        assert 0 <= wrong.column <= len(text)
    code, sentence = check_condition(text, ENVIRONMENT)
    assert (code == 2) == bool(sentence)


@given(
    st.recursive(
        st.sampled_from("01"), lambda inner: st.builds("({}{}{})".format, inner, st.sampled_from(["&&", "||"]), inner)
    )
)
def test_as_python(text: str) -> None:
    """Nested conditions have the value that Python gives them."""
    expected = eval(text.replace("&&", " and ").replace("||", " or "))
    assert evaluate(text, ENVIRONMENT) == bool(expected)
