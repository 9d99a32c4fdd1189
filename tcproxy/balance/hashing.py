"""The hashes of `hash-type`: of keys, and of addresses (manual 4.2, `hash-type`, `balance`).

Hashes are numbers of 32 bits. shares.py (map-based) and ring.py (consistent) find the server of a number.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tcproxy.model.proxy import HashType
from tcproxy.wire.hashes import avalanche, djb2, sdbm, wt6

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
