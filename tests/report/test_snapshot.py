"""Snapshots of several processes become one by the tags of their columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.report.columns import COLUMNS
from tcproxy.report.snapshot import merged
from tcproxy.report.statistics import StatisticsRow
from tcproxy.report.views import Value


def row(kind: str = "S", id: int = 1, **values: Value) -> StatisticsRow:
    """Return a row with these values, and none in the other columns."""
    return StatisticsRow(kind, 2, id, tuple(values.get(column.name) for column in COLUMNS))


def together(*rows: StatisticsRow) -> dict[str, Value]:
    """Return what the rows of one object, each of another process, say together."""
    (one,) = merged([[row] for row in rows])
    return {column.name: value for column, value in zip(COLUMNS, one.values, strict=True) if value is not None}


def test_by_their_tags() -> None:
    """Counters and gauges add up, maxima stay, ages are those of the youngest, limits of a process add up."""
    first = row(stot=5, scur=1, smax=4, lastsess=-1, slim=10, rate=3, pxname="a", addr="x", weight=4, lastchg=7)
    second = row(stot=7, scur=2, smax=3, lastsess=9, slim=10, rate=1, pxname="a", addr="x", weight=4, lastchg=3)
    assert together(first, second) == {
        "stot": 12, "scur": 3, "smax": 4, "lastsess": 9, "slim": 10, "rate": 4, "pxname": "a", "addr": "x",
        "weight": 4, "lastchg": 3,
    }  # fmt: skip


def test_averages_weigh() -> None:
    """A mean counts as much as the exchanges that it is of, and for all alike where there were none."""
    assert together(row(rtime=10, req_tot=30), row(rtime=50, req_tot=10))["rtime"] == 20
    assert together(row(rtime=10, req_tot=0), row(rtime=50, req_tot=0))["rtime"] == 30


def test_the_worst_status() -> None:
    """Where processes differ about a server, its row shows the worst; one that is missing somewhere stays."""
    assert together(row(status="UP"), row(status="UP 1/3"), row(status="DOWN 1/2"))["status"] == "DOWN 1/2"
    assert together(row(act=1), row(act=1))["act"] == 1
    assert together(row("B", 0, act=1), row("B", 0, act=1))["act"] == 2
    assert [one.id for one in merged([[row(id=1)], [row(id=2), row(id=1)]])] == [1, 2]


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=3))
def test_in_any_grouping(counts: list[int]) -> None:
    """Sums and maxima do not depend on which processes are merged first."""
    rows = [row(stot=count, smax=count, qcur=count) for count in counts]
    assert merged([merged([[rows[0]], [rows[1]]]), [rows[2]]]) == merged([[one] for one in rows])
