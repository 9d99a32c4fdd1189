"""Converters of base64, hexadecimal and big-endian numbers beside HAProxy."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import NUMBERS, blocks, chance, constant, spoiled, text

pytestmark = pytest.mark.reference

_ARGUMENTS = ("", "()", "(:)", "(:,)", "(,)", "(:,0)", "(:,-1)", "(:,x)", "(:,2,1,1)", "(,0,1)", "(,2,2)", "(,2,-1)")
_PIECES = ("(:,1)", "(,1)", "(-,2)", "(--,3,1)", "(,8,1)", "(' ',5,0)", "(:,7,)", "(:,9)", "(:,100)", "(:,100,1)")


def test_what_is_written_of_bytes() -> None:
    """base64, ub64enc, hex, be2dec and be2hex write bytes of every length as HAProxy does, with all arguments."""
    random = Random(1)
    values = [constant(data) for data in blocks(random, 60)]
    values += [f"int({number})" for number in NUMBERS] + ["ipv4(1.2.3.4)", "ipv6(::1)", "bool(1)", "meth(GET)"]
    chains = ["base64", "ub64enc", "hex", *(name + pieces for name in ("be2dec", "be2hex") for pieces in _PIECES)]
    asked = [f"{value},{chain}" for value in values for chain in chains[:3]]
    asked += [f"{random.choice(values)},{chain}" for chain in chains for _ in range(20)]
    asked += [
        f"bin(0102030405),{name}{words}" for name in ("be2dec", "be2hex", "hex", "base64") for words in _ARGUMENTS
    ]
    assert differences(asked) == []


def test_what_is_read_of_base64() -> None:
    """b64dec and ub64dec take and refuse what HAProxy does: other letters, padding anywhere, wrong lengths."""
    random = Random(2)
    letters = b"AZaz09+/-_=="
    written = [coded(data) for data in chance(random, 60) for coded in (b64encode, urlsafe_b64encode)]
    texts = [*written, *(one.rstrip(b"=") for one in written), *(spoiled(random, one, letters) for one in written * 2)]
    texts += [
        *chance(random, 300, letters, 12),
        *chance(random, 50, b"AB=", 8),
        *chance(random, 30),
        b"",
        b"=",
        b"====",
    ]
    values = [text(one) if 0 not in one else constant(one) for one in texts]
    assert differences(f"{value},{name}" for value in values for name in ("b64dec", "ub64dec")) == []


def test_what_is_read_of_hexadecimal() -> None:
    """hex2i takes any number of digits, keeps the lowest 64 bits, and gives nothing for other letters."""
    random = Random(3)
    texts = [*chance(random, 200, b"0123456789abcdefABCDEF", 24), *chance(random, 100, b"0189afFgG -+x", 6)]
    values = [
        *(text(one) for one in texts),
        *(f"int({number})" for number in NUMBERS),
        "bin(3000)",
        "ipv6(::1)",
        "bool(1)",
    ]
    assert differences(f"{value},hex2i" for value in values) == []


def test_network_byte_order() -> None:
    """htonl keeps the lowest 32 bits of a number; what is no number is cast to one or refused."""
    values = [
        *(f"int({number})" for number in NUMBERS),
        "str(5)",
        "str(x)",
        "str()",
        "bool(1)",
        "ipv4(1.2.3.4)",
        "ipv6(::1)",
    ]
    assert differences(f"{value},htonl" for value in [*values, "bin(05)", "meth(GET)"]) == []
