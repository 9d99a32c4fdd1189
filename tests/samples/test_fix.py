"""Converters of FIX messages beside HAProxy."""

from __future__ import annotations

from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import constant, decoded, spoiled

pytestmark = pytest.mark.reference

TAGS = ("49", "56", "8", "BodyLength", "MsgType", "CheckSum", "35", "1", "10")
VERSIONS = ("FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIXT.1.1", "FIX.5.0", "FIX.4.22", "fix.4.2", "")


def message(
    body: str = "35=A|49=S|56=T|", version: str = "FIX.4.2", length: str | None = None, end: str | None = None
) -> bytes:
    """Return a message, with `|` for the end of a field; `length` and `end` replace what is right."""
    data = body.replace("|", "\1").encode()
    data = f"8={version}\0019={len(data) if length is None else length}\1".encode() + data
    ending = f"10={sum(data) % 256:03d}|" if end is None else end
    return data + ending.replace("|", "\1").encode()


BODIES = (
    "", "35=A|", "35=ABCDEFGH|", "49=S|35=A|56=T|", "35=A|=S|", "35=A|49=|56=T|", "35=A|49|56=T|", "35=A|4x=S|56=T|",
    "35=|49=S|56=T|",
    "35=A|0=S|56=T|", "35=A|049=S|56=T|", "35=A|-49=S|56=T|", "35=A|49=a=b|56=T|", "35=A|10=000|49=S|",
    "035=A|49=S|56=T|",
    "35=A|49=S|56=T|35=B|8=x|9=y|", "35=A|49=S|56=T|99999999999=x|", "35=A|49=S|56=T|4294967306=123|",
    "35=A|4294967345=S|56=T|",
    "35=A| 49=S|56=T|", "35=A||56=T|", "35=A|49==|56=T|",
)  # fmt: skip


def messages(random: Random) -> list[bytes]:
    """Return whole messages, right and wrong, and parts of messages."""
    whole = [message(version=version) for version in VERSIONS] + [message(body) for body in BODIES]
    whole += [
        message(length=length) for length in ("015", "16", "14", "", "x", "15x", "+15", " 15", "4294967311", "-1")
    ]
    whole += [
        message(end=end)
        for end in ("", "10=000|", "10=1|", "10=|", "10=00x|", "10=0222|", "010=222|", "49=abc|", "10=222")
    ]
    whole += [
        message("35=A|" + "".join(f"{random.randint(1, 99)}={random.choice('abc')}|" for _ in range(20)))
        for _ in range(20)
    ]
    tags = (
        1,
        9,
        10,
        11,
        140,
        141,
        211,
        212,
        446,
        447,
        659,
        660,
        956,
        957,
        1621,
        1622,
        5000,
        9999,
        10000,
        19999,
        20000,
        2**31,
    )
    whole += [message(f"35=A|49=S|56=T|{tag}=x|", version) for version in VERSIONS for tag in tags]
    first = whole[0]
    cut = [message()[:size] for size in range(len(message()))] + [
        first + b"x",
        first + first,
        b"x" * 30,
        b"=" * 30,
        b"\1" * 30,
        b"",
    ]
    cut += [one[: random.randint(20, len(one))] for one in whole for _ in range(2)]
    changed = [spoiled(random, one, b"\1=08935x|") for one in whole for _ in range(4)]
    return [*whole, *cut, *changed]


def test_messages() -> None:
    """Right, wrong, cut and spoiled messages are valid, invalid or not yet known, with the values of HAProxy."""
    random = Random(1)
    chains = ("fix_is_valid", *(f"fix_tag_value({tag})" for tag in TAGS))
    asked = [
        f"{constant(one)},{chain}" for one in messages(random) for chain in [*random.sample(chains[1:], 2), chains[0]]
    ]
    kept = message("35=A|49=a\0b|56=\0|")
    asked += [f"{one},fix_tag_value({tag})" for one in (constant(kept), decoded(kept)) for tag in ("49", "56", "35")]
    assert differences(asked) == []


def test_names_of_tags() -> None:
    """Tags are numbers of 32 bits, or names in letters of either case."""
    words = ("BeginString", "beginstring", "BODYLENGTH", "MsgType", "SenderCompID", "TargetCompID", "CheckSum", "Foo",
    "", "0", "-1",
             "+1", "12x", "99999999999", "4294967345", "4294967296", "10,1", " 49", "049", "0x31", "00", "49,",
             "MsgTyp", "MsgTypee")  # fmt: skip
    asked = [f"{constant(message())},fix_tag_value({word})" for word in words]
    asked += [f"{constant(message())},{chain}" for chain in ("fix_tag_value", "fix_is_valid()", "fix_is_valid(1)")]
    assert differences([*asked, "int(5),fix_is_valid", "str(),fix_is_valid", "str(),fix_tag_value(8)"]) == []
