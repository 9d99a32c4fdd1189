"""Rule sets become code: one function for each part of a set that runs without a wait.

What samples give is taken once and kept in local variables, until an action changes it; conditions are written out as
expressions. All that a user wrote stands in constants. Ten rules over three ACLs cost some 2 microseconds so, and 11 as
closures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tcproxy.rules.acls import Acl, Test, among
from tcproxy.rules.actions.rows import Assembly, Ends
from tcproxy.rules.conditions import Condition, Term
from tcproxy.rules.lines import Rule

Step = Callable[[Any], bool]
"""Runs rules about an exchange, a session or a connection: True when what follows the set may follow at once."""

ANYTHING = ""
"""What is changed, or read, is not known."""


def compile_rules(rules: Sequence[Rule], assembly: Assembly) -> tuple[Step, ...]:
    """Return the steps that a set is done in: one, and another behind each rule that may wait.

    A step returns False when an action has answered, or waits. The runner of steps goes on with the next one when that
    is over.
    """
    parts = list(_parts(rules))
    return tuple(_compiled(part, len(parts) - 1 - at, assembly) for at, part in enumerate(parts))


def _parts(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Cut a set behind each rule that may wait."""
    part: list[Rule] = []
    for rule in rules:
        part.append(rule)
        if rule.action.waits:
            yield part
            part = []
    if part:
        yield part


def condition_source(condition: Condition, code: Code) -> str:
    """Return the expression that says whether a condition is met."""
    groups = [" and ".join(_term(term, code) for term in group) for group in condition.alternatives]
    if not groups:
        return "True" if condition.unless else "False"
    text = groups[0] if len(groups) == 1 else " or ".join(f"({group})" for group in groups)
    return f"not ({text})" if condition.unless else text


def _term(term: Term, code: Code) -> str:
    text = _acl(term.acl, code)
    return f"not {text}" if term.negated else text


def _acl(acl: Acl, code: Code) -> str:
    tests = [_test(test, code) for test in acl.tests]
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


def _test(test: Test, code: Code) -> str:
    if test.take is None:
        return f"{code.constant('h', test.holds)}(x)"
    value = code.sample(test)
    if test.several:
        if test.matches is None:
            return f"bool({value})"
        return f"{code.constant('g', among)}({code.constant('m', test.matches)}, {value})"
    if test.matches is None:
        return f"({value} is not None)"
    if test.matches is bool:
        return f"bool({value})"
    return f"({value} is not None and {code.constant('m', test.matches)}({value}))"


class Code:
    """A function while it is written. lines: its body. names: its constants. kept: local variables, by their sample."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.kept: dict[tuple[str, object], tuple[str, tuple[str, ...] | None]] = {}

    def constant(self, letter: str, value: Any) -> str:
        """Return the name of a constant."""
        name = f"{letter}{len(self.names)}"
        self.names[name] = value
        return name

    def sample(self, test: Test) -> str:
        """Return the local variable that has a test's sample; the line that takes it is written, where it is needed."""
        key = (test.expression.text, test.kind)
        found = self.kept.get(key)
        if found is None:
            name = f"v{len(self.names)}"
            take = self.constant("t", test.take)
            self.lines.append(f"{name} = {take}(x)")
            found = self.kept[key] = (name, test.expression.reads)
        return found[0]

    def forget(self, changes: tuple[str, ...]) -> None:
        """Take samples anew from here on that an action may change."""
        if changes:
            self.kept = {
                key: (name, reads)
                for key, (name, reads) in self.kept.items()
                if reads == () or (reads is not None and ANYTHING not in changes and not set(reads) & set(changes))
            }

    def function(self) -> Step:
        """Return the function."""
        body = "".join(f"    {line}\n" for line in self.lines)
        exec(f"def run(x):\n{body}", self.names)
        step: Step = self.names["run"]
        return step


def _compiled(rules: Sequence[Rule], later: int, assembly: Assembly) -> Step:
    """Return the function of some rules. later: how many parts of the set follow it."""
    code = Code()
    for rule in rules:
        condition = condition_source(rule.condition, code) if rule.condition is not None else ""
        act = code.constant("a", rule.made.make(assembly))
        ends = rule.action.ends
        done = _written(act, ends, later)
        if condition:
            code.lines.append(f"if {condition}:")
            code.lines += [f"    {line}" for line in done]
        else:
            code.lines += done
            if ends in (Ends.ALWAYS, Ends.SET):
                return code.function()
        code.forget(rule.made.changes)
    code.lines.append("return True")
    return code.function()


def _written(act: str, ends: Ends, later: int) -> list[str]:
    """Return the lines that do an action, and what follows from it."""
    if ends is Ends.NEVER:
        return [f"{act}(x)"]
    if ends is Ends.SOMETIMES:
        return [f"if not {act}(x):", "    return False"]
    if ends is Ends.ALWAYS:
        return [f"{act}(x)", "return False"]
    skip = [f"x.next_step += {later}"] if later else []
    return [f"{act}(x)", *skip, "return True"]
