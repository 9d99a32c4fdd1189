"""`http-request` rules (manual 4.2): of their actions those that are supported, all others by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tcproxy.grammar.rows import PROXY, Draft, Row, each
from tcproxy.grammar.sections import UNSUPPORTED
from tcproxy.grammar.statements import NOWHERE, Origin, Reading, Refused, Statement
from tcproxy.grammar.words import nearest, suggestion

ACTIONS = ("disable-l7-retry",)
"""Actions that are supported: none of them has an argument."""

LATER = each("""
    add-acl add-header allow auth cache-use capture del-acl del-header del-map deny do-resolve early-hint normalize-uri
    ot-group redirect reject replace-header replace-path replace-pathq replace-uri replace-value return sc-inc-gpc
    sc-inc-gpc0 sc-inc-gpc1 sc-set-gpt sc-set-gpt0 send-spoe-group set-dst set-dst-port set-header set-log-level set-map
    set-mark set-method set-nice set-path set-pathq set-priority-class set-priority-offset set-query set-src
    set-src-port set-timeout set-tos set-uri set-var set-var-fmt silent-drop strict-mode tarpit track-sc0 track-sc1
    track-sc2 unset-var use-service wait-for-body wait-for-handshake
""")


@dataclass(frozen=True, slots=True)
class RequestRule:
    """One rule. action: its name. condition: None or a tcproxy.rules.conditions.Condition."""

    action: str
    condition: Any = None
    origin: Origin = NOWHERE


def parse_http_request(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-request ACTION [if|unless CONDITION]`."""
    words = statement.words
    action = words[1] if len(words) > 1 else ""
    name = action.partition("(")[0]
    if name in LATER:
        raise Refused(f"'http-request {name}' {UNSUPPORTED}", 1)
    if not action:
        raise Refused("'http-request' needs an action behind it", 0)
    if action not in ACTIONS:
        raise Refused(f"'http-request' has no action '{action}'{suggestion(nearest(name, (*ACTIONS, *LATER)))}", 1)
    condition = None
    if len(words) > 2:
        if words[2] not in ("if", "unless"):
            raise Refused(f"'http-request {action}' expects 'if' or 'unless' and a condition, and not '{words[2]}'", 2)
        if reading.conditions is None:
            raise Refused(f"conditions {UNSUPPORTED}", 2)
        side = "backend" if draft.get("kind") == "backend" else "frontend"
        condition = reading.conditions(statement, 2, draft, reading, f"{side}_request_header")
    draft.append("http_requests", RequestRule(action, condition, statement.origin))


WORDS = (
    Row("http-request", PROXY, "Decide about requests.", parse=parse_http_request, unnamed_defaults=False, manual="4.2",
        core=True),
)  # fmt: skip
