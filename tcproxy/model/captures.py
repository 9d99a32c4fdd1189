"""What is captured of requests and responses for log lines: headers, one cookie, slots (manual 4.2, 8.7, 8.8)."""

from __future__ import annotations

from dataclasses import dataclass

from tcproxy.grammar.rows import NAMED_FRONT, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import Integer

COOKIE_LENGTH = 63
"""Bytes of a captured cookie at the most, where `tune.http.cookielen` says nothing else."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What is captured: the last header of this name, or the first cookie whose text begins so.

    name: of a header in lower case; "" for a slot that rules fill. length: bytes at the most.
    """

    name: str
    length: int


def parse_capture_header(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `capture request|response header NAME len LENGTH`."""
    words = statement.words
    direction = words[1]
    if words[2:3] != ("header",) or words[4:5] != ("len",) or len(words) < 6 or not words[3]:
        raise Refused(f"'capture {direction}' needs 'header NAME len LENGTH' behind it", 1)
    if len(words) > 6:
        raise Refused(f"'capture {direction}' cannot take the argument '{words[6]}'", 6)
    draft.append(f"{direction}_captures", Capture(words[3].lower(), _length(statement, 5)))


def parse_capture_cookie(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `capture cookie NAME len LENGTH`: the last such line of a section holds."""
    words = statement.words
    if len(words) < 5 or words[3] != "len":
        raise Refused("'capture cookie' needs 'NAME len LENGTH' behind it", 1)
    if len(words) > 5:
        raise Refused(f"'capture cookie' cannot take the argument '{words[5]}'", 5)
    length = _length(statement, 4)
    most = reading.process.get("tune", {}).get("tune.http.cookielen", COOKIE_LENGTH)
    if length > most:
        reading.warn(statement, f"'capture cookie' is cut to {most} bytes, the value of 'tune.http.cookielen'")
        length = most
    draft["cookie_capture"] = Capture(words[2], length)


def parse_declare(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `declare capture request|response len LENGTH`: a slot."""
    words = statement.words
    if words[2:3] not in (("request",), ("response",)) or words[3:4] != ("len",) or len(words) < 5:
        raise Refused("'declare capture' needs 'request' or 'response', and 'len LENGTH' behind that", 1)
    if len(words) > 5:
        raise Refused(f"'declare capture' cannot take the argument '{words[5]}'", 5)
    length = _length(statement, 4, 1, strict=True)
    draft.append(f"{words[2]}_captures", Capture("", length))


def _length(statement: Statement, index: int, least: int = 0, strict: bool = False) -> int:
    try:
        return Integer(least, strict=strict).read(statement.words[index])
    except ValueError as wrong:
        raise Refused(f"'{' '.join(statement.words[:2])}' : {wrong}", index) from None


WORDS = (
    Row("capture cookie", NAMED_FRONT, "Log a cookie of requests and responses.", parse=parse_capture_cookie,
        manual="4.2", core=True),
    Row("capture request", NAMED_FRONT, "Log a header of requests.", parse=parse_capture_header, manual="4.2",
        core=True),
    Row("capture response", NAMED_FRONT, "Log a header of responses.", parse=parse_capture_header, manual="4.2",
        core=True),
    Row("declare capture", NAMED_FRONT, "Make a slot for what rules capture.", parse=parse_declare, manual="4.2",
        elsewhere="refused"),
)  # fmt: skip
