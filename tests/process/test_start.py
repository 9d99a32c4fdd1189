"""What the command line changes in a configuration."""

from __future__ import annotations

from tcproxy.model.process import Configuration, Global
from tcproxy.process.command_line import Arguments
from tcproxy.process.start import overridden


def test_the_command_line_comes_first() -> None:
    """-n, -p, -L and -dS win over the global section."""
    settings = Global(maxconn=100, pidfile="a", localpeer="b")
    said = Arguments(maxconn=7, pidfile="c", peer="d", no_splice=True)
    assert overridden(Configuration(settings), said).process == Global(
        maxconn=7, pidfile="c", localpeer="d", splice=False
    )


def test_what_is_not_said_stays() -> None:
    """An empty command line changes nothing, and a negative number is none."""
    settings = Global(maxconn=100, pidfile="a", localpeer="b", splice=False)
    assert overridden(Configuration(settings), Arguments(maxconn=-1)).process == settings
