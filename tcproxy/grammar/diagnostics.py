"""What the reader of a configuration is told: alerts, warnings, notices, diagnostics, in HAProxy's form.

The code that starts the proxy chooses the stream. Without a stream, messages are only recorded (embedding, tests).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import tcproxy
from tcproxy.grammar.statements import Statement

CARET_ROOM = 76
"""Columns of a line of the configuration shown above a caret."""


@dataclass(frozen=True, slots=True)
class Item:
    """One message: level ("alert", "warning", "notice" or "diag"), sentence, the statement it is about."""

    level: str
    message: str
    statement: Statement | None = None
    word: int = -1

    def __iter__(self) -> Iterator[object]:
        return iter((self.level, self.message, self.statement))


class Diagnostics:
    """Messages of one process: recorded in order and printed at once.

    pid: shown in each line. stream: where to print, None for nowhere. executable: path shown before the first
    alert or warning. caret: show the line of the configuration with a caret below the word at fault; None: on
    a terminal only. quiet (-q): print nothing. diagnosing (-dD): `diag` says something. text: all that was printed.
    errors_only: while it is true, warnings are not told.
    """

    def __init__(
        self,
        pid: int,
        stream: TextIO | None = None,
        *,
        executable: str = "",
        version: str = tcproxy.__version__,
        caret: bool | None = None,
        quiet: bool = False,
        diagnosing: bool = False,
    ) -> None:
        self.pid = pid
        self.stream = stream
        self.executable = executable or sys.argv[0]
        self.version = version
        self.caret = caret if caret is not None else bool(stream and stream.isatty())
        self.quiet = quiet
        self.diagnosing = diagnosing
        self.errors_only = False
        self.items: list[Item] = []
        self.text = ""
        self._counts: Counter[str] = Counter()
        self._introduced = False

    def alert(
        self, message: str, statement: Statement | None = None, word: int = -1, about: str = "config"
    ) -> None:
        """Tell of something that keeps the proxy from starting. about: the part that speaks, "" for none."""
        self._introduce()
        self._tell("alert", message, statement, word, about)

    def warning(
        self, message: str, statement: Statement | None = None, word: int = -1, about: str = "config"
    ) -> None:
        """Tell of something that is likely wrong."""
        if self.errors_only:
            return
        self._introduce()
        self._tell("warning", message, statement, word, about)

    def notice(
        self, message: str, statement: Statement | None = None, word: int = -1, about: str = "config"
    ) -> None:
        """Tell of something worth knowing."""
        self._tell("notice", message, statement, word, about)

    def diag(
        self, message: str, statement: Statement | None = None, word: int = -1, about: str = "config"
    ) -> None:
        """Tell of something that is only of interest to those who asked (-dD); nothing happens otherwise."""
        if self.diagnosing:
            self._tell("diag", message, statement, word, about)

    @property
    def alerts(self) -> int:
        """How many alerts there were."""
        return self.count("alert")

    @property
    def warnings(self) -> int:
        """How many warnings there were."""
        return self.count("warning")

    def count(self, level: str) -> int:
        """Return how many messages of a level there were."""
        return self._counts[level]

    def messages(self, *levels: str) -> list[str]:
        """Return the messages of some levels, in order."""
        return [item.message for item in self.items if item.level in levels]

    def _tell(self, level: str, message: str, statement: Statement | None, word: int, about: str) -> None:
        message = _shown_message(message, statement)
        self.items.append(Item(level, message, statement, word))
        self._counts[level] += 1
        self._print(level, f"{about} : {message}" if about else message)
        if self.caret and statement is not None:
            self._point(statement, word)

    def _print(self, level: str, text: str) -> None:
        label = f"[{level.upper()}]"
        self._write(f"{label:<10} ({self.pid}) : {text}\n")

    def _introduce(self) -> None:
        """Print version and path of the program once, before the first alert or warning, as HAProxy does."""
        if self._introduced or self.quiet:
            return
        self._introduced = True
        self._print("notice", f"tcproxy version is {self.version}")
        if self.executable:
            self._print("notice", f"path to executable is {self.executable}")

    def _point(self, statement: Statement, word: int) -> None:
        if not statement.text.strip():
            return
        column = statement.columns[word] if 0 <= word < len(statement.columns) else _indent(statement.text)
        line, place = excerpt(statement.text, column)
        self._write(f"  {line}\n  {' ' * place}^\n")

    def _write(self, text: str) -> None:
        if self.stream is not None and not self.quiet:
            printable = "\n".join(map(escaped, text.split("\n")))
            self.stream.write(printable)
            self.text += printable


def excerpt(text: str, column: int, room: int = CARET_ROOM) -> tuple[str, int]:
    """Return the part of a line that shows `column`, printable and within `room`, and how far a caret stands in."""
    printable = "".join(map(_shown, text))
    start = 0
    if column >= room:
        start = column - room * 3 // 4
    shown = printable[start : start + room].rstrip()
    if start:
        shown = "..." + shown[3:]
    return shown, sum(map(_cells, shown[: column - start])) + max(0, column - start - len(shown))


def _shown_message(message: str, statement: Statement | None) -> str:
    """Return a message with escapes for what is not printable, line feeds in words of the statement too."""
    for word in statement.words if statement is not None else ():
        if not word.isprintable():
            message = message.replace(word, escaped(word))
    return "\n".join(map(escaped, message.split("\n")))


def _shown(character: str) -> str:
    """Return what stands for a character: a tab is one blank, whatever the terminal's stops are."""
    if character == "\t":
        return " "
    return character if character.isprintable() else "?"


def escaped(text: str) -> str:
    """Return a text that a terminal may show: control characters and what else is not printable become escapes.

    A tab stays.
    A byte that is no text, which Python keeps as a surrogate, is shown as a configuration could have it: \\xff.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\t"}


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return _NAMED.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


def _cells(character: str) -> int:
    """Return how many cells of a terminal a character takes."""
    if character.isascii():
        return 1
    import unicodedata  # only for messages about errors

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
