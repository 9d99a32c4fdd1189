"""Constants and simple chains beside HAProxy; that the comparison sees what differs."""

from __future__ import annotations

import pytest

from tests.samples.reference import Answer, differences, of_haproxy

pytestmark = pytest.mark.reference

CONSTANTS = (
    "str()", "str(a b)", "str(a'b)", "str(\"a\nb\")", "str(a,b)", "str(a", "str(a)b", "bin(00ff41)", "bin()", "bin(0)",
    "bin(xy)", "int(5)", "int(-9223372036854775808)", "int(9223372036854775807)", "int(x)", "int()", "bool(1)",
    "bool(x)", "ipv4(1.2.3.4)", "ipv4(1.2.3)", "ipv6(::1)", "ipv6(x)", "meth(GET)", "always_true", "always_false",
    "always_true(1)", "nothing", "", "str(\udcff\udc80)",
)  # fmt: skip
CHAINS = (
    "lower", "upper", "length", "lower,upper", ",lower", "lower,", "lower,,upper", "lower()", "lower(1)", "nothing",
    "lower upper",
)  # fmt: skip

QUOTED = (
    r"str(a\,b)", r"str(a\)b)", r"str(a\ b\'c\")", r"str('a\')", r"str(\"a\bc\\d\"\$\'\")", r"str(\"a'b\"c'd\"e'f)",
    r"str(a\bc)", r"str('a\\b')", r"str(a\nb\tc\rd\ve\0)", r"str('a\nb')", r'str("a\nb")', "str(a\\", "str(\\)",
    "str('a", r"str(a\(b)", "str(a(b)", "str('a)b,c')", "str( a )", "str (a)", " str(a)", "str(a) ", "str(a),,",
    "str(a), lower", "str(a) ,lower", "str(a),lower]", "str(a),lower( )", "str(a),lower(,)",
)  # fmt: skip
ABSENT = (
    "str", "int", "int()", "bin", "bool", "ipv4", "ipv4()", "ipv4(,)", "ipv4(1.2.3.4,)", "src()", "src(a)", "rand(,)",
    "date(,ms)", "date(1,)", *(f"str(abc),{name}" for name in ("be2hex(:,)", "be2hex(,)", "be2hex(,0)", "be2hex(:)",
    "be2hex( ,1)", "be2hex( , 1)", "be2hex(' ',1)", "be2dec", "be2dec()", "be2dec(,1,)", "be2dec(:,1,1,)", "hex(,)")),
)  # fmt: skip
INTEGERS = (
    "+", "-", "+5", "-05", "--5", "+-5", "5 ", " 5", "0x5", "5a", "99999999999999999999", "-99999999999999999999",
    "9223372036854775808", "-9223372036854775809", "00000000000000000000000000000000000005", "''", "1'1'",
)  # fmt: skip


def test_constants_and_chains_are_those_of_haproxy() -> None:
    """Each constant, alone and before each chain, is refused or gives a value as in HAProxy."""
    expressions = [*CONSTANTS, *(f"{constant},{chain}" for constant in CONSTANTS for chain in CHAINS)]
    assert differences(expressions) == []


def test_arguments_are_those_of_haproxy() -> None:
    """Quotes, backslashes, absent and empty arguments, and integers are read as in HAProxy."""
    assert differences([*QUOTED, *ABSENT, *(f"int({word})" for word in INTEGERS)]) == []


TEXTS = ("", "+", "-", "-+5", "+5", " 5", "5 ", "5x", "x5", "0x5", "-0", "+-5", "99999999999999999999",
"-99999999999999999999",
    "9" * 5000, "0" * 5000 + "7", "-" + "0" * 30 + "9223372036854775809", "00012", "1e3", "5\\n")  # fmt: skip


def test_texts_as_numbers_are_those_of_haproxy() -> None:
    """A text is cast to the number that it begins with, of any number of digits, as in HAProxy."""
    assert differences(f'str("{one}"),htonl' for one in TEXTS) == []


def test_answers_tell_what_haproxy_gave() -> None:
    """A refusal, a number, a text with bytes that do not print, and no sample are told apart."""
    found = of_haproxy(["str(x),nothing", "int(-2)", "bin(00ff)", "str(x),digest(nothing)", "str(),length", "str()"])
    assert found[0].refused is not None
    assert found[1] == Answer(None, b"-2", b"\xff" * 7 + b"\xfe")
    assert found[2] == Answer(None, b"", b"\x00\xff")
    assert found[4] == Answer(None, b"0", bytes(8))
    assert found[5] == Answer(None, b"", b"")
