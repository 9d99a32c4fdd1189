"""The lines of rule sets: `http-request ACTION [ARGUMENTS] [if|unless CONDITION]` and their like (manual 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import nearest, suggestion
from tcproxy.guards import GuardedCalls
from tcproxy.model.replies import Reply, held_reply
from tcproxy.rules.actions.plugged import action_row
from tcproxy.rules.actions.rows import CONDITIONS, Action, ActionWords, Ends, Made
from tcproxy.rules.actions.table import ACTIONS, missing
from tcproxy.rules.conditions import Condition, parse_condition
from tcproxy.rules.order import warn_of_order
from tcproxy.rules.sets import HTTP, SetKind
from tcproxy.samples.expressions import NOT_YET
from tcproxy.samples.places import Place

if TYPE_CHECKING:
    from tcproxy.samples.arguments import Reference


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: an action, with what its words say, under a condition or under none.

    text: as written, from the action on.
    """

    action: Action
    made: Made
    condition: Condition | None = None
    origin: Origin = NOWHERE
    text: str = ""

    @property
    def reply(self) -> Reply | None:
        """Return the answer that it gives, None for none, or that of a page."""
        return self.made.reply

    @property
    def references(self) -> tuple[Reference, ...]:
        """Return the proxies and servers that its action's samples name."""
        return tuple(one for expression in self.made.expressions for one in expression.references)


def parse_rule(kind: SetKind, statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read one line of a rule set. Raises Refused."""
    words = statement.words
    at = len(kind.words.split(" "))
    action, inside = _find(kind, statement, at, reading)
    taken = ActionWords(statement, at + 1, kind, draft, reading)
    taken.inside = inside
    try:
        made = action.read(taken)
        if len(words) > taken.at and words[taken.at] not in CONDITIONS:
            raise Refused(_unexpected(kind, action, words[taken.at]), taken.at)
    except Refused as wrong:
        refuse_all([wrong, *_faults_of_condition(kind, statement, at, draft, reading)])
        raise
    condition = _condition(kind, statement, taken.at, draft, reading)
    rules: Mapping[SetKind, tuple[Rule, ...]] = draft.get("rules", {})
    before = rules.get(kind, ())
    _warn_of_the_last(kind, before, statement, reading)
    warn_of_order(kind, statement, draft, reading)
    rule = Rule(action, made, condition, statement.origin, " ".join(words[at:]))
    draft.put("rules", kind, (*before, rule))  # type: ignore[arg-type]  # the key is a kind of set


def _find(kind: SetKind, statement: Statement, at: int, reading: Reading) -> tuple[Action, str]:
    """Return the row of an action, and what stands in parentheses behind its name."""
    words = statement.words
    word = words[at] if len(words) > at else ""
    if not word:
        raise Refused(f"'{kind.words}' needs an action behind it", max(0, at - 1))
    name, opened, inside = word.partition("(")
    row = ACTIONS[kind].get(name)
    if row is not None and row.named == bool(opened):
        if row.named and not inside.endswith(")"):
            raise Refused(f"the closing parenthesis is missing behind '{word}'", at)
        return row, inside[:-1]
    if name in missing(kind) or name.startswith("lua."):
        raise Refused(f"'{kind.words} {name}' {NOT_YET}", at)
    if row is not None and row.named:
        raise Refused(f"'{kind.words} {name}' needs a name in parentheses behind it: '{name}(NAME)'", at)
    plugin = reading.actions.get(word)
    if plugin is not None:
        return _of_plugin(plugin, kind, at), ""
    known = (*ACTIONS[kind], *missing(kind), *reading.actions)
    raise Refused(f"'{kind.words}' has no action '{word}'{suggestion(nearest(name, known))}", at)


def _of_plugin(plugin: GuardedCalls, kind: SetKind, at: int) -> Action:
    """Return the row of a plugin's action. Raises Refused where it cannot stand in this set, or is unsound."""
    try:
        row = action_row(plugin, kind)
    except ValueError as wrong:
        raise Refused(str(wrong), at) from None
    if kind not in row.kinds:
        places = ", ".join(f"'{one.words}'" for one in SetKind if one in row.kinds)
        raise Refused(f"the action '{row.name}' of {plugin.author.source} can stand behind {places} only", at)
    return row


def _condition(kind: SetKind, statement: Statement, at: int, draft: Draft, reading: Reading) -> Condition | None:
    place = kind.place(draft.get("kind", ""))
    return parse_condition(statement, at, reading, place, draft.get("acls"), draft)


def _faults_of_condition(
    kind: SetKind, statement: Statement, start: int, draft: Draft, reading: Reading
) -> list[Refused]:
    """Return what is wrong with the condition of a line whose action is refused: what begins with `if` or `unless`."""
    words = statement.words
    at = next((index for index in range(start, len(words)) if words[index] in CONDITIONS), 0)
    try:
        if at:
            _condition(kind, statement, at, draft, reading)
    except Refused as wrong:
        return [wrong]
    return []


def _warn_of_the_last(kind: SetKind, before: tuple[Rule, ...], statement: Statement, reading: Reading) -> None:
    """Tell of a rule behind one that ends the set for all."""
    # HAProxy is silent about rules of TCP here
    if kind in HTTP and before and before[-1].condition is None and before[-1].action.ends in (Ends.ALWAYS, Ends.SET):
        last = before[-1]
        what = f"'{kind.words} {last.action.name}' at {last.origin}"
        reading.warn(statement, f"this rule is never reached, since {what} has no condition")


def _unexpected(kind: SetKind, action: Action, word: str) -> str:
    if word == "deny_status":
        return f"'deny_status' can stand only once, directly behind '{kind.words} {action.name}': write 'status'"
    return f"'{kind.words} {action.name}' expects 'if' or 'unless' and a condition, and not '{word}'"


def finish(draft: Draft, groups: Mapping[str, Draft], reading: Reading) -> None:
    """Find the answers that rules take out of `http-errors` sections. groups: these sections."""
    rules: Mapping[SetKind, tuple[Rule, ...]] = draft.get("rules", {})
    if not draft.get("request_delay"):
        for rule in rules.get(SetKind.TCP_CONTENT, ()):
            _warn_of_chance(rule, reading)
    _check(rules, draft, reading)
    if any(rule.made.group for found in rules.values() for rule in found):
        draft["rules"] = {
            kind: tuple(_with_reply(rule, draft, groups, reading) for rule in found) for kind, found in rules.items()
        }


def _warn_of_chance(rule: Rule, reading: Reading) -> None:
    """Warn of a capture of bytes that may not have come yet, since nothing waits for them."""
    alien = [one for one in rule.made.expressions if not Place.FRONTEND_SESSION.allows(one.fetch.places)]
    if rule.action.name == "capture" and alien:
        what = f"parsing [{rule.origin}] : '{alien[0].text}' is captured by chance"
        reading.diagnostics.warning(f"{what}: without 'tcp-request inspect-delay' nothing waits for it")


def _check(rules: Mapping[SetKind, tuple[Rule, ...]], draft: Draft, reading: Reading) -> None:
    """Tell what is wrong with rules, now that the whole section is known."""
    for kind, found in rules.items():
        for rule in found:
            wrong = rule.made.check(draft) if rule.made.check is not None else ""
            if wrong:
                reading.diagnostics.alert(f"parsing [{rule.origin}] : '{kind.words} {rule.action.name}' : {wrong}")


def _with_reply(rule: Rule, draft: Draft, groups: Mapping[str, Draft], reading: Reading) -> Rule:
    made = rule.made
    if not made.group:
        return rule
    reply = held_reply(made.group, made.status, rule.origin, draft, groups, reading) or Reply(made.status)
    assert made.make_with is not None, "an action that answers can be made with any answer"
    return replace(rule, made=replace(made, make=made.make_with(reply), reply=reply, group=""))
