"""`set-var NAME EXPRESSION` of the global section: variables of the process that are set while it is read (manual 3.1).

The expression may only look at constants, the machine, the environment and other variables of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import sample_of
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.places import Place
from tcproxy.samples.variables import Store, Variable, read_variable, store_of_process

if TYPE_CHECKING:
    from tcproxy.samples.expressions import Expression
    from tcproxy.samples.facts import Facts


def parse_set_var(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `set-var NAME EXPRESSION`. HAProxy does not look at what follows, and neither does this."""
    words = statement.words
    if len(words) < 3 or not words[2]:
        raise Refused("'set-var' needs the name of a variable of the process ('proc.NAME') and an expression", 0)
    variable = read_name(statement)
    try:
        expression = parse_expression(words[2], reading.name, PatternFiles(reading, statement))
    except ValueError as error:
        raise Refused(f"'set-var' : {error}", 2) from None
    check_place(expression)
    store = store_so_far(draft)
    value = expression.take(facts_while_reading(store, draft, reading))
    if value is not None:
        store.put(variable.name, sample_of(expression.kind, value))
    draft["variables"] = dict(store)


def read_name(statement: Statement) -> Variable:
    """Return the variable that a statement names first. Raises Refused."""
    word = statement.words[0]
    try:
        variable = read_variable(statement.words[1])
    except ValueError as error:
        raise Refused(f"'{word}' : {error}", 1) from None
    if variable.scope != "proc":
        raise Refused(f"'{word}' : only variables of the scope 'proc' can be set in 'global'", 1)
    return variable


def check_place(expression: Expression) -> None:
    """Raise Refused where the sample is not known while a configuration is read."""
    if not Place.CONFIGURATION.allows(expression.fetch.places):
        raise Refused(f"'{expression.fetch.name}' cannot be known while the configuration is read", 2)


def store_so_far(draft: Draft) -> Store:
    """Return the variables that the lines above have set."""
    store = store_of_process(draft.get("tune", {}))
    for name, sample in draft.get("variables", {}).items():
        store.put(name, sample)
    return store


def facts_while_reading(store: Store, draft: Draft, reading: Reading) -> Facts:
    """Return what converters may look at now: there is no client, and no proxy yet."""
    nothing: Mapping[str, object] = {}
    world = SimpleNamespace(
        configuration=SimpleNamespace(environment=reading.environment),
        farms=nothing,
        frontends=nothing,
        tell_sample=lambda destination, line: draft.append("told", (destination, line)),
    )
    frontend = SimpleNamespace(model=SimpleNamespace(name=""))
    facts = SimpleNamespace(
        world=world, frontend=frontend, farm=None, captured=None, variables={"proc": store}.get
    )
    return cast("Facts", facts)
