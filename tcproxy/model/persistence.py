"""The words of persistence (manual 4.2): which server a client comes back to, and what tells it.

    cookie, dynamic-cookie-key          a cookie that the proxy reads, writes or changes
    persist rdp-cookie                  the cookie of Remote Desktop clients
    force-persist, ignore-persist       when persistence holds for servers that are down, and when not at all

`option persist` and `option redispatch` stand in options.py, `cookie` of a server in server.py.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.rows import BACK, NAMED_BACK, PROXY, Draft, Reading, Row
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.units import listed, read_time
from tcproxy.wire.rdp import DEFAULT_NAME
from tcproxy.wire.xxh64 import xxh64


@dataclass(frozen=True, slots=True)
class Cookie:
    """`cookie NAME ...`: a backend's persistence cookie.

    mode: "" (only read), "rewrite", "insert" or "prefix". maxidle, maxlife: seconds, 0 for none. domains, attributes:
    of cookies that are inserted, in order.
    """

    name: str
    mode: str = ""
    indirect: bool = False
    nocache: bool = False
    postonly: bool = False
    preserve: bool = False
    httponly: bool = False
    secure: bool = False
    dynamic: bool = False
    maxidle: int = 0
    maxlife: int = 0
    domains: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersistRule:
    """`force-persist` or (force is False) `ignore-persist`, with its condition; None where that has no term."""

    force: bool
    condition: Any = None
    origin: Origin = NOWHERE


def dynamic_cookie(key: str, address: Address | None, port: int) -> bytes:
    """Return the cookie of a server that has none of its own (`dynamic`), b"" where the address has no number."""
    if address is None or address.family not in (Family.INET, Family.INET6):
        return b""
    packed = ipaddress.ip_address(address.host.partition("%")[0] or "0.0.0.0").packed
    return b"%016x" % xxh64(key.encode("utf-8", "surrogateescape") + packed + port.to_bytes(4, "big"))


# cookie

_FLAGS = ("indirect", "nocache", "postonly", "preserve", "httponly", "secure", "dynamic")
_MODES = ("rewrite", "insert", "prefix")


def _take_time(values: dict[str, Any], option: str, word: str, warn: Callable[[str], None]) -> None:
    values[option] = read_time(word, "s")


def _take_domain(values: dict[str, Any], option: str, word: str, warn: Callable[[str], None]) -> None:
    if "." not in word:
        warn(f"the domain '{word}' has no dot in it, and clients may ignore it (RFC 6265 section 5.2.3)")
    wrong = next((letter for letter in word if not (letter.isascii() and letter.isalnum()) and letter not in "-_."), "")
    if wrong:
        raise ValueError(f"the character '{wrong}' cannot stand in the domain '{word}'")
    values["domains"] = (*values.get("domains", ()), word)


def _take_attribute(values: dict[str, Any], option: str, word: str, warn: Callable[[str], None]) -> None:
    wrong = next((letter for letter in word if letter < " " or letter in "\x7f;"), "")
    if wrong:
        raise ValueError(f"the character {wrong!a} cannot stand in the attribute {word!a}")
    values["attributes"] = (*values.get("attributes", ()), word)


_WITH_VALUE = {"domain": _take_domain, "maxidle": _take_time, "maxlife": _take_time, "attr": _take_attribute}


def parse_cookie(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `cookie NAME [OPTION...]`. Attributes add to those of a `cookie` line before it, as in HAProxy."""
    words = statement.words
    if len(words) < 2 or not words[1]:
        raise Refused("'cookie' needs the name of a cookie behind it")
    before: Cookie | None = draft.get("cookie")
    values: dict[str, Any] = {"name": words[1], "attributes": before.attributes if before is not None else ()}
    at = 2
    faults: list[Refused] = []
    while at < len(words):
        try:
            at = _take_option(values, statement, at, reading)
        except Refused as wrong:
            faults.append(wrong)
            at = max(at, wrong.word) + 1
    refuse_all(faults)
    _check_modes(values)
    draft["cookie"] = Cookie(**values)


def _take_option(values: dict[str, Any], statement: Statement, at: int, reading: Reading) -> int:
    """Take the option at this word; return the index of the next one."""
    words = statement.words
    option = words[at]
    if option in _MODES:
        if values.setdefault("mode", option) != option:
            raise Refused("'cookie' : only one of 'rewrite', 'insert' and 'prefix' can stand there", at)
        return at + 1
    if option in _FLAGS:
        values[option] = True
        return at + 1
    if option not in _WITH_VALUE:
        raise Refused(f"'cookie' supports {listed((*_MODES, *_FLAGS, *_WITH_VALUE))}, and not '{option}'", at)
    if at + 1 >= len(words) or not words[at + 1]:
        raise Refused(f"'cookie' : '{option}' needs a value behind it", at)
    try:
        _WITH_VALUE[option](values, option, words[at + 1], lambda text: reading.warn(statement, f"'cookie' : {text}"))
    except ValueError as wrong:
        raise Refused(f"'cookie {option}' : {wrong}", at + 1) from None
    return at + 2


def _check_modes(values: dict[str, Any]) -> None:
    mode = values.get("mode", "")
    if mode == "rewrite" and values.get("indirect"):
        raise Refused("'cookie' : 'rewrite' and 'indirect' cannot stand together")
    if values.get("preserve") and mode != "insert" and not values.get("indirect"):
        raise Refused("'cookie' : 'preserve' needs 'insert' or 'indirect'")


def parse_key(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `dynamic-cookie-key KEY`; HAProxy ignores further words."""
    if len(statement.words) < 2 or not statement.words[1]:
        raise Refused("'dynamic-cookie-key' needs a secret key behind it")
    draft["dynamic_cookie_key"] = statement.words[1]


# persist, force-persist, ignore-persist


def parse_persist(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `persist rdp-cookie[(NAME)]`; HAProxy ignores what follows."""
    word = statement.words[1] if len(statement.words) > 1 else ""
    method, bracket, rest = word.partition("(")
    if method != "rdp-cookie":
        raise Refused(f"'persist' supports 'rdp-cookie' and 'rdp-cookie(NAME)', and not '{word}'", 1 if word else -1)
    name, closed, _ = rest.partition(")")
    if bracket and not (name and closed):
        raise Refused("'persist rdp-cookie(NAME)' needs the name of a cookie, and the closing bracket", 1)
    draft["rdp_cookie"] = name or DEFAULT_NAME


def parse_rule(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `force-persist|ignore-persist if|unless CONDITION`."""
    words = statement.words
    if len(words) < 2 or words[1] not in ("if", "unless"):
        raise Refused(f"'{words[0]}' needs 'if' or 'unless' and a condition behind it", 1 if len(words) > 1 else -1)
    condition = reading.conditions(statement, 1, draft, reading, PLACE) if reading.conditions is not None else None
    draft.append("persist_rules", PersistRule(words[0] == "force-persist", condition, statement.origin))


PLACE = "backend_content"
"""Where conditions of persistence are met, for warnings (samples/places.py): when the backend is just chosen."""

WORDS = (
    Row("cookie", BACK, "Lead clients back to their server by a cookie.", parse=parse_cookie, manual="4.2", core=True),
    Row("dynamic-cookie-key", BACK, "Set the secret that cookies of servers without one are made from.",
        parse=parse_key, manual="4.2", core=True),
    Row("persist", PROXY, "Lead Remote Desktop clients back to their server.", parse=parse_persist,
        manual="4.2", core=True),
    Row("force-persist", NAMED_BACK, "Hold clients at their server even when it is down, under a condition.",
        parse=parse_rule, manual="4.2", core=True),
    Row("ignore-persist", NAMED_BACK, "Ignore persistence, under a condition.", parse=parse_rule, manual="4.2",
        core=True),
)  # fmt: skip
