"""Values of maps: what each kind of map makes of the second column of its file."""

from __future__ import annotations

import re
from collections.abc import Callable

from tcproxy.grammar.networks import packed_address
from tcproxy.samples.kinds import INT64_MAX, INT64_MIN, Kind, Value, decode

_INTEGER = re.compile(rb"[+-]?[0-9]+")
_INET = re.compile(rb"([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)(?![.0-9])")


def _integer(text: bytes) -> Value:
    if _INTEGER.fullmatch(text):
        return max(INT64_MIN, min(INT64_MAX, int(text)))
    if not text:
        return 0
    raise ValueError(f"'{decode(text)}' is not an integer")


def _address(text: bytes) -> Value:
    """Return an address. As in HAProxy, what stands behind four numbers does not count, nor do zeros before them."""
    match = _INET.match(text)
    if match is not None:
        numbers = [int(number) for number in match.groups()]
        if max(numbers) < 256:
            return bytes(numbers)
    packed = packed_address(decode(text)) if b":" in text else None
    if packed is None:
        raise ValueError(f"'{decode(text)}' is not an address")
    return packed


OUTPUTS: dict[Kind, Callable[[bytes], Value]] = {Kind.STR: bytes, Kind.SINT: _integer, Kind.ADDR: _address}
"""By the kind that a map gives."""


def output_of(kind: Kind, text: bytes | None) -> Value:
    """Return the value as one of this kind. Raises ValueError.

    None, of a pattern without a value, which a rule for ACLs added to the file of a map: 1, as in HAProxy.
    """
    return OUTPUTS[kind](text) if text is not None else _WITHOUT_VALUE[kind]


_WITHOUT_VALUE: dict[Kind, Value] = {Kind.STR: b"1", Kind.SINT: 1, Kind.ADDR: bytes((0, 0, 0, 1))}
