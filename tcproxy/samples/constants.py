"""Constants as samples (manual 7.3.2): `int(5)`, `str(text)`, `always_true` and their like."""

from __future__ import annotations

import re

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, decode
from tcproxy.samples.patterns.strings import read_block
from tcproxy.samples.places import ANYWHERE
from tcproxy.samples.rows import Fetch, Take

_TRUTH = {b"true": True, b"1": True, b"false": False, b"0": False}


def constant(value: Value = b"") -> Take:
    """Return the fetch that gives this value."""
    return lambda facts: value


def _bool(word: bytes = b"") -> Take:
    truth = _TRUTH.get(word.lower())
    if truth is None:
        raise ValueError(f"'{decode(word)}' is none of true, false, 1 and 0")
    return constant(truth)


def _bin(digits: bytes = b"") -> Take:
    if not digits:
        raise ValueError("hexadecimal digits are missing")
    return constant(read_block(digits))


_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]*")


def _method(word: bytes = b"") -> Take:
    if not _TOKEN.fullmatch(word):
        raise ValueError(f"'{decode(word)}' is no method of HTTP")
    return constant(word)


FETCHES = (
    Fetch("always_false", Kind.BOOL, ANYWHERE, "Never true.", constant(False)),
    Fetch("always_true", Kind.BOOL, ANYWHERE, "Always true.", constant(True)),
    Fetch(
        "bin", Kind.BIN, ANYWHERE, "The bytes that these hexadecimal digits say.",
        build=_bin, arguments=(ArgumentType.STRING,), required=1,
    ),
    Fetch(
        "bool", Kind.BOOL, ANYWHERE, "The truth of this word: true, false, 1 or 0.",
        build=_bool, arguments=(ArgumentType.STRING,), required=1,
    ),
    Fetch(
        "int", Kind.SINT, ANYWHERE, "This integer.",
        build=constant, arguments=(ArgumentType.INTEGER,), required=1,
    ),
    Fetch(
        "ipv4", Kind.IPV4, ANYWHERE, "This IPv4 address.",
        build=constant, arguments=(ArgumentType.IPV4,), required=1,
    ),
    Fetch(
        "ipv6", Kind.IPV6, ANYWHERE, "This IPv6 address.",
        build=constant, arguments=(ArgumentType.IPV6,), required=1,
    ),
    Fetch(
        "meth", Kind.METH, ANYWHERE, "This HTTP method.",
        build=_method, arguments=(ArgumentType.STRING,), required=1,
    ),
    Fetch(
        "str", Kind.STR, ANYWHERE, "This text.",
        build=constant, arguments=(ArgumentType.STRING,), required=1,
    ),
)  # fmt: skip
