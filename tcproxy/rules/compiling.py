"""Rule sets become code: one function for each part of a set that runs without a wait.

Conditions are written out as expressions. A sample or a test that several rules look at is worked out when it is first
needed, and kept in a local variable until an action changes it. All that a user wrote stands in constants. Ten rules
over three ACLs cost some 2 microseconds so, and 11 as closures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from tcproxy.rules.acls import Acl, Test, among
from tcproxy.rules.actions.rows import OF_CONNECTION, Assembly, Ends
from tcproxy.rules.conditions import Condition, Term
from tcproxy.rules.lines import Rule
from tcproxy.rules.sets import ByName

Step = Callable[[Any], bool]
"""Runs rules about an exchange, a session or a connection: True when what follows the set may follow at once."""

T = TypeVar("T")

ANYTHING = ""
"""In Made.changes: what is changed is not known, but it does not belong to the connection."""
UNKNOWN = object()
"""Stands in local variables for what was not worked out yet."""


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


def compile_choice(rules: Sequence[tuple[Condition | None, T | ByName]], fallback: T) -> Callable[[Any], T]:
    """Return the function that gives the value of the first rule whose condition is met; without any, the fallback."""
    code = Code([condition for condition, _ in rules if condition is not None])
    for condition, value in rules:
        found = f"{code.constant('b', value.find)}(x)" if isinstance(value, ByName) else code.constant("b", value)
        if condition is None:
            code.lines.append(f"return {found}")
            break
        code.lines += [f"if {condition_source(condition, code)}:", f"    return {found}"]
    else:
        code.lines.append(f"return {code.constant('b', fallback)}")
    choose: Callable[[Any], T] = code.function()
    return choose


class Code:
    """A function while it is written.

    lines: its body. names: its constants. A sample, or a test, that stands in several places of a set is kept in a
    local variable once it was taken: `kept` has, by what it is, the variable's name, and what changes it (see
    Made.changes; None: not known). uses: how often each stands in the set.
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"U": UNKNOWN}
        self.kept: dict[object, tuple[str, tuple[str, ...] | None]] = {}
        tests = [test for condition in conditions for term in condition.terms() for test in term.acl.tests]
        self.uses = Counter(map(_of_test, tests))
        self.uses.update(_of_sample(test) for test in {_of_test(test): test for test in tests}.values())

    def constant(self, letter: str, value: Any) -> str:
        """Return the name of a constant."""
        name = f"{letter}{len(self.names)}"
        self.names[name] = value
        return name

    def once(self, key: object, reads: tuple[str, ...] | None, source: Callable[[], str]) -> str:
        """Return an expression that is worked out once, where it stands in several places.

        source: returns it as it is worked out.
        """
        found = self.kept.get(key)
        if found is None:
            text = source()
            if self.uses[key] < 2:
                return text
            found = self.kept[key] = (f"k{len(self.kept)}", reads)
            self.names[f"{found[0]}_text"] = text
        name, text = found[0], self.names[f"{found[0]}_text"]
        return f"({name} if {name} is not U else ({name} := {text}))"

    def forgotten(self, changes: tuple[str, ...]) -> str:
        """Return the line that makes what an action may change be worked out anew; "" for none."""
        names = [name for name, reads in self.kept.values() if _changed(reads, changes)]
        return f"{' = '.join(names)} = U" if names else ""

    def function(self) -> Any:
        """Return the function: it takes what the rules are about."""
        kept = [name for name, _ in self.kept.values()]
        first = [f"{' = '.join(kept)} = U"] if kept else []
        body = "".join(f"    {line}\n" for line in [*first, *self.lines])
        exec(f"def run(x):\n{body}", self.names)
        return self.names["run"]


def _changed(reads: tuple[str, ...] | None, changes: tuple[str, ...]) -> bool:
    """Return whether what is read may be among what is changed."""
    if not changes or reads == ():
        return False
    if reads is None or not set(reads).isdisjoint(changes):
        return True
    return ANYTHING in changes and not all(name.startswith(OF_CONNECTION) for name in reads)


def _of_test(test: Test) -> object:
    """Return what makes two tests one: all that is written, where the ACL of one name may have several lines."""
    return "test", test.text, test.expression.text, id(test.matches) if test.matches is not bool else 0


def _of_sample(test: Test) -> object:
    return "sample", test.expression.text, test.kind, test.several


# conditions


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
    return code.once(_of_test(test), test.reads, lambda: _matching(test, code))


def _matching(test: Test, code: Code) -> str:
    """Return the expression that takes a test's sample and matches it."""
    if test.take is None:
        return f"{code.constant('h', test.holds)}(x)"
    take = test.take
    value = code.once(_of_sample(test), test.expression.reads, lambda: f"{code.constant('t', take)}(x)")
    if test.matches is None:
        return f"bool({value})" if test.several else f"({value} is not None)"
    if test.matches is bool:
        return f"bool({value})"
    if test.patterns is not None:
        match = f"{code.constant('p', test.patterns)}.match"  # the attribute changes with the patterns
    else:
        match = code.constant("m", test.matches)
    if test.several:
        return f"{code.constant('g', among)}({match}, {value})"
    return f"((v := {value}) is not None and {match}(v))"


# rules


def _compiled(rules: Sequence[Rule], later: int, assembly: Assembly) -> Step:
    """Return the function of some rules. later: how many parts of the set follow it."""
    code = Code([rule.condition for rule in rules if rule.condition is not None])
    for rule in rules:
        condition = condition_source(rule.condition, code) if rule.condition is not None else ""
        act = code.constant("a", rule.made.make(assembly))
        done = _written(act, rule.action.ends, later)
        again = code.forgotten(rule.made.changes)
        if again and rule.action.ends in (Ends.NEVER, Ends.SOMETIMES):
            done.append(again)
        if condition:
            code.lines.append(f"if {condition}:")
            code.lines += [f"    {line}" for line in done]
        else:
            code.lines += done
            if rule.action.ends in (Ends.ALWAYS, Ends.SET):
                break
    else:
        code.lines.append("return True")
    step: Step = code.function()
    return step


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
