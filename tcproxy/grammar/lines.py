"""One line of a configuration becomes words: quotes, backslashes, comments, variables (manual 2.2 and 2.3).

The law, as HAProxy 2.6 applies it:

* blanks part words: space, tab, carriage return, vertical tab, form feed; a hash outside quotes ends a line,
  and so does a carriage return that follows anything but a blank;
* single quotes keep everything; double quotes keep everything but the backslash and `$NAME` / `${NAME}`;
* a backslash makes n, r, t and xNN the character they stand for, and takes its meaning from a space, a
  backslash, a quote, a hash, and inside double quotes a dollar; before anything else it stays itself, at
  the end of a line too: there is no continuation of lines in this language;
* `${NAME-text}` stands for the text, taken as it is, where the variable does not exist; `${NAME[*]}` parts
  its value at blanks into words;
* a word ends at a NUL character that `\\x00` made.

Files, conditions and sections are not told here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_WORDS = 64
"""Words of one line at the most."""

BLANKS = " \t\n\v\f\r"

Variables = Callable[[str], str | None]
"""Gives the value of a variable, None for none. An unknown name with a dot in front raises KeyError."""


class Malformed(ValueError):
    """A line cannot be parted into words: what is wrong, and the column (from 0) where."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


class TooManyWords(Malformed):
    """A line has more than MAX_WORDS words."""


@dataclass(frozen=True, slots=True)
class Line:
    """The words of one line, and for each the column where it begins."""

    words: tuple[str, ...]
    columns: tuple[int, ...]


def split_line(text: str, variables: Variables, *, comments: bool = True) -> Line:
    """Part a line into words; raises Malformed. Without `comments`, a hash is a character like others."""
    if not _SPECIAL.search(text):
        words = tuple(_WORD.findall(text))
        line = Line(words, _columns(words, text))
    else:
        line = _Splitter(text, variables, comments).split()
    if len(line.words) > MAX_WORDS:
        column = line.columns[MAX_WORDS]
        raise TooManyWords(f"too many words on one line ({MAX_WORDS} at the most)", column)
    return line


def _columns(words: tuple[str, ...], text: str) -> tuple[int, ...]:
    """Return where each of the words of a line without quotes begins."""
    columns = []
    at = 0
    for word in words:
        at = text.index(word, at)
        columns.append(at)
        at += len(word)
    return tuple(columns)


_SPECIAL = re.compile(r"""["'\\#\r\n]""")
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_PLAIN = re.compile(r"""[^ \t\n\v\f\r"'\\#]+""")
_STRONG = re.compile(r"'([^'\r\n]*)'")
_WEAK = re.compile(r'[^"\\$\r\n]+')
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_]*")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{2}")
_BLANK_RUN = re.compile(r"[ \t\n\v\f\r]+")

_ENDS = "\r\n"
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}


class _Splitter:
    """The state of one line while it is parted."""

    def __init__(self, text: str, variables: Variables, comments: bool) -> None:
        self.text = text
        self.variables = variables
        self.comments = comments
        self.at = 0
        self.words: list[str] = []
        self.columns: list[int] = []
        self.pieces: list[str] | None = None  # of the word being read; None between words

    def split(self) -> Line:
        while self.at < len(self.text):
            character = self.text[self.at]
            if self._ends(character):
                break
            if character in BLANKS:
                self._close()
                self.at += 1
            else:
                self._step(character)
        self._close()
        return Line(tuple(self.words), tuple(self.columns))

    def _ends(self, character: str) -> bool:
        """Return whether the line ends here: at a comment, or at a carriage return behind a word."""
        return (character == "#" and self.comments) or (character in _ENDS and self.pieces is not None)

    def _step(self, character: str) -> None:
        """Read what begins with a character that is no blank and no comment."""
        if character == '"':
            self._weak_quotes()
        elif character == "'":
            self._strong_quotes()
        elif character == "\\":
            self._escape("\\ \"'#" if self.comments else "\\ \"'")
        else:
            match = _PLAIN.match(self.text, self.at)
            end = match.end() if match else self.at + 1
            self._add(self.text[self.at : end])
            self.at = end

    def _add(self, piece: str) -> None:
        if self.pieces is None:
            self.pieces = []
            self.columns.append(self.at)
        self.pieces.append(piece)

    def _close(self) -> None:
        if self.pieces is not None:
            word = "".join(self.pieces).partition("\0")[0]
            self.words.append(_joined(word))
            self.pieces = None

    def _strong_quotes(self) -> None:
        match = _STRONG.match(self.text, self.at)
        if not match:
            raise Malformed("a quote is not closed", self.at)
        self._add(match[1])
        self.at = match.end()

    def _weak_quotes(self) -> None:
        opened = self.at
        self._add("")
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] not in _ENDS:
            character = self.text[self.at]
            if character == '"':
                self.at += 1
                return
            if character == "\\":
                self._escape("\\ \"'#$" if self.comments else "\\ \"'$")
            elif character == "$":
                self._variable()
            else:
                match = _WEAK.match(self.text, self.at)
                assert match
                self._add(match[0])
                self.at = match.end()
        raise Malformed("a quote is not closed", opened)

    def _escape(self, protected: str) -> None:
        """Read a backslash and what it changes; `protected` characters lose their meaning behind it."""
        after = self.text[self.at + 1 : self.at + 2]
        if after and after in protected:
            self._add(after)
            self.at += 2
        elif after in _NAMED:
            self._add(_NAMED[after])
            self.at += 2
        elif after == "x":
            self._hexadecimal()
        else:
            self._add("\\")
            self.at += 1

    def _hexadecimal(self) -> None:
        match = _HEXADECIMAL.match(self.text, self.at + 2)
        if not match:
            raise Malformed("two hexadecimal digits are needed behind '\\x'", self.at)
        self._add(bytes([int(match[0], 16)]).decode("utf-8", "surrogateescape"))
        self.at = match.end()

    def _variable(self) -> None:
        """Read `$NAME`, `${NAME}`, `${NAME-text}` or `${NAME[*]}` and put the value in its place."""
        braced = self.text.startswith("{", self.at + 1)
        start = self.at + (2 if braced else 1)
        match = _NAME.match(self.text, start)
        if not match:
            raise Malformed("the name of a variable cannot begin like this", start)
        try:
            value = self.variables(match[0])
        except KeyError:
            raise Malformed(f"there is no variable '{match[0]}'", start) from None
        end, parted = match.end(), False
        if braced:
            end, parted, fallback = self._end_of_braces(start - 1, end)
            value = fallback if value is None else value
        self._put(value or "", parted)
        self.at = end

    def _end_of_braces(self, opened: int, at: int) -> tuple[int, bool, str | None]:
        """Return where the text goes on, whether the value is parted, and the text that stands for none."""
        parted = self.text.startswith("[", at)
        if parted:
            if not self.text.startswith("[*]", at):
                raise Malformed("only '[*]' can stand in brackets behind the name of a variable", at)
            at += 3
        close = self.text.find("}", at) if self.text.startswith("-", at) else at
        if close < 0 or not self.text.startswith("}", close):
            raise Malformed("the brace of a variable is not closed", opened)
        return close + 1, parted, self.text[at + 1 : close] if close > at else None

    def _put(self, value: str, parted: bool) -> None:
        if not parted:
            self._add(value)
            return
        first, *more = _BLANK_RUN.split(value)
        self._add(first)
        for word in more:
            self._close()
            self._add(word)


def _joined(word: str) -> str:
    """Let bytes that were written one by one (\\xc3\\xa9) be the character that they make."""
    if word.isascii():
        return word
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
