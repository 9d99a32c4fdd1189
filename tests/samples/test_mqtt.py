"""Converters of MQTT packets beside HAProxy."""

from __future__ import annotations

from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import constant, decoded, spoiled

pytestmark = pytest.mark.reference

FIELDS = (
    "flags", "protocol_name", "protocol_version", "client_identifier", "will_topic", "will_payload", "username",
    "password", "keepalive", "reason_code",
)  # fmt: skip
PROPERTIES = {
    1: "b", 2: "4", 3: "s", 8: "s", 9: "s", 11: "v", 17: "4", 18: "s", 19: "2", 21: "s", 22: "s", 23: "b", 24: "4",
    25: "b", 26: "s", 28: "s", 31: "s", 33: "2", 34: "2", 35: "2", 36: "b", 37: "b", 38: "p", 39: "4", 40: "b",
    41: "b", 42: "b",
}  # fmt: skip
"""Properties of MQTT 5.0 by number, and what their value is: a byte, 2 or 4 bytes, a varint, a text, or two."""
CONNECT = (17, 21, 22, 23, 25, 33, 34, 38, 39)
WILL = (1, 2, 3, 8, 9, 24, 38)
CONNACK = (17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42)


def string(data: bytes) -> bytes:
    """Return data behind its length."""
    return len(data).to_bytes(2, "big") + data


def varint(number: int) -> bytes:
    """Return a number of variable length."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def packet(kind: int, body: bytes) -> bytes:
    """Return a packet."""
    return bytes([kind]) + varint(len(body)) + body


def content(random: Random) -> bytes:
    """Return a text or data."""
    return string(
        random.choice((b"", b"x", b"text", b"da\0ta", bytes(random.choices(range(256), k=random.randint(0, 150)))))
    )


def one_property(random: Random, number: int) -> bytes:
    """Return a property with a value."""
    kind = PROPERTIES[number]
    if kind == "b":
        value = bytes([random.choice((0, 0, 1, 1, 1, 2))])
    elif kind in "24":
        value = random.choice((0, 1, 5, 300, 65535)).to_bytes(int(kind), "big")
    elif kind == "v":
        value = varint(random.choice((0, 1, 300)))
    else:
        value = content(random) if kind == "s" else content(random) + content(random)
    return bytes([number]) + value


def properties(random: Random, usual: tuple[int, ...]) -> bytes:
    """Return properties behind their length: most of them fit, some come twice."""
    numbers = random.sample(usual, random.randint(0, len(usual)))
    if random.random() < 0.15:
        numbers.append(random.choice(list(PROPERTIES)))
    data = b"".join(one_property(random, number) for number in numbers)
    return varint(len(data)) + data


def connect(random: Random) -> bytes:
    """Return a packet CONNECT, mostly right."""
    name = random.choice((b"MQTT", b"MQTT", b"MQTT", b"MQIsdp", b"mqtt", b"MQTTX", b""))
    version = random.choice((3, 4, 5, 5, 5, random.randint(0, 8)))
    flags = random.choice((0, 2, 4, 0xC0, 0xC6, 0xEE, random.randrange(256)))
    body = string(name) + bytes([version, flags]) + random.choice((0, 60, 65535)).to_bytes(2, "big")
    body += properties(random, CONNECT) if version == 5 else b""
    body += content(random)
    if flags & 4:
        body += (properties(random, WILL) if version == 5 else b"") + content(random) + content(random)
    body += content(random) if flags & 0x80 else b""
    body += content(random) if flags & 0x40 else b""
    return packet(0x10, body)


def connack(random: Random) -> bytes:
    """Return a packet CONNACK, mostly right."""
    body = bytes([random.choice((0, 0, 1, 2, 128)), random.choice((0, 0, 1, 5, 135, 255))])
    return packet(0x20, body + (properties(random, CONNACK) if random.random() < 0.8 else b""))


def test_packets() -> None:
    """Right, cut and spoiled packets are valid, invalid or not yet known, and have the fields that HAProxy sees."""
    random = Random(5)
    asked = []
    for _ in range(1500):
        make, name, numbers = random.choice(((connect, "connect", CONNECT + WILL), (connack, "connack", CONNACK)))
        data = make(random)
        if random.random() < 0.3:
            data = spoiled(random, data)
        fields = [
            *(FIELDS[:9] if name == "connect" else ("flags", "protocol_version", "reason_code")),
            *map(str, numbers),
        ]
        asked.append(f"{constant(data)},mqtt_is_valid")
        asked += [f"{constant(data)},mqtt_field_value({name},{field})" for field in random.sample(fields, 4)]
    kept = packet(0x10, string(b"MQTT") + b"\4\xc0\0\5" + string(b"a\0b") + string(b"c\0d") + string(b"\0"))
    asked += [f"{one},mqtt_field_value(1,{name})" for one in (constant(kept), decoded(kept)) for name in FIELDS[:9]]
    assert differences(asked) == []


def test_heads_of_packets() -> None:
    """Types, their flags, and lengths of every form are taken or refused as in HAProxy."""
    good, answer = connect(Random(3)), packet(0x20, b"\0\0")
    heads = [bytes([first]) + rest for first in range(256) for rest in (b"", b"\0", answer[1:], b"\5")]
    lengths = (
        "00",
        "01",
        "02",
        "03",
        "8200",
        "828000",
        "82808000",
        "8280808000",
        "80",
        "8080",
        "808080",
        "80808080",
        "ffffff7f",
        "ffffffff",
    )
    heads += [
        bytes([first]) + bytes.fromhex(length) + rest
        for first in (0x10, 0x20, 0x30, 0xC0)
        for length in lengths
        for rest in (b"\0\0", b"")
    ]
    ends = (
        "0000",
        "000080",
        "000000",
        "000001",
        "0000ff",
        "00008080",
        "000003",
        "00000399",
        "000002998000",
        "0000038080808017",
    )
    heads += [packet(0x20, bytes.fromhex(end)) for end in ends]
    heads += [good[:size] for size in range(len(good))] + [answer + b"zz", answer + answer, good + b"x", b""]
    asked = [f"{constant(head)},{chain}" for head in heads for chain in ("mqtt_is_valid", "mqtt_field_value(2,flags)")]
    assert differences(asked) == []


def test_arguments() -> None:
    """Types of packets and names of fields are taken and refused as in HAProxy."""
    data = constant(connect(Random(4)))
    kinds = [str(number) for number in range(-1, 18)] + [
        "01",
        "001",
        "257",
        "4294967297",
        "1 ",
        "0x1",
        "+1",
        "x",
        "",
        "connec",
        "Connect",
    ]
    kinds += ["connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe",
    "unsuback",
              "pingreq", "pingresp", "disconnect", "auth", "AUTH"]  # fmt: skip
    fields = [
        *FIELDS,
        *map(str, range(45)),
        "FLAGS",
        "Client_Identifier",
        "017",
        "",
        " 17",
        "17x",
        "273",
        "flag",
        "nothing",
    ]
    asked = [f"{data},mqtt_field_value('{kind}','{field}')" for kind in kinds for field in fields]
    asked += [f"{data},mqtt_field_value{words}" for words in ("", "()", "(connect)", "(connect,)", "(connect,flags,)")]
    asked += [f"{data},mqtt_is_valid{words}" for words in ("()", "(1)")] + [
        "int(5),mqtt_is_valid",
        "str(),mqtt_is_valid",
    ]
    asked += [
        f"{data},mqtt_field_value(1,flags),{name}" for name in ("htonl", "hex", "length", "crc32", "json_query($)")
    ]
    assert differences(asked) == []
