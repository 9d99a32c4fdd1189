"""Fetches and converters of plugins become rows like ours (interfaces.IFetch, interfaces.IConverter).

What a plugin raises, and a value that is not of the kind that it says, is told as the plugin's own, and ends the
session (guards.PluginFailed).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from zope.interface import implementer

from tcproxy.guards import GuardedCalls
from tcproxy.interfaces import IFacts
from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.facts import Facts
from tcproxy.samples.kinds import INT64_MAX, INT64_MIN, Kind, Value, decode
from tcproxy.samples.places import IN_SESSION
from tcproxy.samples.rows import Converter, ConvertWith, Fetch, Take
from tcproxy.wire.targets import path_of

ARGUMENTS = 12
"""Arguments at the most."""
GIVEN: Mapping[str, Kind] = MappingProxyType(
    {"str": Kind.STR, "bin": Kind.BIN, "int": Kind.SINT, "bool": Kind.BOOL, "ip": Kind.IPV4}
)
"""The kind of what a plugin returns, by the word for it."""
TAKEN: Mapping[str, Kind] = MappingProxyType({**GIVEN, "ip": Kind.ADDR})
"""The kind of what a converter is given."""


@implementer(IFacts)
class FactsView:
    """What a plugin sees of a session."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @property
    def source(self) -> bytes:
        """The client's address."""
        return self._facts.source

    @property
    def source_port(self) -> int:
        """The client's port."""
        return self._facts.source_port

    @property
    def destination(self) -> bytes:
        """The address that the client connected to."""
        return self._facts.destination

    @property
    def method(self) -> bytes | None:
        """The method of the request."""
        request = self._facts.request
        return request.method if request is not None else None

    @property
    def path(self) -> bytes | None:
        """The path of the request."""
        request = self._facts.request
        return (path_of(request.target).partition(b"?")[0] or None) if request is not None else None

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of a name."""
        request = self._facts.request
        return request.value(name.lower()) if request is not None else None

    def variable(self, name: str) -> bool | int | bytes | None:
        """Return a variable."""
        scope, _, rest = name.partition(".")
        store = self._facts.variables(scope)
        sample = store.get(rest) if store is not None else None
        return sample.value if sample is not None else None


def fetch_row(plugin: GuardedCalls) -> Fetch:
    """Return the row of a plugin's fetch. Raises ValueError."""
    kind = kind_of(plugin, "kind", GIVEN)
    is_sound = SOUND[kind]

    def build(*arguments: bytes) -> Take:
        parsed = plugin.parse(tuple(map(decode, arguments)))
        take = plugin.plugin.take

        def taken(facts: Facts) -> Value | None:
            try:
                value: Any = take(FactsView(facts), parsed)
            except KeyboardInterrupt:
                raise
            except BaseException as wrong:
                raise plugin.failed("take", wrong, facts.world) from wrong
            if type(value) is str:
                value = value.encode("utf-8", "surrogateescape")
            if value is None or is_sound(value):
                return value  # type: ignore[no-any-return]  # that is what is_sound says
            raise plugin.returned("take", value, facts.world)

        return taken

    types = (ArgumentType.STRING,) * ARGUMENTS
    return Fetch(plugin.name, kind, IN_SESSION, plugin.manual, build=build, arguments=types)


def converter_row(plugin: GuardedCalls) -> Converter:
    """Return the row of a plugin's converter. Raises ValueError."""
    takes, gives = kind_of(plugin, "takes", TAKEN), kind_of(plugin, "gives", GIVEN)
    is_sound = SOUND[gives]

    def build(*arguments: bytes) -> ConvertWith:
        parsed = plugin.parse(tuple(map(decode, arguments)))
        convert = plugin.plugin.convert

        def converted(facts: Facts, given: Value) -> Value | None:
            try:
                value: Any = convert(given, parsed)
            except KeyboardInterrupt:
                raise
            except BaseException as wrong:
                raise plugin.failed("convert", wrong, facts.world) from wrong
            if type(value) is str:
                value = value.encode("utf-8", "surrogateescape")
            if value is None or is_sound(value):
                return value  # type: ignore[no-any-return]  # as above
            raise plugin.returned("convert", value, facts.world)

        return converted

    types = (ArgumentType.STRING,) * ARGUMENTS
    return Converter(plugin.name, takes, gives, plugin.manual, build_with=build, arguments=types)


def kind_of(plugin: GuardedCalls, attribute: str, kinds: Mapping[str, Kind]) -> Kind:
    """Return the kind that an attribute of a plugin names. Raises ValueError."""
    word = getattr(plugin.plugin, attribute)
    kind = kinds.get(word) if isinstance(word, str) else None
    if kind is None:
        raise plugin.wrong(f"has {word!r} as '{attribute}', which is none of {', '.join(sorted(kinds))}")
    return kind


def _is_bytes(value: object) -> bool:
    return type(value) is bytes


def _is_integer(value: object) -> bool:
    return type(value) is int and INT64_MIN <= value <= INT64_MAX


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_address(value: object) -> bool:
    return type(value) is bytes and len(value) in (4, 16)


SOUND: Mapping[Kind, Callable[[object], bool]] = MappingProxyType(
    {Kind.STR: _is_bytes, Kind.BIN: _is_bytes, Kind.SINT: _is_integer, Kind.BOOL: _is_bool, Kind.IPV4: _is_address}
)
"""Says whether a value is one of a kind."""
