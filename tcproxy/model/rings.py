"""Sections `ring`: buffers in memory that log lines can go to, and that `show events` shows (manual 3.9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tcproxy.grammar.rows import Draft, Reading, Row, Status, Where
from tcproxy.grammar.sections import SectionRow
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import Time, listed
from tcproxy.model.logs import FORMATS, OUTPUTS

LEAST_SIZE = 16384
"""Bytes of a ring that says nothing of its size, and of one that says less."""
LONGEST = 16384
"""Bytes of a line in a ring that says nothing of it."""
EVENTS = "buf0"
"""The ring that is always there."""


@dataclass(frozen=True, slots=True)
class RingModel:
    """One ring. format: of its lines, as of log targets. maxlen: bytes of a line at most. size: bytes in all."""

    name: str
    description: str = ""
    format: str = "raw"
    maxlen: int = LONGEST
    size: int = LEAST_SIZE


def parse_description(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `description TEXT`; HAProxy takes no notice of further words."""
    if len(statement.words) < 2:
        raise Refused("'description' needs a text behind it", 0)
    draft["description"] = statement.words[1]


def parse_format(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `format FORMAT`."""
    value = statement.words[1] if len(statement.words) > 1 else ""
    if value not in FORMATS:
        at = min(1, len(statement.words) - 1)
        raise Refused(f"'format' : '{value}' is not one of the formats {listed(FORMATS)}", at)
    draft["format"] = value


def _number(statement: Statement) -> int:
    """Return the digits that a word begins with, as HAProxy reads these numbers: `4k` is 4."""
    word = statement.words[1] if len(statement.words) > 1 else ""
    found = re.match(r"[1-9][0-9]{0,9}", word)
    if found is None:
        raise Refused(f"'{statement.words[0]}' : '{word}' is not a number of bytes", min(1, len(statement.words) - 1))
    return int(found[0])


def parse_maxlen(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `maxlen BYTES`."""
    draft["maxlen"] = _number(statement)


def parse_size(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `size BYTES`: a ring never shrinks."""
    size, current = _number(statement), draft.get("size", LEAST_SIZE)
    if size < current:
        reading.warn(statement, f"'size' : {size} is less than the {current} that the ring has: it keeps these", 1)
    else:
        draft["size"] = size


def finish(drafts: Mapping[str, Draft], reading: Reading) -> dict[str, RingModel]:
    """Return the rings by name; a line may not be longer than the ring."""
    return {name: _finished(name, draft, reading) for name, draft in drafts.items()}


def _finished(name: str, draft: Draft, reading: Reading) -> RingModel:
    known = ("description", "format", "maxlen", "size")
    ring = RingModel(name, **{"description": name, **{word: draft[word] for word in known if word in draft}})
    if ring.maxlen <= ring.size:
        return ring
    reading.diagnostics.warning(f"ring '{name}' : its 'maxlen' {ring.maxlen} is more than its size {ring.size}")
    return RingModel(name, ring.description, ring.format, ring.size, ring.size)


SECTION = SectionRow(
    "ring", Where.RING, "a 'ring'", finish, reserved=frozenset({EVENTS, *OUTPUTS})
)  # fmt: skip

_RINGS = frozenset({Where.RING})

WORDS = (
    Row("description", _RINGS, "Describe the ring in the list of 'show events'.", parse=parse_description, manual="3.9",
        core=True),
    Row("format", _RINGS, "Set the format of the ring's lines.", parse=parse_format, manual="3.9", core=True),
    Row("maxlen", _RINGS, "Set how many bytes a line of the ring has at most.", parse=parse_maxlen, manual="3.9",
        core=True),
    Row("size", _RINGS, "Set how many bytes the ring has.", parse=parse_size, manual="3.9", core=True),
    Row("server", _RINGS, "", status=Status.REFUSED, manual="3.9", core=True),
    Row("backing-file", _RINGS, "", status=Status.REFUSED, manual="3.9", core=True),
    Row("timeout connect", _RINGS, "Set how long to wait for a ring's server.", (Time(),), "timeout_connect",
        status=Status.KEPT, manual="3.9", core=True),
    Row("timeout server", _RINGS, "Set how long a ring's server may be silent.", (Time(),), "timeout_server",
        status=Status.KEPT, manual="3.9", core=True),
)  # fmt: skip
