"""All commands of the runtime socket, joined from the files that implement them."""

from __future__ import annotations

from tcproxy.control import (
    basics,
    dumps,
    dynamic_cookies,
    dynamic_servers,
    events,
    frontends,
    inside,
    patterns,
    refused_commands,
    servers,
    sessions,
    variables,
)
from tcproxy.control.command_table import CommandTable

ROOMS = (
    basics.COMMANDS,
    dumps.COMMANDS,
    events.COMMANDS,
    servers.COMMANDS,
    dynamic_servers.COMMANDS,
    dynamic_cookies.COMMANDS,
    frontends.COMMANDS,
    sessions.COMMANDS,
    patterns.COMMANDS,
    inside.COMMANDS,
    variables.COMMANDS,
    refused_commands.COMMANDS,
)


def table() -> CommandTable:
    """Return the whole table; raises DuplicateCommand when two rows claim one command."""
    return CommandTable(*ROOMS)
