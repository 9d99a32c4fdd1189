"""The hash functions of `hash-type`, and the hash of an address (manual 4.2, `hash-type`, `balance`).

Hashes are numbers of 32 bits. shares.py (map-based) and ring.py (consistent) find the server of a number.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tcproxy.model.proxy import HashType

MASK = 0xFFFFFFFF


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


FUNCTIONS: Mapping[str, Callable[[bytes], int]] = MappingProxyType(
    {"sdbm": sdbm, "djb2": djb2, "wt6": wt6, "crc32": zlib.crc32}
)


def hash_key(hashing: HashType, key: bytes) -> int:
    """Return the hash of a key (a URI, a header ...) by the function and modifier of `hash-type`."""
    value = FUNCTIONS[hashing.function](key)
    return avalanche(value) if hashing.avalanche else value


def hash_address(hashing: HashType, packed: bytes) -> int:
    """Return the hash of a packed address: its 32-bit words, joined by exclusive or.

    The function of `hash-type` has no say here, only the modifier has: so it is in HAProxy.
    """
    value = 0
    for start in range(0, len(packed), 4):
        value ^= int.from_bytes(packed[start : start + 4])
    return avalanche(value) if hashing.avalanche else value
