"""Actions that add, set and remove headers (manual 4.2, `http-request set-header` and its like)."""

from __future__ import annotations

import re
from collections.abc import Callable

from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Exchange, Made, Text
from tcproxy.rules.sets import MESSAGES, SetKind

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def of_request(assembly: Assembly) -> bool:
    """Return whether the rules of a set change requests, and not responses."""
    return assembly.kind is SetKind.HTTP_REQUEST


def _name(words: ActionWords) -> bytes:
    at = words.at
    name = words.word("the name of a header")
    if not TOKEN.fullmatch(name):
        raise words.refuse(f"'{name}' is no name of a header", at)
    return name.lower().encode("ascii")


def _reading(making: Callable[[bytes, Text, bool], Act]) -> Callable[[ActionWords], Made]:
    """Return what reads `NAME FORMAT`."""

    def read(words: ActionWords) -> Made:
        name, form = _name(words), words.format("a value")
        return Made(
            lambda assembly: making(name, assembly.text(form), of_request(assembly)),
            (f"header {name.decode()}",),
            form.expressions,
        )

    return read


def _setting(name: bytes, text: Text, request: bool) -> Act:
    """Return what replaces all headers of a name by one."""

    def set_of_request(exchange: Exchange) -> None:
        exchange.request.set(name, text(exchange))

    def set_of_response(exchange: Exchange) -> None:
        exchange.response.set(name, text(exchange))

    return set_of_request if request else set_of_response


def _adding(name: bytes, text: Text, request: bool) -> Act:
    """Return what adds a header behind all others."""

    def add_to_request(exchange: Exchange) -> None:
        exchange.request.add(name, text(exchange))

    def add_to_response(exchange: Exchange) -> None:
        exchange.response.add(name, text(exchange))

    return add_to_request if request else add_to_response


ACTIONS = (
    Action("add-header", MESSAGES, "Add a header behind all others.", _reading(_adding), "NAME FORMAT"),
    Action("set-header", MESSAGES, "Remove all headers of a name, and add one.", _reading(_setting), "NAME FORMAT"),
)
