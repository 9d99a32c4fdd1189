"""Converters of integers: sums and bits, and what is true of a number (manual 7.3.1).

A result that 64 bits do not hold becomes the nearest number that they hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import INT64_MAX, INT64_MIN, Kind, Value, decode, integer_of, leading_integer
from tcproxy.samples.rows import Convert, Converter, ConvertWith
from tcproxy.samples.variables import variable_in

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

_INTEGER = re.compile(rb"[+-]?[0-9]*")


def limited(number: int) -> int:
    """Return the nearest number that 64 bits hold."""
    return INT64_MAX if number > INT64_MAX else INT64_MIN if number < INT64_MIN else number


def _divided(number: int, by: int) -> int:
    """Return the quotient without its fraction; the largest number for a division by 0."""
    if not by:
        return INT64_MAX
    quotient = abs(number) // abs(by)
    return limited(quotient if (number < 0) == (by < 0) else -quotient)


def _remainder(number: int, by: int) -> int:
    """Return the rest of that division, of the sign of the number; 0 for a division by 0."""
    if not by:
        return 0
    rest = abs(number) % abs(by)
    return -rest if number < 0 else rest


def _with_operand(compute: Callable[[int, int], int]) -> Callable[..., ConvertWith]:
    """Return what builds a converter of one argument: an integer, or the name of a variable that holds one."""

    def build(word: bytes = b"") -> ConvertWith:
        variable = variable_in(word)
        if variable is not None:
            read = variable.value

            def convert_by_variable(facts: Facts, value: Value) -> Value | None:
                operand = read(facts.variables, Kind.SINT)
                return None if operand is None else compute(integer_of(value), integer_of(operand))

            return convert_by_variable
        if not _INTEGER.fullmatch(word):
            raise ValueError(f"'{decode(word)}' is neither an integer nor a variable")
        number = leading_integer(word)
        return lambda facts, value: compute(integer_of(value), number)

    return build


def _of_number(compute: Callable[[int], int]) -> Convert:
    return lambda value: compute(integer_of(value))


def _operator(name: str, help: str, compute: Callable[[int, int], int]) -> Converter:
    return Converter(
        name, Kind.SINT, Kind.SINT, help,
        build_with=_with_operand(compute), arguments=(ArgumentType.STRING,), required=1, keeps=True,
    )  # fmt: skip


def _simple(name: str, gives: Kind, help: str, compute: Callable[[int], int]) -> Converter:
    return Converter(name, Kind.SINT, gives, help, _of_number(compute), keeps=gives is Kind.SINT)


CONVERTERS = (
    _operator("add", "The sum with this number or variable.", lambda one, two: limited(one + two)),
    _operator("and", "The bits that are set in both.", lambda one, two: one & two),
    _operator("div", "The number divided by this one.", _divided),
    _operator("mod", "The rest of the division by this number.", _remainder),
    _operator("mul", "The product with this number.", lambda one, two: limited(one * two)),
    _operator("or", "The bits that are set in one or both.", lambda one, two: one | two),
    _operator("sub", "The number less this one.", lambda one, two: limited(one - two)),
    _operator("xor", "The bits that are set in only one of both.", lambda one, two: one ^ two),
    _simple("bool", Kind.BOOL, "True if the number is not 0.", lambda number: number != 0),
    _simple("cpl", Kind.SINT, "The number with all bits turned.", lambda number: ~number),
    _simple("even", Kind.BOOL, "True if the number is even.", lambda number: not number & 1),
    _simple("neg", Kind.SINT, "The number with the other sign.", lambda number: limited(-number)),
    _simple("not", Kind.BOOL, "True if the number is 0.", lambda number: number == 0),
    _simple("odd", Kind.BOOL, "True if the number is odd.", lambda number: bool(number & 1)),
)
