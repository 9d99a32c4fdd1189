"""Files of a configuration become statements: directories, conditions, messages, words `no` and `default`.

The meaning of statements stands with their rows; sections.py says which word may stand where. No content of a file
raises an exception here: each fault becomes a diagnostic.

Statements are yielded one by one, and a line sees the variables that the lines before it set: the caller acts on each
statement before it draws the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tcproxy.grammar.diagnostics import Diagnostics, excerpt
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.lines import BLANKS, Line, Malformed, split_line
from tcproxy.grammar.predicates import BadCondition, evaluate
from tcproxy.grammar.statements import Origin, Statement
from tcproxy.grammar.suggestions import near

SECTIONS = frozenset(
    (
        *("global", "defaults", "frontend", "listen", "backend", "userlist", "peers", "mailers", "resolvers"),
        *("namespace_list", "cache", "program", "ring", "log-forward", "http-errors", "fcgi-app"),
    )
)
"""The words that begin a section, wherever they stand first on a line."""

MARK = "\ufeff"
"""The byte order mark, which editors of some systems put before the first line."""

MAX_ERRORS = 50
"""So many errors, and the rest of a file is left unread."""

MAX_NESTED = 100
"""Levels of `.if`: this many are too many."""


def find_files(paths: Iterable[str], diagnostics: Diagnostics) -> list[str]:
    """Return the files to read: of a directory, its *.cfg in the order of their bytes, hidden ones left out.

    A path that does not exist is an alert. Paths stay as they were written, for messages.
    """
    files: list[str] = []
    for path in paths:
        try:
            if Path(path).is_dir():
                files += _files_of(path)
                continue
            Path(path).stat()
            files.append(path)
        except (OSError, ValueError) as wrong:
            diagnostics.alert(f"Cannot open configuration file/directory {path} : {_reason(wrong)}")
    return files


def _files_of(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        names = [
            entry.name
            for entry in entries
            if entry.name.endswith(".cfg") and not entry.name.startswith(".") and entry.is_file()
        ]
    return [f"{directory}/{name}" for name in sorted(names, key=os.fsencode)]


def _reason(wrong: Exception) -> str:
    return getattr(wrong, "strerror", None) or str(wrong)


class _Stop(Exception):
    """The rest of the file is left unread."""


class _Abort(_Stop):
    """Nothing more is read at all."""


@dataclass(slots=True)
class _Block:
    """One `.if` that is not closed yet.

    state: "taken" (its lines count), "waiting" (for a branch that holds), "over" (a branch was taken before),
    "masked" (it stands in a block whose lines do not count).
    """

    state: str
    last: bool = False  # .else was seen


@dataclass(slots=True)
class _Place:
    """Where the reader is."""

    file: str
    line: int = 0
    section: str = ""
    blocks: list[_Block] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        return Origin(self.file, self.line)

    @property
    def counts(self) -> bool:
        """Whether the lines here count, as far as conditions say."""
        return not self.blocks or self.blocks[-1].state == "taken"


class Reader:
    """Reads files.

    aborted: one held something after which nothing more was read. stopped: the rest of one was left unread.
    """

    def __init__(self, diagnostics: Diagnostics, environment: Environment) -> None:
        self.diagnostics = diagnostics
        self.environment = environment
        self.aborted = False
        self.stopped = False
        self._place = _Place("")

    def read(self, files: Iterable[str]) -> Iterator[Statement]:
        """Yield the statements of the files, in order. A file that cannot be read is an alert and the end."""
        for file in files:
            try:
                content = Path(file).read_bytes()
            except (OSError, ValueError) as wrong:
                self.diagnostics.alert(f"Could not open configuration file {file} : {_reason(wrong)}")
                self.aborted = True
                return
            yield from self.read_bytes(file, content)
            if self.aborted:
                return

    def read_bytes(self, name: str, content: bytes) -> Iterator[Statement]:
        """Yield the statements of one file's content; `name` stands in messages."""
        before = self.diagnostics.alerts
        self._place = _Place(name)
        try:
            yield from self._lines(content, before)
        except _Abort:
            self.aborted = True
        except _Stop:
            self.stopped = True
        if self.diagnostics.alerts > before:
            self.diagnostics.alert(f"Error(s) found in configuration file : {name}")

    def _lines(self, content: bytes, before: int) -> Iterator[Statement]:
        cut = -1  # where the line before ended without a line feed
        for raw in _physical_lines(content):
            if cut >= 0:
                self._alert(f"a NUL character stands at position {cut + 1}")
                raise _Stop
            self._place.line += 1
            if self.diagnostics.alerts - before >= MAX_ERRORS:
                self._alert(f"{MAX_ERRORS} errors are enough: the rest of the file is left unread")
                raise _Stop
            text, nul, _ = raw.partition(b"\0")
            if nul or not text.endswith(b"\n"):
                cut = len(text)
            statement = self._statement(text.removesuffix(b"\n").decode("utf-8", "surrogateescape"))
            if statement is not None:
                yield statement
        if cut >= 0:
            self._alert(
                f"the last line does not end with a line feed: is the file cut at position {cut + 1}?"
            )
        if self._place.blocks:
            self._alert("an '.if' has no '.endif'")
            raise _Abort

    def _statement(self, text: str) -> Statement | None:
        """Return the statement of a line; None for one that is empty, does not count, or is wrong."""
        if text.lstrip(BLANKS).startswith("["):
            self._scope(text.strip(BLANKS))
            return None
        try:
            line = split_line(text, self._variable)
        except Malformed as wrong:
            self._point(f"{wrong} at position {wrong.column + 1}", text, wrong.column)
            return None
        if not line.words:
            return None
        if line.words[0].startswith("."):
            self._directive(line)
            return None
        return self._ordinary(line, text) if self._place.counts else None

    def _ordinary(self, line: Line, text: str) -> Statement | None:
        words, columns, negation = line.words, line.columns, ""
        if "" in words:
            self._tell_of_the_end(line, text)
            end = words.index("")
            words, columns = words[:end], columns[:end]
            if not words:
                return None
        if words[0] in ("no", "default"):
            negation, words, columns = words[0], words[1:], columns[1:]
            if not words:
                self._alert(f"a word is missing behind '{negation}'")
                return None
        if words[0] in SECTIONS:
            self._place.section = words[1] if len(words) > 1 else words[0]
        elif not self._place.section:
            self._alert(_outside(words[0]))
            return None
        return Statement(self._place.origin, words, negation, columns, text)

    def _tell_of_the_end(self, line: Line, text: str) -> None:
        """Warn of an empty word: HAProxy 2.6 reads nothing behind one, so a variable that is not set cuts its line."""
        end = line.words.index("")
        rest = line.words[end + 1 :]
        unread = f": '{' '.join(rest)}' is not read" if any(rest) else ""
        message = f"{self._parsing} : an empty word ends the line{unread} (is a variable not set?)"
        self.diagnostics.warning(message, Statement(self._place.origin, line.words, "", line.columns, text), end)

    def _variable(self, name: str) -> str | None:
        if not name.startswith("."):
            return self.environment.get(name)
        place = self._place
        return {".FILE": place.file, ".LINE": str(place.line), ".SECTION": place.section}[name]

    def _scope(self, text: str) -> None:
        """Check a line such as `[name]`, which HAProxy accepts for tools and gives no meaning."""
        name, close, rest = text[1:].partition("]")
        if not close or not name:
            self._alert("the name of a scope is missing, or its ']'")
        elif wrong := [
            letter for letter in name if not (letter.isascii() and (letter.isalnum() or letter in "_.:-"))
        ]:
            self._alert(f"'{wrong[0]}' cannot stand in the name of a scope")
            raise _Abort
        elif rest.strip(BLANKS) and not rest.lstrip(BLANKS).startswith("#"):
            self._alert(f"'{rest.lstrip(BLANKS)[0]}' cannot stand behind the name of a scope")
            raise _Abort

    def _directive(self, line: Line) -> None:
        word, *arguments = line.words
        if word == ".if":
            self._if(" ".join(arguments))
        elif word == ".elif":
            self._elif(" ".join(arguments))
        elif word == ".else":
            self._else(arguments)
        elif word == ".endif":
            self._endif(arguments)
        elif self._place.counts:
            self._message(word, arguments)

    def _if(self, condition: str) -> None:
        blocks = self._place.blocks
        if len(blocks) + 1 >= MAX_NESTED:
            self._alert(f"too many '.if' in '.if': fewer than {MAX_NESTED} may nest")
            raise _Abort
        state = "masked"
        if self._place.counts:
            state = "taken" if self._holds(".if", condition) else "waiting"
        blocks.append(_Block(state))

    def _elif(self, condition: str) -> None:
        block = self._open_block(".elif")
        if block.state == "taken":
            block.state = "over"
        elif block.state == "waiting" and self._holds(".elif", condition):
            block.state = "taken"

    def _else(self, arguments: list[str]) -> None:
        self._no_arguments(".else", arguments)
        block = self._open_block(".else")
        block.last = True
        block.state = {"taken": "over", "waiting": "taken"}.get(block.state, block.state)

    def _endif(self, arguments: list[str]) -> None:
        self._no_arguments(".endif", arguments)
        if not self._place.blocks:
            self._alert("'.endif' stands without an '.if'")
            raise _Abort
        self._place.blocks.pop()

    def _open_block(self, word: str) -> _Block:
        """Return the innermost block, to which another branch is added."""
        if not self._place.blocks:
            self._alert(f"'{word}' stands without an '.if'")
            raise _Abort
        block = self._place.blocks[-1]
        if block.last:
            self._alert(f"'{word}' cannot follow '.else'")
            raise _Abort
        return block

    def _no_arguments(self, word: str, arguments: list[str]) -> None:
        if arguments and arguments[0]:
            self._alert(f"'{word}' takes no argument: what is '{arguments[0]}'?")
            raise _Abort

    def _holds(self, word: str, condition: str) -> bool:
        try:
            return evaluate(condition, self.environment)
        except BadCondition as wrong:
            message = f"{wrong}, in '{word}' at position {wrong.column + 1}"
            self._point(message, f"{word} {condition}", wrong.column + len(word) + 1)
            raise _Abort from None

    def _message(self, word: str, arguments: list[str]) -> None:
        """Emit the text of `.alert`, `.warning`, `.notice` or `.diag`; an alert is the end of the reading."""
        if word not in (".alert", ".warning", ".notice", ".diag"):
            known = ".if, .elif, .else, .endif, .alert, .warning, .notice, .diag"
            self._alert(f"there is no directive '{word}' (known are {known})")
            return
        if len(arguments) > 1 and arguments[1]:
            self._alert(f"'{word}' takes one text: put it in quotes, '{arguments[1]}' stands behind it")
            return
        tell = getattr(self.diagnostics, word[1:])
        tell(f"{self._parsing}: '{arguments[0] if arguments else ''}'.")
        if word == ".alert":
            raise _Abort

    @property
    def _parsing(self) -> str:
        return f"parsing [{self._place.origin}]"

    def _alert(self, message: str) -> None:
        self.diagnostics.alert(f"{self._parsing}: {message}{'' if message.endswith('?') else '.'}")

    def _point(self, message: str, text: str, column: int) -> None:
        """Emit an alert with the line and a caret under the column, as HAProxy does for such faults."""
        indent = len(text) - len(text.lstrip(BLANKS))
        line, place = excerpt(text[indent:], max(0, column - indent))
        self.diagnostics.alert(f"{self._parsing}: {message}:\n  {line}\n  {' ' * place}^")


def _outside(word: str) -> str:
    """Return what is wrong with a first word outside of any section."""
    if word.startswith(MARK):
        return "the file begins with a byte order mark, which is not seen: save it as UTF-8 without one"
    return f"the word '{word}' stands outside of any section{near(word, sorted(SECTIONS), 0.6)}"


def _physical_lines(content: bytes) -> list[bytes]:
    """Part at line feeds, which stay: a carriage return ends no line."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
