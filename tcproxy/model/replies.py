"""Answers of the proxy's own that a configuration describes: whole ones out of files, and ones composed of parts.

`errorfile`, `errorloc`, `errorfiles` and `http-error` (manual 4.2) put them in the place of the built-in pages; the
sections `http-errors` (3.8) hold whole ones for others. What is sent, and when, is session/http/pages.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tcproxy.grammar.files import path_of
from tcproxy.grammar.rows import PROXY, Draft, FormatUse, Reading, Row, Where
from tcproxy.grammar.sections import SectionRow
from tcproxy.grammar.statements import Origin, Refused, Statement
from tcproxy.grammar.suggestions import nearest, suggestion

if TYPE_CHECKING:
    from tcproxy.wire.http1 import WholeResponse

STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504)
"""What the proxy may tell of its own accord, and has a built-in page for."""

WITHOUT_BODY = (204, 304)
"""Statuses whose answers have no body."""
BUFSIZE, MAXREWRITE = 16384, 1024
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,255}")
"""Names of headers (RFC 9110 section 5.6.2)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, for `status`.

    whole: the bytes of a whole response, b"" for none at all (the connection is closed); None: it is composed of
    payload, which is a log format where `formatted` says so, content_type and headers (name, log format). forms: its
    formats as their line was read (samples/formats.py), by their texts: with maps, and with samples of plugins.
    """

    status: int
    whole: bytes | None = None
    content_type: str = ""
    payload: bytes = b""
    formatted: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    forms: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def formats(self) -> tuple[str, ...]:
        """Return the texts of its log formats."""
        payload = (self.payload.decode("utf-8", "surrogateescape"),) if self.formatted else ()
        return (*payload, *(text for _, text in self.headers))


@dataclass(frozen=True, slots=True)
class ReplyLine:
    """A line of a section that puts answers in the place of others: of several lines the last one holds.

    statuses: which ones, () for all that the group has. group: the name of an `http-errors` section; without one
    `reply` takes the place, None: what would be told without the section. common: of a `defaults` section.
    """

    origin: Origin
    statuses: tuple[int, ...]
    reply: Reply | None = None
    group: str = ""
    common: bool = False


def parse_errorfile(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `errorfile STATUS FILE`: the file holds a whole response."""
    status, name = _two(statement, "a file")
    _add(statement, draft, reading, (status,), reply=Reply(status, _read_whole_file(name, 2, statement, reading)))


def parse_errorloc(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `errorloc|errorloc302|errorloc303 STATUS URL`: the client is sent elsewhere."""
    status, url = _two(statement, "a URL")
    if any(letter < " " for letter in url):
        raise Refused(f"'{statement.words[0]}' : a URL has no control characters", 2)
    start = b"303 See Other" if statement.words[0] == "errorloc303" else b"302 Found"
    location = url.encode("utf-8", "surrogateescape")
    whole = b"HTTP/1.1 %b\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: %b\r\n\r\n" % (start, location)
    _checked(whole, statement.words[0], 2, statement, reading)
    _add(statement, draft, reading, (status,), reply=Reply(status, whole))


def parse_errorfiles(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `errorfiles NAME [STATUS ...]`: what the `http-errors` section of this name has, or these of it."""
    words = statement.words
    if len(words) < 2 or not words[1]:
        raise Refused("'errorfiles' needs the name of an 'http-errors' section behind it", 0)
    statuses = tuple(_status(word, at, "errorfiles") for at, word in enumerate(words[2:], 2))
    _add(statement, draft, reading, statuses, group=words[1])


def parse_http_error(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-error status STATUS ...`: one answer (see ReplyWords)."""
    words = ReplyWords(statement, reading)
    at = words.read(1)
    if at < len(statement.words):
        raise Refused(f"'{statement.words[at]}' cannot stand in 'http-error'", at)
    if not words.status:
        raise Refused("'http-error' needs 'status' and a number behind it", 0)
    _add(statement, draft, reading, (words.status,), reply=words.reply(), group=words.group)


def _add(
    statement: Statement, draft: Draft, reading: Reading, statuses: tuple[int, ...],
    reply: Reply | None = None, group: str = "",
) -> None:  # fmt: skip
    draft.append("reply_lines", ReplyLine(statement.origin, statuses, reply, group, reading.section == "defaults"))


def _two(statement: Statement, what: str) -> tuple[int, str]:
    words = statement.words
    if len(words) < 3 or not words[1] or not words[2]:
        raise Refused(f"'{words[0]}' needs a status and {what} behind it", 0)
    return _status(words[1], 1, words[0]), words[2]


def _status(word: str, at: int, name: str) -> int:
    status = int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0
    if status not in STATUSES:
        known = ", ".join(map(str, STATUSES))
        raise Refused(f"'{name}' : no page is known for the status '{word}', only for these: {known}", at)
    return status


# files


def _read_file(name: str, at: int, statement: Statement, reading: Reading) -> bytes:
    """Return what is in a file: of the size of a buffer at the most."""
    limit = _tuned(reading, "tune.bufsize", BUFSIZE)
    try:
        with open(path_of(name, statement, reading), "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Refused(f"'{statement.words[0]}' : cannot read the file '{name}': {error.strerror}", at) from None
    if len(data) > limit:
        raise Refused(f"'{statement.words[0]}' : the file '{name}' is larger than a buffer ({limit} bytes)", at)
    return data


def _read_whole_file(name: str, at: int, statement: Statement, reading: Reading) -> bytes:
    data = _read_file(name, at, statement, reading)
    if data:
        _checked(data, name, at, statement, reading)
    return data


def _checked(data: bytes, name: str, at: int, statement: Statement, reading: Reading) -> WholeResponse:
    from tcproxy.wire.http1 import BadMessage, read_whole  # most configurations need none of it

    try:
        whole = read_whole(data)
    except BadMessage as wrong:
        raise Refused(f"'{statement.words[0]}' : '{name}' is no response: it has {wrong}", at) from None
    if whole.room > _tuned(reading, "tune.bufsize", BUFSIZE):
        raise Refused(f"'{statement.words[0]}' : '{name}' does not fit into a buffer with its headers", at)
    return whole


def _tuned(reading: Reading, name: str, default: int) -> int:
    value: int = reading.process.get("tune", {}).get(name, default)
    return value


# answers composed of parts


class ReplyWords:
    """The words that describe one answer, read one by one.

    status: 0 until it is said. kind: the word that says what is sent, "" without one. group: an `http-errors`
    section that has it. any_status: it may also be one that there is no page for, if the answer is described.
    """

    IGNORED = frozenset({"content-length", "content-type", "transfer-encoding"})
    """Headers that follow from the payload."""

    def __init__(self, statement: Statement, reading: Reading, status: int = 0, any_status: bool = False) -> None:
        self.statement, self.reading = statement, reading
        self.status, self.any_status = status, any_status
        self.name = " ".join(statement.words[:2]) if any_status else statement.words[0]
        self.kind = self.group = self.content_type = ""
        self.whole: bytes | None = None
        self.payload = b""
        self.headers: list[tuple[str, str]] = []
        self.forms: dict[str, Any] = {}

    def read(self, start: int) -> int:
        """Take words from this index on; return that of the first which does not belong here. Raises Refused."""
        words = self.statement.words
        at = start
        while at < len(words) and words[at] in self._TAKE:
            count, take = self._TAKE[words[at]]
            if at + count >= len(words) or not all(words[at + 1 : at + count + 1]):
                needed = "an argument" if count == 1 else f"{count} arguments"
                raise Refused(f"'{words[at]}' needs {needed} behind it", at)
            take(self, at)
            at += count + 1
        self._check()
        return at

    def read_old_status(self, at: int) -> int:
        """Take `deny_status STATUS`, the older form, if it stands here; return the index of what follows."""
        words = self.statement.words
        if at >= len(words) or words[at] != "deny_status":
            return at
        if at + 1 >= len(words) or not words[at + 1]:
            raise Refused("'deny_status' needs an argument behind it", at)
        self._take_status(at)
        return at + 2

    def use_page(self) -> None:
        """Describe the page that there is for the status, since no word tells of another answer. Raises Refused."""
        self.kind = "default-errorfiles"
        self._check()

    def reply(self) -> Reply | None:
        """Return the answer that the words describe; None for that of a group, or that of other sections."""
        if self.kind in ("default-errorfiles", "errorfiles"):
            return None
        if self.kind == "errorfile":
            return Reply(self.status, self.whole)
        formatted = self.kind in ("lf-file", "lf-string")
        content_type = self.content_type if self.payload else ""
        return Reply(self.status, None, content_type, self.payload, formatted, tuple(self.headers), self.forms)

    def _take_status(self, at: int) -> None:
        word = self.statement.words[at + 1]
        if not self.any_status:
            self.status = _status(word, at + 1, self.name)
            return
        self.status = int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0
        if not 200 <= self.status < 600:
            raise Refused(f"'{self.name}' : '{word}' is no status of an answer: these are 200 to 599", at + 1)

    def _take_type(self, at: int) -> None:
        self.content_type = self.statement.words[at + 1]
        self._no_breaks(at + 1)

    def _take_header(self, at: int) -> None:
        name, text = self.statement.words[at + 1 : at + 3]
        if name.lower() in self.IGNORED:
            self._warn(f"the header '{name}' is ignored: it follows from the payload")
            return
        if not TOKEN.fullmatch(name):
            raise Refused(f"'{name}' is no name of a header", at + 1)
        self._no_breaks(at + 2)
        self._check_format(text, at + 2)
        self.headers.append((name, text))

    def _take_payload(self, at: int) -> None:
        word = self.statement.words[at]
        if self.kind:
            raise Refused(f"'{word}' cannot stand beside '{self.kind}'", at)
        self.kind = word
        argument = self.statement.words[at + 1] if self._TAKE[word][0] else ""
        if word == "errorfile":
            self.whole = _read_whole_file(argument, at + 1, self.statement, self.reading)
        elif word == "errorfiles":
            self.group = argument
        elif word.endswith("file"):
            self.payload = _read_file(argument, at + 1, self.statement, self.reading)
        else:
            self.payload = argument.encode("utf-8", "surrogateescape")
        if word.startswith("lf-"):
            self._check_format(self.payload.decode("utf-8", "surrogateescape"), at + 1)

    def _no_breaks(self, at: int) -> None:
        if any(letter < " " and letter != "\t" for letter in self.statement.words[at]):
            raise Refused("a header has no control characters", at)

    def _check_format(self, text: str, at: int) -> None:
        if self.reading.check_format is not None:
            try:
                use = _use(self.name, self.reading.section, self.reading.name)
                form = self.reading.check_format(text, True, use, self.statement)
            except ValueError as wrong:
                raise Refused(f"'{self.statement.words[0]}' : {wrong}", at) from None
            if form.expressions:
                self.forms[text] = form

    def _check(self) -> None:
        """Check what the words say together; tell of those that are ignored."""
        if self.kind in ("default-errorfiles", "errorfile", "errorfiles"):
            if self.status and self.status not in STATUSES and self.kind != "errorfile":
                _status(str(self.status), 0, self.name)
            if self.content_type:
                self._warn("'content-type' is ignored: a whole response has its own headers")
            if self.headers:
                self._warn("'hdr' is ignored: a whole response has its own headers")
            return
        if self.payload and not self.content_type:
            raise Refused(f"'{self.kind}' needs a 'content-type' beside it", 0)
        if self.content_type and not self.payload and not self.kind.startswith("lf-"):
            self._warn("'content-type' is ignored: there is no payload")
        if self.payload and self.status in WITHOUT_BODY:
            raise Refused(f"'{self.kind}' cannot stand beside the status {self.status}, which has no payload", 0)
        bufsize = _tuned(self.reading, "tune.bufsize", BUFSIZE)
        if self.kind == "file" and len(self.payload) > bufsize - _tuned(self.reading, "tune.maxrewrite", MAXREWRITE):
            self._warn("the payload leaves less of a buffer than 'tune.maxrewrite' reserves for headers")

    def _warn(self, message: str) -> None:
        self.reading.warn(self.statement, message)

    _TAKE: Mapping[str, tuple[int, Callable[[ReplyWords, int], None]]] = {
        "status": (1, _take_status),
        "content-type": (1, _take_type),
        "default-errorfiles": (0, _take_payload),
        "hdr": (2, _take_header),
        **dict.fromkeys(("errorfile", "errorfiles", "file", "lf-file", "lf-string", "string"), (1, _take_payload)),
    }


# what a section's lines come to


def finish(draft: Draft, groups: Mapping[str, Draft], reading: Reading) -> None:
    """Set `replies`: what each status is answered by in this section. groups: the `http-errors` sections."""
    found: dict[int, Reply] = {}
    for line in draft.get("reply_lines", ()):
        if line.group:
            _take_group(line, found, draft, groups, reading)
        elif line.reply is None:
            for status in line.statuses:
                found.pop(status, None)
        else:
            found[line.statuses[0]] = line.reply
            if draft.get("mode", "tcp") == "tcp" and not line.common:
                check_formats("http-error", line.origin, line.reply, reading)
    if found:
        draft["replies"] = found


def _take_group(
    line: ReplyLine, found: dict[int, Reply], draft: Draft, groups: Mapping[str, Draft], reading: Reading
) -> None:
    held = _held(line.group, line.origin, draft, groups, reading)
    if held is None:
        return
    for status in line.statuses or held:
        if status in held:
            found[status] = held[status]
        else:
            _warn_of_nothing(line.group, status, line.origin, draft, reading)


def held_reply(
    name: str, status: int, origin: Origin, draft: Draft, groups: Mapping[str, Draft], reading: Reading
) -> Reply | None:
    """Return what an `http-errors` section has for a status; None for nothing, which is told as a warning."""
    held = _held(name, origin, draft, groups, reading)
    if held is not None and status not in held:
        _warn_of_nothing(name, status, origin, draft, reading)
    return (held or {}).get(status)


def _held(
    name: str, origin: Origin, draft: Draft, groups: Mapping[str, Draft], reading: Reading
) -> dict[int, Reply] | None:
    """Return the answers of an `http-errors` section by status.

    None: there is no such section, which is an alert; or it is not known whole, because lines of it were refused.
    """
    group = groups.get(name)
    if group is not None and group.get("refused"):
        return None
    if group is None:
        near = suggestion(nearest(name, groups))
        where = f"[{origin}] : {draft['kind']} '{draft['name']}'"
        reading.diagnostics.alert(f"parsing {where} : there is no 'http-errors' section '{name}'{near}")
        return None
    return {one.statuses[0]: one.reply for one in group.get("reply_lines", ()) if one.reply is not None}


def _warn_of_nothing(name: str, status: int, origin: Origin, draft: Draft, reading: Reading) -> None:
    where = f"[{origin}] : {draft['kind']} '{draft['name']}'"
    reading.diagnostics.warning(f"parsing {where} : 'http-errors {name}' has nothing for the status {status}")


def _use(name: str, kind: str, section: str) -> FormatUse:
    """Return where a format of an answer stands. name: of the statement, as `http-request deny`."""
    return FormatUse(name.partition(" ")[0], kind, section)


def check_formats(name: str, origin: Origin, reply: Reply, reading: Reading) -> None:
    """In TCP mode nothing of it is ever sent; what could not be is an error all the same."""
    for text in reply.formats() if reading.check_format is not None else ():
        try:
            use = _use(name, reading.section, reading.name)
            reading.check_format(text, False, use, Statement(origin, (name, text)))  # type: ignore[misc]
        except ValueError as wrong:
            reading.diagnostics.alert(f"parsing [{origin}] : '{name}' : {wrong}")


def finish_groups(drafts: Mapping[str, Draft], reading: Reading) -> Mapping[str, Draft]:
    """Return the drafts of `http-errors` sections as they are: those that name them take answers out of them."""
    return drafts


SECTION = SectionRow("http-errors", Where.HTTP_ERRORS, "an 'http-errors'", finish_groups)

_ERRORS = PROXY | {Where.HTTP_ERRORS}

WORDS = (
    Row("errorfile", _ERRORS, "Answer a status with the response in a file.", parse=parse_errorfile, manual="4.2"),
    Row("errorfiles", PROXY, "Answer as an 'http-errors' section says.", parse=parse_errorfiles, manual="4.2"),
    Row("errorloc", PROXY, "Answer a status with a redirection (302).", parse=parse_errorloc, manual="4.2"),
    Row("errorloc302", PROXY, "Answer a status with a redirection (302).", parse=parse_errorloc, manual="4.2"),
    Row("errorloc303", PROXY, "Answer a status with a redirection (303).", parse=parse_errorloc, manual="4.2"),
    Row("http-error", PROXY, "Answer a status with a response of one's own.", parse=parse_http_error, manual="4.2"),
)
