"""Log formats: the text of `log-format` becomes one function from a Record to a line (manual 8.2).

A format is compiled into a single expression, so that a line costs a microsecond or two. Its text is read by
samples/formats.py; the variables are in log_variables.py; where the line goes, and the header in front of it, is
outlets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from tcproxy.grammar.rows import FormatUse
from tcproxy.report import dates
from tcproxy.report.log_variables import HTTP_MEANINGS, HTTP_VARIABLES, VARIABLES, Known, Variable, names
from tcproxy.report.record import Record
from tcproxy.samples import formats as samples
from tcproxy.samples.formats import NO_FLAGS, OF_LOGS, Flags, FormatError, Piece, read_format
from tcproxy.samples.places import WITH_CLIENT, Place

if TYPE_CHECKING:
    from tcproxy.samples.expressions import Expression
    from tcproxy.samples.patterns.files import PatternFiles

__all__ = ["Format", "FormatError", "Moment", "check", "compile", "compile_id", "compile_payload", "compile_variable"]

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
_COUNTS = (
    "%(actconn)ac %(feconn)fc %(beconn)bc %(srv_conn)sc %(retries)rc %(srv_queue)sq %(backend_queue)bq"
)
HTTPLOG_JSON = (
    "%{+json}o %(client_ip)ci %(client_port)cp %(request_date)tr %(frontend_name)ft %(backend_name)b %(server_name)s "
    "%(TR)TR %(Tw)Tw %(Tc)Tc %(Tr)Tr %(Ta)Ta %(status_code)ST %(bytes_read)B %(captured_request_cookie)CC "
    f"%(captured_response_cookie)CS %(termination_state)tsc {_COUNTS} %(captured_request_headers)hrl "
    "%(captured_response_headers)hsl %(http_request)r"
)
"""What `option httplog json` stands for: the fields of `option httplog`, by their names in manual 8.2.3."""
TCPLOG_JSON = (
    "%{+json}o %(client_ip)ci %(client_port)cp %(accept_date)t %(frontend_name)ft %(backend_name)b %(server_name)s "
    f"%(Tw)Tw %(Tc)Tc %(Tt)Tt %(bytes_read)B %(termination_state)ts {_COUNTS}"
)
"""What `option tcplog json` stands for."""


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
    bare: the format for what never became a request; it differs where headers are captured, or samples taken.
    """

    text: str
    render: Callable[[Record], str]
    needs: frozenset[str] = frozenset()
    moment: Moment = Moment.END
    template: str = ""
    expressions: tuple[str, ...] = ()
    constants: Mapping[str, object] = field(default_factory=dict)
    bare: Format | None = None


class _Compilation:
    """One format's pieces, joined into a template and the expressions that fill it.

    captured: what is captured of messages: "request", "response". encodes: samples are written as rules of HTTP write
    them. verbatim: spaces stay as they are. refused: of connections that never became a session, of which samples that
    need more than a connection tell nothing. constants: names that expressions may use.
    """

    def __init__(
        self,
        early: bool = False,
        http: bool = True,
        captured: frozenset[str] = frozenset(),
        encodes: bool = False,
        verbatim: bool = False,
        refused: bool = False,
    ) -> None:
        self.http = http
        self.early = early
        self.captured = captured
        self.encodes = encodes
        self.verbatim = verbatim
        self.refused = refused
        self.parts: list[str] = []
        self.expressions: list[str] = []
        self.needs: set[str] = set()
        self.known: set[Known] = set()
        self.constants = names()
        # spaces are merged, and none opens a line (the trailing one stays)
        self.after_space = True

    def run(self, pieces: Iterable[Piece]) -> _Compilation:
        """Take all pieces; FormatError says what is wrong and where."""
        for piece in pieces:
            if piece.variable:
                self._variable(piece)
            elif piece.expression is not None:
                self._sample(piece, piece.expression)
            elif piece.space and not self.verbatim:
                self.parts.append("" if self.after_space else " ")
                self.after_space = True
            else:
                self._add(piece.text.replace("%", "%%"))
        return self

    def _add(self, part: str) -> None:
        self.parts.append(part)
        self.after_space = False

    def _named(self, name: str, start: int) -> Variable | None:
        if self.http:
            return HTTP_VARIABLES.get(name) or HTTP_MEANINGS.get(name) or VARIABLES.get(name)
        if name in HTTP_VARIABLES:
            raise FormatError(f"the variable %{name} needs 'mode http'", start)
        return VARIABLES.get(name)

    def _variable(self, piece: Piece) -> None:
        name = piece.variable
        variable = self._named(name, piece.position)
        if variable is None:
            raise FormatError(f"there is no variable %{name}; write %% for the percent sign itself", piece.position)
        if variable.pair:
            self.needs.add(variable.pair)
        self.known.add(variable.known)
        if variable.captures and variable.captures not in self.captured:
            if "json" in piece.flags:
                self._add("null")
            return
        part, expression = variable.write(piece.flags, self.early)
        self._add(part)
        self.expressions.append(expression)

    def _sample(self, piece: Piece, expression: Expression) -> None:
        from tcproxy.samples import items  # most formats take no sample

        item = (items.of_rule if self.encodes else items.of_line)(piece)
        if self.refused and not Place.FRONTEND_SESSION.allows(expression.fetch.places):
            item = items.missing(piece)
        name = f"sample{len(self.expressions)}"
        self.constants[name] = lambda facts: item(facts).decode("utf-8", "surrogateescape")
        self._add("%s")
        self.expressions.append(f"{name}(r.facts)")
        # HAProxy wants the transport of both sides for any sample, as for %sslv
        self.known.add(Known.LATER)
        if expression.fetch.places == WITH_CLIENT:
            self.needs.add("front")  # what the socket knows no more at the end

    def format(self, text: str, bare: Format | None = None) -> Format:
        """Return the compiled format."""
        template, constants = "".join(self.parts), self.constants
        # all that a user wrote stands in the template, a constant
        source = f"lambda r: template % ({''.join(f'{expression}, ' for expression in self.expressions)})"
        render: Callable[[Record], str] = eval(source, {**constants, "template": template})
        expressions = tuple(self.expressions)
        return Format(
            text, render, frozenset(self.needs), _moment(self), template, expressions, constants, bare
        )  # fmt: skip


def compile(
    text: str,
    early: bool = False,
    http: bool = False,
    captured: frozenset[str] = frozenset(),
    section: str = "",
    refused: bool = False,
    form: samples.Format | None = None,
) -> Format:
    """Compile the text of a `log-format`; `early` says that `option logasap` is on. Raises FormatError.

    form: the same as it was read with its line, where it has samples.

    http: for a frontend in HTTP mode. captured: what is captured of messages ("request", "response"). section: the name
    of the frontend. refused: for connections that never became a session.

    With `option logasap` the line leaves once the server's connection stands, or with the response's head, and a plus
    sign in front of the numbers of bytes and the total time says that they would have grown.
    """
    pieces = (form or read_format(text, section, flags=OF_LOGS)).pieces
    # bytes that are no request make a line without a session's samples
    differs = captured or any(piece.expression is not None for piece in pieces)
    bare = _Compilation(early, http, refused=True).run(pieces).format(text) if http and differs else None
    return _Compilation(early, http, captured, refused=refused).run(pieces).format(text, bare)


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


def compile_payload(text: str, section: str = "") -> Format:
    """Compile a format that is no log line, but part of an HTTP answer: its spaces stay. Raises FormatError."""
    pieces = read_format(text, section).pieces
    return _Compilation(encodes=True, verbatim=True).run(pieces).format(text)


def compile_variable(piece: Piece) -> Format:
    """Compile one variable of a format that a rule writes. Raises FormatError."""
    return _Compilation(verbatim=True).run([piece]).format(piece.variable)


def compile_id(
    text: str, http: bool, captured: frozenset[str], section: str = "", form: samples.Format | None = None
) -> Format:
    """Compile a `unique-id-format`: what is missing is empty, as in a payload. form: see `compile`.

    Raises FormatError.
    """
    pieces = (form or read_format(text, section)).pieces
    return _Compilation(False, http, captured, encodes=True).run(pieces).format(text)


_FRONT = (Place.FRONTEND_REQUEST_HEADER,)
_BACK = (Place.BACKEND_REQUEST_HEADER,)
_REQUESTS = _FRONT + _BACK
_PLACES: Mapping[str, Mapping[str, tuple[Place, ...]]] = {
    "unique-id-format": {"frontend": _FRONT, "backend": _BACK, "": _REQUESTS},
    "http-request": {"frontend": _FRONT, "backend": _BACK, "": _REQUESTS},
    "http-response": {"": (Place.FRONTEND_RESPONSE_HEADER, Place.BACKEND_RESPONSE_HEADER)},
    "http-error": {"": tuple(place for place in Place if place not in (Place.CONFIGURATION, Place.COMMAND))},
}
"""Where formats are written, by the word that they belong to and the kind of section; log lines: everything else."""


def _places(use: FormatUse) -> tuple[Place, ...]:
    by_kind = _PLACES.get(use.word, {"": (Place.LOGS,)})
    return by_kind.get(use.kind) or by_kind[""]


def check(
    text: str, http: bool = False, use: FormatUse | None = None, files: PatternFiles | None = None
) -> samples.Format:
    """Return the format as it was read. Raise FormatError, a ValueError, when it is none that tcproxy can write.

    http: for a frontend in HTTP mode, which has more variables. use: where it stands, by default a `log-format`. files:
    what its line needs to use maps and samples of plugins.
    """
    use = use or FormatUse("log-format")
    flags: Flags = NO_FLAGS if use.word in _PLACES else OF_LOGS
    form = read_format(text, use.name, files, flags)
    pieces = form.pieces
    _Compilation(False, http).run(pieces)
    places = _places(use)
    for piece in pieces:
        fetch = piece.expression.fetch if piece.expression is not None else None
        if fetch is not None and not any(place.allows(fetch.places) for place in places):
            where = " or ".join(f"'{place.words}'" for place in places[:2])
            raise FormatError(f"the fetch '{fetch.name}' cannot be used in {where}", piece.position)
    return form


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
