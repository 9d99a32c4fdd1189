"""Option lists: the words behind the address of a `bind`, `stats socket`, `server` or `default-server` line."""

from __future__ import annotations

from collections.abc import Mapping

from tcproxy.grammar.rows import Draft, Reading, Row, Status, Where
from tcproxy.grammar.sections import refusal
from tcproxy.grammar.statements import Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import near, nearest


def read_options(statement: Statement, start: int, where: Where, draft: Draft, reading: Reading) -> None:
    """Read the options from word `start` to the end of the line into the draft; raises Refused with all faults."""
    index = start
    words = statement.words
    rows = reading.words.at(where)
    faults: list[Refused] = []
    while index < len(words):
        try:
            index = _read_one(statement, index, rows, draft, reading)
        except Refused as wrong:
            faults.append(wrong)
            index = _behind_fault(words, index, wrong.word, rows)
    refuse_all(faults)


def _read_one(statement: Statement, index: int, rows: Mapping[str, Row], draft: Draft, reading: Reading) -> int:
    """Find the row of one option and read it; return the index of the next option."""
    word = statement.words[index]
    row = rows.get(word)
    if row is None:
        hint = near(word, rows) or _port_apart(word)
        raise Refused(f"unknown keyword '{word}'{hint}", index)
    if row.status is Status.REFUSED:
        raise Refused(refusal(row), index)
    return _read_option(statement, index, row, draft, reading)


def _behind_fault(words: tuple[str, ...], index: int, fault: int, rows: Mapping[str, Row]) -> int:
    """Return where reading goes on behind a faulty option that begins at `index`, with its fault at word `fault`.

    The arguments of the option are left out, or those of the one that was perhaps meant; where nobody knows how many
    there are, all words up to the next one that names an option. Such a word is never taken for an argument.
    """
    row = rows.get(words[index]) or rows.get(nearest(words[index], rows))
    count = (len(row.arguments) or row.many) if row is not None else -1
    if count == 0 and row is not None and row.parse is not None:
        count = -1  # an option that refuses to stand alone: its words belong to it
    start, end = (index + 1, index + 1 + count) if count >= 0 else (max(index, fault) + 1, len(words))
    return next((at for at in range(start, min(end, len(words))) if words[at] in rows), end)


def _port_apart(word: str) -> str:
    """Return the end of a sentence about a number that stands where an option is expected."""
    return "; a port follows its address without a blank, as in '10.0.0.1:80'" if word.isdigit() else ""


def _read_option(statement: Statement, index: int, row: Row, draft: Draft, reading: Reading) -> int:
    """Read one option and return the index behind its arguments."""
    count = len(row.arguments) or row.many
    end = index + 1 + count if count >= 0 else len(statement.words)
    if end > len(statement.words):
        raise Refused(f"'{row.name}' needs {'an argument' if count == 1 else 'arguments'} behind it", index)
    try:
        reading.tell_status(row, statement, index)
        if row.parse is None and not row.arguments:
            if row.field:
                draft[row.field] = row.value
            return end
        taken = _apply(_part(statement, index, end), row, draft, reading)
    except Refused as wrong:
        raise Refused(str(wrong), index + max(wrong.word, 0)) from None
    except ValueError as wrong:
        raise Refused(f"'{row.name}' : {wrong}", index + (count != 0)) from None
    return end if count >= 0 else index + 1 + taken


def _part(statement: Statement, start: int, end: int) -> Statement:
    """Return the statement that consists of one option."""
    return Statement(statement.origin, statement.words[start:end], "", statement.columns[start:end], statement.text)


def _apply(part: Statement, row: Row, draft: Draft, reading: Reading) -> int:
    """Let the row speak; return how many arguments it took where it finds that out by itself."""
    if row.parse is not None:
        return int(row.parse(part, draft, reading) or 0)
    values = []
    for index, (kind, word) in enumerate(zip(row.arguments, part.words[1:], strict=False), 1):
        try:
            values.append(kind.read(word))
        except ValueError as wrong:
            raise Refused(f"'{row.name}' : {wrong}", index) from None
        doubt = getattr(kind, "doubt", None)
        if doubt is not None and doubt(word):
            reading.warn(part, f"'{row.name}' : {doubt(word)}")
    if row.field:
        draft[row.field] = values[0] if len(values) == 1 else tuple(values)
    return 0
