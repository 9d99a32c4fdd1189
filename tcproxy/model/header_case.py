"""Names of headers in the case that some programs insist on: `h1-case-adjust` and its kin (manual 3.1, 4.2).

HTTP/1 headers are written in lower case; where a frontend or a backend has the option for its bogus clients or servers,
the names that the global section lists are written as it says.
"""

from __future__ import annotations

from collections.abc import Mapping

from tcproxy.grammar.rows import BACK, FRONT, GLOBAL, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.model.options import parse_option

OPTIONS = frozenset({"h1-case-adjust-bogus-client", "h1-case-adjust-bogus-server"})


def parse_adjust(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `h1-case-adjust FROM TO`: FROM is in lower case, or it never matches."""
    words = statement.words
    if len(words) < 3:
        raise Refused("'h1-case-adjust' needs a name in lower case and the same as it is to be written behind it")
    if len(words) > 3:
        raise Refused(f"'h1-case-adjust' cannot take the argument '{words[3]}'", 3)
    try:
        _add(draft, words[1], words[2])
    except ValueError as wrong:
        raise Refused(f"'h1-case-adjust' : {wrong}", 2) from None


def parse_file(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `h1-case-adjust-file FILE`: the last one is read, when the configuration is (finish)."""
    words = statement.words
    if len(words) != 2:
        raise Refused("'h1-case-adjust-file' needs the name of one file behind it", min(len(words) - 1, 2))
    draft["header_case_file"] = words[1]


def _add(draft: Draft, name: str, written: str) -> None:
    if not name:
        raise ValueError("a name is empty")
    if name.lower() != written.lower():
        raise ValueError(f"'{name}' and '{written}' differ by more than their case")
    if name in draft.get("header_case", {}):
        raise ValueError(f"'{name}' has been told before")
    draft.put("header_case", name, written)


def finish(process: Draft, reading: Reading) -> Mapping[str, str]:
    """Return all names with the case they are to be written in, those of the file too; tells what is wrong there."""
    path = process.get("header_case_file")
    if path is not None:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                _read_lines(file.read().splitlines(), process)
        except (OSError, ValueError) as wrong:
            reason = wrong.strerror if isinstance(wrong, OSError) else wrong
            reading.diagnostics.alert(f"h1-case-adjust-file '{path}' : {reason}")
    found: Mapping[str, str] = process.get("header_case", {})
    return found


def _read_lines(lines: list[str], process: Draft) -> None:
    for number, line in enumerate(lines, 1):
        text = line.strip(" \t")
        if not text or text.startswith("#"):
            continue
        name, _, written = text.replace("\t", " ").partition(" ")
        try:
            _add(process, name, written.strip(" "))
        except ValueError as wrong:
            raise ValueError(f"line {number}: {wrong}") from None


WORDS = (
    Row("h1-case-adjust", GLOBAL, "Tell how the name of a header is written for those who need that.",
        parse=parse_adjust, manual="3.1"),
    Row("h1-case-adjust-file", GLOBAL, "Read such names from a file.", parse=parse_file, manual="3.1"),
    Row("option h1-case-adjust-bogus-client", FRONT, "Write the names of responses' headers as h1-case-adjust says.",
        parse=parse_option, negatable=True, manual="4.2"),
    Row("option h1-case-adjust-bogus-server", BACK, "Write the names of requests' headers as h1-case-adjust says.",
        parse=parse_option, negatable=True, manual="4.2"),
)  # fmt: skip
