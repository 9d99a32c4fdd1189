"""Log lines of exchanges: a format's expressions over facts that are taken straight from the exchange (line_facts.py).

A line costs as much as the facts that it names: `compiled` writes one function for each format of a frontend, which
puts them into local variables and those into one f-string. What is the same for all lines becomes part of its text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tcproxy.report.formats import Format, Moment
from tcproxy.report.record import NOWHERE, Record
from tcproxy.report.views import all_requests
from tcproxy.session.accounting import awaited
from tcproxy.session.ends import Address
from tcproxy.session.http.line_facts import BARE, EARLY, FACTS, FAST
from tcproxy.session.http.settings import Line
from tcproxy.session.http.state import Exchange
from tcproxy.session.log_lines import NO_SERVER, unique_id
from tcproxy.session.persistence import cookie_letters
from tcproxy.session.settings import BackendSettings, FrontendSettings, World

Pair = tuple[Line, Line | None]
"""The functions that write a line, and its structured data (RFC 5424)."""

LINE_LENGTH = 1023
"""Bytes of a request line that logs show, where `tune.http.logurilen` says nothing else."""

DIGITS = (*map(str, range(2048)), "-1")
"""Numbers as text, since looking one up costs half as much as writing it; -1 is at its place too."""
PURE = frozenset({
    "badreq", "blank", "dash", "escaped", "getpid", "hostname", "nothing", "null", "plain", "quote", "quotes",
    "retried", "shown",
})  # fmt: skip
"""Names in expressions that mean the same for all lines."""

_FACT = re.compile(r"\br\.(?=\w)")
_LOCAL = re.compile(r"\b(?:r_|m_)\w+|\b(?:live|asked|captured|marks|shows)\b")
_CONVERSION = re.compile(r"(%%|%\d*[sdX])")


class Lines:
    """The functions that write the lines of a frontend.

    whole, bare: of a request, and of what never was one; unread: of a request that rules refused before it was read,
    where slots of captures are shown. fast: of one that took the fast path
    (fast.py). early: of an exchange that goes on, None where lines are written at the end; twice: of a request, and
    once more with its response.
    """

    __slots__ = ("bare", "early", "fast", "twice", "unread", "whole")

    def __init__(
        self, frontend: FrontendSettings, form: Format, data: Format | None, only: BackendSettings | None
    ) -> None:
        self.whole = _pair(frontend, form, data, FACTS)
        self.fast = _pair(frontend, form, data, FAST, only)
        self.bare = _pair(frontend, form.bare or form, data and (data.bare or data), BARE)
        self.unread = _pair(frontend, form, data, BARE)
        self.early = None if form.moment is Moment.END else _pair(frontend, form, data, EARLY)
        self.twice = form.moment is Moment.REQUEST


def _pair(
    frontend: FrontendSettings,
    form: Format,
    data: Format | None,
    facts: Mapping[str, str],
    only: BackendSettings | None = None,
) -> Pair:
    line = compiled(form, frontend, facts, only)
    return line, compiled(data, frontend, facts, only) if data is not None else None


def compiled(
    form: Format, frontend: FrontendSettings, facts: Mapping[str, str], only: BackendSettings | None = None
) -> Line:
    """Return the function that writes lines of a format for a frontend's exchanges. only: the backend of them all."""
    facts = {**facts, **_known(frontend, facts, only)}
    parts = list(_parts(form, facts))
    wanted = _wanted(" ".join(expression for _, expression in parts), facts)
    body = "".join(f"    {name} = {facts[name]}\n" for name in facts if name in wanted)
    quick, exact = (_text(parts, digits) for digits in (True, False))
    if quick != exact:
        quick = f"    try:\n        return f'''{quick}'''\n    except IndexError:\n        pass\n"
    else:
        quick = ""
    names = {**_constants(frontend, only), **form.constants, "digits": DIGITS}
    line: Line = _made(f"{body}{quick}    return f'''{exact}'''\n", names)
    return line


def _known(frontend: FrontendSettings, facts: Mapping[str, str], only: BackendSettings | None) -> dict[str, str]:
    """Return the facts that are the same for all lines."""
    known = {"r_frontend": repr(frontend.name)}
    if only is not None and facts is FAST:
        known |= {"r_backend": repr(only.name), "r_backend_active": "only_counters.current"}
    if not any(proxy.cookie for proxy in frontend.world.configuration.proxies):
        known["r_cookie"] = "'--'"
    if not frontend.model.captured:
        known |= {"r_request_cookie": "None", "r_response_cookie": "None"}
    return known


def _parts(form: Format, facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a format: texts, or conversions of the operator %, each with its expression."""
    values = {name: ast.literal_eval(text) for name, text in facts.items() if _is_literal(text)}
    expressions = iter(form.expressions)
    for token in _CONVERSION.split(form.template):
        if token == "%%":
            yield "%", ""
        elif not _CONVERSION.fullmatch(token):
            yield token, ""
        else:
            expression = _FACT.sub("r_", next(expressions))
            named = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
            if named <= {*values, *PURE}:
                yield token % eval(expression, {**form.constants, **values}), ""
            else:
                yield token, expression


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def _text(parts: list[tuple[str, str]], digits: bool) -> str:
    """Return the piece's text in the f-string. digits: numbers are looked up in DIGITS."""
    return "".join(_field(token, expression, digits) if expression else _literal(token) for token, expression in parts)


def _field(token: str, expression: str, digits: bool) -> str:
    if token == "%d" and digits:
        return f"{{digits[{expression}]}}"
    return f"{{{expression}}}" if token in ("%d", "%s") else f"{{{expression}:{token[1:]}}}"


def _literal(text: str) -> str:
    """Return text as it stands inside an f-string of three single quotes, which expressions may have one of."""
    plain = "".join(
        character if " " <= character <= "~" and character not in "'\\" else f"\\U{ord(character):08x}"
        for character in text
    )
    return plain.replace("{", "{{").replace("}", "}}")


def recorder(frontend: FrontendSettings, needs: frozenset[str]) -> Callable[[Exchange], Record]:
    """Return the function that makes a Record of an exchange. needs: the addresses to ask for."""
    unneeded = {"client", "front", "local", "remote", "unique_id"} - needs
    fields = [name for name in Record.__slots__ if f"r_{name}" in FACTS and name not in unneeded]
    expression = f"Record({', '.join(f'{name}=r_{name}' for name in fields)})"
    wanted = _wanted(expression, FACTS)
    body = "".join(f"    {name} = {FACTS[name]}\n" for name in FACTS if name in wanted)
    record: Callable[[Exchange], Record] = _made(
        f"{body}    return {expression}\n", {**_constants(frontend, None), "Record": Record}
    )
    return record


def _made(body: str, names: dict[str, object]) -> Any:
    """Return the function of an exchange `s` that has this body."""
    exec(f"def made(s):\n{body}", names)  # all that a user wrote went through _literal
    return names["made"]


def _wanted(text: str, facts: Mapping[str, str]) -> set[str]:
    """Return the local variables that an expression needs, and those that they need."""
    found: set[str] = set()
    new = set(_LOCAL.findall(text))
    while new:
        found |= new
        new = {name for one in new for name in _LOCAL.findall(facts[one])} - found
    return found


def _constants(frontend: FrontendSettings, only: BackendSettings | None) -> dict[str, object]:
    world = frontend.world
    return {
        "nowhere": NOWHERE,
        "seconds": world.clock.seconds,
        "front": frontend,
        "counters": frontend.counters,
        "process": world.counters,
        "nobody": NO_SERVER,
        "longest": world.configuration.process.tune.get("tune.http.logurilen", LINE_LENGTH),
        "peer_of": _peer_of,
        "front_of": _front_of,
        "unique_id": unique_id,
        "awaited": awaited,
        "arrived": _arrived,
        "cookie_letters": cookie_letters,
        "numbered": partial(_numbered, world),
        "only": only,
        "only_counters": only.farm.counters if only is not None else None,
    }


def _arrived(exchange: Exchange) -> int:
    """Return how many bytes of the response are there; its head has just come, if there is one."""
    link, head = exchange.link, exchange.response
    return exchange.sent if link is None or head is None else link.bytes_read + link.at_hand(head)


def _peer_of(exchange: Exchange) -> Address:
    """Return the client's address, which is asked for once a connection, unless rules have set another."""
    try:
        address = exchange.client_address
    except OSError:
        return NOWHERE  # the socket knows its addresses no more
    if exchange.moved is None:
        exchange.connection.peer = address
    return address


def _front_of(exchange: Exchange) -> Address:
    try:
        return exchange.front_address
    except OSError:
        return NOWHERE


def number(exchange: Exchange) -> bool:
    """Give an exchange its number in the process, for lines that name it."""
    exchange.number = _numbered(exchange.frontend.world)
    return True


def _numbered(world: World) -> int:
    """Return how many exchanges, and sessions of TCP mode and of commands, there were before this one."""
    return all_requests(world) - 1
