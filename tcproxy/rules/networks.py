"""Addresses looked up among networks of both families (manual 7.1.6) without a scan.

Networks are kept by mask: a lookup costs one step for each distinct mask, however many networks there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tcproxy.grammar.networks import Network

MAPPED = 0xFFFF << 32
"""What stands before an IPv4 address in its mapped IPv6 form (RFC 4291)."""


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
