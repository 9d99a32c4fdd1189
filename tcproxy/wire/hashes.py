"""Small hash functions of 32 bits: sdbm, djb2, wt6, CRC32C, and the mixing of a number's bits.

CRC32 is zlib's. `hash-type` and the converters use the same functions, so both find the same numbers.
"""

from __future__ import annotations

MASK = 0xFFFFFFFF
_CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC32C, its bits in reverse order (RFC 4960, appendix B)."""


def sdbm(data: bytes) -> int:
    """Return the hash of the sdbm database library."""
    value = 0
    for byte in data:
        value = (byte + value * 65599) & MASK
    return value


def djb2(data: bytes) -> int:
    """Return Dan Bernstein's hash, the additive one."""
    value = 5381
    for byte in data:
        value = (value * 33 + byte) & MASK
    return value


def wt6(data: bytes) -> int:
    """Return the hash made for HAProxy: two words, rotated at each byte by bits of their own."""
    one, two, turn_two, turn_one = 0xA53C965A, 0x5CA6953A, 6, 18
    for byte in data:
        one = ~(one ^ byte) & MASK
        two = ~(two + byte) & MASK
        one, two = _turned(two, turn_two), _turned(one, turn_one)
        mixed = ((one >> 16) ^ two) & 0xFFFF
        turn_two, turn_one = mixed & 0x1F, mixed >> 11
    return one ^ two


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & MASK


def _crc32c_of_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_CASTAGNOLI if value & 1 else 0)
    return value


_CRC32C = tuple(map(_crc32c_of_byte, range(256)))


def crc32c(data: bytes) -> int:
    """Return the CRC32C (Castagnoli) of the data."""
    value = MASK
    for byte in data:
        value = value >> 8 ^ _CRC32C[(value ^ byte) & 0xFF]
    return value ^ MASK


def avalanche(value: int) -> int:
    """Mix all bits of a number, as Bob Jenkins's integer hash does, and spread them over the whole range.

    The last step multiplies by a prime near three quarters of the range; the whole is a bijection.
    """
    value = value + 0x7ED55D16 + (value << 12) & MASK
    value = value ^ 0xC761C23C ^ value >> 19
    value = value + 0x165667B1 + (value << 5) & MASK
    value = (value + 0xD3A2646C ^ value << 9) & MASK
    value = value + 0xFD7046C5 + (value << 3) & MASK
    value = value ^ 0xB55A4F09 ^ value >> 16
    return value * 3221225473 & MASK
