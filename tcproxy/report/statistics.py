"""`show stat`: which rows there are, and how they are printed: CSV, typed or JSON (management 9.1 to 9.3).

What stands in a row is columns.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tcproxy.interfaces import Admin, ServerState
from tcproxy.model.proxy import Proxy
from tcproxy.report.columns import COLUMNS, MODULES, STATIC, Column
from tcproxy.report.seen import SeenFrontend, SeenServer, SeenWorld
from tcproxy.report.views import BackendRow, BindRow, FrontendRow, ServerRow, Value

FRONTENDS, BACKENDS, SERVERS, LISTENERS = 1, 2, 4, 8
EVERYTHING = -1

ORIGINS = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
NATURES = {
    "G": "Gauge", "L": "Limit", "m": "Min", "M": "Max", "R": "Rate", "C": "Counter", "D": "Duration", "A": "Age",
    "T": "Time", "N": "Name", "O": "Output", "a": "Avg",
}  # fmt: skip
SCOPES = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System"}


@dataclass(frozen=True, slots=True)
class RowSelection:
    """Which rows to list. proxy: an id. kinds: of FRONTENDS and so on, added up. id: of a server or listener.

    up: leave out servers that are down. maintained: leave in servers in maintenance. private: show addresses.
    """

    proxy: int = EVERYTHING
    kinds: int = EVERYTHING
    id: int = EVERYTHING
    up: bool = False
    maintained: bool = True
    private: bool = True


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """The values of one row: kind F, L, S or B; ids of the proxy and of the object in it; the values by column."""

    kind: str
    proxy: int
    id: int
    values: tuple[Value, ...]


def _none(row: object) -> None:
    """Return the value of a column that a kind of row does not have."""


_FRONTEND = tuple(column.frontend or _none for column in COLUMNS)
_BIND = tuple(column.bind or _none for column in COLUMNS)
_SERVER = tuple(column.server or _none for column in COLUMNS)
_BACKEND = tuple(column.backend or _none for column in COLUMNS)


def _of_frontend(row: FrontendRow) -> StatisticsRow:
    return StatisticsRow("F", row.live.model.id, 0, tuple([read(row) for read in _FRONTEND]))


def _of_bind(row: BindRow) -> StatisticsRow:
    return StatisticsRow("L", row.frontend.model.id, row.live.model.id, tuple([read(row) for read in _BIND]))


def _of_server(row: ServerRow) -> StatisticsRow:
    return StatisticsRow("S", row.farm.model.id, row.live.id, tuple([read(row) for read in _SERVER]))


def _of_backend(row: BackendRow) -> StatisticsRow:
    return StatisticsRow("B", row.live.model.id, 0, tuple([read(row) for read in _BACKEND]))


def rows(world: SeenWorld, selection: RowSelection = RowSelection()) -> Iterator[StatisticsRow]:  # frozen
    """Yield the rows of the chosen objects, in the order of the configuration."""
    now = world.clock.seconds()
    for proxy in world.configuration.proxies:
        if not proxy.disabled and selection.proxy in (EVERYTHING, proxy.id):
            yield from _frontend_rows(world, proxy, selection, now)
            yield from _backend_rows(world, proxy, selection, now)


def _frontend_rows(world: SeenWorld, proxy: Proxy, selection: RowSelection, now: float) -> Iterator[StatisticsRow]:
    frontend = world.frontends.get(proxy.name) if proxy.is_frontend else None
    if frontend is None:
        return
    if selection.kinds & FRONTENDS:
        yield _of_frontend(FrontendRow(frontend, now, *_exchanges(world, frontend)))
    if selection.kinds & LISTENERS and "socket-stats" in proxy.options:
        for bind in frontend.binds:
            if selection.id in (EVERYTHING, bind.model.id):
                yield _of_bind(BindRow(bind, frontend, now))


def _exchanges(world: SeenWorld, frontend: SeenFrontend) -> tuple[int, int, int]:
    """Return three numbers of a frontend: exchanges now, requests whose head is not whole yet, upgraded clients."""
    http = frontend.model.mode == "http"
    if not http and not frontend.counters.upgrades:
        return 0, 0, 0
    every = [session for session in world.sessions.values() if session.frontend is frontend]
    sessions: list[Any] = every if http else [session for session in every if hasattr(session, "request")]
    asked = sum(session.request is not None for session in sessions)
    begun = sum(session.request is None and session.client.begun for session in sessions)
    return asked, begun, 0 if http else len(sessions)


def _backend_rows(world: SeenWorld, proxy: Proxy, selection: RowSelection, now: float) -> Iterator[StatisticsRow]:
    farm = world.farms.get(proxy.name) if proxy.is_backend else None
    if farm is None:
        return
    if selection.kinds & SERVERS:
        for server in farm.servers:
            if selection.id in (EVERYTHING, server.id) and _wanted(server, selection):
                yield _of_server(ServerRow(server, farm, now, selection.private))
    if selection.kinds & BACKENDS:
        yield _of_backend(BackendRow(farm, now, selection.up or not selection.maintained))


def _wanted(server: SeenServer, selection: RowSelection) -> bool:
    if selection.up and server.state is ServerState.STOPPED:
        return False
    return selection.maintained or not server.admin & Admin.MAINTENANCE


def header() -> str:
    """Return the header line of the CSV form, with its sharp."""
    return "# " + ",".join([*(column.name for column in STATIC), "-", *(c.name for c in MODULES)]) + ",\n"


def _field(value: Value) -> str:
    text = "" if value is None else str(value)
    if any(mark in text for mark in ',"\r\n'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text


def csv(rows: Iterable[StatisticsRow]) -> Iterator[str]:
    """Give the rows as lines of CSV, header included."""
    yield header()
    for row in rows:
        fields = [str(value) if value.__class__ is int else _field(value) for value in row.values]
        fields.insert(len(STATIC), "-")
        yield ",".join(fields) + ",\n"


def tags_of(column: Column, kind: str) -> str:
    """Return the tags of a column in rows of a kind."""
    return column.backend_tags or column.tags if kind == "B" else column.tags


def _present(row: StatisticsRow) -> Iterator[tuple[int, Column, int | str]]:
    for position, (column, value) in enumerate(zip(COLUMNS, row.values, strict=True)):
        if value is not None:
            yield position, column, value


def typed(rows: Iterable[StatisticsRow], explained: bool = False) -> Iterator[str]:
    """Give the rows in the typed form (management 9.2), a row at a time; `explained` appends what each column is."""
    for row in rows:
        parts = []
        for position, column, value in _present(row):
            said = f':"{column.help}"' if explained else ""
            head = f"{row.kind}.{row.proxy}.{row.id}.{position}.{column.name}.1"
            parts.append(f"{head}:{tags_of(column, row.kind)}:{column.type}:{value}{said}\n")
        yield "".join(parts)


OBJECTS = {"F": "Frontend", "L": "Listener", "S": "Server", "B": "Backend"}


def tags_json(tags: str) -> dict[str, str]:
    """Return origin, nature and scope as the JSON forms say them."""
    return {"origin": ORIGINS[tags[0]], "nature": NATURES[tags[1]], "scope": SCOPES[tags[2]]}


def in_json(rows: Iterable[StatisticsRow]) -> Iterator[str]:
    """Give the rows as JSON, a row at a time: a list of lists of fields."""
    before = "["
    for row in rows:
        yield before + json.dumps(_fields(row), separators=(",", ":"))
        before = ","
    yield "]\n" if before == "," else "[]\n"


def _fields(row: StatisticsRow) -> list[dict[str, Any]]:
    return [
        {
            "objType": OBJECTS[row.kind],
            "proxyId": row.proxy,
            "id": row.id,
            "field": {"pos": position, "name": column.name},
            "processNum": 1,
            "tags": tags_json(tags_of(column, row.kind)),
            "value": {"type": column.type, "value": value},
        }
        for position, column, value in _present(row)
    ]
