"""Command rows: one declaration for each command of the runtime socket, read by dispatch, help, -dKcli and tests.

A row stands at the foot of the file that implements its command, in a module-level tuple `COMMANDS`;
table.py joins them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, Flag, IntEnum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcproxy.control.table import Table
    from tcproxy.session.settings import World

ERR, WARNING, NOTICE, INFO = 3, 4, 5, 6
"""Severities of messages, as syslog counts them; `set severity-output` shows them."""


class Level(IntEnum):
    """What the user of a command socket may do (configuration manual 3.1, `stats socket`)."""

    USER = 1
    OPERATOR = 2
    ADMIN = 3

    @classmethod
    def named(cls, word: str) -> Level:
        """Return the level of this name; ValueError for another word."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"there is no level '{word}': user, operator and admin are known") from None

    @property
    def word(self) -> str:
        """Return its name in the configuration."""
        return self.name.lower()


class Where(Flag):
    """The sockets that know a command: of a worker (`stats socket`), of the master (`-S`)."""

    WORKER = auto()
    MASTER = auto()


class Status(Enum):
    """How far a command is ours."""

    DONE = "supported"
    REFUSED = "known to HAProxy 2.6, not supported by tcproxy yet"


class CommandError(Exception):
    """A command cannot be obeyed: the sentence to answer, with its severity."""

    def __init__(self, message: str, severity: int = ERR) -> None:
        super().__init__(message)
        self.severity = severity


@dataclass(frozen=True, slots=True)
class Message:
    """An answer of one sentence that has a severity; dumps are plain text and have none."""

    text: str
    severity: int = INFO


@dataclass(slots=True)
class Talk:
    """The state of one conversation, which commands read and change.

    level: what may be done now; entered: what the socket allows. prompting: the interactive mode.
    timeout: seconds of silence until the conversation is closed. ended: it is over once all is answered.
    severity: "none", "number" or "string".
    """

    world: World
    table: Table
    level: Level = Level.ADMIN
    entered: Level = Level.ADMIN
    prompting: bool = False
    timeout: float = 10.0
    ended: bool = False
    severity: str = "none"
    expert: bool = False
    experimental: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One command as given. words: those behind the command's name. payload: the lines behind `<<`, joined."""

    talk: Talk
    words: tuple[str, ...]
    payload: str = ""

    @property
    def world(self) -> World:
        """Return the running proxy."""
        return self.talk.world

    def word(self, index: int) -> str:
        """Return a word, or nothing where there are fewer."""
        return self.words[index] if index < len(self.words) else ""


Answer = str | Message
Run = Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    name: its words, as in "show stat". usage: what may stand behind them. help: one sentence, ours.
    level: below it, permission is denied. run: obeys and returns the answer; raises CommandError.
    expert, experimental: how HAProxy marks it.
    """

    name: str
    run: Run | None = None
    usage: str = ""
    help: str = ""
    level: Level = Level.USER
    where: Where = Where.WORKER
    status: Status = Status.DONE
    expert: bool = False
    experimental: bool = False
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.name.split()))


def refused(names: str, level: Level = Level.USER, where: Where = Where.WORKER, **marks: bool) -> tuple[Command, ...]:
    """Return a row for each line of `names`: commands of HAProxy 2.6 that tcproxy refuses by name."""
    return tuple(
        Command(name.strip(), None, "", "", level, where, Status.REFUSED, **marks)
        for name in names.splitlines()
        if name.strip()
    )
