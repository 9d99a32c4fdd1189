"""ACLs (manual 7.1): a criterion, flags and patterns become a test; tests of one name become an Acl.

conditions.py combines ACLs into conditions; tcproxy/samples/patterns compares values with patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import near
from tcproxy.rules.criteria import CRITERIA, OWN_METHODS
from tcproxy.samples.arguments import Reference
from tcproxy.samples.expressions import Expression, parse_expression
from tcproxy.samples.kinds import Cast, Kind, Value, cast, decode, encode, same
from tcproxy.samples.patterns.entries import Match
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.patterns.matchers import Matcher, Patterns
from tcproxy.samples.patterns.methods import CRITERIA_METHODS, DEFAULTS, METHODS, Flags, Method
from tcproxy.samples.patterns.numbers import OPERATORS, text_of_range
from tcproxy.samples.patterns.sets import PatternSet
from tcproxy.samples.places import Place
from tcproxy.samples.rows import Take, TakeEvery

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

GROUPS = "http_auth_group"
TakeAny: TypeAlias = "Take | TakeEvery"
"""Takes a sample, or all of a fetch that may have several."""
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")


@dataclass(frozen=True, slots=True)
class Test:
    """One test: a sample compared with patterns.

    text: as written. holds: says whether the sample is there and matches.
    take: takes the sample as one of the method's kind. matches: says whether a value matches, None where it is enough
    that there is one. kind: of the sample, as it is matched; None: whatever it is. several: `take` gives all values of
    a fetch that may have several, of which one must match. patterns: what it is compared with, None for the methods
    `found` and `bool`; rules may change them, and `patterns.match` with them.
    """

    text: str
    holds: Callable[[Facts], bool]
    expression: Expression
    origin: Origin = NOWHERE
    take: TakeAny | None = None
    matches: Match | None = None
    kind: Kind | None = None
    several: bool = False
    patterns: Patterns | None = None

    @property
    def is_fixed(self) -> bool:
        """Return whether it says the same for a whole connection."""
        return self.expression.fixed and (self.patterns is None or not self.patterns.files)

    @property
    def reads(self) -> tuple[str, ...] | None:
        """Return what changes its answer: what its sample reads, and "patterns FILE" of its files; None: not known."""
        reads = self.expression.reads
        if reads is None or self.patterns is None:
            return reads
        return (*reads, *(f"patterns {file}" for file in self.patterns.files))

    def fits(self, place: Place) -> bool:
        """Return whether the sample exists at this place."""
        return place.allows(self.expression.fetch.places)


@dataclass(slots=True)
class Acl:
    """The tests of one name; it holds when one of them does. Later `acl` lines of the name add to it."""

    name: str
    tests: list[Test] = field(default_factory=list)

    def holds(self, facts: Facts) -> bool:
        """Return whether any test holds."""
        for test in self.tests:  # noqa: SIM110 - a generator would double the cost
            if test.holds(facts):
                return True
        return False


def parse_acl(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `acl NAME CRITERION [flags] [operator] [pattern] ...`."""
    words = statement.words
    name = words[1] if len(words) > 1 else ""
    wrong = next((letter for letter in name if letter not in NAME_CHARACTERS), "")
    if not name:
        raise Refused("'acl' needs a name and a criterion behind it", 0)
    if wrong:
        raise Refused(f"the character '{wrong}' cannot stand in the acl name '{name}'", 1)
    if name.lower() == "or":
        raise Refused(f"'{name}' cannot name an acl: in a condition it stands between alternatives", 1)
    try:
        test = parse_test(statement, 2, len(words), reading)
    except Refused:
        # the name is declared all the same, so that conditions with it are not refused for want of it
        if reading.section != "defaults" and name not in draft.get("acls", {}):
            declare(Acl(name), draft)
        raise
    if reading.section == "defaults":
        return  # it could serve only the rules of the same section, and it has none yet
    known: Acl | None = draft.get("acls", {}).get(name)
    if known is not None:
        known.tests.append(test)  # conditions above that use the name see the new test too, as in HAProxy
    else:
        declare(Acl(name, [test]), draft)


def declare(acl: Acl, draft: Draft) -> None:
    """Put an ACL into a section. `defaults` sections have none, so the mapping is the section's own, and may grow."""
    draft.setdefault("acls", {})[acl.name] = acl


def parse_test(statement: Statement, start: int, end: int, reading: Reading) -> Test:
    """Read the words from `start` up to `end`: a criterion, flags and patterns. Raises Refused."""
    words = statement.words
    end = next((at for at in range(start, end) if not words[at]), end)  # an empty word ends the line
    if start == end:
        raise Refused("the criterion is missing: the name of a fetch, as 'src'", start - 1)
    files = PatternFiles(reading, statement)
    expression, method = _criterion(words[start], start, reading, files)
    flags = _Flags(statement, end, method)
    at = flags.read(start + 1)
    if expression.fetch.name == GROUPS:
        _check_groups(flags, at, end)
    method = flags.method or _default(expression, start)
    patterns, sets = _patterns(
        statement, at, end, method, flags, files, re.split("[(,]", statement.words[start])[0]
    )
    take = _taking(expression, method, flags.method is not None, start)
    if method.reader is not None and not (at < end or flags.ended or flags.files):
        reading.warn(statement, f"the acl '{words[start]}' has no pattern and will never match; '--' says you mean it")
    text = " ".join(words[start:end])
    matches = _matches(method, patterns)
    several = expression.every is not None
    if expression.fetch.name == GROUPS:
        expression = _naming_groups(expression, sets)
    holds = _holds(take, matches, several)
    return Test(text, holds, expression, statement.origin, take, matches, method.wants, several, patterns)


def _naming_groups(expression: Expression, sets: Sequence[PatternSet]) -> Expression:
    """Return the expression with the groups in its reference, so that they are looked for in the userlist."""
    groups = tuple(decode(entry.text) for one in sets for entry in one.entries())
    return replace(expression, references=tuple(replace(one, groups=groups) for one in expression.references))


def _check_groups(flags: _Flags, at: int, end: int) -> None:
    """Refuse whatever HAProxy refuses behind `http_auth_group(LIST)`, which is compared with names of groups only."""
    if flags.method is not None and flags.method_at:
        raise Refused(f"'{GROUPS}' is compared with names of groups: '-m' cannot stand behind it", flags.method_at)
    if at == end and not flags.files:
        raise Refused(f"'{GROUPS}' needs the names of groups behind it", at - 1)


def _criterion(word: str, at: int, reading: Reading, files: PatternFiles) -> tuple[Expression, Method | None]:
    """Return the expression of a criterion, and the method that an ACL-only name implies."""
    name = word.partition("(")[0].partition(",")[0]
    fetch, method = CRITERIA.get(name, (name, ""))
    text = fetch + word[len(name) :]
    expression = reading.expressions.get(text)
    if expression is None:
        try:
            expression = parse_expression(text, reading.name, files)
        except ValueError as error:
            raise Refused(str(error), at) from None
        if text.isidentifier() and not expression.references:
            reading.expressions[text] = expression  # `path` is the same in every section
    if name in OWN_METHODS:
        return expression, CRITERIA_METHODS[OWN_METHODS[name]]
    return expression, METHODS[method] if method else None


def _default(expression: Expression, at: int) -> Method:
    name = DEFAULTS.get(expression.kind)
    if name is None:
        raise Refused(f"'{expression.text}' gives {expression.kind.value}: '-m' must say how to match it", at)
    return METHODS[name]


class _Flags:
    """The flags in front of the patterns. method_at: index of `-m`, 0 without one.

    files: those of `-f`, each with the flags in force before it, whether `-M` was among them, and its word's place.
    """

    def __init__(self, statement: Statement, end: int, method: Method | None) -> None:
        self.statement, self.end, self.method = statement, end, method
        self.now = Flags()
        self.has_values = False
        self.ended = False
        self.number = -1
        self.method_at = 0
        self.files: list[tuple[str, Flags, bool, int]] = []

    def read(self, at: int) -> int:
        """Take flags from word `at` on; return the index of the first word behind them."""
        words = self.statement.words
        while at < self.end and words[at].startswith("-"):
            word, at = words[at], at + 1
            if word == "--":
                self.ended = True
                break
            if word == "-i":
                self.now = replace(self.now, ignore_case=True)
            elif word == "-n":
                self.now = replace(self.now, resolve=False)
            elif word == "-M":
                self.has_values = True
            elif word in ("-f", "-m", "-u"):
                if at == self.end:
                    raise Refused(f"'{word}' needs a word behind it", at - 1)
                self._take(word, words[at], at)
                at += 1
            else:
                told = f"'{word}' is not a flag of an acl; '--' goes before a pattern that begins with '-'"
                raise Refused(told, at - 1)
        return at

    def _take(self, flag: str, value: str, at: int) -> None:
        if flag == "-f":
            self.files.append((value, self.now, self.has_values, at))
        elif flag == "-m":
            if self.files:
                raise Refused("'-m' must stand before '-f'", at - 1)
            if value not in METHODS:
                raise Refused(f"unknown matching method '{value}'{near(value, list(METHODS))}", at)
            self.method, self.method_at = METHODS[value], at - 1
        elif not (value.isascii() and value.isdigit()):
            raise Refused(f"'-u' needs a number behind it, and not '{value}'", at)
        else:
            self.number = int(value)


def _patterns(
    statement: Statement, start: int, end: int, method: Method, flags: _Flags, files: PatternFiles, title: str
) -> tuple[Patterns | None, list[PatternSet]]:
    """Read the patterns of files and of the line; return the sets that have them, too. Raises Refused: all faults.

    title: the criterion.
    """
    own = PatternSet(origin=statement.origin, number=flags.number)
    own.title = title
    if method.reader is None:
        files.sets.add(own)
        return None, []
    sets: list[PatternSet] = []
    matchers: list[Matcher] = []
    faults: list[Refused] = []
    for name, now, has_values, at in flags.files:
        try:
            found = files.load(name, has_values)
            matchers.append(found.matcher(method, now))
            found.acls.append(statement.origin)
            sets.append(found)
        except ValueError as error:
            faults.append(Refused(str(error), at))
    try:
        files.sets.add(own)
    except ValueError as error:
        faults.append(Refused(str(error), start - 1))
    own.acls.append(statement.origin)
    own_matcher = own.matcher(method, flags.now)
    faults += _own_patterns(statement, range(start, end), method, own, own_matcher)
    refuse_all(faults)
    return Patterns([*matchers, own_matcher], tuple(one.file for one in sets)), [*sets, own]


def _own_patterns(
    statement: Statement, places: range, method: Method, own: PatternSet, matcher: Matcher
) -> Iterator[Refused]:
    """Put the patterns of the line into its set; return those that are wrong."""
    operator = "eq"
    for at in places:
        word = statement.words[at]
        try:
            if method.operated is None:
                own.add(encode(word))
            elif word in OPERATORS:
                operator = word
            else:
                bounds = method.operated(word, operator)
                text = encode(text_of_range(word, bounds, method.name == "versions"))
                matcher.known[text] = bounds
                own.add(text)
        except ValueError as error:
            yield Refused(str(error), at)


def _taking(expression: Expression, method: Method, is_named: bool, at: int) -> TakeAny:
    """Return the function that takes the sample as one of the method's kind, or all of them.

    is_named: `-m` names the method. Raises Refused where no cast leads to that kind. HAProxy has none of ADDR, which
    maps give, even to itself: only a test without `-m` can look at it.
    """
    every, wants = expression.every, method.wants
    if wants is None:
        return expression.take if every is None else every
    convert = same if expression.kind is wants and not is_named else cast(expression.kind, wants)
    if convert is None:
        raise Refused(f"'-m {method.name}' cannot match '{expression.text}', which gives {expression.kind.value}", at)
    if every is not None:
        return every if convert is same else _converted(every, convert)
    take = expression.take if convert is same else expression.taking(wants)
    assert take is not None
    return take


def _converted(every: TakeEvery, convert: Cast) -> TakeEvery:
    """Return the function that takes all values of a fetch as they are matched."""

    def converted(facts: Facts) -> list[Value]:
        return [value for one in every(facts) if (value := convert(one)) is not None]

    return converted


def _holds(take: TakeAny, matches: Match | None, several: bool) -> Callable[[Facts], bool]:
    """Return the function that takes the sample and matches it. several: it takes all values of a fetch."""
    if several:
        if matches is None:
            return lambda facts: bool(take(facts))
        return lambda facts: among(matches, take(facts))  # type: ignore[arg-type]  # it gives values
    if matches is None:
        return lambda facts: take(facts) is not None
    return lambda facts: (value := take(facts)) is not None and bool(matches(value))


def _matches(method: Method, patterns: Patterns | None) -> Match | None:
    """Return the function that compares a value with the patterns as they are then; None where a value is enough."""
    if method.wants is None:
        return None
    if patterns is None:
        return bool
    return lambda value: patterns.match(value)


def among(matches: Match, values: Sequence[Value]) -> bool:
    """Return whether one of some values matches."""
    for value in values:  # noqa: SIM110 - a generator would double the cost
        if matches(value):
            return True
    return False


def references(acl: Acl) -> Iterator[tuple[str, Origin, Reference]]:
    """Return the proxies and servers that the tests of an ACL name: in which expression, and where."""
    for test in acl.tests:
        for reference in test.expression.references:
            yield test.expression.text, test.origin, reference
