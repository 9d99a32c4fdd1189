"""`http-request` rules (manual 4.2): of their actions those that are supported, all others by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tcproxy.grammar.rows import PROXY, Draft, Reading, Row, each
from tcproxy.grammar.sections import UNSUPPORTED
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import nearest, suggestion
from tcproxy.model.replies import Reply, ReplyWords, held_reply

LATER = each("""
    add-acl add-header allow auth cache-use capture del-acl del-header del-map do-resolve early-hint normalize-uri
    ot-group redirect reject replace-header replace-path replace-pathq replace-uri replace-value return sc-inc-gpc
    sc-inc-gpc0 sc-inc-gpc1 sc-set-gpt sc-set-gpt0 send-spoe-group set-dst set-dst-port set-header set-log-level set-map
    set-mark set-method set-nice set-path set-pathq set-priority-class set-priority-offset set-query set-src
    set-src-port set-timeout set-tos set-uri set-var set-var-fmt silent-drop strict-mode track-sc0 track-sc1
    track-sc2 unset-var use-service wait-for-body wait-for-handshake
""")


@dataclass(frozen=True, slots=True)
class RequestRule:
    """One rule. action: its name. condition: None or a tcproxy.rules.conditions.Condition.

    Of rules that answer: status, which log lines tell; reply: what is sent, None for the page that the section has for
    this status; group: the `http-errors` section that has it, until `finish`.
    """

    action: str
    condition: Any = None
    origin: Origin = NOWHERE
    status: int = 0
    reply: Reply | None = None
    group: str = ""


def parse_http_request(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-request ACTION [ARGUMENTS] [if|unless CONDITION]`."""
    words = statement.words
    action = words[1] if len(words) > 1 else ""
    name = action.partition("(")[0]
    if name in LATER or name.startswith("lua."):
        raise Refused(f"'http-request {name}' {UNSUPPORTED}", 1)
    if not action:
        raise Refused("'http-request' needs an action behind it", 0)
    if action not in ACTIONS:
        raise Refused(f"'http-request' has no action '{action}'{suggestion(nearest(name, (*ACTIONS, *LATER)))}", 1)
    try:
        rule, at = ACTIONS[action].read(statement, reading)
        if len(words) > at and words[at] not in CONDITIONS:
            raise Refused(_unexpected(action, words[at]), at)
    except Refused as wrong:
        refuse_all([wrong, *_faults_of_condition(statement, draft, reading)])
        raise
    condition = _condition(statement, at, draft, reading) if len(words) > at else None
    _warn_of_the_last(statement, draft, reading)
    draft.append("http_requests", replace(rule, condition=condition))


def _condition(statement: Statement, at: int, draft: Draft, reading: Reading) -> Any:
    if reading.conditions is None:
        raise Refused(f"conditions {UNSUPPORTED}", at)
    side = "backend" if draft.get("kind") == "backend" else "frontend"
    return reading.conditions(statement, at, draft, reading, f"{side}_request_header")


def _faults_of_condition(statement: Statement, draft: Draft, reading: Reading) -> list[Refused]:
    """Return what is wrong with the condition of a line whose action is refused: what begins with `if` or `unless`."""
    at = next((index for index, word in enumerate(statement.words) if word in CONDITIONS), 0)
    try:
        if at:
            _condition(statement, at, draft, reading)
    except Refused as wrong:
        return [wrong]
    return []


def _warn_of_the_last(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Tell of a rule behind one that answers every request."""
    before = draft.get("http_requests", ())[-1:]
    if before and before[0].status and before[0].condition is None:
        action, origin = before[0].action, before[0].origin
        reading.warn(statement, f"no request comes so far, since 'http-request {action}' at {origin} answers them all")


def _unexpected(action: str, word: str) -> str:
    if word == "deny_status":
        return f"'deny_status' can stand only once, directly behind 'http-request {action}': write 'status'"
    return f"'http-request {action}' expects 'if' or 'unless' and a condition, and not '{word}'"


def _bare(statement: Statement, reading: Reading) -> tuple[RequestRule, int]:
    """Read an action without arguments; return the rule, and where its condition would stand."""
    return RequestRule(statement.words[1], origin=statement.origin), 2


def _refusing(status: int) -> ReadAction:
    """Return what reads an action that answers: with this status where none is said (see ReplyWords)."""

    def read(statement: Statement, reading: Reading) -> tuple[RequestRule, int]:
        words = statement.words
        reply = ReplyWords(statement, reading, status, any_status=True)
        at = reply.read_old_status(2)
        if at >= len(words) or words[at] in CONDITIONS:
            reply.use_page()
        else:
            at = reply.read(at)
        return RequestRule(words[1], None, statement.origin, reply.status, reply.reply(), reply.group), at

    return read


CONDITIONS = ("if", "unless")

ReadAction = Callable[[Statement, Reading], tuple[RequestRule, int]]
"""Reads the arguments of an action: returns its rule without a condition, and the index of the word behind them."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action. read: reads its arguments; usage: what these are; help: one sentence."""

    read: ReadAction
    usage: str
    help: str


_REPLY = (
    "[deny_status STATUS | status STATUS] [default-errorfiles | errorfile FILE | errorfiles NAME | "
    "content-type TYPE file|lf-file|string|lf-string TEXT] [hdr NAME FORMAT]..."
)
"""How the words that describe an answer are written (see ReplyWords)."""

ACTIONS: Mapping[str, Action] = {
    "deny": Action(_refusing(403), _REPLY, "Answer the request here, with status 403 where none is given."),
    "disable-l7-retry": Action(_bare, "", "Do not send the request again when its response fails."),
    "tarpit": Action(_refusing(500), _REPLY, "Answer after 'timeout tarpit', with status 500 where none is given."),
}
"""Actions that are supported, by name."""


def finish(draft: Draft, groups: Mapping[str, Draft], reading: Reading) -> None:
    """Find the answers that rules take out of `http-errors` sections. groups: these sections."""
    if any(rule.group for rule in draft.get("http_requests", ())):
        rules = draft["http_requests"]
        draft["http_requests"] = tuple(_with_reply(rule, draft, groups, reading) for rule in rules)


def _with_reply(rule: RequestRule, draft: Draft, groups: Mapping[str, Draft], reading: Reading) -> RequestRule:
    if not rule.group:
        return rule
    reply = held_reply(rule.group, rule.status, rule.origin, draft, groups, reading)
    return replace(rule, reply=reply or Reply(rule.status), group="")


WORDS = (
    Row("http-request", PROXY, "Decide about requests.", parse=parse_http_request, unnamed_defaults=False, manual="4.2",
        core=True),
)  # fmt: skip
