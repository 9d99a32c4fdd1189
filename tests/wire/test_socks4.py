"""SOCKS 4: the request's bytes, and answers whole, byte by byte and with trailing bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.wire.socks4 import SocksRefused, SocksReplyParser, encode_request


def test_request_has_the_bytes_of_the_reference() -> None:
    """CONNECT, port, address, user id and NUL, as HAProxy 2.6 sends them."""
    assert encode_request("127.0.0.1", 0x1234) == b"\x04\x01\x12\x34\x7f\x00\x00\x01HAProxy\x00"


@pytest.mark.parametrize("host", ["::1", "name", "", "1.2.3", "\0"])
def test_only_ipv4_has_a_request(host: str) -> None:
    """Any other address is refused by name, since version 4 cannot say it."""
    with pytest.raises(SocksRefused):
        encode_request(host, 80)


@pytest.mark.parametrize("version", [0, 4])
def test_granted_whole_and_in_pieces(version: int) -> None:
    """A granted tunnel is seen at the eighth byte, and the server's first bytes are kept."""
    reply = bytes((version, 90, *range(6)))
    whole = SocksReplyParser()
    assert whole.feed(reply + b"hello") and whole.rest == b"hello"
    slow = SocksReplyParser()
    assert [slow.feed(reply[at : at + 1]) for at in range(8)] == [False] * 7 + [True]
    assert slow.rest == b""


@given(some.binary(min_size=8, max_size=20))
def test_any_other_code_is_refused(reply: bytes) -> None:
    """Whatever answers, either it grants by code 90 or SocksRefused carries its code."""
    parser = SocksReplyParser()
    try:
        assert parser.feed(reply) and reply[1] == 90
    except SocksRefused as refused:
        assert refused.code == reply[1] != 90
