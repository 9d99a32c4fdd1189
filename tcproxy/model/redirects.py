"""`redirect` (manual 4.2): clients are sent elsewhere. What they are told is made in session/http/redirects.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tcproxy.grammar.rows import NAMED, Draft, Reading, Row
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import nearest
from tcproxy.grammar.units import listed

STATUSES = ("301", "302", "303", "307", "308")
KINDS = ("location", "prefix", "scheme")
FLAGS = ("append-slash", "drop-query", "ignore-empty")
COOKIES = {"set-cookie": "{}; path=/;", "clear-cookie": "{}; path=/; Max-Age=0;"}
WITH_ARGUMENT = frozenset({*KINDS, *COOKIES, "code"})


@dataclass(frozen=True, slots=True)
class Redirect:
    """One rule. kind: what `to` is: location, prefix or scheme. cookie: the value of a Set-Cookie header, "" for none.

    flags: of append-slash, drop-query and ignore-empty. condition: None or a tcproxy.rules.conditions.Condition.
    """

    kind: str
    to: str
    status: int = 302
    cookie: str = ""
    flags: frozenset[str] = frozenset()
    condition: Any = None
    origin: Origin = NOWHERE


def parse_redirect(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `redirect location|prefix|scheme TO [code N] [OPTION ...] [if|unless CONDITION]`, in any order.

    Of words said twice the last one holds, as in HAProxy; so `prefix` takes the place of `location`.
    """
    for field, later in (("use_backends", "use_backend"), ("use_servers", "use-server")):
        if draft.get(field):
            reading.warn(statement, f"'redirect' is obeyed before '{later}', though it stands behind it")
            break
    fields, at = read_redirect(statement, 1)
    condition = None
    if at < len(statement.words):
        if reading.conditions is None:
            raise Refused("conditions are known to HAProxy 2.6, not supported by tcproxy yet", at)
        side = "backend" if draft["kind"] == "backend" else "frontend"
        condition = reading.conditions(statement, at, draft, reading, f"{side}_request_header")
    draft.append("redirects", Redirect(**fields, condition=condition, origin=statement.origin))


def read_redirect(statement: Statement, at: int) -> tuple[dict[str, Any], int]:
    """Read the words of a redirection from this index on.

    Return the fields of a Redirect without its condition, and the index of the condition. Raises Refused.
    """
    words = statement.words
    values: dict[str, Any] = {}
    flags: set[str] = set()
    faults: list[Refused] = []
    while at < len(words) and words[at] not in ("if", "unless"):
        if words[at] in FLAGS:
            flags.add(words[at])
            at += 1
            continue
        try:
            values.update(_read_pair(statement, at))
            at += 2
        except Refused as wrong:
            faults.append(wrong)
            at += 2 if nearest(words[at], (*WITH_ARGUMENT, *FLAGS)) in WITH_ARGUMENT else 1
    refuse_all(faults)
    if "kind" not in values:
        raise Refused(f"'redirect' needs one of {listed(KINDS)} and where to", 0)
    return {**values, "flags": frozenset(flags)}, at


def _read_pair(statement: Statement, at: int) -> dict[str, Any]:
    """Read a word and its argument into fields of Redirect."""
    word = statement.words[at]
    if word not in WITH_ARGUMENT:
        known = listed((*KINDS, "code", *COOKIES, *FLAGS))
        raise Refused(f"'redirect' has no option '{word}'; there are {known}", at)
    argument = statement.words[at + 1] if at + 1 < len(statement.words) else ""
    if not argument:
        raise Refused(f"'{word}' needs an argument behind it", at)
    if any(letter < " " and letter != "\t" for letter in argument):
        raise Refused("a header has no control characters", at + 1)
    if word == "code":
        if argument not in STATUSES:
            raise Refused(f"a redirection has the status {listed(STATUSES)}, and not '{argument}'", at + 1)
        return {"status": int(argument)}
    if word in COOKIES:
        return {"cookie": COOKIES[word].format(argument)}
    return {"kind": word, "to": argument}


WORDS = (
    Row("redirect", NAMED, "Send clients elsewhere, under a condition.", parse=parse_redirect, manual="4.2",
        core=True),
)  # fmt: skip
