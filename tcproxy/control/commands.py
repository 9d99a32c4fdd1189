"""All commands of the runtime socket, joined from the files that implement them."""

from __future__ import annotations

from tcproxy.control import basics, cookies, dumps, frontends, servers, sessions, unsupported
from tcproxy.control.table import Table

ROOMS = (
    basics.COMMANDS,
    dumps.COMMANDS,
    servers.COMMANDS,
    cookies.COMMANDS,
    frontends.COMMANDS,
    sessions.COMMANDS,
    unsupported.COMMANDS,
)


def table() -> Table:
    """Return the whole table; raises DuplicateCommand when two rows claim one command."""
    return Table(*ROOMS)
