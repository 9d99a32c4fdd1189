"""Converters that hash, beside HAProxy."""

from __future__ import annotations

from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import NUMBERS, blocks, constant

pytestmark = pytest.mark.reference

PLAIN = ("crc32", "crc32c", "djb2", "sdbm", "wt6")
SEEDED = ("xxh3", "xxh32", "xxh64")


def test_hashes_are_those_of_haproxy() -> None:
    """Each hash of data of every short length, and of long data, is HAProxy's, mixed and not, with any seed."""
    random = Random(1)
    values = [constant(data) for data in blocks(random, 60)]
    values += [constant(random.randbytes(length)) for length in (*range(41, 300), 2047, 2048, 2049, 4096)]
    asked = [f"{value},{name}" for value in values[:120] for name in (*PLAIN, *SEEDED)]
    asked += [f"{value},{name}(1)" for value in values[:40] for name in PLAIN]
    asked += [f"{value},{name}({random.choice(NUMBERS)})" for value in values for name in SEEDED]
    assert differences(asked) == []


def test_arguments_and_kinds() -> None:
    """Any number but 0 mixes; a seed is cut to the width of the hash; each kind is hashed as its bytes."""
    values = ["str(abc)", "int(-5)", "ipv4(1.2.3.4)", "ipv6(::1)", "bool(1)", "meth(GET)", "str()"]
    words = ("", "()", "(0)", "(2)", "(-1)", "(4294967296)", "(4294967297)", "(x)", "(1,2)", "(,)", "(1,)", "(-)")
    assert (
        differences(f"{value},{name}{word}" for value in values for name in (*PLAIN, *SEEDED) for word in words) == []
    )
