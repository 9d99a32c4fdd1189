"""Variables: samples that rules keep under a name for a while (manual 2.8).

A name begins with its scope: `proc` (the process), `sess` (the client's connection), `txn` (a request and its
response), `req` (until the response comes), `res` (the response), `check` (one health check).
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import NamedTuple

from tcproxy.samples.kinds import Sample

SCOPES = ("proc", "sess", "txn", "req", "res", "check")
Store = MutableMapping[str, Sample]
"""The variables of one scope, by the rest of their name."""

_NAME = re.compile(r"[A-Za-z0-9_.]+")


class Variable(NamedTuple):
    """Where a variable stands: its scope, and the rest of its name."""

    scope: str
    name: str


def read_variable(text: str) -> Variable:
    """Read the name of a variable. Raises ValueError."""
    scope, dot, name = text.partition(".")
    if not dot or scope not in SCOPES:
        raise ValueError(f"'{text}' names no variable: it must begin with one of {', '.join(SCOPES)}, and a dot")
    if not _NAME.fullmatch(name):
        raise ValueError(f"the variable '{text}' has a character that is none of letters, digits, '_' and '.'")
    return Variable(scope, name)
