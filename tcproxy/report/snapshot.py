"""Snapshots: the values of statistics at one moment, which several processes may add up.

A row holds plain values (statistics.py), so it may be kept, sent and merged. How two values of a column become one
follows from the column's own tags (management 9.2): counters add up, maxima stay maxima, averages weigh.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tcproxy.report.columns import COLUMNS, Column
from tcproxy.report.counters import WINDOW
from tcproxy.report.statistics import StatisticsRow, tags_of
from tcproxy.report.views import Value

_WORST_FIRST = ("STOP", "DOWN", "MAINT", "NOLB", "DRAIN", "FULL", "WAITING", "PAUSED")
"""Beginnings of statuses: where processes differ, the row shows the worst of theirs."""
_POSITIONS = {column.name: position for position, column in enumerate(COLUMNS)}
_REQUESTS, _CHOSEN = _POSITIONS["req_tot"], _POSITIONS["lbtot"]


def merged(snapshots: Iterable[Iterable[StatisticsRow]]) -> list[StatisticsRow]:
    """Return one row for each object, in the order in which they first come."""
    found: dict[tuple[str, int, int], list[StatisticsRow]] = {}
    for snapshot in snapshots:
        for row in snapshot:
            found.setdefault((row.kind, row.proxy, row.id), []).append(row)
    return [_merge(same) for same in found.values()]


def _merge(rows: Sequence[StatisticsRow]) -> StatisticsRow:
    first = rows[0]
    if len(rows) == 1:
        return first
    weights = [_weight(row) for row in rows]
    values = tuple(
        _value(column, first.kind, [row.values[position] for row in rows], weights)
        for position, column in enumerate(COLUMNS)
    )
    return StatisticsRow(first.kind, first.proxy, first.id, values)


def _weight(row: StatisticsRow) -> int:
    """Return of how many exchanges the averages of a row are."""
    count = row.values[_REQUESTS] or row.values[_CHOSEN] or 0
    return min(count, WINDOW) if isinstance(count, int) else 0


def _value(column: Column, kind: str, values: Sequence[Value], weights: Sequence[int]) -> Value:
    """Return the value of a column that stands for those of several processes; None where all have none."""
    present = [value for value in values if value is not None]
    if not present:
        return None
    if column.type == "str":
        return min(map(str, present), key=_badness) if column.name == "status" else present[0]
    numbers = [value for value in present if isinstance(value, int)]
    tags = tags_of(column, kind)
    origin, nature = tags[0], tags[1]
    if origin in "KC" or (origin == "S" and nature == "G"):
        return numbers[0]  # what is configured, and what each process knows of the same server
    if nature in "CGR":
        return sum(numbers)
    if nature == "a":
        return _mean([(v, w) for v, w in zip(values, weights, strict=True) if isinstance(v, int)])
    if nature == "A":
        return min((number for number in numbers if number >= 0), default=-1)  # -1 is never
    return min(numbers) if nature == "m" else max(numbers)


def _mean(weighed: Sequence[tuple[int, int]]) -> int:
    """Return the mean of numbers with weights, rounded up; weights that are all 0 count as equal."""
    if not any(weight for _, weight in weighed):
        weighed = [(number, 1) for number, _ in weighed]
    weight = sum(weight for _, weight in weighed)
    return (sum(number * weight for number, weight in weighed) + weight - 1) // weight


def _badness(status: str) -> int:
    for rank, beginning in enumerate(_WORST_FIRST):
        if status.startswith(beginning):
            return rank
    return len(_WORST_FIRST)
