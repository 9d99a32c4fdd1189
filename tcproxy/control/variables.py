"""Commands about the variables of the process: `get var` and `set var` (management 9.3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Level
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.facts import Facts
from tcproxy.samples.formats import read_format
from tcproxy.samples.kinds import Kind, Sample, bytes_of, cast_sample, decode, sample_of
from tcproxy.samples.places import Place
from tcproxy.samples.variables import Variable, read_variable
from tcproxy.samples.writing import text_of

NAMES: Mapping[Kind, str] = {
    Kind.STR: "str", Kind.BIN: "bin", Kind.SINT: "sint", Kind.BOOL: "bool", Kind.IPV4: "ipv4", Kind.IPV6: "ipv6",
    Kind.METH: "meth",
}  # fmt: skip
MISSING = "Missing process-wide variable identifier."


def get_var(command: CommandLine) -> Answer:
    """Tell the type and the value of a variable."""
    name = command.word(0)
    if not name:
        raise CommandError(MISSING)
    try:
        variable = read_variable(name)
    except ValueError:
        variable = Variable("", "")
    sample = command.world.variables.get(variable.name) if variable.scope == "proc" else None
    if sample is None:
        raise CommandError("Variable not found.")
    return f"{name}: type={NAMES.get(sample.kind, 'any')} value=<{_written(sample)}>"


def _written(sample: Sample) -> str:
    """Return a value as a text, which ends at a NUL as in HAProxy."""
    if sample.kind is Kind.BOOL:
        return str(int(bool(sample.value)))
    text = sample.value if sample.kind in (Kind.STR, Kind.BIN, Kind.METH) else cast_sample(sample, Kind.STR)
    return decode(bytes_of(text or b"").partition(b"\0")[0])


def set_var(command: CommandLine) -> Answer:
    """Set a variable to what an expression gives, or to a text that a format makes."""
    name = command.word(0)
    if not name:
        raise CommandError(MISSING)
    words = command.words[1:]
    if not words:
        raise CommandError("Missing either 'expr', 'fmt' or expression.")
    if len(words) > 1 and words[0] not in ("expr", "fmt"):
        raise CommandError(f"'set var': the type must be either 'expr' or 'fmt', and not '{words[0]}'.")
    try:
        variable = read_variable(name)
        if variable.scope != "proc":
            raise ValueError(f"'{name}' cannot be set: only variables of the scope 'proc' can")
        sample = _made(command, words)
    except ValueError as wrong:
        raise CommandError(f"'set var': {wrong}.") from wrong
    if sample is not None:
        command.world.variables.put(variable.name, sample)
    return ""


def _made(command: CommandLine, words: tuple[str, ...]) -> Sample | None:
    """Return the value that the words describe. Raises ValueError."""
    if words[0] == "fmt" and len(words) > 1:
        form = read_format(words[1], "")
        if form.variables:
            raise ValueError(f"'%{form.variables[0].variable}' is of a session, and there is none here")
        for one in form.expressions:
            _check_place(one.fetch.name, one.fetch.places)
        return Sample(Kind.STR, text_of(form, _no_variable)(_facts(command)))
    expression = parse_expression(words[-1] if len(words) < 3 else words[1], "")
    _check_place(expression.fetch.name, expression.fetch.places)
    value = expression.take(_facts(command))
    return None if value is None else sample_of(expression.kind, value)


def _no_variable(piece: Any) -> Any:
    raise AssertionError("a format with variables is refused before")


def _check_place(name: str, places: str) -> None:
    if not Place.COMMAND.allows(places):
        raise ValueError(f"the fetch '{name}' is of a session, and there is none here")


def _facts(command: CommandLine) -> Facts:
    """Return what converters may look at: there is no client."""
    world = command.world
    frontend = SimpleNamespace(model=SimpleNamespace(name=""))
    facts = SimpleNamespace(
        world=world, frontend=frontend, farm=None, captured=None, variables={"proc": world.variables}.get
    )
    return cast("Facts", facts)


COMMANDS = (
    CommandRow("get var", get_var, "<name>", "tell the value of a variable of the process", Level.OPERATOR),
    CommandRow(
        "set var", set_var, "<name> [expr|fmt] {<expr>|<fmt>}", "set a variable of the process", Level.ADMIN,
        experimental=True,
    ),
)  # fmt: skip
