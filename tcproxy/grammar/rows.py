"""Keyword rows: one declaration for each word of the language, read by parser, checks, help, docs and tests.

A row stands at the foot of the file that implements its word, in a module-level tuple `WORDS`;
tcproxy/language.py joins them all. Rows of one value name a `field` of their section's draft and the
arguments' types, and need no code; rows of more shape name a `parse` function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tcproxy.grammar.statements import Reading, Statement


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


class Draft(dict[str, Any]):
    """A section while it is read: field name to value. Becomes the section's frozen dataclass by `Kind(**draft)`.

    Collections in it are never changed in place, so that a copy of a draft is a draft of its own.
    """

    def append(self, field: str, *items: Any) -> None:
        """Add items to the tuple of a field."""
        self[field] = (*self.get(field, ()), *items)

    def put(self, field: str, key: str, value: Any) -> None:
        """Set one key in the mapping of a field."""
        self[field] = {**self.get(field, {}), key: value}


class Argument(Protocol):
    """The type of one argument: reads words and returns a value, or raises ValueError with a kind sentence."""

    def read(self, word: str) -> Any:
        """Return the value of the word."""
        ...


Parse = Callable[["Statement", Draft, "Reading"], Any]


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
    mode: "" for both, "tcp" or "http" for words that need that mode (another mode: a warning, as the reference).
    manual: the section of HAProxy's configuration manual.
    many: how many words follow, for option lists of `bind` and `server` lines whose row has `parse`; -1: the
        parse function finds out (it gets all the rest of the line) and returns how many it took.
    elsewhere: what a word in a section that it does not fit does: "ignored" with a warning, or "refused". In
        `defaults` it is always refused.
    unnamed_defaults: may stand in a `defaults` section without a name (rules may only in named ones).
    advice: of a word that HAProxy 2.6 itself no longer takes: what to write instead.
    core: one of HAProxy's built-in words, which its own list of keywords (-dK) leaves out.
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
