"""The lines of `stats http-request`: who may see the statistics page of a section (manual 4.2)."""

from __future__ import annotations

from dataclasses import replace

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.model.statistics_page import FIELD, page_of
from tcproxy.rules.lines import parse_rule
from tcproxy.rules.sets import SetKind

ACTIONS = ("allow", "deny", "auth")
"""Actions that the manual names. HAProxy 2.6 takes those of `http-request`, and does only part of what some say."""


def parse(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read one line, as one of `http-request`. Raises Refused."""
    words = statement.words
    if len(words) > 2 and words[2] and words[2] not in ACTIONS:
        raise Refused(f"'stats http-request' supports 'allow', 'deny' and 'auth', and not '{words[2]}'", 2)
    page = page_of(draft)
    inner = Draft(draft, rules={SetKind.HTTP_REQUEST: page.rules})
    try:
        parse_rule(SetKind.HTTP_REQUEST, _without_first(statement), inner, reading)
    except Refused as wrong:
        raise _moved(wrong) from None
    rules = inner["rules"][SetKind.HTTP_REQUEST]
    if rules[-1].made.group:
        raise Refused("'stats http-request' : an answer cannot be one of an 'http-errors' section", 2)
    draft[FIELD] = replace(page, rules=rules)


def _without_first(statement: Statement) -> Statement:
    return statement._replace(words=statement.words[1:], columns=statement.columns[1:])


def _moved(wrong: Refused) -> Refused:
    """Return faults of the rest of a line as faults of the line."""
    faults = [Refused(str(one), one.word + 1 if one.word >= 0 else -1) for one in wrong.each()]
    return Refused(str(faults[0]), faults[0].word, faults[1:])
