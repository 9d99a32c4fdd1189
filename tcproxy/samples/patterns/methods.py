"""Matching methods (`-m` of an ACL): which kind of value each needs, how it reads and matches its patterns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from tcproxy.grammar.networks import Network, read_network
from tcproxy.samples.kinds import Kind, decode
from tcproxy.samples.patterns.entries import Entry, Find, Match
from tcproxy.samples.patterns.networks import AddressStore
from tcproxy.samples.patterns.numbers import LengthStore, RangeStore, read_range, read_versions
from tcproxy.samples.patterns.regexes import RegexStore, compile_search
from tcproxy.samples.patterns.segments import Range
from tcproxy.samples.patterns.strings import (
    DelimitedStore,
    ExactStore,
    PrefixStore,
    SubstringStore,
    SuffixStore,
    read_block,
)


class Store(Protocol):
    """The patterns of one use of a set, in the form in which they are compared or looked up."""

    def __len__(self) -> int: ...

    def add(self, entry: Entry) -> None:
        """Take a pattern. Raises ValueError for one that cannot be read."""
        ...

    def remove(self, entry: Entry) -> None:
        """Give up a pattern."""
        ...

    def test(self) -> Match:
        """Return the function that says whether a value is matched; it is of no use after a change."""
        ...

    def find(self) -> Find:
        """Return the function that finds the entry that matches a value; it is of no use after a change."""
        ...


@dataclass(frozen=True, slots=True)
class Flags:
    """What stands before patterns. ignore_case: `-i`. resolve: names may be looked up (no `-n`)."""

    ignore_case: bool = False
    resolve: bool = True


Read: TypeAlias = Callable[[bytes], Any]
"""Reads a pattern as written. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Method:
    """One matching method.

    wants: the kind of value it looks at; None for `found`, which looks at none. reader: makes the function that reads
    patterns; store: makes what keeps them. Both are None for methods that have no patterns.
    operated: reads a pattern with the comparison that stands before it (`gt 5`); None where none may stand there.
    """

    name: str
    wants: Kind | None
    reader: Callable[[Flags], Read] | None = None
    store: Callable[[Read, Flags], Store] | None = None
    operated: Callable[[str, str], Range] | None = None


def _texts(flags: Flags) -> Read:
    return bytes.lower if flags.ignore_case else bytes


def _networks(flags: Flags) -> Callable[[bytes], Network]:
    """Return the function that reads a network; a name keeps the address that it had first."""
    resolved: dict[bytes, Network] = {}

    def read(text: bytes) -> Network:
        word = decode(text)
        try:
            return read_network(word, False)
        except ValueError:
            if not flags.resolve:
                raise
        if text not in resolved:
            resolved[text] = read_network(word)
        return resolved[text]

    return read


def _regexes(flags: Flags) -> Read:
    return lambda text: compile_search(text, flags.ignore_case)


def _numbers(flags: Flags) -> Read:
    return lambda text: read_range(decode(text))


_HTTP_METHODS = frozenset(b"OPTIONS GET HEAD POST PUT DELETE TRACE CONNECT".split())


class _MethodStore(ExactStore):
    """Methods of HTTP. Case is ignored in those only that HAProxy does not know as methods."""

    def __init__(self, ignore_case: bool) -> None:
        super().__init__(self._fold if ignore_case else bytes, False, whole=True)
        self.folds = ignore_case

    @staticmethod
    def _fold(text: bytes) -> bytes:
        return text if text in _HTTP_METHODS else text.lower()

    def test(self) -> Match:
        """Return the function that says whether a method is among the patterns."""
        return self.find()

    def find(self) -> Find:
        """Return the function that finds a method among the patterns."""
        find = super().find()
        if not self.folds:
            return find
        return lambda value: find(self._fold(value))


METHODS = {
    method.name: method
    for method in (
        Method("found", None),
        Method("bool", Kind.SINT),
        Method("int", Kind.SINT, _numbers, lambda read, flags: RangeStore(read), read_range),
        Method("ip", Kind.ADDR, _networks, lambda read, flags: AddressStore(read)),
        Method("bin", Kind.BIN, lambda flags: read_block, lambda read, flags: ExactStore(read, False, whole=True)),
        Method("len", Kind.STR, _numbers, lambda read, flags: LengthStore(read), read_range),
        Method("str", Kind.STR, _texts, lambda read, flags: ExactStore(read, flags.ignore_case)),
        Method("beg", Kind.STR, _texts, lambda read, flags: PrefixStore(read, flags.ignore_case)),
        Method("sub", Kind.STR, _texts, lambda read, flags: SubstringStore(read, flags.ignore_case)),
        Method("dir", Kind.STR, _texts, lambda read, flags: DelimitedStore(read, flags.ignore_case, b"/?")),
        Method("dom", Kind.STR, _texts, lambda read, flags: DelimitedStore(read, flags.ignore_case, b"/?.:")),
        Method("end", Kind.STR, _texts, lambda read, flags: SuffixStore(read, flags.ignore_case)),
        Method("reg", Kind.STR, _regexes, lambda read, flags: RegexStore(read)),
    )
}
"""What may stand behind `-m`."""

CRITERIA_METHODS = {
    method.name: method
    for method in (
        Method(
            "versions", Kind.SINT, lambda flags: lambda text: read_versions(decode(text)),
            lambda read, flags: RangeStore(read), read_versions,
        ),
        Method("method", Kind.METH, lambda flags: bytes, lambda read, flags: _MethodStore(flags.ignore_case)),
    )
}  # fmt: skip
"""Methods of single criteria (rules/criteria.py), which `-m` cannot name."""

DEFAULTS = {Kind.BOOL: "bool", Kind.SINT: "int", Kind.IPV4: "ip", Kind.IPV6: "ip", Kind.ADDR: "ip", Kind.STR: "str"}
"""The method of a criterion without -m, by the kind of its samples; other kinds need -m."""
