"""Converters that hash bytes to a number, none of them for secrets (manual 7.3.1)."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import INT64_MAX, Kind, Value, bytes_of
from tcproxy.samples.rows import Convert, Converter
from tcproxy.wire.hashes import avalanche, crc32c, djb2, sdbm, wt6
from tcproxy.wire.xxh3 import xxh3
from tcproxy.wire.xxh32 import xxh32
from tcproxy.wire.xxh64 import xxh64

Hash = Callable[[bytes], int]
SeededHash = Callable[[bytes, int], int]


def _plain(name: str, function: Hash) -> Converter:
    """Return the row of a hash of 32 bits, whose argument says whether its bits are mixed afterwards."""

    def build(mix: int = 0) -> Convert:
        if mix:
            return lambda value: avalanche(function(bytes_of(value)))
        return lambda value: function(bytes_of(value))

    sentence = f"The {name.upper()} of the bytes, without sign; its bits mixed if the argument is not 0."
    return Converter(name, Kind.BIN, Kind.SINT, sentence, build=build, arguments=(ArgumentType.INTEGER,))


def _seeded(name: str, function: SeededHash, bits: int) -> Converter:
    """Return the row of a hash whose argument is its seed; one of 64 bits has a sign."""

    def build(seed: int = 0) -> Convert:
        seed &= (1 << bits) - 1

        def convert(value: Value) -> Value | None:
            number = function(bytes_of(value), seed)
            return number if number <= INT64_MAX else number - (1 << 64)

        return convert

    sentence = f"The {name.upper()} of the bytes with this seed, a number of {bits} bits."
    return Converter(name, Kind.BIN, Kind.SINT, sentence, build=build, arguments=(ArgumentType.INTEGER,))


CONVERTERS = (
    _plain("crc32", zlib.crc32),
    _plain("crc32c", crc32c),
    _plain("djb2", djb2),
    _plain("sdbm", sdbm),
    _plain("wt6", wt6),
    _seeded("xxh3", xxh3, 64),
    _seeded("xxh32", xxh32, 32),
    _seeded("xxh64", xxh64, 64),
)
