"""Tokens of distcc."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.distcc import Token, find_token
from tcproxy.wire.unread import NEVER, NOT_YET, Unread

ROOM = 15360
REQUEST = b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003abcDOTI00000004xyzw"


@pytest.mark.parametrize(
    ("name", "occurrence", "expected"),
    [
        (b"DIST", 1, Token(1, 12, 12)), (b"ARGC", 1, Token(2, 24, 24)), (b"ARGV", 1, Token(2, 36, 38)),
        (b"ARGV", 2, Token(3, 50, 53)), (b"DOTI", 1, Token(4, 65, 69)), (b"ARGV", 3, NOT_YET), (b"ARGV", -1, NOT_YET),
    ],
)  # fmt: skip
def test_tokens_of_a_request(name: bytes, occurrence: int, expected: Token | Unread) -> None:
    """The token of a name has its parameter and its body, which the next token follows."""
    assert find_token(REQUEST, name, occurrence, ROOM) == expected


def test_what_no_more_bytes_can_mend() -> None:
    """A parameter that is no number ends the search, and so does a body longer than what is read."""
    assert find_token(b"DIST0000000g", b"ARGC", 1, ROOM) is NEVER
    assert find_token(b"DOTI%08x" % (ROOM - 24), b"DIST", 1, ROOM) is NOT_YET
    assert find_token(b"DOTI%08x" % (ROOM - 23), b"DIST", 1, ROOM) is NEVER
    assert find_token(b"DOTIffffffff", b"DIST", 1, ROOM) is NEVER


@given(st.one_of(st.binary(), st.lists(st.sampled_from([b"DIST0000000", b"DOTI00000003", b"a", b"1"])).map(b"".join)))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever comes is read to an end, and what was found stays when more comes."""
    found = find_token(data, b"DOTI", 1, ROOM)
    if found is not NOT_YET:
        assert find_token(data + b"ARGC00000001", b"DOTI", 1, ROOM) == found
