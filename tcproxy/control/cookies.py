"""Commands about dynamic cookies: whether servers without a cookie of their own are given one, and from which key."""

from __future__ import annotations

from tcproxy.control.rows import WARNING, Answer, Asked, Command, CommandError, Level
from tcproxy.servers.farm import Farm


def named_farm(asked: Asked) -> Farm:
    """Return the servers of the backend that the first word names."""
    if not asked.word(0):
        raise CommandError("A backend name is expected.")
    farm = asked.world.farms.get(asked.word(0))
    if farm is None:
        raise CommandError("No such backend.")
    return farm


def enable(asked: Asked) -> Answer:
    """Give servers cookies, if the backend has a key."""
    farm = named_farm(asked)
    farm.cookies.dynamic = True
    return _renew(farm)


def disable(asked: Asked) -> Answer:
    """Take dynamic cookies away."""
    named_farm(asked).cookies.disable()
    return ""


def set_key(asked: Asked) -> Answer:
    """Make cookies from another key from now on."""
    farm = named_farm(asked)
    if not asked.word(1):
        raise CommandError("String value expected.")
    farm.cookies.key = asked.word(1)
    return _renew(farm)


def _renew(farm: Farm) -> Answer:
    farm.cookies.renew()
    if farm.cookies.shared:
        farm.announce(WARNING, f"Servers of backend {farm.name} have the same dynamic cookie: set another key.")
    return ""


_ADMIN = Level.ADMIN
COMMANDS = (
    Command("enable dynamic-cookie backend", enable, "<bk>", "give servers cookies made from a key", _ADMIN),
    Command("disable dynamic-cookie backend", disable, "<bk>", "take those cookies away", _ADMIN),
    Command("set dynamic-cookie-key backend", set_key, "<bk> <key>", "set the key of those cookies", _ADMIN),
)
