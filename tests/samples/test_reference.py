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


def test_constants_and_chains_are_those_of_haproxy() -> None:
    """Each constant, alone and before each chain, is refused or gives a value as in HAProxy."""
    expressions = [*CONSTANTS, *(f"{constant},{chain}" for constant in CONSTANTS for chain in CHAINS)]
    assert differences(expressions) == []


def test_answers_tell_what_haproxy_gave() -> None:
    """A refusal, a number, a text with bytes that do not print, and no sample are told apart."""
    found = of_haproxy(["str(x),nothing", "int(-2)", "bin(00ff)", "str(x),digest(nothing)", "str(),length", "str()"])
    assert found[0].refused is not None
    assert found[1] == Answer(None, b"-2", b"\xff" * 7 + b"\xfe")
    assert found[2] == Answer(None, b"", b"\x00\xff")
    assert found[4] == Answer(None, b"0", bytes(8))
    assert found[5] == Answer(None, b"", b"")
