"""XXH3, the newest 64-bit hash of the xxHash family (its specification is public), in plain Python.

The hash has a form of its own for each range of lengths: nothing, 1 to 3 bytes, 4 to 8, 9 to 16, 17 to 128, 129 to
240, and more. Numbers are of 64 bits, and little-endian where they are read of bytes.
"""

from __future__ import annotations

from struct import pack, unpack, unpack_from

_ALL = (1 << 64) - 1
_HALF = 0xFFFFFFFF
_P32_1, _P32_2, _P32_3 = 2654435761, 2246822519, 3266489917
_P1, _P2, _P3 = 11400714785074694791, 14029467366897019727, 1609587929392839161
_P4, _P5 = 9650029242287828579, 2870177450012600261
_MIX_SHORT, _MIX = 0x9FB21C651E98DF25, 0x165667919E3779F9
_STRIPE, _BLOCK = 64, 1024
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e"
    "e03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d"
    "8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc"
    "8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def xxh3(data: bytes, seed: int = 0) -> int:
    """Return the hash of these bytes; `seed` is of 64 bits."""
    size = len(data)
    if size > 240:
        return _of_many(data, seed)
    if size > 128:
        return _up_to_240(data, seed)
    if size > 16:
        return _up_to_128(data, seed)
    if size > 8:
        return _up_to_16(data, seed)
    if size > 3:
        return _up_to_8(data, seed)
    return _up_to_3(data, seed)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _ALL


def _folded(one: int, two: int) -> int:
    """Return the product, its upper half joined to its lower one."""
    product = one * two
    return (product ^ product >> 64) & _ALL


def _avalanche(value: int) -> int:
    value = (value ^ value >> 37) * _MIX & _ALL
    return value ^ value >> 32


def _avalanche_of_xxh64(value: int) -> int:
    value = (value ^ value >> 33) * _P2 & _ALL
    value = (value ^ value >> 29) * _P3 & _ALL
    return value ^ value >> 32


def _up_to_3(data: bytes, seed: int) -> int:
    size = len(data)
    if not size:
        return _avalanche_of_xxh64(seed ^ _word(_SECRET, 56) ^ _word(_SECRET, 64))
    joined = data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8
    one, two = unpack_from("<2I", _SECRET)
    return _avalanche_of_xxh64(joined ^ ((one ^ two) + seed & _ALL))


def _up_to_8(data: bytes, seed: int) -> int:
    size = len(data)
    seed ^= int.from_bytes((seed & _HALF).to_bytes(4, "little"), "big") << 32
    first, last = int.from_bytes(data[:4], "little"), int.from_bytes(data[-4:], "little")
    value = last + (first << 32) ^ ((_word(_SECRET, 8) ^ _word(_SECRET, 16)) - seed & _ALL)
    value ^= _turn(value, 49) ^ _turn(value, 24)
    value = value * _MIX_SHORT & _ALL
    value = (value ^ (value >> 35) + size) * _MIX_SHORT & _ALL
    return value ^ value >> 28


def _up_to_16(data: bytes, seed: int) -> int:
    size = len(data)
    low = _word(data, 0) ^ ((_word(_SECRET, 24) ^ _word(_SECRET, 32)) + seed & _ALL)
    high = _word(data, size - 8) ^ ((_word(_SECRET, 40) ^ _word(_SECRET, 48)) - seed & _ALL)
    turned = int.from_bytes(low.to_bytes(8, "little"), "big")
    return _avalanche(size + turned + high + _folded(low, high) & _ALL)


def _mixed(data: bytes, at: int, secret_at: int, seed: int) -> int:
    """Return 16 bytes mixed with 16 of the secret."""
    low, high = unpack_from("<2Q", data, at)
    one, two = unpack_from("<2Q", _SECRET, secret_at)
    return _folded(low ^ (one + seed & _ALL), high ^ (two - seed & _ALL))


def _up_to_128(data: bytes, seed: int) -> int:
    size = len(data)
    total = size * _P1
    for pair in range((size - 1) // 32 + 1):
        total += _mixed(data, 16 * pair, 32 * pair, seed)
        total += _mixed(data, size - 16 * (pair + 1), 32 * pair + 16, seed)
    return _avalanche(total & _ALL)


def _up_to_240(data: bytes, seed: int) -> int:
    size = len(data)
    total = size * _P1 + sum(_mixed(data, 16 * at, 16 * at, seed) for at in range(8))
    total = _avalanche(total & _ALL)
    total += sum(_mixed(data, 16 * at, 16 * (at - 8) + 3, seed) for at in range(8, size // 16))
    return _avalanche(total + _mixed(data, size - 16, 119, seed) & _ALL)


def _of_many(data: bytes, seed: int) -> int:
    secret = _secret_of(seed)
    lanes = [_P32_3, _P1, _P2, _P3, _P4, _P32_2, _P5, _P32_1]
    last = len(data) - 1
    keys = [unpack_from("<8Q", secret, 8 * stripe) for stripe in range(_BLOCK // _STRIPE)]
    ending = unpack_from("<8Q", secret, len(secret) - _STRIPE)
    for start in range(0, last // _STRIPE * _STRIPE, _STRIPE):
        stripe = start % _BLOCK // _STRIPE
        _accumulate(lanes, unpack_from("<8Q", data, start), keys[stripe])
        if stripe == len(keys) - 1:
            _scramble(lanes, ending)
    _accumulate(lanes, unpack_from("<8Q", data, len(data) - _STRIPE), unpack_from("<8Q", secret, 121))
    total = len(data) * _P1
    for at in range(4):
        total += _folded(lanes[2 * at] ^ _word(secret, 11 + 16 * at), lanes[2 * at + 1] ^ _word(secret, 19 + 16 * at))
    return _avalanche(total & _ALL)


def _secret_of(seed: int) -> bytes:
    words = unpack("<24Q", _SECRET)
    return pack("<24Q", *[(word - seed if at % 2 else word + seed) & _ALL for at, word in enumerate(words)])


def _accumulate(lanes: list[int], words: tuple[int, ...], keys: tuple[int, ...]) -> None:
    for at, (word, key) in enumerate(zip(words, keys, strict=True)):
        keyed = word ^ key
        lanes[at ^ 1] = lanes[at ^ 1] + word & _ALL
        lanes[at] = lanes[at] + (keyed & _HALF) * (keyed >> 32) & _ALL


def _scramble(lanes: list[int], keys: tuple[int, ...]) -> None:
    lanes[:] = [(lane ^ lane >> 47 ^ key) * _P32_1 & _ALL for lane, key in zip(lanes, keys, strict=True)]
