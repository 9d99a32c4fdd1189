"""`show stat`: which rows there are, and how they are printed: CSV, typed or JSON (management 9.1 to 9.3).

What stands in a row is columns.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tcproxy.interfaces import Admin, ServerState
from tcproxy.model.proxy import Proxy
from tcproxy.report.columns import COLUMNS, MODULES, STATIC, Column, zero
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

    up: leave out servers that are down. maintained: leave in servers in maintenance. private: show addresses, cookies
    and strategies. shows: which proxies, None for all.
    """

    proxy: int = EVERYTHING
    kinds: int = EVERYTHING
    id: int = EVERYTHING
    up: bool = False
    maintained: bool = True
    private: bool = True
    shows: Callable[[Proxy], bool] | None = None


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """The values of one row: kind F, L, S or B; ids of the proxy and of the object in it; the values by column."""

    kind: str
    proxy: int
    id: int
    values: Sequence[Value]


class Reader:
    """Reads the values of rows: only the columns that are asked for are worked out.

    Most columns of a row are empty or 0 whatever happens, and are not asked again for each row.
    """

    def __init__(self, names: Collection[str] | None = None) -> None:
        """names: of the columns that are asked for, None for all; the others are empty."""
        wanted = [column if names is None or column.name in names else None for column in COLUMNS]
        self._frontend = _plan(one.frontend if one is not None else None for one in wanted)
        self._bind = _plan(one.bind if one is not None else None for one in wanted)
        self._server = _plan(one.server if one is not None else None for one in wanted)
        self._backend = _plan(one.backend if one is not None else None for one in wanted)

    def frontend(self, row: FrontendRow) -> StatisticsRow:
        """Return the row of a frontend."""
        return StatisticsRow("F", row.live.model.id, 0, _values(self._frontend, row))

    def bind(self, row: BindRow) -> StatisticsRow:
        """Return the row of a listening address."""
        return StatisticsRow("L", row.frontend.model.id, row.live.model.id, _values(self._bind, row))

    def server(self, row: ServerRow) -> StatisticsRow:
        """Return the row of a server."""
        return StatisticsRow("S", row.farm.model.id, row.live.id, _values(self._server, row))

    def backend(self, row: BackendRow) -> StatisticsRow:
        """Return the row of a backend."""
        return StatisticsRow("B", row.live.model.id, 0, _values(self._backend, row))


Plan = tuple[list[Value], list[tuple[int, Callable[[Any], Value]]]]
"""What values begin as, and the functions that give those which change, with their places."""


def _plan(functions: Iterable[Callable[[Any], Value] | None]) -> Plan:
    every = list(functions)
    fixed: list[Value] = [0 if read is zero else None for read in every]
    return fixed, [(at, read) for at, read in enumerate(every) if read is not None and read is not zero]


def _values(plan: Plan, row: object) -> list[Value]:
    fixed, changing = plan
    values = fixed.copy()
    for at, read in changing:
        values[at] = read(row)
    return values


EVERY_COLUMN = Reader()


def rows(
    world: SeenWorld, selection: RowSelection = RowSelection(), reader: Reader = EVERY_COLUMN  # frozen
) -> Iterator[StatisticsRow]:
    """Yield the rows of the chosen objects, in the order of the configuration."""
    now = world.clock.seconds()
    for proxy in world.configuration.proxies:
        if selection.shows is not None and not selection.shows(proxy):
            continue
        if not proxy.disabled and selection.proxy in (EVERYTHING, proxy.id):
            yield from _frontend_rows(world, proxy, selection, now, reader)
            yield from _backend_rows(world, proxy, selection, now, reader)


def _frontend_rows(
    world: SeenWorld, proxy: Proxy, selection: RowSelection, now: float, reader: Reader
) -> Iterator[StatisticsRow]:
    frontend = world.frontends.get(proxy.name) if proxy.is_frontend else None
    if frontend is None:
        return
    if selection.kinds & FRONTENDS:
        yield reader.frontend(FrontendRow(frontend, now, *_exchanges(world, frontend)))
    if selection.kinds & LISTENERS and "socket-stats" in proxy.options:
        for bind in frontend.binds:
            if selection.id in (EVERYTHING, bind.model.id):
                yield reader.bind(BindRow(bind, frontend, now, selection.private))


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


def _backend_rows(
    world: SeenWorld, proxy: Proxy, selection: RowSelection, now: float, reader: Reader
) -> Iterator[StatisticsRow]:
    farm = world.farms.get(proxy.name) if proxy.is_backend else None
    if farm is None:
        return
    if selection.kinds & SERVERS:
        for server in farm.servers:
            if selection.id in (EVERYTHING, server.id) and _wanted(server, selection):
                yield reader.server(ServerRow(server, farm, now, selection.private))
    if selection.kinds & BACKENDS:
        yield reader.backend(BackendRow(farm, now, selection.up or not selection.maintained, selection.private))


def _wanted(server: SeenServer, selection: RowSelection) -> bool:
    if selection.up and server.state is ServerState.STOPPED:
        return False
    return selection.maintained or not server.admin & Admin.MAINTENANCE


def header() -> str:
    """Return the header line of the CSV form, with its sharp."""
    return "# " + ",".join([*(column.name for column in STATIC), "-", *(c.name for c in MODULES)]) + ",\n"


def _field(value: Value) -> str:
    if value is None:
        return ""
    if type(value) is int or not _SPECIAL.search(text := str(value)):
        return str(value)
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


_SPECIAL = re.compile('[,"\r\n]')


class _Texts(dict[Value, str]):
    """Values as fields of CSV: most are small numbers, which are written once."""

    def __missing__(self, value: Value) -> str:
        text = _field(value)
        if value is None or (isinstance(value, int) and 0 <= value < 1000):
            self[value] = text
        return text


def csv(rows: Iterable[StatisticsRow]) -> Iterator[str]:
    """Give the rows as lines of CSV, header included."""
    texts = _Texts()
    at = len(STATIC)
    yield header()
    for row in rows:
        fields = list(map(texts.__getitem__, row.values))
        fields.insert(at, "-")
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
