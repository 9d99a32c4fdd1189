"""Addresses looked up among networks of both families (manual 7.1.6), in a time that hardly depends on how many.

Networks are kept by mask, so that one more or one less costs the same whatever their number. As long as they stay
as they are, look-ups go through segments of addresses: one bisection for each family.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import TypeVar

from tcproxy.grammar.networks import Network
from tcproxy.samples.patterns.entries import Entry, Find, Match

MAPPED = 0xFFFF << 32
"""What stands before an IPv4 address in its mapped IPv6 form (RFC 4291)."""

FEW = 4
"""Up to this many masks are tried one by one."""


def embedded(address: int) -> int | None:
    """Return the IPv4 address inside of an IPv6 one: ::a.b.c.d, ::ffff:a.b.c.d or 2002:aabb:ccdd::; or None."""
    high = address >> 32
    if high in (0, 0xFFFF):
        return address & 0xFFFFFFFF
    if address >> 112 == 0x2002:
        return address >> 80 & 0xFFFFFFFF
    return None


FindIn = Callable[[int], Entry | None]


class Family:
    """Networks of one family: of 32 or 128 bits.

    masks: the first network of each address by mask, those of longer prefixes first, and masks with holes last: the
    order in which HAProxy finds them. more: others of the same address and mask.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.count = 0
        self.masks: dict[int, dict[int, Entry]] = {}
        self.more: dict[tuple[int, int], list[Entry]] = {}

    def add(self, network: Network, entry: Entry) -> None:
        """Take a network."""
        self.count += 1
        table = self.masks.get(network.mask)
        if table is None:
            table = self.masks[network.mask] = {}
            self.masks = dict(sorted(self.masks.items(), key=lambda item: self._rank(item[0])))
        if table.setdefault(network.address, entry) is not entry:
            self.more.setdefault((network.mask, network.address), []).append(entry)

    def remove(self, network: Network, entry: Entry) -> None:
        """Give up a network."""
        self.count -= 1
        table = self.masks[network.mask]
        key = (network.mask, network.address)
        rest = self.more.get(key)
        if rest is None:
            del table[network.address]
            if not table:
                del self.masks[network.mask]
            return
        if table[network.address] is entry:
            table[network.address] = rest.pop(0)
        else:
            rest.remove(entry)
        if not rest:
            del self.more[key]

    def _has_holes(self, mask: int) -> bool:
        return (mask | mask - 1) != (1 << self.bits) - 1 and mask != 0

    def _rank(self, mask: int) -> int:
        return self.bits + 1 if self._has_holes(mask) else self.bits - mask.bit_count()

    def by_mask(self) -> FindIn:
        """Return the function that finds a network, mask by mask."""
        masks = tuple(self.masks.items())

        def find(address: int) -> Entry | None:
            for mask, table in masks:
                found = table.get(address & mask)
                if found is not None:
                    return found
            return None

        return find

    def _is_plain(self) -> bool:
        """Return whether all networks are prefixes: of two, one is then inside of the other, or they do not touch."""
        return not any(self._has_holes(mask) for mask in self.masks)

    def by_segments(self) -> FindIn:
        """Return the function that finds a network by one bisection. All must be prefixes."""
        starts, owners = self._segments()

        def find(address: int) -> Entry | None:
            at = bisect_right(starts, address)
            return owners[at - 1] if at else None

        return find

    def _segments(self) -> tuple[list[int], list[Entry | None]]:
        """Return where segments start, in order, and the smallest network around each; None where there is none."""
        keyed = {
            address << 8 | mask.bit_count(): entry
            for mask, table in self.masks.items()
            for address, entry in table.items()
        }
        starts: list[int] = []
        owners: list[Entry | None] = []
        around: list[tuple[int, Entry]] = []  # ends of the networks that are open, and they themselves
        for key in [*sorted(keyed), 1 << self.bits + 8]:
            low = key >> 8
            while around and around[-1][0] <= low:
                end, _ = around.pop()
                if starts[-1] == end:
                    owners[-1] = around[-1][1] if around else None
                else:
                    starts.append(end)
                    owners.append(around[-1][1] if around else None)
            if key in keyed:
                entry = keyed[key]
                around.append((low + (1 << self.bits - (key & 255)), entry))
                if starts and starts[-1] == low:
                    owners[-1] = entry
                else:
                    starts.append(low)
                    owners.append(entry)
        return starts, owners

    def _bounds(self) -> list[int]:
        """Return the first address of each stretch that networks cover, and the first one behind it, in order."""
        ends: dict[int, int] = {}
        for mask, table in reversed(self.masks.items()):
            size = (1 << self.bits) - mask
            for address in table:
                ends.setdefault(address, address + size)
        bounds: list[int] = []
        covered = -1
        for low in sorted(ends):
            if low > covered:
                if bounds:
                    bounds.append(covered)
                bounds.append(low)
            covered = max(covered, ends[low])
        return [*bounds, covered]

    def tester(self) -> Callable[[int], object]:
        """Return the function that says whether an address is in any network, for networks that stay as they are."""
        if not self._is_plain():
            return self.by_mask()
        bounds = self._bounds()
        if len(bounds) == 2:
            low, end = bounds
            return lambda address: low <= address < end
        return lambda address: bisect_right(bounds, address) & 1

    def finder(self, changing: bool) -> FindIn:
        """Return the function that finds the network of an address.

        changing: networks came or went lately. Then segments are made only when look-ups have cost as much as they do.
        """
        if len(self.masks) <= FEW or not self._is_plain():
            return self.by_mask()
        if not changing:
            return self.by_segments()
        find, left = self.by_mask(), self.count

        def count_down(address: int) -> Entry | None:
            nonlocal find, left
            left -= 1
            if left == 0:
                find = self.by_segments()
            return find(address)

        return count_down


class AddressStore:
    """The networks of one use of a set, of both families."""

    def __init__(self, read: Callable[[bytes], Network]) -> None:
        self.read = read
        self.inet = Family(32)
        self.inet6 = Family(128)
        self.changing = False

    def __len__(self) -> int:
        return self.inet.count + self.inet6.count

    def _family(self, network: Network) -> Family:
        return self.inet if network.bits == 32 else self.inet6

    def add(self, entry: Entry) -> None:
        """Take a network. Raises ValueError."""
        network = self.read(entry.text)
        self._family(network).add(network, entry)
        self.changing = self._used

    def remove(self, entry: Entry) -> None:
        """Give up a network."""
        network = self.read(entry.text)
        self._family(network).remove(network, entry)
        self.changing = self._used

    _used = False

    def test(self) -> Match:
        """Return the function that says whether a packed address (4 or 16 bytes) is in a network."""
        if self.changing:
            return self.find()
        self._used = True
        return either_family(
            self.inet.tester() if self.inet.count else None, self.inet6.tester() if self.inet6.count else None
        )

    def find(self) -> Find:
        """Return the function that finds the network of a packed address, that of the longest prefix."""
        self._used = True
        return either_family(
            self.inet.finder(self.changing) if self.inet.count else None,
            self.inet6.finder(self.changing) if self.inet6.count else None,
        )


Found = TypeVar("Found")


def either_family(
    inet: Callable[[int], Found] | None, inet6: Callable[[int], Found] | None
) -> Callable[[bytes], Found | None]:
    """Return the function that looks a packed address up; None where there are no networks of a family.

    Addresses that have a form in the other family are looked up there, too, as HAProxy does.
    """

    def find_inet(packed: bytes) -> Found | None:
        assert inet is not None
        if len(packed) == 4:
            return inet(int.from_bytes(packed, "big"))
        inside = embedded(int.from_bytes(packed, "big"))
        return None if inside is None else inet(inside)

    def find_inet6(packed: bytes) -> Found | None:
        assert inet6 is not None
        address = int.from_bytes(packed, "big")
        return inet6(MAPPED | address if len(packed) == 4 else address)

    if inet6 is None:
        return find_inet
    if inet is None:
        return find_inet6

    def find(packed: bytes) -> Found | None:
        address = int.from_bytes(packed, "big")
        if len(packed) == 4:
            return inet(address) or inet6(MAPPED | address)
        found = inet6(address)
        if found:
            return found
        inside = embedded(address)
        return None if inside is None else inet(inside)

    return find
