"""Configurations for rehearsals, read without a process around them."""

from __future__ import annotations

import io
import os

from tcproxy import language
from tcproxy.explain.rehearsal import Rehearsal
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment


def load(*files: str | os.PathLike[str]) -> Rehearsal:
    """Read a configuration of one file or several. Raises ValueError with what is wrong in it."""
    said = io.StringIO()
    names = [os.fspath(file) for file in files]
    configuration = language.read(names, Environment(os.environ), Diagnostics(os.getpid(), said))
    if configuration is None:
        raise ValueError(said.getvalue())
    return Rehearsal(configuration)
