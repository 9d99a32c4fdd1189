"""`show stat`: which rows there are, and how they are printed: CSV, typed or JSON (management 9.1 to 9.3).

What stands in a row is columns.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tcproxy.interfaces import Admin, ServerState
from tcproxy.model.proxy import Proxy
from tcproxy.report.columns import COLUMNS, MODULES, STATIC, Column
from tcproxy.report.seen import SeenFrontend, SeenServer, SeenWorld
from tcproxy.report.views import Back, Entrance, Front, Host, Value

FRONTENDS, BACKENDS, SERVERS, LISTENERS = 1, 2, 4, 8
EVERYTHING = -1

ORIGINS = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
NATURES = {
    "G": "Gauge", "L": "Limit", "m": "Min", "M": "Max", "R": "Rate", "C": "Counter", "D": "Duration", "A": "Age",
    "T": "Time", "N": "Name", "O": "Output", "a": "Avg",
}  # fmt: skip
SCOPES = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System"}


@dataclass(frozen=True, slots=True)
class Choice:
    """What to list. proxy: an id. kinds: of FRONTENDS and so on, added up. id: of a server or listener.

    up: leave out servers that are down. maintained: leave in servers in maintenance. private: show addresses.
    """

    proxy: int = EVERYTHING
    kinds: int = EVERYTHING
    id: int = EVERYTHING
    up: bool = False
    maintained: bool = True
    private: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One row: kind F, L, S or B; ids of the proxy and of the object in it; the values by column."""

    kind: str
    proxy: int
    id: int
    values: tuple[Value, ...]


def _line(kind: str, proxy: int, id: int, value: Callable[[Column], Value]) -> Line:
    return Line(kind, proxy, id, tuple(value(column) for column in COLUMNS))


def _front(view: Front) -> Line:
    return _line("F", view.live.model.id, 0, lambda column: column.front(view) if column.front else None)


def _entrance(view: Entrance) -> Line:
    id = view.live.bind.id
    return _line("L", view.front.model.id, id, lambda column: column.entrance(view) if column.entrance else None)


def _server(view: Host) -> Line:
    id = view.live.id
    return _line("S", view.farm.model.id, id, lambda column: column.server(view) if column.server else None)


def _back(view: Back) -> Line:
    return _line("B", view.live.model.id, 0, lambda column: column.back(view) if column.back else None)


def lines(world: SeenWorld, choice: Choice = Choice()) -> Iterator[Line]:  # frozen
    """Yield the rows of the chosen objects, in the order of the configuration."""
    now = world.clock.seconds()
    for proxy in world.configuration.proxies:
        if not proxy.disabled and choice.proxy in (EVERYTHING, proxy.id):
            yield from _front_lines(world, proxy, choice, now)
            yield from _back_lines(world, proxy, choice, now)


def _front_lines(world: SeenWorld, proxy: Proxy, choice: Choice, now: float) -> Iterator[Line]:
    front = world.frontends.get(proxy.name) if proxy.is_frontend else None
    if front is None:
        return
    if choice.kinds & FRONTENDS:
        yield _front(Front(front, now, *_exchanges(world, front)))
    if choice.kinds & LISTENERS and "socket-stats" in proxy.options:
        for entrance in front.entrances:
            if choice.id in (EVERYTHING, entrance.bind.id):
                yield _entrance(Entrance(entrance, front, now))


def _exchanges(world: SeenWorld, front: SeenFrontend) -> tuple[int, int, int]:
    """Return what a frontend has of HTTP under way: exchanges, requests that only begin, and upgraded clients."""
    http = front.model.mode == "http"
    if not http and not front.counters.upgrades:
        return 0, 0, 0
    every = [session for session in world.sessions.values() if session.frontend is front]
    sessions: list[Any] = every if http else [session for session in every if hasattr(session, "request")]
    asked = sum(session.request is not None for session in sessions)
    begun = sum(session.request is None and session.client.begun for session in sessions)
    return asked, begun, 0 if http else len(sessions)


def _back_lines(world: SeenWorld, proxy: Proxy, choice: Choice, now: float) -> Iterator[Line]:
    farm = world.farms.get(proxy.name) if proxy.is_backend else None
    if farm is None:
        return
    if choice.kinds & SERVERS:
        for server in farm.servers:
            if choice.id in (EVERYTHING, server.id) and _wanted(server, choice):
                yield _server(Host(server, farm, now, choice.private))
    if choice.kinds & BACKENDS:
        yield _back(Back(farm, now, choice.up or not choice.maintained))


def _wanted(server: SeenServer, choice: Choice) -> bool:
    if choice.up and server.state is ServerState.STOPPED:
        return False
    return choice.maintained or not server.admin & Admin.MAINTENANCE


def header() -> str:
    """Return the header line of the CSV form, with its sharp."""
    return "# " + ",".join([*(column.name for column in STATIC), "-", *(c.name for c in MODULES)]) + ",\n"


def _field(value: Value) -> str:
    text = "" if value is None else str(value)
    if any(mark in text for mark in ',"\r\n'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text


def csv(rows: Iterable[Line]) -> str:
    """Return the rows as CSV, header included."""
    parts = [header()]
    for row in rows:
        fields = [_field(value) for value in row.values]
        fields.insert(len(STATIC), "-")
        parts.append(",".join(fields) + ",\n")
    return "".join(parts)


def _tags(column: Column, kind: str) -> str:
    return column.backend_tags or column.tags if kind == "B" else column.tags


def _present(row: Line) -> Iterator[tuple[int, Column, int | str]]:
    for position, (column, value) in enumerate(zip(COLUMNS, row.values, strict=True)):
        if value is not None:
            yield position, column, value


def typed(rows: Iterable[Line], explained: bool = False) -> str:
    """Return the rows in the typed form (management 9.2); `explained` appends what each column is."""
    parts = []
    for row in rows:
        for position, column, value in _present(row):
            said = f':"{column.help}"' if explained else ""
            head = f"{row.kind}.{row.proxy}.{row.id}.{position}.{column.name}.1"
            parts.append(f"{head}:{_tags(column, row.kind)}:{column.type}:{value}{said}\n")
    return "".join(parts)


OBJECTS = {"F": "Frontend", "L": "Listener", "S": "Server", "B": "Backend"}


def tags_json(tags: str) -> dict[str, str]:
    """Return origin, nature and scope as the JSON forms say them."""
    return {"origin": ORIGINS[tags[0]], "nature": NATURES[tags[1]], "scope": SCOPES[tags[2]]}


def in_json(rows: Iterable[Line]) -> str:
    """Return the rows as JSON: a list of lists of fields."""
    found = [
        [
            {
                "objType": OBJECTS[row.kind],
                "proxyId": row.proxy,
                "id": row.id,
                "field": {"pos": position, "name": column.name},
                "processNum": 1,
                "tags": tags_json(_tags(column, row.kind)),
                "value": {"type": column.type, "value": value},
            }
            for position, column, value in _present(row)
        ]
        for row in rows
    ]
    return json.dumps(found, separators=(",", ":")) + "\n"
