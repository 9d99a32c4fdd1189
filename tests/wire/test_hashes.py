"""Hash functions against published values."""

from __future__ import annotations

import pytest

from tcproxy.wire.hashes import crc32c
from tcproxy.wire.xxh3 import xxh3
from tcproxy.wire.xxh32 import xxh32


def test_crc32c() -> None:
    """CRC32C gives its check value, and those of RFC 3720, appendix B.4."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes([255]) * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize(
    ("text", "seed", "value"),
    [
        (b"", 0, 0x02CC5D05),
        (b"a", 0, 0x550D7456),
        (b"abc", 0, 0x32D153FF),
        (b"Nobody inspects the spammish repetition", 0, 0xE2293B2F),
    ],
)
def test_xxh32(text: bytes, seed: int, value: int) -> None:
    """Texts of less and of more than one stripe of 16 bytes hash to the published values."""
    assert xxh32(text, seed) == value


@pytest.mark.parametrize(("text", "value"), [(b"", 0x2D06800538D394C2), (b"abc", 0x78AF5F94892F3950)])
def test_xxh3(text: bytes, value: int) -> None:
    """Short texts hash to the published values; every other length is compared with HAProxy in tests/samples."""
    assert xxh3(text) == value
