"""Matching methods (`-m` of an ACL): which kind of value each needs, how it reads and matches its patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tcproxy.grammar.networks import read_network
from tcproxy.rules import numbers, strings
from tcproxy.rules.networks import address_matcher
from tcproxy.rules.numbers import number_matcher, read_range
from tcproxy.samples.constants import hexadecimal
from tcproxy.samples.kinds import Kind, encode
from tcproxy.samples.patterns import regexes


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern as written. operator: of integers, the comparison before it. resolve: names may be looked up."""

    text: str
    ignore_case: bool = False
    operator: str = "eq"
    resolve: bool = True


Matches = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Method:
    """One matching method.

    wants: the kind of value it looks at; None for `found`, which looks at none. numeric: patterns may have
    operators before them. matcher: makes the function of all patterns (ValueError says which is wrong and why);
    None for methods that have no patterns.
    """

    name: str
    wants: Kind | None
    read: Callable[[Pattern], Any] | None = None
    matcher: Callable[[Sequence[Any]], Matches] | None = None
    numeric: bool = False


def _text(pattern: Pattern) -> strings.Pattern:
    return encode(pattern.text), pattern.ignore_case


def _number(pattern: Pattern) -> numbers.Range:
    return read_range(pattern.text, pattern.operator)


def _block(pattern: Pattern) -> strings.Pattern:
    return hexadecimal(pattern.text), False


def _length_matcher(ranges: Sequence[numbers.Range]) -> Matches:
    find = number_matcher(ranges)
    return lambda value: find(len(value))


METHODS = {
    method.name: method
    for method in (
        Method("found", None),
        Method("bool", Kind.SINT),
        Method("int", Kind.SINT, _number, number_matcher, numeric=True),
        Method("ip", Kind.ADDR, lambda pattern: read_network(pattern.text, pattern.resolve), address_matcher),
        Method("bin", Kind.BIN, _block, strings.exact_matcher),
        Method("len", Kind.STR, _number, _length_matcher, numeric=True),
        Method("str", Kind.STR, _text, strings.exact_matcher),
        Method("beg", Kind.STR, _text, strings.prefix_matcher),
        Method("sub", Kind.STR, _text, strings.substring_matcher),
        Method("dir", Kind.STR, _text, strings.directory_matcher),
        Method("dom", Kind.STR, _text, strings.domain_matcher),
        Method("end", Kind.STR, _text, strings.suffix_matcher),
        Method("reg", Kind.STR, _text, regexes.regex_matcher),
    )
}

DEFAULTS = {Kind.BOOL: "bool", Kind.SINT: "int", Kind.IPV4: "ip", Kind.IPV6: "ip", Kind.STR: "str"}
"""The method of a criterion without -m, by the kind of its samples; other kinds need -m."""
