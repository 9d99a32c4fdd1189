"""XXH64 against values that its reference implementation gives."""

from __future__ import annotations

import pytest

from tcproxy.wire.xxh64 import xxh64


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_hash(text: bytes, value: int) -> None:
    """Texts of less and of more than one stripe of 32 bytes hash to the published values."""
    assert xxh64(text) == value


def test_dynamic_cookie_of_the_reference() -> None:
    """The hash of a key, an address and a port is what haproxy 2.6 makes of them."""
    assert xxh64(b"k\x7f\x00\x00\x01\x00\x00\x0b\xb8") == 0x4690D1F7AFB5E02A
    key = b"thisIsAKey0123456789abcdefghijklmnopqrstuvwxyz"
    assert xxh64(key + bytes(15) + b"\x01\x00\x00\x0b\xb8") == 0x9C4A7C9D8944B970
