"""ACLs (manual 7.1): a criterion, flags and patterns become a test; tests of one name become an Acl.

conditions.py combines ACLs into conditions; methods.py and the files beside it compare values with patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tcproxy.grammar.files import path_of
from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import near
from tcproxy.rules.criteria import CRITERIA
from tcproxy.rules.methods import DEFAULTS, METHODS, Matches, Method, Pattern
from tcproxy.rules.numbers import OPERATORS
from tcproxy.samples.arguments import Reference
from tcproxy.samples.expressions import NOT_YET, Expression, parse_expression
from tcproxy.samples.kinds import Cast, Kind, Value, cast, same
from tcproxy.samples.places import Place
from tcproxy.samples.rows import Take, TakeEvery

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

TakeAny: TypeAlias = "Take | TakeEvery"
"""Takes a sample, or all of a fetch that may have several."""
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")


@dataclass(frozen=True, slots=True)
class Test:
    """One test: a sample compared with patterns.

    text: as written. holds: says whether the sample is there and matches. number: `-u`, 0 without one.
    take: takes the sample as one of the method's kind. matches: says whether a value matches, None where it is enough
    that there is one. kind: of the sample, as it is matched; None: whatever it is. several: `take` gives all values of
    a fetch that may have several, of which one must match.
    """

    text: str
    holds: Callable[[Facts], bool]
    expression: Expression
    origin: Origin = NOWHERE
    number: int = 0
    take: TakeAny | None = None
    matches: Matches | None = None
    kind: Kind | None = None
    several: bool = False

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
            draft.put("acls", name, Acl(name))
        raise
    if reading.section == "defaults":
        return  # it could serve only the rules of the same section, and it has none yet
    known: Acl | None = draft.get("acls", {}).get(name)
    tests = [*known.tests, test] if known is not None else [test]
    if known is not None:
        known.tests[:] = tests  # conditions above that use the name see the new test too, as in HAProxy
    else:
        draft.put("acls", name, Acl(name, tests))


def parse_test(statement: Statement, start: int, end: int, reading: Reading) -> Test:
    """Read the words from `start` up to `end`: a criterion, flags and patterns. Raises Refused."""
    words = statement.words
    end = next((at for at in range(start, end) if not words[at]), end)  # an empty word ends the line
    if start == end:
        raise Refused("the criterion is missing: the name of a fetch, as 'src'", start - 1)
    expression, method = _criterion(words[start], start, reading)
    flags = _Flags(statement, end, reading, method)
    at = flags.read(start + 1)
    method = flags.method or _default(expression, start)
    patterns = _patterns(statement, at, end, method, flags)
    take, matches = _compile(expression, method, patterns, start)
    several = expression.every is not None
    if method.matcher is not None and not (patterns or flags.ended or flags.files):
        reading.warn(statement, f"the acl '{words[start]}' has no pattern and will never match; '--' says you mean it")
    text = " ".join(words[start:end])
    holds = _holds(take, matches, several)
    return Test(text, holds, expression, statement.origin, flags.number, take, matches, method.wants, several)


def _criterion(word: str, at: int, reading: Reading) -> tuple[Expression, Method | None]:
    """Return the expression of a criterion, and the method that an ACL-only name implies."""
    name = word.partition("(")[0].partition(",")[0]
    fetch, method = CRITERIA.get(name, (name, ""))
    try:
        expression = parse_expression(fetch + word[len(name) :], reading.name)
    except ValueError as error:
        raise Refused(str(error), at) from None
    return expression, METHODS[method] if method else None


def _default(expression: Expression, at: int) -> Method:
    name = DEFAULTS.get(expression.kind)
    if name is None:
        raise Refused(f"'{expression.text}' gives {expression.kind.value}: '-m' must say how to match it", at)
    return METHODS[name]


class _Flags:
    """The flags in front of the patterns. files: those of `-f`, each with the flags in force before it."""

    def __init__(self, statement: Statement, end: int, reading: Reading, method: Method | None) -> None:
        self.statement, self.end, self.reading, self.method = statement, end, reading, method
        self.ignore_case = False
        self.resolve = True
        self.ended = False
        self.number = 0
        self.files: list[tuple[str, bool, int]] = []

    def read(self, at: int) -> int:
        """Take flags from word `at` on; return the index of the first word behind them."""
        words = self.statement.words
        while at < self.end and words[at].startswith("-"):
            word, at = words[at], at + 1
            if word == "--":
                self.ended = True
                break
            if word == "-i":
                self.ignore_case = True
            elif word == "-n":
                self.resolve = False
            elif word in ("-f", "-m", "-u"):
                if at == self.end:
                    raise Refused(f"'{word}' needs a word behind it", at - 1)
                self._take(word, words[at], at)
                at += 1
            else:
                self._refuse(word, at - 1)
        return at

    def _take(self, flag: str, value: str, at: int) -> None:
        if flag == "-f":
            self.files.append((value, self.ignore_case, at))
        elif flag == "-m":
            if self.files:
                raise Refused("'-m' must stand before '-f'", at - 1)
            if value not in METHODS:
                raise Refused(f"unknown matching method '{value}'{near(value, list(METHODS))}", at)
            self.method = METHODS[value]
        elif not (value.isascii() and value.isdigit()):
            raise Refused(f"'-u' needs a number behind it, and not '{value}'", at)
        else:
            self.number = int(value)

    def _refuse(self, word: str, at: int) -> None:
        if word == "-M":
            raise Refused(f"the flag '-M' of an acl {NOT_YET}", at)
        raise Refused(f"'{word}' is not a flag of an acl; '--' goes before a pattern that begins with '-'", at)


def _patterns(
    statement: Statement, start: int, end: int, method: Method, flags: _Flags
) -> list[tuple[int, object]]:
    """Read the patterns of files and of the line; each with the index of its word. Raises Refused with all faults."""
    if method.read is None:
        return []
    found: list[tuple[int, object]] = []
    faults: list[Refused] = []
    for name, ignore_case, at in flags.files:
        for line, text in _lines(name, at, statement, flags.reading):
            try:
                found.append((at, method.read(Pattern(text, ignore_case, resolve=flags.resolve))))
            except ValueError as error:
                faults.append(Refused(f"{error}, at line {line} of the file '{name}'", at))
                break  # a file of another kind would be wrong in all its lines
    operator = "eq"
    for at in range(start, end):
        word = statement.words[at]
        if method.numeric and word in OPERATORS:
            operator = word
            continue
        try:
            found.append((at, method.read(Pattern(word, flags.ignore_case, operator, flags.resolve))))
        except ValueError as error:
            faults.append(Refused(str(error), at))
    refuse_all(faults)
    return found


def _lines(name: str, at: int, statement: Statement, reading: Reading) -> Iterable[tuple[int, str]]:
    """Return the patterns of a file with their line numbers. The file is read once for all who name it."""
    path = path_of(name, statement, reading)
    found = reading.files.get(path)
    if found is None:
        try:
            text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise Refused(f"cannot read the pattern file '{name}': {error.strerror}", at) from None
        found = reading.files[path] = text
    for number, line in enumerate(found.split("\n"), 1):
        text = line.partition("\r")[0].lstrip(" \t")
        if text and not line.startswith("#"):
            yield number, text


def _compile(
    expression: Expression, method: Method, patterns: Sequence[tuple[int, object]], at: int
) -> tuple[TakeAny, Matches | None]:
    """Return the functions that take the sample, or all of them, and that match one."""
    every, wants = expression.every, method.wants
    if wants is None:
        return (expression.take if every is None else every), None
    convert = cast(expression.kind, wants)
    if convert is None:
        raise Refused(f"'-m {method.name}' cannot match '{expression.text}', which gives {expression.kind.value}", at)
    matches: Matches = bool if method.matcher is None else _matcher(method, patterns)
    if every is not None:
        return (every if convert is same else _converted(every, convert)), matches
    take = expression.taking(wants)
    assert take is not None
    return take, matches


def _converted(every: TakeEvery, convert: Cast) -> TakeEvery:
    """Return the function that takes all values of a fetch as they are matched."""

    def converted(facts: Facts) -> list[Value]:
        return [value for one in every(facts) if (value := convert(one)) is not None]

    return converted


def _holds(take: TakeAny, matches: Matches | None, several: bool) -> Callable[[Facts], bool]:
    """Return the function that takes the sample and matches it. several: it takes all values of a fetch."""
    if several:
        if matches is None:
            return lambda facts: bool(take(facts))
        return lambda facts: among(matches, take(facts))  # type: ignore[arg-type]  # it gives values
    if matches is None:
        return lambda facts: take(facts) is not None
    return lambda facts: (value := take(facts)) is not None and matches(value)


def among(matches: Matches, values: Sequence[Value]) -> bool:
    """Return whether one of some values matches."""
    for value in values:  # noqa: SIM110 - a generator would double the cost
        if matches(value):
            return True
    return False


def _matcher(method: Method, patterns: Sequence[tuple[int, object]]) -> Matches:
    assert method.matcher is not None
    if not patterns:
        return lambda value: False
    try:
        return method.matcher([pattern for _, pattern in patterns])
    except ValueError as error:
        raise Refused(str(error), patterns[0][0]) from None


def references(acl: Acl) -> Iterator[tuple[str, Origin, Reference]]:
    """Return the proxies and servers that the tests of an ACL name: in which expression, and where."""
    for test in acl.tests:
        for reference in test.expression.references:
            yield test.expression.text, test.origin, reference
