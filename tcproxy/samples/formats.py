"""Formats: texts with `%[expression]` and `%variable` in them (manual 8.2.6), read into pieces.

Log lines, headers, paths, names of backends and payloads of answers are formats, and this is their only reader. What
becomes of the pieces is decided by who uses them: rules compile them in writing.py, log lines in report/formats.py.

    %ci   %{+Q}ci   %[src]   %{+Q,-E}[src,upper]   %{+Q}o   %%

Items may have a name, and a type behind it, as in HAProxy 3.0: `%(name)ci`, `%(name:str){+Q}[src]`. `%{+json}o` makes
the whole format a JSON object of its items.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tcproxy.samples.kinds import Kind

if TYPE_CHECKING:
    from tcproxy.samples.expressions import Expression
    from tcproxy.samples.patterns.files import PatternFiles

Flags = frozenset[str]
"""Of Q (quotes), X (hexadecimal), E (backslashes), M (`-` for what is missing), and json (a value of JSON)."""

OF_LOGS: Flags = frozenset("M")
"""The flags that log lines begin with; other formats begin with none."""
NO_FLAGS: Flags = frozenset()
TYPES = {"str": Kind.STR, "sint": Kind.SINT, "bool": Kind.BOOL}
"""What may stand behind a name."""


class FormatError(ValueError):
    """A format cannot be used: the sentence to tell, and the character (from 0) where it goes wrong."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message}, at character {position + 1}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a format: text as it is, a sample, or a variable by its name. position: of its first character.

    space: it is one or more spaces, which some formats merge. name, type: of an item, in JSON.
    """

    text: str = ""
    expression: Expression | None = None
    variable: str = ""
    flags: Flags = NO_FLAGS
    position: int = 0
    space: bool = False
    name: str = ""
    type: str = ""


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
_NAME_BEHIND_BRACES = re.compile(r"[A-Za-z0-9]+")
_PLAIN = re.compile(r"[^% ]+")
_SPACES = re.compile(r" +")
# HAProxy 2.6 prints parentheses behind a percent sign; they still mean that where no item follows them
_ITEM = re.compile(r"\(([A-Za-z0-9_.-]+)(?::([a-z]*))?\)(?=[A-Za-z{\[])")
_FLAG = re.compile(r"([+-])([^+,-]*)(?=,|\Z)")
_KNOWN = frozenset({"Q", "X", "E", "M", "json"})


def read_format(text: str, section: str, files: PatternFiles | None = None, flags: Flags = NO_FLAGS) -> Format:
    """Read a format; `section` is the name of the proxy that it stands in. Raises FormatError.

    files: what its line needs to use maps, which are refused without. flags: those that it begins with.
    """
    reader = _Reader(text, section, files, flags)
    pieces = reader.read()
    return Format(text, tuple(_object(pieces) if reader.json else pieces))


def read_again(form: Format, section: str) -> Format:
    """Return a format as it is read in another section; one with maps, or samples of plugins, stays as it was read."""
    try:
        return read_format(form.text, section)
    except FormatError:
        return form


def _object(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces of a JSON object: the items, and what stands between them; text of its own has no place there.

    An item without a name is called like its variable, or like its expression.
    """
    found: list[Piece] = []
    for piece in pieces:
        if piece.expression is None and not piece.variable:
            continue
        name = piece.name or piece.variable or (piece.expression.text if piece.expression is not None else "")
        key = json.dumps(name, ensure_ascii=False)
        found += (Piece(f"{', ' if found else '{'}{key}: "), replace(piece, flags=piece.flags | {"json"}))
    return [*found, Piece("}" if found else "{}")]


class _Reader:
    """Reads one text, from left to right. json: `%{+json}o` stands in it."""

    def __init__(self, text: str, section: str, files: PatternFiles | None, flags: Flags) -> None:
        self.text, self.section, self.files, self.flags = text, section, files, flags
        self.json = False
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
        item = _ITEM.match(self.text, start + 1)
        piece = Piece(flags=self.flags, position=start)
        at = start + 1
        if item:
            piece, at = self._named(piece, item), item.end()
        braces = self.text.startswith("{", at)
        if braces:
            close = self.text.find("}", at)
            if close < 0:
                raise FormatError("the braces are not closed", at)
            piece = replace(piece, flags=read_flags(piece.flags, self.text[at + 1 : close], at))
            at = close + 1
        name = (_NAME_BEHIND_BRACES if braces else _NAME).match(self.text, at)
        if name:
            self._variable(name[0], piece)
            return name.end()
        if self.text.startswith("[", at):
            return self._sample(at + 1, piece)
        if braces:
            raise FormatError("flags in braces stand in front of a variable's name, and none follows", start)
        return self._sign(start)

    def _named(self, piece: Piece, item: re.Match[str]) -> Piece:
        if item[2] is not None and item[2] not in TYPES:
            raise FormatError(f"'{item[2]}' is no type of an item: there are {', '.join(TYPES)}", item.start(2))
        return replace(piece, name=item[1], type=item[2] or "")

    def _variable(self, name: str, piece: Piece) -> None:
        if name == "o":
            self.flags = piece.flags - {"json"}
            self.json = self.json or "json" in piece.flags
        elif piece.type:
            raise FormatError(f"the type of %{name} cannot be chosen, as that of a sample can", piece.position)
        else:
            self.pieces.append(replace(piece, variable=name))

    def _sample(self, at: int, piece: Piece) -> int:
        # most configurations take no sample, and need not load what does
        from tcproxy.samples.expressions import read_expression

        start = piece.position
        try:
            expression, rest = read_expression(self.text[at:], self.section, self.files)
        except ValueError as error:
            raise FormatError(str(error), start) from None
        if expression.text.endswith(","):
            raise FormatError(f"a converter is missing behind '{expression.text}'", start)
        if not rest.startswith("]"):
            raise FormatError(f"the closing bracket is missing behind '{expression.text}'", start)
        if piece.type and expression.taking(TYPES[piece.type]) is None:
            told = f"a sample of type {expression.kind.value} cannot become of type {piece.type}"
            raise FormatError(f"{told} in '{expression.text}'", start)
        self.pieces.append(replace(piece, expression=expression))
        return len(self.text) - len(rest) + 1

    def _sign(self, start: int) -> int:
        following = self.text[start + 1 : start + 2]
        if not following:
            raise FormatError("a percent sign ends the format; write %% for the sign itself", start)
        if following in " \t0123456789":
            raise FormatError("a variable's name must follow the percent sign; write %% for the sign", start)
        # HAProxy prints any other character without the percent sign before it; %% is one case of that
        self.pieces.append(Piece(following, position=start))
        return start + 2


def read_flags(flags: Flags, arguments: str, position: int) -> Flags:
    """Return the flags after `+Q,-E`; HAProxy ignores words that it does not know, and so do we. Raises FormatError."""
    found = set(flags)
    for sign, word in _FLAG.findall(arguments):
        if word == "cbor" and sign == "+":
            raise FormatError("the flag 'cbor' is known to HAProxy 3.0, not supported by tcproxy yet", position)
        if word in _KNOWN:
            (found.add if sign == "+" else found.discard)(word)
    return frozenset(found)
