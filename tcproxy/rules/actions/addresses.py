"""Actions that set the addresses of a client (manual 4.2, `tcp-request content set-src` and its like).

Rules about connections set those of the connection, all others leave what the `fc_...` samples give. What rules about
contents and requests set holds for one stream alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Made
from tcproxy.rules.sets import REQUESTS, TCP_REQUESTS, SetKind
from tcproxy.samples.expressions import Expression
from tcproxy.samples.kinds import Kind, text_of_address
from tcproxy.samples.places import Place
from tcproxy.samples.rows import Take

KINDS = TCP_REQUESTS | REQUESTS
PLACES = (Place.FRONTEND_REQUEST_HEADER, Place.BACKEND_REQUEST_HEADER)
"""Where the samples must exist, whatever set the rule is of: as in HAProxy."""
SOURCE, DESTINATION = "connection source", "connection destination"
Taking = Callable[[Any], Any]
Making = Callable[[Taking, bool], Act]


def _packed(expression: Expression) -> Take:
    """Return what takes a sample as a packed address of either family."""
    return expression.taking(Kind.ADDR) or (lambda facts: None)


def _number(expression: Expression) -> Take:
    """Return what takes a sample as a number."""
    return expression.taking(Kind.SINT) or (lambda facts: None)


def _reading(end: str, taking: Callable[[Expression], Take], making: Making) -> Callable[[ActionWords], Made]:
    """Return what reads an expression. end: what is changed."""

    def read(words: ActionWords) -> Made:
        expression = words.expression("a sample", PLACES)
        take = taking(expression)

        def make(assembly: Assembly) -> Act:
            return making(take, assembly.kind is SetKind.TCP_CONNECTION)

        return Made(make, (end,), (expression,))

    return read


def _set_source(take: Taking, real: bool) -> Act:
    def set_source(stream: Any) -> None:
        address = take(stream)
        if address is not None:
            stream.move((text_of_address(address), stream.source_port), None, real)

    return set_source


def _set_source_port(take: Taking, real: bool) -> Act:
    def set_port(stream: Any) -> None:
        port = take(stream)
        if port is not None:
            stream.move((_host(stream.client_address[0]), int(port) & 0xFFFF), None, real)

    return set_port


def _set_destination(take: Taking, real: bool) -> Act:
    def set_destination(stream: Any) -> None:
        address = take(stream)
        if address is not None:
            stream.move(None, (text_of_address(address), stream.destination_port), real)

    return set_destination


def _set_destination_port(take: Taking, real: bool) -> Act:
    def set_port(stream: Any) -> None:
        port = take(stream)
        if port is not None:
            stream.move(None, (_host(stream.front_address[0]), int(port) & 0xFFFF), real)

    return set_port


def _host(host: str) -> str:
    """Return a host that can have a port: as in HAProxy, a UNIX socket becomes the IPv4 address 0.0.0.0."""
    return "0.0.0.0" if host == "unix" else host


ACTIONS = (
    Action("set-dst", KINDS, "Set the address that the client connected to.",
           _reading(DESTINATION, _packed, _set_destination), "EXPRESSION"),
    Action("set-dst-port", KINDS, "Set the port that the client connected to.",
           _reading(DESTINATION, _number, _set_destination_port), "EXPRESSION"),
    Action("set-src", KINDS, "Set the client's address.", _reading(SOURCE, _packed, _set_source), "EXPRESSION"),
    Action("set-src-port", KINDS, "Set the client's port.", _reading(SOURCE, _number, _set_source_port), "EXPRESSION"),
)  # fmt: skip
