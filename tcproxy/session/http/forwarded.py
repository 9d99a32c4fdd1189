"""`option forwardfor` and `option originalto`: headers that tell a server who its client is, and where that went.

Frontend and backend share them: whichever has the option switches it on, the name of the backend comes before that of
the frontend, and the networks of both count. Clients of UNIX sockets have no address, and nothing is told of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tcproxy.grammar.rows import PROXY, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import listed
from tcproxy.model.proxy import Proxy
from tcproxy.rules.networks import Network, read_network
from tcproxy.samples.kinds import packed_address, text_of_address
from tcproxy.session.http.state import Exchange, Rule

KNOWN_ADDRESSES = 1024
"""Values that are kept for the next request; a full store begins anew, so that nobody can make it grow."""


@dataclass(frozen=True, slots=True)
class AddressHeader:
    """What a section says. header: in lower case. beside: addresses that are not told. if_none: only the first one."""

    header: str
    beside: Network | None = None
    if_none: bool = False


def parse_forwardfor(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option forwardfor [except NETWORK] [header NAME] [if-none]`: the last of each word holds."""
    _store("forwardfor", _read(statement, AddressHeader("x-forwarded-for"), ("except", "header", "if-none")), draft)


def parse_originalto(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option originalto [except NETWORK] [header NAME]`: the last of each word holds."""
    _store("originalto", _read(statement, AddressHeader("x-original-to"), ("except", "header")), draft)


def _store(name: str, header: AddressHeader, draft: Draft) -> None:
    draft[name] = header
    draft["options"] = draft.get("options", frozenset()) | {name}


def _read(statement: Statement, header: AddressHeader, known: tuple[str, ...]) -> AddressHeader:
    option = f"'{' '.join(statement.words[:2])}'"
    words = (*statement.words, "")
    at = 2
    while at < len(statement.words):
        word, argument = words[at], words[at + 1]
        if word not in known:
            raise Refused(f"{option} takes {listed(known)}, and not '{word}'", at)
        if word == "if-none":
            header = replace(header, if_none=True)
            at += 1
            continue
        if not argument:
            what = "a network" if word == "except" else "the name of a header"
            raise Refused(f"{option} : '{word}' needs {what} behind it", at)
        header = _with(header, word, argument, option, at + 1)
        at += 2
    return header


def _with(header: AddressHeader, word: str, argument: str, option: str, at: int) -> AddressHeader:
    if word == "header":
        return replace(header, header=argument.lower())
    try:
        return replace(header, beside=read_network(argument))
    except ValueError as wrong:
        raise Refused(f"{option} : {wrong}", at) from None


# the rules


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


WORDS = (
    Row("option forwardfor", PROXY, "Tell servers the client's address in a header.", parse=parse_forwardfor,
        mode="http", manual="4.2", core=True),
    Row("option originalto", PROXY, "Tell servers in a header which address the client went to.",
        parse=parse_originalto, mode="http", manual="4.2", core=True),
)  # fmt: skip
