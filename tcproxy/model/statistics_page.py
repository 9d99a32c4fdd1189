"""The statistics page of a proxy: where it is, who may see it and change servers there, and what it shows.

These are the `stats` words of proxies (manual 4.2) but for `stats http-request`, which is rules/statistics_rules.py.
A section that says any of them has a page. It begins with none of what the words of its defaults section say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tcproxy.grammar.rows import NAMED, PROXY, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import doubt_of_time, read_time

FIELD = "statistics"
NODE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True, slots=True)
class StatisticsPage:
    """A page. owner: kind and name of the section whose words these are.

    uri: how the targets of its requests begin. realm: "" where none is said. accounts: names and passwords, none for a
    page that asks for no password. refresh: seconds between two pages that a browser asks for, 0 for one only.
    scope: the proxies that are shown, "." for the one with the page; none for all. node, description: what is shown
    of the machine; None for nothing. legends, modules: more is shown. admin: conditions (tcproxy.rules.conditions)
    under which servers may be changed, None for an empty one. rules: of `stats http-request`.
    """

    owner: tuple[str, str] = ("", "")
    uri: str = "/haproxy?stats"
    realm: str = ""
    accounts: tuple[tuple[str, str], ...] = ()
    refresh: int = 0
    scope: tuple[str, ...] = ()
    hides_version: bool = False
    node: str | None = None
    description: str | None = None
    legends: bool = False
    modules: bool = False
    admin: tuple[Any, ...] = ()
    rules: tuple[Any, ...] = ()

    def conditions(self) -> list[Any]:
        """Return the conditions of all rules."""
        return [*self.admin, *(rule.condition for rule in self.rules)]


def page_of(draft: Draft) -> StatisticsPage:
    """Return the page of a section as its own words have made it so far."""
    owner = draft.get("kind", ""), draft.get("name", "")
    page: StatisticsPage | None = draft.get(FIELD)
    return page if page is not None and page.owner == owner else StatisticsPage(owner)


def _set(draft: Draft, **values: Any) -> None:
    draft[FIELD] = replace(page_of(draft), **values)


def _argument(statement: Statement, what: str) -> str:
    """Return the word behind the row's name; HAProxy ignores those that follow it."""
    words = statement.words
    if len(words) < 3 or not words[2]:
        raise Refused(f"'stats {words[1]}' needs {what} behind it", 1)
    return words[2]


def parse_flag(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats enable|hide-version|show-legends|show-modules`; HAProxy ignores what follows."""
    fields = {"hide-version": "hides_version", "show-legends": "legends", "show-modules": "modules"}
    field = fields.get(statement.words[1])
    _set(draft, **({field: True} if field else {}))


def parse_uri(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats uri PREFIX`."""
    _set(draft, uri=_argument(statement, "the beginning of a URI"))


def parse_realm(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats realm REALM`."""
    _set(draft, realm=_argument(statement, "a realm"))


def parse_auth(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats auth USER:PASSWORD`; of two passwords of one user the first holds."""
    user, _, password = _argument(statement, "an account, as USER:PASSWORD").partition(":")
    accounts = page_of(draft).accounts
    if any(name == user for name, _ in accounts):
        reading.warn(statement, f"'stats auth' : the user '{user}' has a password already: this one is ignored", 2)
        return
    _set(draft, accounts=(*accounts, (user, password)))


def parse_scope(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats scope NAME`: names add up."""
    _set(draft, scope=(*page_of(draft).scope, _argument(statement, "the name of a proxy, or '.'")))


def parse_refresh(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats refresh TIME`: in seconds, rounded up."""
    word = _argument(statement, "a time")
    try:
        _set(draft, refresh=read_time(word, "s"))
    except ValueError as wrong:
        raise Refused(f"'stats refresh' : {wrong}", 2) from None
    if doubt_of_time(word):
        reading.warn(statement, f"'stats refresh' : {doubt_of_time(word)}", 2)


def parse_show_node(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats show-node [NAME]`: by default that of the global section, or the machine's (`""`)."""
    name = statement.words[2] if len(statement.words) > 2 else ""
    wrong = next((letter for letter in name if letter not in NODE_CHARACTERS), "")
    if wrong:
        raise Refused(f"'stats show-node' : the character '{wrong}' cannot stand in the name of a node", 2)
    _set(draft, node=name)


def parse_show_desc(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats show-desc [TEXT...]`: by default the description of the global section (`""`)."""
    text = " ".join(word for word in statement.words[2:] if word)
    if not text and not reading.process.get("description"):
        lacking = "a text behind it, or 'description' in the global section"
        reading.warn(statement, f"'stats show-desc' shows nothing without {lacking}")
        return
    _set(draft, description=text)


def parse_admin(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats admin if|unless CONDITION`."""
    words = statement.words
    if len(words) < 3 or words[2] not in ("if", "unless"):
        raise Refused("'stats admin' needs 'if' or 'unless' and a condition behind it", 2 if len(words) > 2 else 1)
    condition = reading.conditions(statement, 2, draft, reading, _place(draft)) if reading.conditions else None
    _set(draft, admin=(*page_of(draft).admin, condition))


def _place(draft: Draft) -> str:
    """Return where the conditions of a page are met, for warnings (samples/places.py)."""
    return "backend_request_header" if draft.get("kind") == "backend" else "frontend_request_header"


def fault_of(draft: Draft) -> str:
    """Return the sentence about words of a section that cannot stand together; "" where there are none."""
    page: StatisticsPage | None = draft.get(FIELD)
    if page is None or not page.rules or not (page.accounts or page.realm):
        return ""
    return "'stats auth' and 'stats realm' cannot stand beside 'stats http-request', which says the same"


def _row(name: str, help: str, parse: Any, where: Any = PROXY) -> Row:
    return Row(f"stats {name}", where, help, parse=parse, manual="4.2", core=True)


WORDS = (
    _row("admin", "Let servers be changed on the statistics page, under a condition.", parse_admin, NAMED),
    _row("auth", "Ask for a name and a password on the statistics page.", parse_auth),
    _row("enable", "Answer requests for the statistics page.", parse_flag),
    _row("hide-version", "Leave the version out of the statistics page.", parse_flag),
    _row("realm", "Name what the password of the statistics page is for.", parse_realm),
    _row("refresh", "Let browsers ask for the statistics page again and again.", parse_refresh),
    _row("scope", "Show this proxy on the statistics page, and of the others only those that are named.", parse_scope),
    _row("show-desc", "Show a description on the statistics page.", parse_show_desc),
    _row("show-legends", "Show addresses, cookies and ids on the statistics page.", parse_flag),
    _row("show-modules", "Show the counters of protocols on the statistics page.", parse_flag),
    _row("show-node", "Show the name of the node on the statistics page.", parse_show_node),
    _row("uri", "Say how requests for the statistics page begin.", parse_uri),
)
