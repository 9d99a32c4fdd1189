"""Rows of fetches and converters: one declaration each, read by the parser, the lists of the language (-dK), the docs.

A row stands at the foot of the file that implements it, in a module-level tuple `FETCHES` or `CONVERTERS`;
tcproxy/samples/table.py joins them.

**Samples that may still change.** What a fetch reads may still grow: bytes of the client, a head of HTTP. `take` then
returns what the bytes so far give, which may be None, and says nothing of this. The row has a second function, `waits`,
which says whether another answer may come once more has come. A condition asks it of an expression (its field `waits`,
None for one that never changes) only after its test has failed, for want of a sample or because no pattern matched, and
only while `facts.wait_over` is False. A test that holds, holds at once:

    holds       if the value is there and matches
    waits       else if not facts.wait_over and waits(facts)
    fails       else

So a place where nothing can wait (`use_backend`, a log line) calls `take` alone, and converters and casts know of no
third outcome: what they make of a sample that may change, or fail to make of it, may change as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, same

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.samples.kinds import Value
    from tcproxy.samples.patterns.files import PatternFiles

Take: TypeAlias = "Callable[[Facts], Value | None]"
"""Takes a sample; None when there is none."""
TakeEvery: TypeAlias = "Callable[[Facts], Sequence[Value]]"
"""Takes all values of a fetch that has several, in order, for a test that tries one after the other."""
Convert: TypeAlias = "Callable[[Value], Value | None]"
"""Makes another value of one; None when there is none."""
ConvertWith: TypeAlias = "Callable[[Facts, Value], Value | None]"
"""The same, of a converter that looks at the session too (a variable, say)."""
Waits: TypeAlias = "Callable[[Facts], bool]"
"""Says whether the fetch may give something else once more bytes, or the end of the wait, have come."""


OF_BYTES = "bytes"
"""In Fetch.reads: bytes that came and were not passed on, which proxies in HTTP mode do not have."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch.

    kind: what it gives. places: see tcproxy.samples.places. arguments: types; the first `required` must be
        given, and are empty if they are not (a proxy left out means the current one).
    take: the fetch itself, for one without arguments. build: makes it of the arguments' values, those not
        given left out (ValueError says what is wrong with them).
    listed: the kind that HAProxy's list has for it, where that is not the one it gives.
    fixed: its value is the same for a whole connection, from its first request to its last.
    waits: says whether its value may still change (see above), whatever its arguments. build_waits: makes such a
        function of the arguments, as `build` does. Neither: the value is what it is.
    reads: what its value depends on, so that rules take it once until an action changes that: words such as "path",
        "method"; "header": of the name that its first argument is; OF_BYTES. "" where anything may change it.
    build_every: of a fetch with several values (headers, cookies, parameters): makes the function of the arguments
        that takes all of them, which a test tries in turn; None where these arguments ask for one.
    """

    name: str
    kind: Kind
    places: str
    help: str
    take: Take | None = None
    build: Callable[..., Take] | None = None
    arguments: tuple[ArgumentType, ...] = ()
    required: int = 0
    fixed: bool = False
    waits: Waits | None = None
    build_waits: Callable[..., Waits] | None = None
    listed: Kind | None = None
    reads: str = ""
    build_every: Callable[..., TakeEvery | None] | None = None

    @property
    def may_wait(self) -> bool:
        """Return whether its value may change while bytes come."""
        return self.waits is not None or self.build_waits is not None

    def compile_waits(self, values: Sequence[Any]) -> Waits | None:
        """Return the function that says whether the sample may still change; None for one that never does."""
        return self.waits if self.build_waits is None else self.build_waits(*values)

    def what_it_reads(self, values: Sequence[Any]) -> tuple[str, ...] | None:
        """Return what the value depends on, of a fetch with these arguments; None where that is not known."""
        if self.reads == "header":
            return (f"header {values[0].decode('ascii', 'replace').lower()}",) if values and values[0] else None
        if self.reads:
            return (self.reads,)
        return () if self.fixed else None

    def compile_every(self, values: Sequence[Any]) -> TakeEvery | None:
        """Return the function that takes all values, None where there is one at the most."""
        return None if self.build_every is None else self.build_every(*values)

    def compile(self, values: Sequence[Any]) -> Take:
        """Return the function that takes this sample with these arguments. Raises ValueError."""
        if self.build is not None:
            return self.build(*values)
        assert self.take is not None
        return self.take

    def listing(self) -> str:
        """Return the line of HAProxy's list of fetches."""
        return f"[ {' '.join(self.places)} ] {self.name}{self._signature()}: {(self.listed or self.kind).value}"

    def _signature(self) -> str:
        return signature(self.arguments, self.required)


def converted(take: Take, convert: Convert) -> Take:
    """Return the function that takes a sample and converts it."""
    if convert is same:
        return take

    def both(facts: Facts) -> Value | None:
        value = take(facts)
        return None if value is None else convert(value)

    return both


def every_converted(values: Sequence[Value], convert: Convert) -> Sequence[Value]:
    """Return the values converted, up to the first that has no counterpart: HAProxy tries none behind that."""
    if convert is same:
        return values
    found = []
    for value in values:
        changed = convert(value)
        if changed is None:
            break
        found.append(changed)
    return found


def signature(arguments: Sequence[ArgumentType], required: int) -> str:
    """Return arguments as HAProxy's lists have them: `(string[,integer])`, nothing for none."""
    if not arguments:
        return ""
    words = [kind.value for kind in arguments]
    given, optional = words[:required], words[required:]
    if not optional:
        return f"({','.join(given)})"
    comma = "," if given else ""
    return f"({','.join(given)}[{comma}{','.join(optional)}])"


@dataclass(frozen=True, slots=True)
class Converter:
    """One converter.

    takes: the kind that it is given: what comes is cast to it, and no sample comes of what cannot be cast. ANY: it is
    given whatever comes, as a Sample. gives: the kind of what it returns; ANY: a Sample.
    arguments: types; the first `required` must be given. `build` gets them as values, those not given left out.
    convert: the converter itself, for one without arguments. build: makes it of the arguments' values (ValueError
    says what is wrong with them). build_with: makes one that is called with the facts, too. build_from_files: makes one
    of the PatternFiles of the line, and of the arguments' values.
    listed: the kind that HAProxy's list has for what it returns, and by which it says what may follow; None: `gives`.
    keeps: what it returns stays of the kind that came, where the cast to `takes` changes nothing: as in HAProxy, a part
    of a text is a text for a variable that keeps it, though `bytes` is said to give a block.
    """

    name: str
    takes: Kind
    gives: Kind
    help: str
    convert: Convert | None = None
    build: Callable[..., Convert] | None = None
    build_with: Callable[..., ConvertWith] | None = None
    build_from_files: Callable[..., Convert] | None = None
    arguments: tuple[ArgumentType, ...] = ()
    required: int = 0
    listed: Kind | None = None
    keeps: bool = False

    @property
    def told(self) -> Kind:
        """The kind of what it returns by HAProxy's list."""
        return self.listed or self.gives

    def compile(self, values: Sequence[Any], files: PatternFiles | None = None) -> Convert | None:
        """Return the function of these arguments, None for a converter that needs facts. Raises ValueError."""
        if self.build_from_files is not None:
            if files is None:
                raise ValueError(f"'{self.name}' cannot read its file from here")
            return self.build_from_files(files, *values)
        if self.build is not None:
            return self.build(*values)
        return self.convert

    def listing(self) -> str:
        """Return the line of HAProxy's list of converters, which names what is given first."""
        return f"{self.name}{signature(self.arguments, self.required)}: {self.told.value} => {self.takes.value}"
