"""`option forwardfor` and `option originalto`: headers that tell a server who its client is, and where that went.

Frontend and backend share them: whichever has the option switches it on, the name of the backend comes before that of
the frontend, and the networks of both count. Clients of UNIX sockets have no address, and nothing is told of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tcproxy.grammar.networks import Network, packed_address
from tcproxy.model.address_headers import AddressHeader
from tcproxy.model.proxy import Proxy
from tcproxy.samples.kinds import text_of_address
from tcproxy.session.http.state import Exchange, Rule

KNOWN_ADDRESSES = 1024
"""Values that are kept for the next request; a full store begins anew, so that nobody can make it grow."""


def forwardfor(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that adds the client's address to requests; None where no section has the option."""
    told = _merged("forwardfor", front, back)
    if told is None:
        return None
    name = told.header.encode("utf-8", "surrogateescape")
    value_of = _values((front.forwardfor, back.forwardfor))

    def add(exchange: Exchange) -> bool:
        request = exchange.request
        assert request is not None
        value = value_of(exchange.client_address[0])
        if value is not None and not (told.if_none and request.has(name)):
            request.add(name, value)
        return True

    return add


def originalto(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that adds the address that the client connected to; None where no section has the option."""
    told = _merged("originalto", front, back)
    if told is None:
        return None
    name = told.header.encode("utf-8", "surrogateescape")
    value_of = _values((front.originalto, back.originalto))

    def add(exchange: Exchange) -> bool:
        request = exchange.request
        assert request is not None
        value = value_of(exchange.front_address[0])
        if value is not None:
            request.add(name, value)
        return True

    return add


def _merged(name: str, front: Proxy, back: Proxy) -> AddressHeader | None:
    """Return the options of both sections as one, None where neither has the option."""
    said: list[AddressHeader] = [getattr(one, name) for one in (front, back) if name in one.options]
    if not said:
        return None
    return replace(said[-1], if_none=all(one.if_none for one in said))


def _values(said: tuple[AddressHeader | None, ...]) -> Callable[[str], bytes | None]:
    """Return the function that makes the header's value for an address, None for an address that is not told."""
    networks = [one.beside for one in said if one is not None and one.beside is not None]
    known: dict[str, bytes | None] = {}

    def make(host: str) -> bytes | None:
        packed = packed_address(host.partition("%")[0])
        if packed is None or any(_holds(network, packed) for network in networks):
            return None
        return text_of_address(packed).encode()

    def value_of(host: str) -> bytes | None:
        if host in known:
            return known[host]
        if len(known) >= KNOWN_ADDRESSES:
            known.clear()
        value = known[host] = make(host)
        return value

    return value_of


def _holds(network: Network, packed: bytes) -> bool:
    """Return whether an address is in a network of its own family: an IPv4 address mapped to IPv6 counts as IPv6."""
    return network.bits == 8 * len(packed) and int.from_bytes(packed, "big") & network.mask == network.address
