"""An exception in the code of a session: it ends that session and no other.

Whoever calls a session from outside (an end, the deadlines, a farm, a command) catches what the session raises, and
calls its `crashed`. The session tells where it happened, and ends with the letter I in its termination state (HAProxy's
for an internal error). What it holds is given back part by part: code that failed once may fail again meanwhile, so
each part is done whatever becomes of the others, and looks by itself whether anything is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tcproxy.session.stages import INTERNAL
from tcproxy.session.state import Connection, Stream


def tell(connection: Connection, stream: Stream | None, error: BaseException, what: str = "") -> None:
    """Tell of an exception in a session, in one message. what: the part of it, as `the log line of `."""
    world = connection.frontend.world
    try:
        world.tell_error(error, what + _place(connection, stream))
    except Exception as again:  # of a log target, say: the session is ended all the same
        world.trace(again)


def _place(connection: Connection, stream: Stream | None) -> str:
    """Return a session in words: its number, and where it was going."""
    words = f"session {getattr(connection, 'number', 0)} of frontend {connection.frontend.name}"
    if stream is not None and stream.backend is not None:
        words += f", backend {stream.backend.name}"
        if stream.server is not None:
            words += f", server {stream.server.name}"
    return words


def is_open(connection: Connection) -> bool:
    """Return whether a connection is counted still; one that crashed in its first moment never was."""
    number = getattr(connection, "number", None)
    return connection.frontend.world.sessions.get(number) is connection  # type: ignore[arg-type]  # None is nobody's


def mark(stream: Stream) -> None:
    """Note that an internal error ends a stream, whatever was noted before; see that its line needs no code of ids."""
    stream.error = ""
    stream.decide(INTERNAL)
    if stream.unique is None and stream.frontend.id_form is not None:
        try:
            stream.unique = stream.frontend.identify(stream)
        except Exception:  # it may be what failed
            stream.unique = ""


def carry_out(parts: Iterable[Callable[[], None]]) -> None:
    """Do all parts of an end, each whatever the others raise: that a session crashed is told already."""
    for part in parts:
        try:
            part()
        except Exception:
            continue
