"""Formats: texts with `%[expression]` and `%variable` in them (manual 8.2.4), read into pieces.

Log lines, headers, names of backends and payloads of answers are formats. What becomes of the pieces is decided by who
uses them: rules compile them in session/http/texts.py, log lines in report/formats.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tcproxy.samples.expressions import Expression, read_expression
from tcproxy.samples.patterns.files import PatternFiles

Flags = frozenset[str]
"""Of Q (quotes), X (hexadecimal) and E (backslashes)."""


class FormatError(ValueError):
    """A format cannot be used: the sentence to tell, and the character (from 0) where it goes wrong."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message}, at character {position + 1}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a format: text as it is, a sample, or a variable by its name. position: of its first character.

    space: it is one or more spaces, which some formats merge.
    """

    text: str = ""
    expression: Expression | None = None
    variable: str = ""
    flags: Flags = frozenset()
    position: int = 0
    space: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """A format that was read."""

    text: str
    pieces: tuple[Piece, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Return the samples that it takes."""
        return tuple(piece.expression for piece in self.pieces if piece.expression is not None)

    @property
    def variables(self) -> tuple[Piece, ...]:
        """Return the pieces that are variables."""
        return tuple(piece for piece in self.pieces if piece.variable)


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_PLAIN = re.compile(r"[^% ]+")
_SPACES = re.compile(r" +")


def read_format(text: str, section: str, files: PatternFiles | None = None) -> Format:
    """Read a format; `section` is the name of the proxy that it stands in. Raises FormatError.

    files: what its line needs to use maps, which are refused without.
    """
    return Format(text, tuple(_Reader(text, section, files).read()))


class _Reader:
    """Reads one text, from left to right."""

    def __init__(self, text: str, section: str, files: PatternFiles | None) -> None:
        self.text, self.section, self.files = text, section, files
        self.flags: Flags = frozenset()
        self.pieces: list[Piece] = []

    def read(self) -> list[Piece]:
        text, at = self.text, 0
        while at < len(text):
            if text[at] == "%":
                at = self._percent(at)
                continue
            space = text[at] == " "
            match = (_SPACES if space else _PLAIN).match(text, at)
            assert match
            self.pieces.append(Piece(match[0], position=at, space=space))
            at = match.end()
        return self.pieces

    def _percent(self, start: int) -> int:
        """Read what a percent sign opens; return the index behind it."""
        at = start + 1
        flags = self.flags
        braces = self.text.startswith("{", at)
        if braces:
            close = self.text.find("}", at)
            if close < 0:
                raise FormatError("the braces are not closed", at)
            flags = read_flags(flags, self.text[at + 1 : close])
            at = close + 1
        name = _NAME.match(self.text, at)
        if name:
            if name[0] == "o":
                self.flags = flags
            else:
                self.pieces.append(Piece(variable=name[0], flags=flags, position=start))
            return name.end()
        if self.text.startswith("[", at):
            return self._sample(at + 1, flags, start)
        if braces:
            raise FormatError("flags in braces stand in front of a variable's name, and none follows", start)
        return self._sign(start)

    def _sample(self, at: int, flags: Flags, start: int) -> int:
        try:
            expression, rest = read_expression(self.text[at:].lstrip(" "), self.section, self.files)
        except ValueError as error:
            raise FormatError(str(error), start) from None
        rest = rest.lstrip(" ")
        if not rest.startswith("]"):
            raise FormatError(f"the closing bracket is missing behind '{expression.text}'", start)
        self.pieces.append(Piece(expression=expression, flags=flags, position=start))
        return len(self.text) - len(rest) + 1

    def _sign(self, start: int) -> int:
        following = self.text[start + 1 : start + 2]
        if not following:
            raise FormatError("a percent sign ends the format; write %% for the sign itself", start)
        if following.isspace() or following.isdigit():
            raise FormatError("a variable's name must follow the percent sign; write %% for the sign", start)
        # HAProxy prints any other character without the percent sign before it; %% is one case of that
        self.pieces.append(Piece(following, position=start))
        return start + 2


def read_flags(flags: Flags, arguments: str) -> Flags:
    """Return the flags after `+Q,-E`; HAProxy ignores other letters, and so do we."""
    found = set(flags)
    for word in arguments.split(","):
        sign, letters = word[:1], set(word[1:]) & {"Q", "X", "E"}
        if sign == "+":
            found |= letters
        elif sign == "-":
            found -= letters
    return frozenset(found)
