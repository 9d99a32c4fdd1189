"""Actions about the client's connection: its addresses as they are told, and its packets (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.rules.actions.rows import OF_CONNECTION, Act, Action, ActionWords, Assembly, Made
from tcproxy.rules.sets import MESSAGES, REQUESTS, TCP, TCP_CONTENTS, TCP_REQUESTS
from tcproxy.samples.kinds import Kind
from tcproxy.samples.places import Place

SOURCE, DESTINATION = (f"{OF_CONNECTION}source",), (f"{OF_CONNECTION}destination",)
PLACES = (Place.FRONTEND_REQUEST_HEADER, Place.BACKEND_REQUEST_HEADER)
"""Where samples of addresses must exist, whatever set the rule is of: as in HAProxy."""
ADDRESSED = REQUESTS | TCP_REQUESTS
PACKETS = MESSAGES | TCP


def _address(source: bool, kind: Kind) -> Callable[[ActionWords], Made]:
    """Return what reads `EXPRESSION`: an address, or a port. A sample that is not there changes nothing."""

    def read(words: ActionWords) -> Made:
        expression = words.expression("an expression", PLACES)
        take = expression.taking(kind)

        def make(assembly: Assembly) -> Act:
            change = assembly.change_address(source, kind is Kind.SINT)

            def set_address(exchange: Any) -> None:
                value = take(exchange) if take is not None else None
                if value is not None:
                    change(exchange, value)

            return set_address

        return Made(make, SOURCE if source else DESTINATION, (expression,))

    return read


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
    Action("set-dst", ADDRESSED, "Set the address that the client connected to, as it is told from now on.",
           _address(False, Kind.ADDR), "EXPRESSION"),
    Action("set-dst-port", ADDRESSED, "Set the port that the client connected to, as it is told from now on.",
           _address(False, Kind.SINT), "EXPRESSION"),
    Action("set-mark", PACKETS, "Set the firewall's mark of packets to the client.",
           _option(lambda assembly, value: assembly.mark(value)), "NUMBER"),
    Action("set-nice", MESSAGES | TCP_CONTENTS, "No effect: sessions have no priorities here.", _read_nice, "NUMBER"),
    Action("set-src", ADDRESSED, "Set the client's address, as it is told from now on.",
           _address(True, Kind.ADDR), "EXPRESSION"),
    Action("set-src-port", ADDRESSED, "Set the client's port, as it is told from now on.",
           _address(True, Kind.SINT), "EXPRESSION"),
    Action("set-tos", PACKETS, "Set the type of service (IP TOS, DSCP) of packets to the client.",
           _option(lambda assembly, value: assembly.type_of_service(value)), "NUMBER"),
)  # fmt: skip
