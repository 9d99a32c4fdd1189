"""Statistics as Prometheus reads them (its text format 0.0.4), in HAProxy's names and labels (metrics.py).

Everything is read first, row by row, and then written, metric by metric: both in small steps, between which traffic
goes on. The texts of HELP are those of our columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from tcproxy.interfaces import Admin
from tcproxy.report import statistics
from tcproxy.report.columns import COLUMNS, Column
from tcproxy.report.histograms import HISTOGRAMS, TimedCounters
from tcproxy.report.info import FIELDS, VERSION, ProcessFacts
from tcproxy.report.metrics import (
    CHECKS,
    HTTP_ONLY,
    METRICS,
    ODD_COUNTERS,
    PROCESS,
    STATUSES,
    VERSIONS,
    Metric,
)
from tcproxy.report.seen import SeenWorld
from tcproxy.report.statistics import StatisticsRow
from tcproxy.report.views import Value

CONTENT_TYPE = b"text/plain; version=0.0.4"
SCOPES = ("global", "frontend", "listener", "backend", "server")
"""The parts of the answer, in their order."""
NOT_HERE = ("sticktable",)
"""Parts of HAProxy's answer that are empty here."""
KINDS = {"frontend": "F", "listener": "L", "backend": "B", "server": "S"}
STEP = 100
"""Lines that are made at once."""
_POSITIONS = {column.name: position for position, column in enumerate(COLUMNS)}
_PROXY, _NAME, _STATUS, _MODE, _CHECKED = (
    _POSITIONS[name] for name in ("pxname", "svname", "status", "mode", "check_status")
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for. scopes: some of SCOPES. maintained: servers in maintenance too."""

    scopes: frozenset[str] = frozenset(SCOPES)
    maintained: bool = True


def read_wish(query: bytes) -> Wish | None:
    """Read the part of a target behind its `?`; None for a scope that there is none of.

    An empty scope forgets those before it, and `*` means all.
    """
    scopes, maintained = frozenset(SCOPES), True
    chosen: frozenset[str] | None = None
    for part in query.decode("latin-1").split("&"):
        key, equals, value = (unquote_plus(text) for text in part.partition("="))
        if key == "no-maint":
            maintained = False
        elif key == "scope":
            if not equals or (value and value != "*" and value not in SCOPES and value not in NOT_HERE):
                return None
            named = frozenset(SCOPES) if value == "*" else frozenset({value})
            chosen = (chosen or frozenset()) | named if value else frozenset()
    return Wish(scopes if chosen is None else chosen & scopes, maintained)


def exported(facts: ProcessFacts, wish: Wish) -> Iterator[str]:
    """Give the metrics in pieces; an empty piece says that other work may be done meanwhile."""
    found: dict[str, list[StatisticsRow]] = {kind: [] for kind in "FLBS"}
    if wish.scopes - {"global"}:
        for row in statistics.rows(facts.world):
            found[row.kind].append(row)
            yield ""
    if "global" in wish.scopes:
        yield "".join(_process(facts))
    for scope in SCOPES[1:]:
        if scope in wish.scopes:
            rows = found[KINDS[scope]]
            if scope == "server" and not wish.maintained:
                rows = [row for row in rows if not str(row.values[_STATUS]).startswith("MAINT")]
            yield from _scope(scope, rows)
            if scope == "backend":
                yield from _sums(rows, found["S"])
    for scope in ("backend", "server"):
        if scope in wish.scopes:
            yield from _histograms(facts.world, scope, wish.maintained)


def _head(name: str, help: str, type: str = "") -> str:
    kind = type or ("counter" if name.endswith("_total") or name.rpartition("process_")[2] in ODD_COUNTERS else "gauge")
    return f"# HELP {name} {help}\n# TYPE {name} {kind}\n"


def _process(facts: ProcessFacts) -> Iterator[str]:
    for field in FIELDS:
        short = PROCESS.get(field.name)
        if short is None:
            continue
        name = f"haproxy_process_{short}"
        value = field.value(facts)
        said = "NaN" if value is None else str(int(value) if isinstance(value, float) else value)
        if short == VERSIONS:
            yield f'{_head(name, field.help)}{name}{{version="{_escaped(VERSION)}"}} 1\n'
        else:
            yield f"{_head(name, field.help)}{name} {said}\n"


def _escaped(text: object) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _labels(row: StatisticsRow) -> str:
    proxy = f'proxy="{_escaped(row.values[_PROXY])}"'
    if row.kind in "FB":
        return proxy
    return f'{proxy},{"server" if row.kind == "S" else "listener"}="{_escaped(row.values[_NAME])}"'


def _reads(column: Column, kind: str) -> bool:
    read = {"F": column.frontend, "L": column.bind, "S": column.server, "B": column.backend}
    return read[kind] is not None


def _scope(scope: str, rows: Sequence[StatisticsRow]) -> Iterator[str]:
    """Give the metrics of all rows of a kind; a metric that no row has is left out."""
    kind = KINDS[scope]
    labels = [_labels(row) for row in rows]
    before = ""
    for position, column in enumerate(COLUMNS):
        metric = METRICS.get(column.name)
        if metric is None or kind not in metric.kinds or not _reads(column, kind):
            continue
        name = f"haproxy_{scope}_{metric.name}"
        lines = _lines(name, column, metric, position)
        for start in range(0, len(rows), STEP):
            text = "".join(map(lines, rows[start : start + STEP], labels[start : start + STEP]))
            if text and name != before:
                before = name
                text = _head(name, column.help) + text
            yield text


def _lines(name: str, column: Column, metric: Metric, position: int) -> Callable[[StatisticsRow, str], str]:
    """Return the function that writes the lines of a metric for a row with its labels: "" where it has none."""
    code = f',code="{metric.code}"' if metric.code else ""

    def line(row: StatisticsRow, labels: str) -> str:
        value = row.values[position]
        if value is None:
            if not metric.unknown:
                return ""
            return f"{name}{{{labels}{code}}} NaN\n"
        said = f"{int(value) / 1000:.6f}" if metric.milliseconds else value
        return f"{name}{{{labels}{code}}} {said}\n"

    def status(row: StatisticsRow, labels: str) -> str:
        return _states(name, labels, STATUSES[row.kind], Counter([_state(row)]))

    def result(row: StatisticsRow, labels: str) -> str:
        value = row.values[position]
        return "" if value is None else _states(name, labels, CHECKS, Counter([_result(value)]))

    def of_check(row: StatisticsRow, labels: str) -> str:
        if row.values[_CHECKED] is None:
            return ""
        value = row.values[position] or 0
        said = f"{int(value) / 1000:.6f}" if metric.milliseconds else value
        return f"{name}{{{labels}}} {said}\n"

    def of_http(row: StatisticsRow, labels: str) -> str:
        return line(row, labels) if row.values[_MODE] == "http" else ""

    special = {"status": status, "check_status": result, "check_code": of_check, "check_duration": of_check}
    return special.get(column.name, of_http if column.name in HTTP_ONLY else line)


def _states(name: str, labels: str, states: Iterable[str], counted: Counter[str]) -> str:
    return "".join(f'{name}{{{labels},state="{state}"}} {counted[state]}\n' for state in states)


def _state(row: StatisticsRow) -> str:
    """Return the state that a status means: `UP 1/3` and `no check` are UP, of a paused frontend too."""
    word = str(row.values[_STATUS]).partition(" ")[0]
    if row.kind == "F":
        return "DOWN" if word == "STOP" else "UP"
    return "UP" if word == "no" else word


def _result(value: Value) -> str:
    return str(value).removeprefix("* ")


def _sums(backends: Sequence[StatisticsRow], servers: Sequence[StatisticsRow]) -> Iterator[str]:
    """Give how many servers of each backend are in each state, and how many checks had each result."""
    of: dict[int, list[StatisticsRow]] = {}
    for server in servers:
        of.setdefault(server.proxy, []).append(server)
    counted = []
    for row in backends:
        its = of.get(row.proxy, [])
        if its:
            results = Counter(_result(server.values[_CHECKED]) for server in its)
            counted.append((_labels(row), Counter(map(_state, its)), results))
    if not counted:
        return
    for name, help, place, states in (
        ("haproxy_backend_agg_server_status", "servers in each state", 1, STATUSES["S"]),
        ("haproxy_backend_agg_server_check_status", "servers in each state, by HAProxy's old name", 1, STATUSES["S"]),
        ("haproxy_backend_agg_check_status", "servers whose last check had each result", 2, tuple(CHECKS)),
    ):
        head = _head(name, help)
        for one in counted:
            yield head + _states(name, one[0], states, one[2] if place == 2 else one[1])
            head = ""


def _histograms(world: SeenWorld, scope: str, maintained: bool) -> Iterator[str]:
    """Give how long exchanges took, of backends or of servers: what HAProxy does not count."""
    for histogram in HISTOGRAMS:
        name = f"tcproxy_{scope}_{histogram.name}"
        head = _head(name, histogram.help, "histogram")
        for labels, counters, http in _timed(world, scope, maintained):
            if histogram.http and not http:
                continue
            yield head + histogram.lines(name, labels, counters)
            head = ""


def _timed(world: SeenWorld, scope: str, maintained: bool) -> Iterator[tuple[str, TimedCounters, bool]]:
    """Yield labels, counters, and whether it is HTTP, of what has such counters, in the order of the configuration."""
    for model in world.configuration.proxies:
        farm = world.farms.get(model.name) if model.is_backend else None
        if farm is None:
            continue
        proxy, http = f'proxy="{_escaped(model.name)}"', model.mode == "http"
        if scope == "backend":
            if isinstance(farm.counters, TimedCounters):
                yield proxy, farm.counters, http
            continue
        for server in list(farm.servers):
            if isinstance(server.counters, TimedCounters) and (maintained or not server.admin & Admin.MAINTENANCE):
                yield f'{proxy},server="{_escaped(server.name)}"', server.counters, http
