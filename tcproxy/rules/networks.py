"""Address patterns: hosts and networks of both families (manual 7.1.6), looked up without a scan.

Networks are kept by mask: a lookup costs one step for each distinct mask, however many networks there are.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tcproxy.samples.kinds import packed_address

_ABBREVIATED = re.compile(r"[0-9][0-9.]*(?<!\.)")
_BITS = re.compile(r"\+?[0-9]{1,6}")
_BITS6 = re.compile(r"[+-]?[0-9]{1,6}")
MAPPED = 0xFFFF << 32
"""What stands before an IPv4 address in its mapped IPv6 form (RFC 4291)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network: address and mask as integers, of 32 or 128 bits. The bits outside of the mask are 0."""

    bits: int
    address: int
    mask: int


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


def embedded(address: int) -> int | None:
    """Return the IPv4 address inside of an IPv6 one: ::a.b.c.d, ::ffff:a.b.c.d or 2002:aabb:ccdd::; or None."""
    high = address >> 32
    if high in (0, 0xFFFF):
        return address & 0xFFFFFFFF
    if address >> 112 == 0x2002:
        return address >> 80 & 0xFFFFFFFF
    return None


def address_matcher(networks: Iterable[Network]) -> Callable[[bytes], bool]:
    """Return the function that says whether a packed address (4 or 16 bytes) is in any of the networks."""
    every = list(networks)
    inet = _by_mask([one for one in every if one.bits == 32])
    inet6 = _by_mask([one for one in every if one.bits == 128])

    def find(packed: bytes) -> bool:
        address = int.from_bytes(packed, "big")
        if len(packed) == 4:
            return _in(inet, address) or bool(inet6 and _in(inet6, MAPPED | address))
        if _in(inet6, address):
            return True
        inside = embedded(address) if inet else None
        return inside is not None and _in(inet, inside)

    return find


Masks = tuple[tuple[int, frozenset[int]], ...]


def _by_mask(networks: list[Network]) -> Masks:
    found: dict[int, set[int]] = {}
    for network in networks:
        found.setdefault(network.mask, set()).add(network.address)
    return tuple((mask, frozenset(addresses)) for mask, addresses in found.items())


def _in(masks: Masks, address: int) -> bool:
    for mask, addresses in masks:  # noqa: SIM110 - a generator would double the cost of a lookup
        if address & mask in addresses:
            return True
    return False
