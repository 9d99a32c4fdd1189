"""Networks as words of the language: a host, or an address with a mask or a length (manual 7.1.6)."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

_ABBREVIATED = re.compile(r"[0-9][0-9.]*(?<!\.)")
_BITS = re.compile(r"\+?[0-9]{1,6}")
_BITS6 = re.compile(r"[+-]?[0-9]{1,6}")


class Network(NamedTuple):
    """A network: address and mask as integers, of 32 or 128 bits. The bits outside of the mask are 0."""

    bits: int
    address: int
    mask: int


def packed_address(text: str) -> bytes | None:
    """Return a numeric address packed, None if it is none."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None


def read_network(text: str, resolve: bool = True) -> Network:
    """Return what a pattern matches. Raises ValueError.

    resolve: take abbreviated addresses (10.1 is 10.0.0.1) and host names too, as HAProxy does without -n.
    """
    network = _inet6(text) if ":" in text else _inet(text, resolve)
    if network is None:
        raise ValueError(f"'{text}' is neither an IPv4 nor an IPv6 address or network")
    return network


def _inet(text: str, resolve: bool) -> Network | None:
    host, slash, mask_text = text.partition("/")
    packed = packed_address(host)
    if packed is None and resolve and host:
        packed = _abbreviated(host) or _resolved(host)
    mask = _inet_mask(mask_text) if slash else 0xFFFFFFFF
    if packed is None or mask is None:
        return None
    return Network(32, int.from_bytes(packed, "big") & mask, mask)


def _abbreviated(host: str) -> bytes | None:
    """Return a short form (a, a.b, a.b.c) or one with octal numbers packed, as inet_aton reads it."""
    if not _ABBREVIATED.fullmatch(host):
        return None
    try:
        return socket.inet_aton(host)
    except OSError:
        return None


def _resolved(host: str) -> bytes | None:
    """Return the IPv4 address of a name; the resolver is asked while the configuration is read, and only then."""
    if _ABBREVIATED.fullmatch(host):
        return None
    try:
        return socket.inet_aton(socket.gethostbyname(host))
    except (OSError, UnicodeError):
        return None


def _inet_mask(text: str) -> int | None:
    if "." in text:
        packed = packed_address(text)
        return None if packed is None else int.from_bytes(packed, "big")
    if not _BITS.fullmatch(text) or int(text) > 32:
        return None
    return 0xFFFFFFFF << 32 - int(text) & 0xFFFFFFFF


def _inet6(text: str) -> Network | None:
    host, slash, bits_text = text.partition("/")
    packed = packed_address(host)
    bits = 128
    if slash:
        if not _BITS6.fullmatch(bits_text):
            return None
        bits = int(bits_text)
    if packed is None or not 0 <= bits <= 128:
        return None
    mask = ((1 << bits) - 1) << (128 - bits)
    return Network(128, int.from_bytes(packed, "big") & mask, mask)
