"""XXH32, the 32-bit hash of the xxHash family (its specification is public), in plain Python."""

from __future__ import annotations

from struct import iter_unpack

_ALL = 0xFFFFFFFF
_P1, _P2, _P3, _P4, _P5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _ALL


def xxh32(data: bytes, seed: int = 0) -> int:
    """Return the hash of these bytes; `seed` is of 32 bits."""
    stripes, words = len(data) & ~15, len(data) & ~3
    total = _of_stripes(data[:stripes], seed) if stripes else seed + _P5
    total = (total + len(data)) & _ALL
    for (word,) in iter_unpack("<I", data[stripes:words]):
        total = _turn((total + word * _P3) & _ALL, 17) * _P4 & _ALL
    for byte in data[words:]:
        total = _turn((total + byte * _P5) & _ALL, 11) * _P1 & _ALL
    total = (total ^ total >> 15) * _P2 & _ALL
    total = (total ^ total >> 13) * _P3 & _ALL
    return total ^ total >> 16


def _of_stripes(data: bytes, seed: int) -> int:
    lanes = [seed + _P1 + _P2, seed + _P2, seed, seed - _P1]
    for words in iter_unpack("<4I", data):
        lanes = [_turn((lane + word * _P2) & _ALL, 13) * _P1 & _ALL for lane, word in zip(lanes, words, strict=True)]
    return sum(map(_turn, lanes, (1, 7, 12, 18)))
