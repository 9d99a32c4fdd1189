"""Rates, averages and what `clear counters` clears."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.report.counters import WINDOW, Counters, Rate


def test_a_rate_slides_over_one_second() -> None:
    """Events fade out over the second that follows, and reading changes nothing."""
    rate = Rate()
    for _ in range(10):
        rate.tick(100.5)
    assert [rate.read(now) for now in (100.9, 101.0, 101.5, 101.99, 102.0)] == [10, 10, 5, 0, 0]
    assert rate.read(101.5) == 5
    assert (rate.highest, rate.second) == (10, 100)


def test_a_low_rate_does_not_flap() -> None:
    """One event in the last second reads as one until that second is over."""
    rate = Rate()
    rate.tick(7.9)
    assert [rate.read(now) for now in (7.95, 8.5, 8.99, 9.0)] == [1, 1, 1, 0]


@given(st.lists(st.floats(0, 20), max_size=50).map(sorted), st.floats(0, 25))
def test_a_rate_never_exceeds_the_events(moments: list[float], later: float) -> None:
    """A rate is never negative and never above the number of events."""
    rate = Rate()
    for moment in moments:
        rate.tick(moment)
    assert 0 <= rate.read(max([later, *moments])) <= len(moments)
    assert rate.highest <= len(moments)


def test_average_times() -> None:
    """Averages follow the last sessions, maxima stay until they are cleared."""
    counters = Counters()
    for _ in range(10 * WINDOW):
        counters.selected += 1
        counters.timed(queue=8, connect=40, session=100)
    assert counters.average(counters.queue_time) == 8
    assert counters.average(counters.connect_time) == 40
    assert counters.average(counters.session_time) == 100
    counters.timed(queue=9, connect=5, session=3000)
    assert (counters.queue_time_highest, counters.connect_highest, counters.session_highest) == (9, 40, 3000)


def test_clearing() -> None:
    """`clear counters` forgets maxima, `clear counters all` the sums too; what is current stays."""
    counters = Counters()
    counters.begin(1.0)
    counters.begin(1.0)
    counters.current -= 1
    counters.bytes_in = 7
    counters.clear_highest()
    assert (counters.current, counters.highest, counters.total, counters.bytes_in) == (1, 1, 2, 7)
    assert counters.session_rate.highest == 0
    counters.clear()
    assert (counters.current, counters.highest, counters.total, counters.bytes_in) == (1, 1, 0, 0)
