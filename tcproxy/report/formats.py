"""Log formats: the text of `log-format` becomes one function from a Record to a line (manual 8.2).

A format is compiled into a single expression, so that a line costs a microsecond or two. The variables are in
log_variables.py; where the line goes, and the header in front of it, is outlets.py. Sample expressions `%[...]`
are refused until the samples room has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tcproxy.report import dates
from tcproxy.report.log_variables import HTTP_MEANINGS, HTTP_VARIABLES, VARIABLES, Flags, Known, Variable, names
from tcproxy.report.record import NOWHERE, Record

HTTPLOG = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
)
"""What `option httplog` stands for (manual 8.2.3)."""
CLFLOG = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq '
    "%CC %CS %hrl %hsl"
)
"""What `option httplog clf` stands for (manual 8.2.3)."""
TCPLOG = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"
"""What `option tcplog` stands for (manual 8.2.2)."""


class Moment(Enum):
    """When a frontend writes the line of a session, or of a request."""

    ACCEPT = "as the session begins"
    ESTABLISHED = "when the server's connection stands, or at the end if it never does"
    REQUEST = "when the request came, and once more with its response"
    RESPONSE = "when the response's head came, or at the end if it never does"
    END = "at the end"


@dataclass(frozen=True, slots=True)
class Format:
    """A compiled format.

    needs: the address pairs of a Record that its line names ("client", "front" ...), and "unique_id".
    template, expressions: the two operands of the % that `render` computes, for callers that have the facts in another
    form; an expression names each fact as `r.NAME`. constants: the names that expressions may use.
    bare: the format for what never became a request; it differs where headers are captured.
    """

    text: str
    render: Callable[[Record], str]
    needs: frozenset[str] = frozenset()
    moment: Moment = Moment.END
    template: str = ""
    expressions: tuple[str, ...] = ()
    constants: Mapping[str, object] = field(default_factory=dict)
    bare: Format | None = None


class FormatError(ValueError):
    """A format cannot be used: the sentence to tell, and the character (from 0) where it goes wrong."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message}, at character {position + 1}")
        self.position = position


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


class _Compilation:
    """One reading of a format's text, from left to right.

    captured: what is captured of messages: "request", "response". verbatim: spaces stay as they are.
    """

    def __init__(
        self, text: str, early: bool, http: bool, captured: frozenset[str] = frozenset(), verbatim: bool = False
    ) -> None:
        self.text = text
        self.http = http
        self.early = early
        self.captured = captured
        self.parts: list[str] = []
        self.expressions: list[str] = []
        self.flags: Flags = frozenset()
        self.needs: set[str] = set()
        self.known: set[Known] = set()
        # spaces are merged, and none opens a line (the trailing one stays)
        self.after_space = not verbatim
        self.verbatim = verbatim

    @property
    def template(self) -> str:
        """Return the left operand of the % that writes the line."""
        return "".join(self.parts)

    def run(self) -> None:
        """Read it all; FormatError says what is wrong and where."""
        position = 0
        while position < len(self.text):
            character = self.text[position]
            if character == "%":
                position = self._percent(position)
            elif character == " ":
                self._space()
                position += 1
            else:
                self._add(character)
                position += 1

    def _space(self) -> None:
        if not self.after_space or self.verbatim:
            self.parts.append(" ")
        self.after_space = True

    def _add(self, part: str) -> None:
        self.parts.append(part)
        self.after_space = False

    def _percent(self, start: int) -> int:
        """Read what a percent sign opens; return the position behind it."""
        position = start + 1
        flags = self.flags
        braces = self.text.startswith("{", position)
        if braces:
            close = self.text.find("}", position)
            if close < 0:
                raise FormatError("the braces are not closed", position)
            flags = _flags(flags, self.text[position + 1 : close])
            position = close + 1
        name = _NAME.match(self.text, position)
        if name:
            self._variable(name[0], flags, start)
            return name.end()
        if self.text.startswith("[", position):
            raise FormatError("sample expressions %[...] are not supported by tcproxy yet", start)
        if braces:
            raise FormatError("flags in braces stand in front of a variable's name, and none follows", start)
        return self._sign(start)

    def _sign(self, start: int) -> int:
        following = self.text[start + 1 : start + 2]
        if not following:
            raise FormatError("a percent sign ends the format; write %% for the sign itself", start)
        if following.isspace() or following.isdigit():
            raise FormatError("a variable's name must follow the percent sign; write %% for the sign", start)
        # HAProxy prints any other character without the percent sign before it; %% is one case of that
        self._add(following.replace('%', '%%'))
        return start + 2

    def _named(self, name: str, start: int) -> Variable | None:
        if self.http:
            return HTTP_VARIABLES.get(name) or HTTP_MEANINGS.get(name) or VARIABLES.get(name)
        if name in HTTP_VARIABLES:
            raise FormatError(f"the variable %{name} needs 'mode http'", start)
        return VARIABLES.get(name)

    def _variable(self, name: str, flags: frozenset[str], start: int) -> None:
        if name == "o":
            self.flags = flags
            return
        variable = self._named(name, start)
        if variable is None:
            raise FormatError(f"there is no variable %{name}; write %% for the percent sign itself", start)
        if variable.pair:
            self.needs.add(variable.pair)
        self.known.add(variable.known)
        if variable.captures and variable.captures not in self.captured:
            return
        part, expression = variable.write(flags)
        self._add(f"+{part}" if variable.plus and self.early else part)
        self.expressions.append(expression)


def _flags(flags: Flags, arguments: str) -> Flags:
    """Return the flags after `+Q,-E`; HAProxy ignores other letters, and so do we."""
    found = set(flags)
    for word in arguments.split(","):
        sign, letters = word[:1], set(word[1:]) & {"Q", "X", "E"}
        if sign == "+":
            found |= letters
        elif sign == "-":
            found -= letters
    return frozenset(found)


def compile(
    text: str, early: bool = False, http: bool = False, captured: frozenset[str] = frozenset()
) -> Format:
    """Compile the text of a `log-format`; `early` says that `option logasap` is on. Raises FormatError.

    http: for a frontend in HTTP mode. captured: what is captured of messages ("request", "response").

    With `option logasap` the line leaves once the server's connection stands, or with the response's head, and a plus
    sign in front of the numbers of bytes and the total time says that they would have grown.
    """
    compilation = _Compilation(text, early, http, captured)
    compilation.run()
    constants = names()
    return Format(
        text,
        _render(compilation, constants),
        frozenset(compilation.needs),
        _moment(compilation),
        compilation.template,
        tuple(compilation.expressions),
        constants,
        compile(text, early, http) if captured else None,
    )


def _render(compilation: _Compilation, constants: Mapping[str, object]) -> Callable[[Record], str]:
    # all that a user wrote stands in the template, a constant
    source = f"lambda r: template % ({''.join(f'{expression}, ' for expression in compilation.expressions)})"
    render: Callable[[Record], str] = eval(source, {**constants, "template": compilation.template})
    return render


def _moment(compilation: _Compilation) -> Moment:
    known = compilation.known
    if Known.END in known and not compilation.early:
        return Moment.END
    if not compilation.http:
        return Moment.ESTABLISHED
    # HAProxy writes a line that tells only of the request when it has that, and again with the response
    if Known.REQUEST in known and Known.LATER not in known and not compilation.captured:
        return Moment.REQUEST
    return Moment.RESPONSE


def compile_payload(text: str) -> Format:
    """Compile a format that is no log line, but part of an HTTP answer. Raises FormatError.

    Its spaces stay, and what is missing is empty. Of a Record's addresses that are not known it wants NO_ADDRESS.
    """
    compilation = _Compilation(text, False, True, verbatim=True)
    compilation.run()
    render = _render(compilation, _blank_names())
    return Format(text, render, frozenset(compilation.needs))


def compile_id(text: str, http: bool, captured: frozenset[str]) -> Format:
    """Compile a `unique-id-format`: what is missing is empty, as in a payload. Raises FormatError."""
    compilation = _Compilation(text, False, http, captured)
    compilation.run()
    constants = _blank_names()
    return Format(
        text,
        _render(compilation, constants),
        frozenset(compilation.needs),
        template=compilation.template,
        expressions=tuple(compilation.expressions),
        constants=constants,
    )


NO_ADDRESS = ("", 0)
"""An address that is not known, where that is told by nothing."""


def _blank_names() -> dict[str, object]:
    return {**names(), "dash": "", "nowhere": NO_ADDRESS}


def blanked(record: Record) -> Record:
    """Return the record with NO_ADDRESS for each address that is not known."""
    for name in ("client", "front", "local", "remote"):
        if getattr(record, name) is NOWHERE:
            setattr(record, name, NO_ADDRESS)
    return record


def check(text: str, http: bool = False) -> None:
    """Raise FormatError, a ValueError, when the text is no format that tcproxy can write.

    http: for a frontend in HTTP mode, which has more variables.
    """
    _Compilation(text, False, http).run()


def _connect(record: Record) -> str:
    (host, port), (front, number) = record.client, record.front
    where = f"{front}:{number} ({record.frontend}/{record.mode.upper()})"
    return f"Connect to {where}" if host == "unix" else f"Connect from {host}:{port} to {where}"


DEFAULT = Format("", _connect, frozenset({"client", "front"}), Moment.ACCEPT)
"""The line of a frontend that chose no format (manual 8.2.1)."""


def error_format() -> Format:
    """Return the format of connections that fail before there is a session (manual 8.2.5).

    The reference writes such lines only where a format was chosen (`option tcplog`, `log-format` ...).
    """
    stamp = dates.Stamp()

    def render(record: Record) -> str:
        client = record.client
        date = stamp(record.accepted)
        return f"{client[0]}:{client[1]} [{date}] {record.frontend}/{record.bind}: {record.cause}"

    return Format("", render, frozenset({"client"}), Moment.END)
