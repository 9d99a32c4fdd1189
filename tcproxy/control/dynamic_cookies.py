"""Commands about dynamic cookies: whether servers without a cookie of their own are given one, and from which key."""

from __future__ import annotations

from tcproxy.control.command_rows import WARNING, Answer, CommandError, CommandLine, CommandRow, Level
from tcproxy.servers.farm import Farm


def named_farm(command: CommandLine) -> Farm:
    """Return the servers of the backend that the first word names."""
    if not command.word(0):
        raise CommandError("A backend name is expected.")
    farm = command.world.farms.get(command.word(0))
    if farm is None:
        raise CommandError("No such backend.")
    return farm


def enable(command: CommandLine) -> Answer:
    """Give servers cookies, if the backend has a key."""
    farm = named_farm(command)
    farm.cookies.dynamic = True
    return _renew(farm)


def disable(command: CommandLine) -> Answer:
    """Take dynamic cookies away."""
    named_farm(command).cookies.disable()
    return ""


def set_key(command: CommandLine) -> Answer:
    """Make cookies from another key from now on."""
    farm = named_farm(command)
    if not command.word(1):
        raise CommandError("String value expected.")
    farm.cookies.key = command.word(1)
    return _renew(farm)


def _renew(farm: Farm) -> Answer:
    farm.cookies.renew()
    if farm.cookies.shared:
        farm.announce(WARNING, f"Servers of backend {farm.name} have the same dynamic cookie: set another key.")
    return ""


_ADMIN = Level.ADMIN
COMMANDS = (
    CommandRow("enable dynamic-cookie backend", enable, "<bk>", "give servers cookies made from a key", _ADMIN),
    CommandRow("disable dynamic-cookie backend", disable, "<bk>", "take those cookies away", _ADMIN),
    CommandRow("set dynamic-cookie-key backend", set_key, "<bk> <key>", "set the key of those cookies", _ADMIN),
)
