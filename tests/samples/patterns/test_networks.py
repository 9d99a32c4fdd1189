"""Addresses among networks: by mask, by segments, and while networks come and go."""

from __future__ import annotations

import ipaddress
import time

from hypothesis import given
from hypothesis import strategies as some

from tcproxy.grammar.networks import Network, packed_address, read_network
from tcproxy.samples.patterns.matchers import Matcher
from tcproxy.samples.patterns.methods import METHODS, Flags
from tcproxy.samples.patterns.sets import PatternSet

inet = some.tuples(some.ip_addresses(v=4), some.integers(0, 32))
inet6 = some.tuples(some.ip_addresses(v=6), some.integers(0, 128))
near = some.tuples(some.integers(0, 15).map(lambda last: ipaddress.IPv4Address(last)), some.integers(28, 32))
near6 = some.tuples(
    some.integers(0, 15).map(lambda last: ipaddress.IPv6Address(1 << 64 | last)), some.integers(124, 128)
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def of(*networks: str) -> tuple[PatternSet, Matcher]:
    """Return a set of networks, and its matcher."""
    found = PatternSet()
    found.fill((0, network.encode(), None) for network in networks)
    return found, found.matcher(METHODS["ip"], Flags(resolve=False))


def expected(networks: list[str], address: Address) -> str | None:
    """Return the network of the longest prefix that a scan finds, the first of equal ones."""
    inside = [ipaddress.ip_network(one) for one in networks]
    fitting = [one for one in inside if one.version == address.version and address in one]
    best = max((one.prefixlen for one in fitting), default=None)
    return next((str(one) for one in fitting if one.prefixlen == best), None)


def checked(found: PatternSet, matcher: Matcher, networks: list[str], addresses: list[Address]) -> None:
    """Assert that all addresses are found as a scan finds them, those of one family among networks of it alone."""
    for address in addresses:
        same = [one for one in networks if (":" in one) == (address.version == 6)]
        best = expected(same, address)
        entry = matcher.find(address.packed)
        assert bool(matcher.match(address.packed)) == (entry is not None)
        if best is not None:
            assert entry is not None and entry.text.decode() == best
        elif len(same) == len(networks):
            assert entry is None


@given(some.lists(inet | inet6 | near | near6, max_size=20), some.ip_addresses(), some.data())
def test_networks_match_like_a_scan(
    networks: list[tuple[Address, int]], address: Address, choice: some.DataObject
) -> None:
    """The longest prefix is found, whichever networks there are, and as some are deleted and added again."""
    texts = [str(ipaddress.ip_network(f"{host}/{bits}", strict=False)) for host, bits in networks]
    addresses = [address, *(host for host, _ in networks)]
    found, matcher = of(*texts)
    checked(found, matcher, texts, addresses)
    for _ in range(3):
        if texts:
            gone = choice.draw(some.sampled_from(texts))
            found.delete(gone.encode())
            texts = [one for one in texts if one != gone]
            checked(found, matcher, texts, addresses)
            found.add(gone.encode())
            texts.append(gone)
        checked(found, matcher, texts, addresses * 2)


@given(some.text(alphabet="0123456789abcdef:./ %", max_size=20))
def test_network_patterns_never_raise_anything_else(text: str) -> None:
    """A pattern without names is a network or a ValueError, and an address matches itself."""
    try:
        network = read_network(text, resolve=False)
    except ValueError:
        return
    assert isinstance(network, Network)
    packed = packed_address(text)
    assert packed is None or of(text)[1].match(packed)


def test_masks_with_holes_are_matched() -> None:
    """A mask with holes is looked up as it is, behind networks that are prefixes."""
    _, matcher = of("1.0.3.4/255.0.255.255", "1.9.0.0/16", *(f"9.0.0.0/{bits}" for bits in range(10, 20)))
    entry = matcher.find(bytes((1, 9, 3, 4)))
    assert entry is not None and entry.text == b"1.9.0.0/16"
    assert matcher.match(bytes((1, 8, 3, 4))) and not matcher.match(bytes((1, 8, 3, 5)))


def test_a_hundred_thousand_networks_take_no_longer_than_a_few() -> None:
    """Among 100,000 networks of 20 lengths a look-up takes some bisections, and far less than a scan would."""
    masks = range(12, 32)
    texts = [f"{n >> 12 & 255}.{n >> 4 & 255}.{n % 16 * 16}.0/{masks[n % 20]}" for n in range(100_000)]
    _, matcher = of(*texts)
    addresses = [bytes((n >> 12 & 255, n >> 4 & 255, 7, n & 255)) for n in range(2000)]
    matcher.match(addresses[0])
    started = time.perf_counter()
    for address in addresses:
        matcher.match(address)
    assert (time.perf_counter() - started) / len(addresses) < 50e-6  # a scan takes milliseconds
