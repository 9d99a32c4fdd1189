"""Actions about the packets of the client's connection (manual 4.2); its addresses stand in addresses.py."""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Made
from tcproxy.rules.sets import MESSAGES, TCP, TCP_CONTENTS


def _read_nice(words: ActionWords) -> Made:
    """Read `NUMBER`, which means nothing here."""
    words.word("a number")
    return Made(lambda assembly: lambda exchange: None, ())


def _option(make: Callable[[Assembly, int], Act]) -> Callable[[ActionWords], Made]:
    """Return what reads `NUMBER`: decimal, or hexadecimal behind 0x, or octal behind 0."""

    def read(words: ActionWords) -> Made:
        at = words.at
        word = words.word("a number")
        try:
            value = int(word, 16 if word.lower().startswith("0x") else 8 if word.startswith("0") else 10)
        except ValueError:
            raise words.refuse(f"'{word}' is no number", at) from None
        return Made(lambda assembly: make(assembly, value), ())

    return read


ACTIONS = (
    Action("set-mark", MESSAGES | TCP, "Set the firewall's mark of packets to the client.",
           _option(lambda assembly, value: assembly.mark(value)), "NUMBER"),
    Action("set-nice", MESSAGES | TCP_CONTENTS, "No effect: sessions have no priorities here.", _read_nice, "NUMBER"),
    Action("set-tos", MESSAGES | TCP, "Set the type of service (IP TOS, DSCP) of packets to the client.",
           _option(lambda assembly, value: assembly.type_of_service(value)), "NUMBER"),
)  # fmt: skip
