"""Rates, averages and what `clear counters` clears."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.report.counters import UNCOUNTED, WINDOW, Counters, RateOfTotal


class Events:
    """What happened when, and the rate of it: a total is counted up, and `turn` is asked as its owner does."""

    def __init__(self, *moments: float) -> None:
        self.rate, self.total, self.moments = RateOfTotal(), 0, moments
        for moment in moments:
            if moment >= self.rate.until:
                self.rate.turn(moment, self.total)
            self.total += 1

    def read(self, now: float) -> int:
        """Return the rate."""
        return self.rate.read(now, self.total)

    def most(self) -> int:
        """Return its maximum."""
        return self.rate.most(self.total)

    def of(self, second: int) -> int:
        """Return the events of one second."""
        return sum(int(moment) == second for moment in self.moments)


def test_a_rate_slides_over_one_second() -> None:
    """Events fade out over the second that follows, and reading changes nothing."""
    events = Events(*[100.5] * 10)
    assert [events.read(now) for now in (100.9, 101.0, 101.5, 101.99, 102.0)] == [10, 10, 5, 0, 0]
    assert events.read(101.5) == 5
    assert events.most() == 10


def test_a_low_rate_does_not_flap() -> None:
    """One event in the last second reads as one until that second is over."""
    events = Events(7.9)
    assert [events.read(now) for now in (7.95, 8.5, 8.99, 9.0)] == [1, 1, 1, 0]


@given(st.lists(st.floats(0, 20), max_size=50).map(sorted), st.floats(0, 5))
def test_a_rate_is_that_of_its_events(moments: list[float], later: float) -> None:
    """The rate is the events of this second, and the share of the last one's that its window still covers."""
    events = Events(*moments)
    now = max(moments, default=0.0) + later
    second = int(now)
    current, previous = events.of(second), events.of(second - 1)
    expected = 1 if previous == 1 and not current else current + math.floor(previous * (1 - (now - second)))
    assert events.read(now) == expected
    assert events.most() == max((events.of(second) for second in range(21)), default=0)


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


def test_average_times_of_http() -> None:
    """In HTTP mode the exchanges count, balanced or not; without any, a whole window is supposed."""
    counters = Counters()
    for _ in range(4):
        counters.timed(queue=0, connect=0, session=100, response=90)
    assert counters.average(counters.response_time, http=True) == 1
    assert counters.response_time == 360, "nothing slides before the window is full"
    counters.answered[200 // 100] += 3
    counters.answered[-1 // 100] += 1
    counters.answered[UNCOUNTED // 100] += 5
    assert counters.exchanges == 4
    assert counters.average(counters.response_time, http=True) == 90
    assert counters.average(counters.session_time, http=True) == 100


def test_clearing() -> None:
    """`clear counters` forgets maxima, `clear counters all` the sums too; what is current stays."""
    counters = Counters()
    counters.begin(1.0)
    counters.begin(1.0)
    counters.current -= 1
    counters.bytes_in = 7
    counters.answered[2] = 3
    counters.request_rate.turn(1.0, counters.requests)
    counters.requests = 3
    counters.clear_highest()
    assert counters.request_rate.most(counters.requests) == 0
    assert counters.request_rate.read(1.5, counters.requests) == 3
    assert (counters.current, counters.highest, counters.total, counters.bytes_in) == (1, 1, 2, 7)
    assert (counters.most_sessions_a_second(), counters.sessions_a_second(1.5)) == (0, 2)
    counters.clear()
    assert (counters.requests, sum(counters.answered), counters.request_rate.read(1.5, 0)) == (0, 0, 3)
    assert (counters.current, counters.highest, counters.total, counters.bytes_in) == (1, 0, 0, 0)
