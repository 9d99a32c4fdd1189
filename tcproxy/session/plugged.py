"""Actions of plugins: what they see of a session, what they may change, and what follows in TCP mode."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from zope.interface import implementer

from tcproxy.guards import GuardedCalls
from tcproxy.interfaces import IMessage, Outcome
from tcproxy.rules.actions.rows import Act
from tcproxy.rules.sets import RESPONSES, SetKind
from tcproxy.samples.facts import Facts
from tcproxy.samples.kinds import Kind, Sample
from tcproxy.samples.plugged import SOUND, FactsView
from tcproxy.samples.variables import variable_of
from tcproxy.wire.messages import Head

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
Fits: TypeAlias = Callable[[Any, int], bool]
FORBIDDEN = re.compile(r"[\r\n\0]")


def header_of(name: str, value: str) -> tuple[bytes, bytes]:
    """Return a header as a head has it. Raises ValueError where name or value cannot stand there."""
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise ValueError(f"{name!r} is no name of a header")
    if not isinstance(value, str) or FORBIDDEN.search(value):
        raise ValueError(f"{value!r} is no value of a header")
    return name.lower().encode(), value.encode("utf-8", "surrogateescape")


@implementer(IMessage)
class MessageView(FactsView):
    """What an action of a plugin sees and changes. head: the headers of the message, None in TCP mode."""

    __slots__ = ("_fits", "_of_response")

    def __init__(self, facts: Facts, kind: SetKind, fits: Fits | None = None) -> None:
        """fits: says whether the message has room for so many bytes more; None in TCP mode."""
        super().__init__(facts)
        self._of_response = kind in RESPONSES
        self._fits = fits

    @property
    def status(self) -> int:
        """The status of the response."""
        response = self._facts.response
        return response.status if response is not None else 0

    def _head(self) -> Head:
        head = self._facts.response if self._of_response else self._facts.request
        if head is None:
            raise ValueError("there are no headers in TCP mode")
        return head

    def set_header(self, name: str, value: str) -> None:
        """Replace all headers of a name by one."""
        head, new = self._head(), self._fitting(name, value)
        head.set(*new)

    def add_header(self, name: str, value: str) -> None:
        """Add a header."""
        head, new = self._head(), self._fitting(name, value)
        head.add(*new)

    def _fitting(self, name: str, value: str) -> tuple[bytes, bytes]:
        new = header_of(name, value)
        if self._fits is not None and not self._fits(self._facts, len(new[0]) + len(new[1])):
            raise ValueError(f"the header '{name}' does not fit the buffer (tune.bufsize)")
        return new

    def remove_header(self, name: str) -> None:
        """Remove all headers of a name."""
        self._head().remove(header_of(name, "")[0])

    def values(self, name: str) -> Sequence[bytes]:
        """Return the values of all headers of a name."""
        return tuple(self._head().values(header_of(name, "")[0]))

    def set_variable(self, name: str, value: bool | int | str | bytes) -> None:
        """Set a variable."""
        variable = variable_of(name.encode("utf-8", "surrogateescape"))
        store = self._facts.variables(variable.scope)
        if store is None:
            raise ValueError(f"there is no scope '{variable.scope}' here")
        store.put(variable.name, _sample(value))


def _sample(value: bool | int | str | bytes) -> Sample:
    given = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    kind = Kind.STR if isinstance(value, str) else Kind.BIN
    if not isinstance(given, bytes):
        kind = Kind.BOOL if isinstance(given, bool) else Kind.SINT
    if not SOUND[kind](given):
        raise ValueError(f"{value!r} is no value of a variable")
    return Sample(kind, given)


def called(plugin: GuardedCalls, parsed: object, kind: SetKind, stream: Any, fits: Fits | None = None) -> Any:
    """Return what a plugin's action returns for a session, a connection or an exchange. Raises PluginFailed."""
    return plugin.call("act", stream.world, MessageView(stream, kind, fits), parsed)


def acting(plugin: GuardedCalls, parsed: object, kind: SetKind, reject: Act) -> Act:
    """Return what does the action of a plugin in a rule set of TCP mode. reject: closes the connection."""

    def run(stream: Any) -> bool:
        result = called(plugin, parsed, kind, stream)
        if result is None:
            return True
        if result is not Outcome.REJECT:
            raise plugin.returned("act", result, stream.world)
        reject(stream)
        return False

    return run
