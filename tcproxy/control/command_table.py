"""The joined table of commands: finds the command of a line, lists and suggests them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from tcproxy.control.command_rows import CommandPlace, CommandRow, CommandStatus

ALWAYS = ("help", "prompt", "quit")
"""Commands that close every listing."""
CLOSE = 0.5
"""How much alike two commands must be for one to be suggested for the other (0 to 1)."""
SUGGESTIONS = 5


class DuplicateCommand(Exception):
    """Two rows claim one command: an error of the program."""


class CommandTable:
    """All commands, found by the words a line begins with."""

    def __init__(self, *rooms: Iterable[CommandRow]) -> None:
        self._commands: dict[tuple[str, ...], CommandRow] = {}
        for command in (command for room in rooms for command in room):
            if command.words in self._commands:
                raise DuplicateCommand(f"two rows for '{command.name}'")
            self._commands[command.words] = command
        self._longest = max((len(words) for words in self._commands), default=0)

    def __iter__(self) -> Iterator[CommandRow]:
        return iter(self._commands.values())

    def find(self, words: Sequence[str], where: CommandPlace = CommandPlace.WORKER) -> CommandRow | None:
        """Return the command with the longest name that these words begin with, None when there is none."""
        for length in range(min(self._longest, len(words)), 0, -1):
            command = self._commands.get(tuple(words[:length]))
            if command is not None and command.where & where:
                return command
        return None

    def help(self, words: Sequence[str] = ()) -> str:
        """Return the answer to `help`: all supported commands, or those that begin with the words or resemble them."""
        chosen = self._like(words) if words else self._supported()
        return "The following commands are valid at this level:\n" + self._listing(chosen)

    def unknown(self, words: Sequence[str]) -> str:
        """Return the answer to a line that is no command: its neighbours, or all commands."""
        chosen = self._like(words) if words else []
        if chosen:
            head = "Unknown command, but maybe one of the following ones is a better match:\n"
            return head + self._listing(chosen)
        return "Unknown command. Please enter one of the following commands only:\n" + self._listing(
            self._supported()
        )

    def _supported(self) -> list[CommandRow]:
        done = (command for command in self._commands.values() if command.status is CommandStatus.DONE)
        return sorted(done, key=lambda command: command.name)

    def _listing(self, chosen: Iterable[CommandRow]) -> str:
        lines = [_line(command) for command in chosen if command.name not in ALWAYS]
        lines += [_line(command) for name in ALWAYS if (command := self._commands.get((name,))) is not None]
        return "".join(lines)

    def _like(self, words: Sequence[str]) -> list[CommandRow]:
        """Return the commands that begin with the words, or else those that are nearest, the nearest first."""
        supported = self._supported()
        beginning = [command for command in supported if command.words[: len(words)] == tuple(words)]
        if beginning:
            return beginning
        rated = [(_likeness(words, command.words), command.name, command) for command in supported]
        near = sorted((-rate, name, command) for rate, name, command in rated if rate >= CLOSE)
        return [command for _, _, command in near[:SUGGESTIONS]]

    def registry(self) -> list[str]:
        """Return the lines of -dKcli: every command with the places that know it, refused ones too."""
        return [_registered(self._commands[words]) for words in sorted(self._commands)]


def _line(command: CommandRow) -> str:
    usage = f"{command.name} {command.usage}".rstrip()
    return f"  {usage:<40}: {command.help}\n"


def _likeness(words: Sequence[str], others: Sequence[str]) -> float:
    """Return how much two commands are alike: 0 to 1. Only as many words count as the command has."""
    matcher = SequenceMatcher(None, " ".join(words[: len(others)]), " ".join(others))
    # what differs too much in length alone is not looked at: a command may have thousands of bytes
    return matcher.ratio() if matcher.real_quick_ratio() >= CLOSE else 0.0


def _registered(command: CommandRow) -> str:
    known = (place for place in (CommandPlace.MASTER, CommandPlace.WORKER) if command.where & place)
    places = "".join(f"[{place.name}] " for place in known)
    marks = "[EXPERT] " * command.expert + "[EXPERIM] " * command.experimental
    return f"{command.name} {places}{marks}"
