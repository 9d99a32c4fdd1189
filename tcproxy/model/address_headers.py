"""`option forwardfor` and `option originalto`: which headers tell a server the addresses of its client."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tcproxy.grammar.networks import Network, read_network
from tcproxy.grammar.rows import PROXY, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import listed


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


WORDS = (
    Row("option forwardfor", PROXY, "Tell servers the client's address in a header.", parse=parse_forwardfor,
        mode="http", manual="4.2", core=True),
    Row("option originalto", PROXY, "Tell servers in a header which address the client went to.",
        parse=parse_originalto, mode="http", manual="4.2", core=True),
)  # fmt: skip
