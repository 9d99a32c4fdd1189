"""Keyword rows: one declaration for each word of the language, read by parser, checks, help, docs and tests.

A row stands at the foot of the file that implements its word, in a module-level tuple `WORDS`;
tcproxy/language.py joins them all into Words. Rows of one value name a `field` of their section's draft and the
arguments' types, and need no code; rows of more shape name a `parse` function, which is given the statement, the
draft of its section and the Reading that it is part of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.statements import Statement


class Where(Enum):
    """The places a word may stand in: sections, and the option lists of some lines."""

    GLOBAL = "global"
    DEFAULTS = "defaults"
    FRONTEND = "frontend"
    LISTEN = "listen"
    BACKEND = "backend"
    BIND = "bind"
    SERVER = "server"
    USERLIST = "userlist"
    PEERS = "peers"
    HTTP_ERRORS = "http-errors"
    RING = "ring"
    ANYWHERE = "any section"


PROXY = frozenset({Where.DEFAULTS, Where.FRONTEND, Where.LISTEN, Where.BACKEND})
NAMED = frozenset({Where.FRONTEND, Where.LISTEN, Where.BACKEND})
FRONT = frozenset({Where.DEFAULTS, Where.FRONTEND, Where.LISTEN})
BACK = frozenset({Where.DEFAULTS, Where.LISTEN, Where.BACKEND})
NAMED_FRONT = frozenset({Where.FRONTEND, Where.LISTEN})
NAMED_BACK = frozenset({Where.LISTEN, Where.BACKEND})
GLOBAL = frozenset({Where.GLOBAL})
BIND = frozenset({Where.BIND})
SERVER = frozenset({Where.SERVER})


class Status(Enum):
    """How far a word is ours."""

    DONE = "supported"
    NO_EFFECT = "accepted, tunes something that does not exist here"
    KEPT = "checked and kept; takes effect with a later part of tcproxy"
    REFUSED = "known to HAProxy 2.6, not supported by tcproxy yet"


UNTOUCHED = {
    Status.NO_EFFECT: "has no effect in tcproxy",
    Status.KEPT: "is kept without effect: a later part of tcproxy will use it",
}
"""What -dD tells of words that are taken and change nothing."""


class Draft(dict[str, Any]):
    """A section while it is read: field name to value. Becomes the section's frozen dataclass by `Kind(**draft)`.

    Collections in it are never changed in place, so that a copy of a draft is a draft of its own; but `append` lets a
    list grow, which `settle` makes a tuple of: before the draft is copied, and when all is read.
    """

    def append(self, field: str, *items: Any) -> None:
        """Add items to the sequence of a field."""
        found = self.get(field)
        if type(found) is not list:
            found = self[field] = list(found or ())
        found += items

    def settle(self) -> Draft:
        """Make tuples of the lists that have grown; return this draft."""
        for name, value in self.items():
            if type(value) is list:
                self[name] = tuple(value)
        return self

    def refuse(self, word: str) -> None:
        """Remember that a line of this word was refused, so that nobody is told that it is missing."""
        self["refused"] = self.get("refused", frozenset()) | {word}

    def lacks(self, *words: str) -> bool:
        """Return whether a line of one of these words was refused: what it would have said is not known."""
        return not self.get("refused", frozenset()).isdisjoint(words)

    def put(self, field: str, key: str, value: Any) -> None:
        """Set one key in the mapping of a field."""
        self[field] = {**self.get(field, {}), key: value}


class Argument(Protocol):
    """The type of one argument: reads words and returns a value, or raises ValueError with a kind sentence."""

    def read(self, word: str) -> Any:
        """Return the value of the word."""
        ...


Parse = Callable[[Statement, Draft, "Reading"], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One word of the language.

    name: as written, one or more words: "maxconn", "timeout connect", "option tcplog".
    where: the places it may stand in.
    help: one sentence, ours.
    arguments: the types of the words that follow, all required, for a row with `field` and without `parse`;
        one argument stores its value, several store a tuple, none stores `value`.
    field: the field of the draft that is set.
    value: what a row with no argument stores.
    parse: for words of more shape: parse(statement, draft, reading); raises Refused.
    status: see Status. A REFUSED row needs name and where only.
    negatable: may stand behind `no` (stores `not value`, or calls parse with statement.negation set) and `default`.
    mode: "" for both, "tcp" or "http" for words that need that mode (in another mode: a warning, as in HAProxy).
    manual: the section of HAProxy's configuration manual.
    many: how many words follow, for option lists of `bind` and `server` lines whose row has `parse`; -1: the
        parse function finds out (it gets all the rest of the line) and returns how many it took.
    elsewhere: what a word in a section that it does not fit does: "ignored" with a warning, or "refused". In
        `defaults` it is always refused.
    unnamed_defaults: may stand in a `defaults` section without a name (rules may only in named ones).
    advice: of a word that HAProxy 2.6 itself no longer takes: what to write instead.
    core: one of HAProxy's built-in words, which its own list of keywords (-dK) leaves out.
    dynamic: an option of `server` that `add server` takes, too.
    own: a word of tcproxy alone, which HAProxy 2.6 does not have: -dK lists it under a heading of its own.
    """

    name: str
    where: frozenset[Where]
    help: str = ""
    arguments: tuple[Argument, ...] = ()
    field: str = ""
    value: Any = True
    parse: Parse | None = None
    status: Status = Status.DONE
    negatable: bool = False
    mode: str = ""
    manual: str = ""
    many: int = 0
    elsewhere: str = "ignored"
    unnamed_defaults: bool = True
    advice: str = ""
    core: bool = False
    own: bool = False
    dynamic: bool = False


class DuplicateWord(Exception):
    """Two rows claim one word in one place: an error of the program, not of a configuration."""


class Words:
    """All rows, found by the place where a word stands and its name of one or more words."""

    def __init__(self, *rooms: Iterable[Row]) -> None:
        self.rows: tuple[Row, ...] = tuple(row for room in rooms for row in room)
        self._places: dict[Where, dict[str, Row]] = {where: {} for where in Where}
        self._longest: dict[str, int] = {}
        for row in self.rows:
            for where in row.where:
                self._add(where, row)

    def _add(self, where: Where, row: Row) -> None:
        place = self._places[where]
        if row.name in place:
            raise DuplicateWord(f"two rows for '{row.name}' in {where.value}")
        place[row.name] = row
        head, *more = row.name.split(" ")
        self._longest[head] = max(self._longest.get(head, 0), len(more) + 1)

    def at(self, where: Where) -> dict[str, Row]:
        """Return the rows of one place by name."""
        return self._places[where]

    def find(self, where: Where, words: tuple[str, ...]) -> Row | None:
        """Return the row with the longest name that these words begin with, None when there is none."""
        place = self._places[where]
        for length in range(min(self._longest.get(words[0], 0), len(words)), 0, -1):
            row = place.get(" ".join(words[:length]) if length > 1 else words[0])
            if row is not None:
                return row
        return None

    def find_elsewhere(self, where: Where, words: tuple[str, ...]) -> Row | None:
        """Return the row that another kind of proxy has for these words."""
        if where not in PROXY:
            return None
        for other in (Where.LISTEN, Where.FRONTEND, Where.BACKEND, Where.DEFAULTS):
            row = self.find(other, words)
            if row is not None:
                return row
        return None

    def group(self, where: Where, head: str) -> tuple[str, ...]:
        """Return what may follow `head`, a word that no row has by itself: `client`, `server` ... of `timeout`."""
        found = [name.split(" ")[1] for name in self._names(where) if name.startswith(head + " ")]
        return tuple(dict.fromkeys(found))

    def _names(self, where: Where) -> list[str]:
        return list(self._places[where])


class FormatUse(NamedTuple):
    """Where a format stands. word: what it belongs to ("log-format", "http-request"); kind, name: of its section."""

    word: str
    kind: str = ""
    name: str = ""


@dataclass(slots=True)
class Reading:
    """One reading of a configuration: where messages go, what variables there are, which plugins are loaded.

    fetches, converters, actions, services: those of plugins.
    section: the kind of section being read ("global", "backend" ...); name: its name, "" without one.
    files: cache of files that lines name, by path, so that each is read once.
    patterns: the PatternSets (samples/patterns/sets.py) of ACLs and maps, None before the first.
    expressions: those that are the same in every section, by their texts.
    words: the joined rows. conditions: reads `if|unless CONDITION` (see rules/words.py). read_sample: reads a sample
    (likewise).
    check_format: raises ValueError about a format that is wrong, and returns it as it was read (samples/formats.py); it
    is given the text, whether HTTP mode is on, where it stands, and the statement.
    process: the draft of the global section, as far as it has been read.
    unresolved_allowed: a server whose name cannot be resolved is taken out of service (-dr) and is no error.
    embedded: an application gives the text, and asks on which ports it is served: `bind ADDRESS:0` may stand.
    """

    diagnostics: Diagnostics
    environment: Environment
    strategies: Mapping[str, Any] = field(default_factory=dict)
    checkers: Mapping[str, Any] = field(default_factory=dict)
    fetches: Mapping[str, Any] = field(default_factory=dict)
    converters: Mapping[str, Any] = field(default_factory=dict)
    actions: Mapping[str, Any] = field(default_factory=dict)
    services: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    name: str = ""
    default_path: str = "current"
    files: dict[str, Any] = field(default_factory=dict)
    patterns: Any = None
    expressions: dict[str, Any] = field(default_factory=dict)
    words: Words = field(default_factory=Words)
    conditions: Any = None
    read_sample: Any = None
    check_format: Callable[[str, bool, FormatUse, Statement], Any] | None = None
    unresolved_allowed: bool = False
    embedded: bool = False
    process: dict[str, Any] = field(default_factory=dict)

    def warn(self, statement: Statement, message: str, word: int = -1) -> None:
        """Emit a warning about the statement, or about one word of it."""
        self.diagnostics.warning(f"parsing [{statement.origin}] : {message}", statement, word)

    def tell_status(self, row: Row, statement: Statement, word: int = 0) -> None:
        """Tell those who asked (-dD) that a word has no effect, or is kept for a later part of tcproxy."""
        if row.status is not Status.DONE and row.status in UNTOUCHED:
            message = f"parsing [{statement.origin}] : '{row.name}' {UNTOUCHED[row.status]}"
            self.diagnostics.diag(message, statement, word)


def each(names: str) -> tuple[str, ...]:
    """Return the names of a text, parted at blanks."""
    return tuple(names.split())


def refused(where: frozenset[Where], names: str, **more: Any) -> tuple[Row, ...]:
    """Return a row for each line of `names`: words that HAProxy 2.6 knows and tcproxy refuses by name."""
    return tuple(Row(name.strip(), where, status=Status.REFUSED, **more) for name in names.splitlines() if name.strip())


def gone(where: frozenset[Where], names: Mapping[str, str]) -> tuple[Row, ...]:
    """Return rows of words that HAProxy 2.6 itself no longer takes, each with what to write instead."""
    return tuple(Row(name, where, status=Status.REFUSED, advice=advice, core=True) for name, advice in names.items())


def no_effect(where: frozenset[Where], names: str, help: str, many: int = 0, **more: Any) -> tuple[Row, ...]:
    """Return a row for each line of `names`: words that tune something which does not exist here.

    What follows the word is read by `arguments` where there are some, and else not read where `many` is not 0.
    """
    return tuple(
        Row(name.strip(), where, help, status=Status.NO_EFFECT, many=many, **more)
        for name in names.splitlines()
        if name.strip()
    )
