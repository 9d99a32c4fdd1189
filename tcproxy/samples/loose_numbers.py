"""Integers and IPv4 addresses as HAProxy reads them of headers, cookies and URLs (`hdr_val`, `hdr_ip`, `url_ip`)."""

from __future__ import annotations

import re

from tcproxy.samples.kinds import Value

_LOOSE = re.compile(rb"(-?+)([\0-9\x80-\xff]*+)")
_IPV4 = re.compile(rb"([0-9]++)\.([0-9]++)\.([0-9]++)\.([0-9]++)(?!\.)")


def loose_integer(value: Value) -> Value | None:
    """Return the number of 32 bits, with a sign, that a text begins with.

    It ends in front of the first byte from `:` to DEL. A byte before `0`, or above DEL, counts as a negative digit, as
    in HAProxy: `1.2` is 1 * 100 - 2 * 10 + 2.
    """
    assert isinstance(value, bytes)
    matched = _LOOSE.match(value)
    assert matched is not None
    number = 0
    for byte in matched[2][-32:]:  # 32 bits, which digits further to the left do not change
        number = number * 10 + (byte if byte < 128 else byte - 256) - 48
    if matched[1]:
        number = -number
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def loose_ipv4(text: bytes) -> tuple[bytes, int] | None:
    """Return the packed IPv4 address that a text begins with, and where it ends; zeros may stand before its numbers."""
    match = _IPV4.match(text)
    if match is None:
        return None
    numbers = [int(digits) if len(digits) < 20 else int(digits.lstrip(b"0")[:20] or b"0") for digits in match.groups()]
    return (bytes(numbers), match.end()) if max(numbers) < 256 else None
