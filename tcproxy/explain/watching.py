"""A configuration whose rules note what they do: the real rules, each with a watcher around it.

What the program is made of does not know that it is watched: a watched rule is a rule, a watched condition a condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tcproxy.grammar.statements import Origin
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy, UseBackend
from tcproxy.rules.acls import Acl, Test
from tcproxy.rules.actions.rows import Act, Assembly, Ends, Made
from tcproxy.rules.conditions import Condition, Term
from tcproxy.rules.lines import Rule
from tcproxy.samples.kinds import Kind, Sample, Value, decode, text_of_address
from tcproxy.session.http.plugin_waits import Goes, PluginWait
from tcproxy.wire.messages import Head, RequestHead, ResponseHead


@dataclass(slots=True)
class TestNote:
    """One test that was looked at: as written, its ACL's name ("" for one in braces), the sample, and the result."""

    text: str
    acl: str
    negated: bool
    value: str | None
    holds: bool


@dataclass(slots=True)
class Note:
    """One rule that was looked at.

    proxy: the section. text: the line. met: its condition is met, or it has none. tests: those of the condition that
    were looked at. changes: what the action changed. ends: no more rules of its set follow.
    """

    proxy: str
    text: str
    origin: Origin
    met: bool = True
    tests: list[TestNote] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    ends: bool = False


class Watch:
    """Notes of all rules, in the order in which they were looked at."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def watched(self, configuration: Configuration) -> Configuration:
        """Return the configuration with a watcher around each rule."""
        return replace(configuration, proxies=tuple(self._proxy(proxy) for proxy in configuration.proxies))

    def _proxy(self, proxy: Proxy) -> Proxy:
        title = f"{proxy.kind} {proxy.name}"
        changed: dict[str, Any] = {
            "rules": {
                kind: tuple(self._rule(title, kind.words, rule) for rule in rules)
                for kind, rules in (proxy.rules or {}).items()
            },
            "use_backends": tuple(self._use_backend(title, rule) for rule in proxy.use_backends),
        }
        for name, word in (("redirects", "redirect"), ("persist_rules", "")):
            changed[name] = tuple(self._other(title, word, rule) for rule in getattr(proxy, name, ()))
        return replace(proxy, **changed)

    def _rule(self, title: str, words: str, rule: Rule) -> Rule:
        text = f"{words} {rule.text}"
        last: list[Note] = []
        condition = None
        if rule.condition is not None:
            condition = self._condition(title, text, rule.origin, rule.condition, last)

        def make(assembly: Assembly) -> Act:
            return self._act(title, text, rule, rule.made.make(assembly), last)

        made: Made = replace(rule.made, make=make)
        return replace(rule, made=made, condition=condition)

    def _act(self, title: str, text: str, rule: Rule, act: Act, last: list[Note]) -> Act:
        ends = rule.action.ends in (Ends.SET, Ends.ALWAYS)

        def watched(subject: Any) -> object:
            if rule.condition is None:
                self.notes.append(Note(title, text, rule.origin))
            note = self.notes[-1] if rule.condition is None else last[-1]
            note.ends = ends
            before = _seen(subject)
            result = act(subject)
            note.changes += _differences(before, _seen(subject))
            wait = getattr(subject, "inner", None)
            if isinstance(wait, PluginWait) and not result:
                wait.goes = _noting(note, _seen(subject), wait.goes)
            elif rule.action.ends is Ends.SOMETIMES and not result:
                note.ends = True
            return result

        return watched

    def _use_backend(self, title: str, rule: UseBackend) -> UseBackend:
        text = f"use_backend {rule.name} {rule.condition.text if rule.condition is not None else ''}".strip()
        if rule.condition is None:
            return rule
        condition = self._condition(title, text, rule.origin, rule.condition, [], ends=True)
        return replace(rule, condition=condition)

    def _other(self, title: str, word: str, rule: Any) -> Any:
        if rule.condition is None:
            return rule
        name = word or str(getattr(rule, "kind", "") or type(rule).__name__)
        text = f"{name} {getattr(rule, 'to', '')} {rule.condition.text}".replace("  ", " ")
        return replace(rule, condition=self._condition(title, text, rule.origin, rule.condition, []))

    def _condition(
        self, title: str, text: str, origin: Origin, condition: Condition, last: list[Note], ends: bool = False
    ) -> Condition:
        """Return a condition of one test, which looks at all tests of the real one and notes them."""

        def holds(facts: Any) -> bool:
            note = Note(title, text, origin, ends=ends)
            self.notes.append(note)
            last.append(note)
            note.met = _meets(condition, facts, note.tests)
            note.ends = ends and note.met
            return note.met

        tests = [test for term in condition.terms() for test in term.acl.tests]
        if not tests:
            return condition
        # rule sets ask the one test whether its sample may still change: take a test whose sample may, if any
        lead = next((test for test in tests if test.expression.waits is not None), tests[0])
        whole = Acl("", [Test(condition.text, holds, lead.expression, lead.origin)])
        return Condition(condition.text, [[Term(whole, False)]], False)


def _meets(condition: Condition, facts: Any, notes: list[TestNote]) -> bool:
    """Look at a condition's terms as far as they decide, and note each test."""
    met = any(all(_term(term, facts, notes) for term in group) for group in condition.alternatives)
    return met != condition.unless


def _term(term: Term, facts: Any, notes: list[TestNote]) -> bool:
    return any(_test(test, term, facts, notes) for test in term.acl.tests) != term.negated


def _test(test: Test, term: Term, facts: Any, notes: list[TestNote]) -> bool:
    holds = bool(test.holds(facts))
    value = test.expression.take(facts)
    shown = None if value is None else shown_value(test.expression.kind, value)
    notes.append(TestNote(test.text, term.acl.name, term.negated, shown, holds))
    return holds


def shown_value(kind: Kind, value: Value) -> str:
    """Return a sample as a person reads it."""
    if isinstance(value, Sample):
        kind, value = value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if kind in (Kind.IPV4, Kind.IPV6, Kind.ADDR):
        return text_of_address(value)
    if kind is Kind.BIN:
        return value.hex()
    return decode(value)


def _noting(note: Note, before: Seen, goes: Goes) -> Goes:
    """Return what goes on when the Deferred of a plugin fires, and notes what has changed meanwhile."""

    def noted(exchange: Any, result: Any) -> bool:
        note.changes += _differences(before, _seen(exchange))
        going = goes(exchange, result)
        note.ends = note.ends or not going
        return going

    return noted


Seen: TypeAlias = tuple[tuple[str, ...], ...]


def _seen(subject: Any) -> Seen:
    """Return what actions may change of a subject: lines of its heads, and its variables."""
    return (_lines(subject.request), _lines(subject.response), tuple(_variables(subject)))


def _lines(head: Head | None) -> tuple[str, ...]:
    if head is None:
        return ()
    first = ""
    if isinstance(head, RequestHead):
        first = f"{decode(head.method)} {decode(head.target)}"
    elif isinstance(head, ResponseHead):
        first = f"{head.status} {decode(head.reason)}"
    return (first, *(f"{decode(field.name)}: {decode(field.value)}" for field in head.fields))


def _variables(subject: Any) -> Iterator[str]:
    for scope in ("proc", "sess", "txn", "req", "res"):
        for name, sample in (subject.variables(scope) or {}).items():
            yield f"{scope}.{name} = {shown_value(sample.kind, sample.value)}"


def _differences(before: Seen, after: Seen) -> list[str]:
    """Return lines that went, with a minus, and lines that came, with a plus."""
    found: list[str] = []
    for old, new in zip(before, after, strict=True):
        found += [f"- {line}" for line in _without(old, new)]
        found += [f"+ {line}" for line in _without(new, old)]
    return found


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    left = list(others)
    found = []
    for line in lines:
        if line in left:
            left.remove(line)
        else:
            found.append(line)
    return found


