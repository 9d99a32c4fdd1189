"""Converters of Protocol Buffers and gRPC messages beside HAProxy."""

from __future__ import annotations

from random import Random
from struct import pack

import pytest

from tests.samples.reference import differences
from tests.samples.values import constant, spoiled

pytestmark = pytest.mark.reference

TYPES = (
    "int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool", "enum", "fixed64", "sfixed64", "double",
    "fixed32",
    "sfixed32", "float",
)  # fmt: skip
DOUBLES = (
    0.0, -0.0, 1.5, -3.9, 2.0**31, -(2.0**31) - 1, 2.0**32, 2.0**53, 2.0**63, 2.0**63 * 1.5, 2.0**64, -(2.0**63),
    -(2.0**64),
    float("inf"), float("-inf"), float("nan"), 1e300, 1e-300,
)  # fmt: skip
VARINTS = (
    "00",
    "01",
    "7f",
    "8001",
    "ff01",
    "80",
    "8000",
    "ffffffffffffffffff01",
    "ffffffffffffffffff7f",
    "ffffffffffffffffffff01",
    "",
)


def varint(number: int) -> bytes:
    """Return a number as a varint."""
    number &= (1 << 64) - 1
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def message(random: Random, depth: int = 3) -> bytes:
    """Return a message by chance, with others in it."""
    data = b""
    for _ in range(random.randint(0, 4)):
        field = random.randint(1, 4)
        wire = random.choice((0, 1, 2, 2, 2, 5))
        data += varint(field << 3 | wire)
        if wire == 0:
            data += varint(random.choice((0, 1, 5, 127, 128, -1, 2**31, 2**63, 2**64 - 1, random.getrandbits(64))))
        elif wire == 2:
            inner = message(random, depth - 1) if depth else random.randbytes(random.randint(0, 5))
            data += varint(len(inner)) + inner
        else:
            data += random.randbytes(8 if wire == 1 else 4)
    return data


def path(random: Random) -> str:
    """Return a path of field numbers."""
    return ".".join(str(random.randint(1, 4)) for _ in range(random.randint(1, 4)))


def test_messages() -> None:
    """Fields at any depth, in right, cut and spoiled messages, are found or not as in HAProxy."""
    random = Random(5)
    asked = []
    for _ in range(1500):
        data = message(random)
        if random.random() < 0.4:
            data = spoiled(random, data)
        words = [path(random), *random.choices(("", random.choice(TYPES)), k=1)]
        asked.append(f"{constant(data)},protobuf({','.join(word for word in words if word)})")
        frames = b"".join(
            random.choice(b"\0\1").to_bytes() + len(one).to_bytes(4, "big") + one for one in (data, message(random))
        )
        frames = frames if random.random() < 0.7 else spoiled(random, frames)
        asked.append(f"{constant(frames)},ungrpc({','.join(word for word in words if word)})")
    assert differences(asked) == []


def test_numbers() -> None:
    """Each type reads varints and numbers of fixed length, whole and cut, as HAProxy does."""
    asked = []
    for kind in ("", *(f",{name}" for name in TYPES)):
        asked += [f"bin(08{digits}),protobuf(1{kind})" for digits in VARINTS]
        asked += [f"bin(10{digits}0805),protobuf(1{kind})" for digits in VARINTS]
        asked += [f"bin(09{pack('<d', number).hex()}),protobuf(1{kind})" for number in DOUBLES]
        asked += [
            f"bin(0d{pack('<f', number).hex()}),protobuf(1{kind})"
            for number in DOUBLES
            if abs(number) < 1e30 or number > 1e301
        ]
        asked += [
            f"bin({data}),protobuf(1{kind})"
            for data in ("0d010203", "0d", "09010203", "0a", "0a03616263", "0a036162", "0a00")
        ]
        asked += [
            f"bin({data}0805),protobuf(1{kind})"
            for data in ("15010203", "1501020304", "1101020304", "1203616263", "13", "14", "16", "17")
        ]
    assert differences(asked) == []


def test_arguments() -> None:
    """Paths of field numbers and names of types are taken and refused as in HAProxy; what may follow, too."""
    words = ("0", "1", "1.", "1..2", ".1", ".", "..", "1.2.", "1.2.3", "a", "1a", "4294967296", "4294967297",
    "99999999999", "-1", "+1",
             " 1", "01", "1 ", "", ".".join("1234567890" * 3), "1,", "1,int32,", "1,string", "1,INT32", "1, int32",
             "1,x", ",int32")  # fmt: skip
    asked = [f"bin(0805),{name}({word})" for word in words for name in ("protobuf", "ungrpc")]
    asked += [
        "bin(0805),protobuf",
        "bin(0805),ungrpc",
        "bin(0805),protobuf()",
        "str(a),protobuf(1)",
        "int(5),protobuf(1)",
    ]
    follow = ("hex", "upper", "length", "hex2i", "htonl", "crc32", "protobuf(1)", "base64", "json", "json_query($)")
    asked += [f"bin(0805),protobuf(1{kind}),{name}" for kind in ("", ",int32") for name in follow]
    asked += [
        f"bin({data}),ungrpc(1,int32)"
        for data in ("0000000000", "00000000020805", "00000000030805", "000000000108050000", "00")
    ]
    assert differences(asked) == []
