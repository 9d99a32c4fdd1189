"""Converters for URLs, JSON strings and lines beside HAProxy."""

from __future__ import annotations

from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import blocks, chance, constant, spoiled, text

pytestmark = pytest.mark.reference

CODES = ("", "ascii", "utf8", "utf8s", "utf8p", "utf8ps")
SEQUENCES = (
    b"c080", b"c1bf", b"c280", b"e08080", b"e09fbf", b"e0a080", b"ed9fbf", b"eda080", b"edbfbf", b"ee8080", b"efbfbd",
    b"efbfbe", b"efbfbf", b"f0808080", b"f08fbfbf", b"f0908080", b"f48fbfbf", b"f4908080", b"f7bfbfbf", b"f888808080",
    b"fbbfbfbfbf", b"fc8480808080", b"fdbfbfbfbfbf", b"fe", b"ff", b"80", b"bf", b"c2", b"c241", b"e0a041", b"e0a0",
    b"f09080", b"f0908041", b"f8888080", b"f880808080", b"fc8080808080", b"fc80808080", b"c2c2a0", b"7f", b"41",
    b"0041",
    b"f880808180", b"fc8080808180", b"f88080a080", b"fc80808fbfbf",
)  # fmt: skip


def test_every_byte() -> None:
    """Each byte is written in URLs and JSON, read from URLs, and ends a line, as in HAProxy."""
    chains = ["url_enc", "cut_crlf", *(f"json({code})" for code in CODES)]
    bytes_read = [f"str(a%{code:02x}b)" for code in range(256)]
    asked = [f"{one},url_dec,{chain}" for one in bytes_read for chain in chains]
    asked += [f"{one},url_dec" for one in bytes_read]
    assert differences(asked) == []


def test_json_of_spoiled_utf_8() -> None:
    """Each kind of error of UTF-8, at the end and before other letters, is taken, left out or fatal as in HAProxy."""
    random = Random(1)
    sequences = [bytes.fromhex(one.decode()) for one in SEQUENCES]
    texts = [b"".join(random.choices(sequences, k=random.randint(1, 3))) for _ in range(200)] + sequences
    texts += [one + b"x" for one in sequences] + ["äö€😀\U0010ffff".encode()]
    texts += [spoiled(random, "aä€😀z".encode(), b"\x80\xbf\xc2\xe0\xf0\xf8\xfc\xff") for _ in range(100)]
    escaped = ["".join(f"%{code:02x}" for code in one) for one in texts]
    assert differences(f"str({one}),url_dec,json({code})" for one in escaped for code in CODES) == []


def test_urls() -> None:
    """url_dec makes spaces of `+` behind a question mark, or everywhere, and refuses percent signs without digits."""
    random = Random(2)
    texts = [
        *chance(random, 250, b"ab%+?41fFg2 ", 12),
        *chance(random, 50, b"+?%2B%3f", 12),
        b"%",
        b"%4",
        b"%%41",
        b"a%00b+?+",
    ]
    values = [text(one) for one in texts]
    asked = [f"{value},url_dec{words}" for value in values for words in ("", "(0)", "(1)", "(-1)")]
    asked += ["str(a%00b%41+),url_dec(1),url_dec(1)", "str(a%00b%zz+),url_dec", "bin(2541),url_dec", "int(5),url_dec"]
    assert differences(asked) == []


def test_data_and_arguments() -> None:
    """Blocks of data are cut at NUL first; wrong arguments are refused."""
    random = Random(3)
    values = [
        *(constant(data) for data in blocks(random, 10)),
        "int(-5)",
        "ipv4(1.2.3.4)",
        "ipv6(::1)",
        "bool(1)",
        "meth(GET)",
    ]
    chains = ["url_enc", "url_dec", "cut_crlf", "json", "json(utf8ps)"]
    asked = [f"{value},{chain}" for value in values for chain in chains]
    words = (
        "",
        "()",
        "(query)",
        "(Query)",
        "(query,)",
        "(x)",
        "(1)",
        "(utf8)",
        "(UTF8)",
        "(utf8s)",
        "(,)",
        "(utf8,)",
        "( )",
    )
    asked += [f"str(a/b),{name}{word}" for name in ("json", "url_enc", "url_dec", "cut_crlf") for word in words]
    assert differences(asked) == []
