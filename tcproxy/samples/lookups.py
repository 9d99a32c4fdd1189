"""Converters that look a backend or a server up by a name that only the moment tells (manual 7.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.proxies import usable_servers
from tcproxy.samples.rows import Converter, ConvertWith

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts, FarmFacts, ServerFacts

_NUMBER = re.compile(r"#[ \t\n\v\f\r]*([+-]?[0-9]+)")


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


Live = TypeVar("Live", bound=_Numbered)


def _by_number(name: str, among: Iterable[Live]) -> Live | None:
    """Return the one whose number a name like `#3` says."""
    match = _NUMBER.match(name)
    number = int(match[1]) if match else 0
    return next((one for one in among if one.id == number), None)


def farm_named(facts: Facts, name: str) -> FarmFacts | None:
    """Return the backend of this name, or of the number behind `#`."""
    farms = facts.world.farms
    if not name.startswith("#"):
        return farms.get(name)
    model = _by_number(name, [farm.model for farm in farms.values()])
    return None if model is None else farms.get(model.name)


def server_named(farm: FarmFacts, name: str) -> ServerFacts | None:
    """Return the server of this name in a backend, or of the number behind `#`."""
    if name.startswith("#"):
        return _by_number(name, farm.servers)
    return next((server for server in farm.servers if server.name == name), None)


def _own_farm(facts: Facts) -> FarmFacts | None:
    """Return the backend at hand; before one is chosen that of the `listen` section."""
    return facts.farm or facts.world.farms.get(facts.frontend.model.name)


def _servers() -> ConvertWith:
    def convert(facts: Facts, value: Value) -> Value | None:
        farm = farm_named(facts, decode(bytes_of(value)))
        return None if farm is None else usable_servers(farm)

    return convert


def _queue() -> ConvertWith:
    def convert(facts: Facts, value: Value) -> Value | None:
        backend, slash, name = decode(bytes_of(value)).rpartition("/")
        farm = farm_named(facts, backend) if slash else _own_farm(facts)
        server = None if farm is None else server_named(farm, name)
        return None if server is None else server.queued

    return convert


CONVERTERS = (
    Converter("nbsrv", Kind.STR, Kind.SINT, "The usable servers of the backend of this name.", build_with=_servers),
    Converter("srv_queue", Kind.STR, Kind.SINT, "The sessions that wait for the server.", build_with=_queue),
)
