"""`set-var-fmt NAME FORMAT` of the global section: a variable of the process that a format makes (manual 3.1).

It is made while the configuration is read, so the format can tell of the process and the time, and of no client.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.report import dates
from tcproxy.samples.formats import FormatError, Piece, read_format
from tcproxy.samples.initial import check_place, facts_while_reading, read_name, store_so_far
from tcproxy.samples.kinds import Kind, Sample, encode
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.writing import Text, text_of

_VARIABLES: dict[str, Callable[[float], str]] = {
    "H": lambda now: socket.gethostname(),
    "T": lambda now: dates.gmt(int(now)),
    "Tl": lambda now: dates.local_zone(int(now)),
    "Ts": lambda now: str(int(now)),
    "ms": lambda now: f"{int(now * 1000) % 1000:03d}",
    "pid": lambda now: str(os.getpid()),
    "t": lambda now: dates.Stamp()(now),
}
"""What formats can tell of before there is a client, of a moment in seconds since 1970."""


def parse_set_var_fmt(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `set-var-fmt NAME FORMAT`. HAProxy does not look at what follows, and neither does this."""
    words = statement.words
    if len(words) < 3 or not words[2]:
        raise Refused("'set-var-fmt' needs the name of a variable of the process ('proc.NAME') and a format", 0)
    name = read_name(statement).name
    try:
        form = read_format(words[2], reading.name, PatternFiles(reading, statement))
    except FormatError as error:
        raise Refused(f"'set-var-fmt' : {error}", 2) from None
    for expression in form.expressions:
        check_place(expression)
    store = store_so_far(draft)
    text = text_of(form, _variable)(facts_while_reading(store, draft, reading))
    store.put(name, Sample(Kind.STR, text))
    draft["variables"] = dict(store)


def _variable(piece: Piece) -> Text:
    """Return the function that writes a variable of a format. Raises Refused for one that tells of a client."""
    write = _VARIABLES.get(piece.variable)
    if write is None:
        told = f"'set-var-fmt' : the variable %{piece.variable} cannot be known while the configuration is read"
        raise Refused(told, 2)
    if piece.flags:
        raise Refused(f"'set-var-fmt' : flags of the variable %{piece.variable} {_NOT_HERE}", 2)
    return lambda facts: encode(write(time.time()))


_NOT_HERE = "are not supported by tcproxy yet in 'global'"
