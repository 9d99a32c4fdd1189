"""Conditions of `.if`, `.elif` and the option -cc: predicates, numbers, ! && || and parentheses (manual 2.4).

A condition is read to its end even when its beginning decides it, so that each fault in it is found. reader.py acts
on the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tcproxy.grammar.environment import Environment
from tcproxy.grammar.features import FEATURES, LANGUAGE_VERSION, tls_library
from tcproxy.grammar.lines import Malformed, split_line

MAX_DEPTH = 200
"""Parentheses in parentheses at the most (HAProxy: about 1,000)."""


class BadCondition(ValueError):
    """A condition cannot be understood: what is wrong, and the column (from 0) where."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


def evaluate(text: str, environment: Environment) -> bool:
    """Return the value of a condition, whose quotes and variables of the line are resolved already.

    An empty condition is false. Raises BadCondition.
    """
    if not text:
        return False
    reading = _Condition(text, environment)
    value = reading.alternatives(0)
    if reading.at < len(text):
        raise BadCondition(f"unexpected '{text[reading.at]}' behind the end of the condition", reading.at)
    return value


def check_condition(text: str, environment: Environment) -> tuple[int, str]:
    """Evaluate the argument of -cc as a line would be: return its exit code and the error.

    The code is 0 for true, 1 for false, 2 for an error (the text is empty without one).
    """
    try:
        line = split_line(text, _plain_variables(environment), comments=False)
        expression = " ".join(line.words) if line.words else text
        return (0 if evaluate(expression, environment) else 1), ""
    except Malformed as wrong:
        return 2, f"the condition cannot be read: {wrong} (position {wrong.column + 1})"
    except BadCondition as wrong:
        return 2, f"the condition cannot be evaluated: {wrong} (position {wrong.column + 1})"


def _plain_variables(environment: Environment) -> Callable[[str], str | None]:
    """Variables where there is no file: those with a dot in front do not exist."""

    def value(name: str) -> str | None:
        if name.startswith("."):
            raise KeyError(name)
        return environment.get(name)

    return value


class _Condition:
    """The state of one condition while it is read."""

    def __init__(self, text: str, environment: Environment) -> None:
        self.text = text
        self.environment = environment
        self.at = 0

    def alternatives(self, depth: int) -> bool:
        """Read terms joined by && and ||, of which && binds closer."""
        value = self._conjunction(depth)
        while self._take("||"):
            other = self._conjunction(depth)
            value = value or other
        return value

    def _conjunction(self, depth: int) -> bool:
        value = self._term(depth)
        while self._take("&&"):
            other = self._term(depth)
            value = value and other
        return value

    def _term(self, depth: int) -> bool:
        negated = False
        self._skip_blanks()
        while self.text.startswith("!", self.at):
            negated = not negated
            self.at += 1
            self._skip_blanks()
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            value = number[0].strip("+-0xX") != ""
        elif self.text.startswith("(", self.at):
            value = self._parentheses(depth)
        else:
            value = self._predicate()
        return value != negated

    def _parentheses(self, depth: int) -> bool:
        opened = self.at
        if depth >= MAX_DEPTH:
            raise BadCondition(f"more than {MAX_DEPTH} parentheses in parentheses", opened)
        self.at += 1
        value = self.alternatives(depth + 1)
        self._skip_blanks()
        if not self.text.startswith(")", self.at):
            raise BadCondition("a ')' is missing behind the condition that begins here", opened)
        self.at += 1
        self._skip_blanks()
        return value

    def _predicate(self) -> bool:
        match = _WORD.match(self.text, self.at)
        name = match[0] if match else ""
        predicate = PREDICATES.get(name)
        if predicate is None:
            what = f"'{name}' is not a predicate" if name else "a condition is missing"
            raise BadCondition(f"{what} (known are {', '.join(PREDICATES)})", self.at)
        start = self.at
        self.at += len(name)
        arguments = self._arguments() if self.text.startswith("(", self.at) else [""]
        if len(arguments) != predicate.count:
            raise BadCondition(
                f"'{name}' takes {predicate.count} argument(s), and {len(arguments)} stand here", start
            )
        try:
            return predicate.holds(self.environment, *arguments)
        except ValueError as wrong:
            raise BadCondition(f"'{name}': {wrong}", start) from None

    def _arguments(self) -> list[str]:
        """Read a list in parentheses, which has quotes and backslashes of its own (manual 2.2)."""
        opened, arguments, pieces = self.at, list[str](), list[str]()
        self.at += 1
        while self.at < len(self.text):
            match = _PIECE.match(self.text, self.at)
            assert match  # the last alternative takes any character
            self.at = match.end()
            if match["end"] is None:
                pieces.append(_unquoted(match))
                continue
            arguments.append("".join(pieces))
            pieces.clear()
            if match["end"] == ")":
                return arguments
        raise BadCondition("a ')' is missing behind the arguments that begin here", opened)

    def _take(self, operator: str) -> bool:
        blank = _BLANKS.match(self.text, self.at)
        at = blank.end() if blank else self.at
        if not self.text.startswith(operator, at):
            self.at = at
            return False
        self.at = at + 2
        return True

    def _skip_blanks(self) -> None:
        blank = _BLANKS.match(self.text, self.at)
        self.at = blank.end() if blank else self.at


_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"\s*[+-]?(0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
_WORD = re.compile(r"[^ (]+")
_PIECE = re.compile(
    r"""(?P<end>[,)])
      | '(?P<strong>[^']*)(?:'|$)
      | "(?P<weak>(?:\\.|[^"\\])*)(?:"|\\?$)
      | \\(?P<escaped>[\\ "'nrt])
      | (?P<plain>[^,)'"\\]+|\\)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"""\\([\\ "'nrt])""")
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}


def _unquoted(match: re.Match[str]) -> str:
    """Return the text of a piece of an argument."""
    if match["strong"] is not None:
        return match["strong"]
    if match["weak"] is not None:
        return _ESCAPE.sub(lambda found: _NAMED.get(found[1], found[1]), match["weak"])
    if match["escaped"] is not None:
        return _NAMED.get(match["escaped"], match["escaped"])
    return match["plain"]


@dataclass(frozen=True, slots=True)
class Predicate:
    """One word of conditions: how many arguments it takes, and what it tells of them."""

    count: int
    holds: Callable[..., bool]


def _version_atleast(environment: Environment, wanted: str) -> bool:
    return _version(LANGUAGE_VERSION) >= _version(wanted)


def _version_before(environment: Environment, wanted: str) -> bool:
    return _version(LANGUAGE_VERSION) < _version(wanted)


_VERSION = re.compile(
    r"([0-9]{1,9})?(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(?:-dev([0-9]{1,9}))?(?:[.-]([0-9]{1,9})$)?"
)


def _version(text: str) -> tuple[int, ...]:
    """Return a version of HAProxy as numbers that compare: 2.6-dev3 < 2.6 < 2.6.1 < 2.6.1-5; missing: 0."""
    match = _VERSION.match(text)
    assert match  # every part of the expression may be missing
    major, minor, patch, development, commits = (int(part or 0) for part in match.groups())
    return major, minor, patch, match[4] is None, development, commits


def _openssl_atleast(environment: Environment, wanted: str) -> bool:
    return _library_version(tls_library().split()[1]) >= _library_version(wanted)


def _openssl_before(environment: Environment, wanted: str) -> bool:
    return _library_version(tls_library().split()[1]) < _library_version(wanted)


_LIBRARY_VERSION = re.compile(
    r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})([a-z]*)(?:-(dev|pre|alpha|beta)(\d{0,9}))?", re.ASCII
)


def _library_version(text: str) -> tuple[object, ...]:
    match = _LIBRARY_VERSION.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not a version of OpenSSL (such as 3.0.0, 1.1.1f or 3.2.0-beta1)")
    stage = ("dev", "pre", "alpha", "beta", None).index(match[5])
    return *(int(match[part]) for part in (1, 2, 3)), match[4], stage, int(match[6] or 0)


PREDICATES = {
    "defined": Predicate(1, lambda environment, name: name in environment),
    "feature": Predicate(1, lambda environment, name: not name or FEATURES.get(name, False)),
    "streq": Predicate(2, lambda environment, one, other: one == other),
    "strneq": Predicate(2, lambda environment, one, other: one != other),
    "version_atleast": Predicate(1, _version_atleast),
    "version_before": Predicate(1, _version_before),
    "openssl_version_atleast": Predicate(1, _openssl_atleast),
    "openssl_version_before": Predicate(1, _openssl_before),
    "ssllib_name_startswith": Predicate(1, lambda environment, start: tls_library().startswith(start)),
}
