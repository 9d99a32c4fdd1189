"""Actions that set and forget variables (manual 4.2, `set-var` and its like)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Made
from tcproxy.rules.sets import EVERY
from tcproxy.samples.expressions import Expression
from tcproxy.samples.kinds import Kind, Sample, sample_of
from tcproxy.samples.variables import Conditions, Variable, read_conditions, variable_of

Give = Callable[[Any], Sample | None]


def _inside(words: ActionWords) -> tuple[Variable, Conditions]:
    """Read what stands in the parentheses: `NAME[,CONDITION...]`."""
    name, *conditions = words.inside.encode("utf-8", "surrogateescape").split(b",")
    try:
        return variable_of(name), read_conditions(conditions)
    except ValueError as wrong:
        raise words.refuse(str(wrong), words.at - 1) from None


def _changed(variable: Variable) -> tuple[str, ...]:
    return (f"variable {variable.scope}.{variable.name}",)


def _keeping(variable: Variable, conditions: Conditions, give: Give) -> Act:
    scope, name = variable

    def keep(facts: Any) -> None:
        sample = give(facts)
        store = facts.variables(scope)
        if sample is not None and store is not None:
            store.put(name, sample, conditions)

    return keep


def _read_expression(words: ActionWords) -> Made:
    """Read `EXPRESSION`. A sample that is not there leaves the variable as it is."""
    variable, conditions = _inside(words)
    expression = words.expression("an expression")
    give = _giving(expression)
    return Made(lambda assembly: _keeping(variable, conditions, give), _changed(variable), (expression,))


def _giving(expression: Expression) -> Give:
    take, kind = expression.take, expression.kind
    if kind is Kind.ANY:
        return take  # type: ignore[return-value]  # it gives Samples

    def give(facts: Any) -> Sample | None:
        value = take(facts)
        return None if value is None else sample_of(kind, value)

    return give


def _read_format(words: ActionWords) -> Made:
    """Read `FORMAT`: the variable becomes a text, an empty one where nothing follows."""
    variable, conditions = _inside(words)
    form = words.format("a format") if words.next else words.read_format("", words.at)

    def make(assembly: Assembly) -> Act:
        text = assembly.text(form)
        return _keeping(variable, conditions, lambda facts: Sample(Kind.STR, text(facts)))

    return Made(make, _changed(variable), form.expressions)


def _read_unset(words: ActionWords) -> Made:
    """Read nothing behind the parentheses."""
    variable, conditions = _inside(words)
    if conditions:
        raise words.refuse("a variable is forgotten without conditions", words.at - 1)

    def forget(facts: Any) -> None:
        store = facts.variables(variable.scope)
        if store is not None:
            store.remove(variable.name)

    return Made(lambda assembly: forget, _changed(variable))


ACTIONS = (
    Action("set-var", EVERY, "Set a variable to a sample, if all conditions are met.", _read_expression, "EXPRESSION",
           named=True),
    Action("set-var-fmt", EVERY, "Set a variable to a text, if all conditions are met.", _read_format, "FORMAT",
           named=True),
    Action("unset-var", EVERY, "Forget a variable.", _read_unset, named=True),
)  # fmt: skip
