"""The words of HTTP checks: `option httpchk` and the lines of `http-check` (manual 4.2).

As in HAProxy, the first such line of a section drops all that the section inherited from `defaults`, but for the flags
`disable-on-404` and `send-state`. The check itself is httpchk.py's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tcproxy.grammar.rows import BACK, Draft, Reading, Row, Status
from tcproxy.grammar.statements import Refused, Statement, refuse_all
from tcproxy.grammar.units import listed
from tcproxy.health.http_request import CheckRequest, Script
from tcproxy.health.httpchk import Expectation, HttpCheck
from tcproxy.samples.patterns.regexes import compile_regex
from tcproxy.wire.http1 import CodecLimits

LATER = "is known to HAProxy 2.6, not supported by tcproxy yet"
VERSION = re.compile(r"HTTP/[1-9]\.[0-9]")
IGNORED_HEADERS = ("content-length", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class HttpCheckLines:
    """The settings that the lines of one section have made so far.

    owner: the section. option: it has an `option httpchk`. send: it has an `http-check send`.
    """

    owner: tuple[str, str]
    request: CheckRequest | None = None
    expectations: tuple[Expectation, ...] = ()
    option: bool = False
    send: bool = False


def _lines(draft: Draft, reading: Reading) -> HttpCheckLines:
    """Return the settings of this section: new ones where the draft has only those of `defaults`."""
    owner = (reading.section, reading.name)
    known: HttpCheckLines | None = draft.get("http_check_lines")
    return known if known is not None and known.owner == owner else HttpCheckLines(owner)


def parse_httpchk(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option httpchk [METHOD] [URI] [VERSION]`; headers and a body may follow the version in the same word."""
    if statement.negation:
        raise Refused(f"'{statement.negation}' cannot stand before 'option httpchk'", 0)
    words = statement.words[2:]
    if len(words) > 3:
        raise Refused(f"'option httpchk' cannot take the argument '{words[3]}'", 5)
    method = words[0] if len(words) > 1 else None
    uri = words[min(len(words), 2) - 1] if words else None
    request = CheckRequest(method, uri)
    if len(words) == 3:
        request = _with_version(request, statement, reading)
    lines = _lines(draft, reading)
    if lines.send and not lines.option and lines.request is not None:
        request = request.over(lines.request)
    draft["http_check_lines"] = replace(lines, request=request, option=True)
    draft["checker"] = reading.checkers["httpchk"]


def _with_version(request: CheckRequest, statement: Statement, reading: Reading) -> CheckRequest:
    """Read the version, and the headers and body that older configurations put behind it."""
    version, newline, rest = statement.words[4].partition("\r\n")
    _check_version(version, 4)
    if not newline:
        return replace(request, version=version)
    reading.warn(statement, "'option httpchk' : write 'http-check send' for headers and a body behind the version")
    head, gap, body = f"\r\n{rest}".replace("\r\n", "\n").partition("\n\n")
    headers = []
    for line in head.split("\n"):
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise Refused(f"'option httpchk' : the header '{line}' has no colon", 4)
        headers.append((name, value.strip()))
    kept = _headers(headers, 4)
    if gap:
        body = rest[rest.find("\r\n\r\n") + 4 :] if "\r\n\r\n" in rest else body
    sent = body.encode("utf-8", "surrogateescape") if gap else None
    return replace(request, version=version, headers=kept, body=sent)


def _check_version(version: str, word: int) -> None:
    if not VERSION.fullmatch(version):
        raise Refused(f"the version of a check is written as 'HTTP/1.1', and not '{version}'", word)


def _headers(given: Sequence[tuple[str, str]], word: int) -> tuple[tuple[str, str], ...]:
    """Return headers as they are sent. Raises Refused for a second Host, and for a value that is a log format."""
    kept = []
    hosts = 0
    for name, value in given:
        if "%" in value.replace("%%", ""):
            raise Refused(f"a log format in the header '{name}' of a check {LATER}", word)
        hosts += name.lower() == "host"
        if hosts > 1:
            raise Refused("the 'Host' header stands there already", word)
        if name.lower() not in IGNORED_HEADERS:
            kept.append((name.lower(), value.replace("%%", "%")))
    return tuple(kept)


SEND_LATER = ("uri-lf", "body-lf", "comment")
SEND = ("meth", "uri", "ver", "hdr", "body")


def parse_send(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-check send [meth M] [uri U] [ver V] [hdr NAME VALUE]... [body TEXT]`."""
    lines = _lines(draft, reading)
    if lines.send or lines.expectations:
        behind = "another 'send'" if lines.send else "'expect'"
        raise Refused(f"'http-check send' behind {behind} {LATER}", 1)
    request = _sent(statement)
    if lines.request is not None:
        request = request.over(lines.request)
    draft["http_check_lines"] = replace(lines, request=request, send=True)


def _sent(statement: Statement) -> CheckRequest:
    """Return the request of a `send` line. Raises Refused with all words that do not belong there."""
    words = statement.words
    values: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    faults: list[Refused] = []
    unknown = "'http-check send' has no"
    at = 2
    while at < len(words):
        word, arguments = words[at], 2 if words[at] == "hdr" else 1
        if word not in SEND:
            later = f"'http-check send {word}' {LATER}"
            faults.append(Refused(later if word in SEND_LATER else f"{unknown} '{word}'; there are {listed(SEND)}", at))
            known = (*SEND, *SEND_LATER)
            at = next((index for index in range(at + 1, len(words)) if words[index] in known), len(words))
            continue
        if not all(words[at + 1 : at + 1 + arguments]) or at + arguments >= len(words):
            what = "a name and a value" if arguments == 2 else "a text"
            faults.append(Refused(f"'http-check send {word}' needs {what} behind it", at))
            break
        if word == "hdr":
            headers.append((words[at + 1], words[at + 2]))
        else:
            values[word] = words[at + 1]
        at += 1 + arguments
    refuse_all(faults)
    if "ver" in values:
        _check_version(values["ver"], words.index("ver") + 1)
    body = values["body"].encode("utf-8", "surrogateescape") if "body" in values else None
    kept = _headers(headers, 2) if headers else None
    return CheckRequest(values.get("meth"), values.get("uri"), values.get("ver"), kept, body)


EXPECT_OPTIONS_LATER = (
    "min-recv", "comment", "ok-status", "error-status", "tout-status", "on-success", "on-error", "status-code",
)  # fmt: skip
"""Each of them has an argument."""
EXPECT_LATER = ("hdr", "fhdr", "string-lf")


def parse_expect(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-check expect [!] status|rstatus|string|rstring PATTERN`. Raises Refused with all that is wrong."""
    words = statement.words
    at, unwanted = 2, False
    faults: list[Refused] = []
    while at < len(words) and words[at] in EXPECT_OPTIONS_LATER:
        faults.append(Refused(f"'http-check expect {words[at]}' {LATER}", at))
        at += 2
    while at < len(words) and words[at] == "!":
        at, unwanted = at + 1, not unwanted
    kind = words[at] if at < len(words) else ""
    if kind.startswith("!"):
        kind, unwanted = kind[1:], not unwanted
    if kind in EXPECT_LATER:
        refuse_all([*faults, Refused(f"'http-check expect {kind}' {LATER}", at)])
    if kind not in PATTERNS:
        unknown = f"'http-check expect' needs one of {listed(tuple(PATTERNS))}, and not '{kind}'"
        refuse_all([*faults, Refused(unknown, at if at < len(words) else 1)])
    pattern = words[at + 1] if at + 1 < len(words) else ""
    matches = _pattern(kind, pattern, at, faults)
    faults += [
        Refused(f"'http-check expect' cannot take the argument '{words[index]}'", index)
        for index in range(at + 2, min(at + 3, len(words)))
    ]
    refuse_all(faults)
    assert matches is not None
    lines = _lines(draft, reading)
    expected = Expectation(matches, kind.endswith("string"), unwanted)
    draft["http_check_lines"] = replace(lines, expectations=(*lines.expectations, expected))


def _pattern(kind: str, pattern: str, at: int, faults: list[Refused]) -> Callable[[bytes], bool] | None:
    """Return the test of a pattern; what is wrong with it is added to the faults."""
    if not pattern:
        faults.append(Refused(f"'http-check expect {kind}' needs a pattern behind it", at))
        return None
    try:
        return PATTERNS[kind](pattern)
    except ValueError as wrong:
        faults.append(Refused(f"'http-check expect {kind}' : {wrong}", at + 1))
    return None


def _statuses(pattern: str) -> Callable[[bytes], bool]:
    """Return the test of a list of codes and ranges of codes."""
    ranges = []
    for item in pattern.split(","):
        if not item:
            continue
        found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", item)
        if found is None:
            raise ValueError(f"'{item}' is neither a status code nor a range of them")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise ValueError(f"the range '{item}' runs backwards")
        ranges.append((first, last))
    return lambda code: any(first <= int(code) <= last for first, last in ranges)


def _contains(pattern: str) -> Callable[[bytes], bool]:
    octets = pattern.encode("utf-8", "surrogateescape")
    return lambda body: octets in body


def _regex(pattern: str) -> Callable[[bytes], bool]:
    return compile_regex(pattern.encode("utf-8", "surrogateescape"), ignore_case=False)


PATTERNS: dict[str, Callable[[str], Callable[[bytes], bool]]] = {
    "status": _statuses, "rstatus": _regex, "string": _contains, "rstring": _regex,
}  # fmt: skip


def parse_flag(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-check disable-on-404` and `http-check send-state`."""
    if len(statement.words) > 2:
        raise Refused(f"'http-check {statement.words[1]}' cannot take the argument '{statement.words[2]}'", 2)
    draft["http_check_flags"] = draft.get("http_check_flags", frozenset()) | {statement.words[1]}


def refuse_rule(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Refuse the rules of `http-check` that tcproxy does not have, each by its name."""
    word = statement.words[1] if len(statement.words) > 1 else ""
    name = word.partition("(")[0]
    if name in ("connect", "comment", "set-var", "set-var-fmt", "unset-var"):
        raise Refused(f"'http-check {name}' {LATER}", 1)
    known = ("disable-on-404", "expect", "send", "send-state")
    raise Refused(f"'http-check' has no rule '{word}'; there are {listed(known)}", min(1, len(statement.words) - 1))


def finish(draft: Draft, node: str, bufsize: int, reading: Reading) -> None:
    """Put the options of a backend's HTTP check into its draft. node, bufsize (bytes): of the global section."""
    lines: HttpCheckLines | None = draft.get("http_check_lines")
    chosen: Any = draft.get("checker")
    if chosen is None or chosen.name != "httpchk":
        if lines is not None and lines.expectations and not lines.option:
            reading.diagnostics.warning(f"backend '{draft['name']}' : 'http-check' is ignored without 'option httpchk'")
        return
    if lines is None:
        return
    flags = draft.get("http_check_flags", frozenset())
    if lines.request is None:
        reading.diagnostics.warning(
            f"backend '{draft['name']}' : its checks send nothing, because its 'http-check' lines leave the "
            "'option httpchk' of the 'defaults' section behind: write it in the backend, too"
        )
    cases = draft.get("header_case") if "h1-case-adjust-bogus-server" in draft.get("options", ()) else None
    draft["check_options"] = HttpCheck(
        lines.request, lines.expectations, "disable-on-404" in flags, "send-state" in flags, node,
        CodecLimits(bufsize=bufsize), Script(draft.get("send_name_header", ""), cases),
    )  # fmt: skip


def _rule(name: str, help: str, parse: Callable[[Statement, Draft, Reading], None]) -> Row:
    return Row(f"http-check {name}", BACK, help, parse=parse, manual="4.2")


WORDS = (
    Row("option httpchk", BACK, "Check servers with an HTTP request.", parse=parse_httpchk, negatable=True,
        status=Status.DONE, manual="4.2", core=True),
    _rule("send", "Set the request of HTTP checks.", parse_send),
    _rule("expect", "Say what HTTP checks expect of the answer.", parse_expect),
    _rule("disable-on-404", "Send no new clients to a server that answers 404 to checks.", parse_flag),
    _rule("send-state", "Tell servers in HTTP checks how they are seen.", parse_flag),
    Row("http-check", BACK, "Shape HTTP checks.", parse=refuse_rule, manual="4.2"),
)  # fmt: skip
