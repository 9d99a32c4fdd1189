"""XXH64, the 64-bit hash of the xxHash family (its specification is public): for short texts, in plain Python."""

from __future__ import annotations

from struct import iter_unpack, unpack_from

_ALL = (1 << 64) - 1
_P1, _P2, _P3 = 11400714785074694791, 14029467366897019727, 1609587929392839161
_P4, _P5 = 9650029242287828579, 2870177450012600261


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _ALL


def _round(lane: int, word: int) -> int:
    return _turn((lane + word * _P2) & _ALL, 31) * _P1 & _ALL


def _merge(total: int, lane: int) -> int:
    return ((total ^ _round(0, lane)) * _P1 + _P4) & _ALL


def xxh64(data: bytes, seed: int = 0) -> int:
    """Return the hash of these bytes."""
    size = len(data)
    stripes = size & ~31
    if stripes:
        total = _of_stripes(data[:stripes], seed)
    else:
        total = (seed + _P5) & _ALL
    return _avalanche(_of_rest(data, stripes, (total + size) & _ALL))


def _of_stripes(data: bytes, seed: int) -> int:
    lanes = [seed + _P1 + _P2, seed + _P2, seed, seed - _P1]
    lanes = [lane & _ALL for lane in lanes]
    for words in iter_unpack("<4Q", data):
        lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
    total = sum(map(_turn, lanes, (1, 7, 12, 18))) & _ALL
    for lane in lanes:
        total = _merge(total, lane)
    return total


def _of_rest(data: bytes, at: int, total: int) -> int:
    while at + 8 <= len(data):
        (word,) = unpack_from("<Q", data, at)
        total = (_turn(total ^ _round(0, word), 27) * _P1 + _P4) & _ALL
        at += 8
    if at + 4 <= len(data):
        (half,) = unpack_from("<I", data, at)
        total = (_turn(total ^ half * _P1 & _ALL, 23) * _P2 + _P3) & _ALL
        at += 4
    for byte in data[at:]:
        total = _turn(total ^ byte * _P5 & _ALL, 11) * _P1 & _ALL
    return total


def _avalanche(total: int) -> int:
    total = (total ^ total >> 33) * _P2 & _ALL
    total = (total ^ total >> 29) * _P3 & _ALL
    return total ^ total >> 32
