"""Command rows: one declaration for each command of the runtime socket, read by dispatch, help, -dKcli and tests.

A row stands at the foot of the file that implements its command, in a module-level tuple `COMMANDS`;
commands.py joins them all into one CommandTable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, Flag, IntEnum, auto
from typing import Any, Protocol, TypeAlias

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


class CommandPlace(Flag):
    """Which sockets know a command: those of a worker (`stats socket`), those of the master (`-S`)."""

    WORKER = auto()
    MASTER = auto()


class CommandStatus(Enum):
    """Whether tcproxy obeys a command or refuses it by name."""

    DONE = "supported"
    REFUSED = "known to HAProxy 2.6, not supported by tcproxy yet"


class CommandError(Exception):
    """A command cannot be obeyed: the sentence to answer, with its severity."""

    def __init__(self, message: str, severity: int = ERR) -> None:
        super().__init__(message)
        self.severity = severity


@dataclass(frozen=True, slots=True)
class Message:
    """An answer that has a severity. Dumps are plain text and have none."""

    text: str
    severity: int = INFO


class KnownCommands(Protocol):
    """All commands, as a conversation and the `help` command use them (command_table.py)."""

    def find(self, words: Sequence[str]) -> CommandRow | None:
        """Return the command with the longest name that these words begin with, None when there is none."""
        ...

    def help(self, words: Sequence[str] = ()) -> str:
        """Return the answer to `help`."""
        ...

    def unknown(self, words: Sequence[str]) -> str:
        """Return the answer to words that are no command."""
        ...


@dataclass(slots=True)
class Talk:
    """The state of one conversation. Commands read and change it.

    level: what may be done now; entered: what the socket allows. prompting: the interactive mode.
    timeout: seconds of silence until the conversation is closed; timeout_is_own: its client has set them.
    ended: it is over once all is answered.
    severity: "none", "number" or "string".
    """

    world: World
    table: KnownCommands
    level: Level = Level.ADMIN
    entered: Level = Level.ADMIN
    prompting: bool = False
    timeout: float = 10.0
    timeout_is_own: bool = False
    ended: bool = False
    severity: str = "none"
    expert: bool = False
    experimental: bool = False


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command as it was given. words: the words behind the command's name. payload: the lines behind `<<`, joined."""

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


class Later(Protocol):
    """An answer that comes later: a Deferred of Twisted."""

    def addBoth(self, callback: Callable[[Any], Any]) -> Any:
        """Call back with the answer, or with a failure."""
        ...

    def cancel(self) -> None:
        """Forget it: nobody waits for it any more."""
        ...


Answer: TypeAlias = "str | Message | Iterator[str] | Iterator[str | Later] | Later"
"""What a command answers: at once, in pieces that are made as fast as the client reads them, or later.

A Deferred among the pieces is waited for: the next piece is asked for when it has fired. Any input of the client ends
such an answer, and is not read further.
"""
Run = Callable[[CommandLine], Answer]


@dataclass(frozen=True, slots=True)
class CommandRow:
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
    where: CommandPlace = CommandPlace.WORKER
    status: CommandStatus = CommandStatus.DONE
    expert: bool = False
    experimental: bool = False
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.name.split()))


def refused(
    names: str, level: Level = Level.USER, where: CommandPlace = CommandPlace.WORKER, **marks: bool
) -> tuple[CommandRow, ...]:
    """Return a row for each line of `names`: commands of HAProxy 2.6 that tcproxy refuses by name."""
    return tuple(
        CommandRow(name.strip(), None, "", "", level, where, CommandStatus.REFUSED, **marks)
        for name in names.splitlines()
        if name.strip()
    )
