"""Counters of frontends, listeners, backends and servers: plain attributes, counted on the data path.

Names follow the columns of `show stat` (management 9.1) where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor


class Rate:
    """Events a second over a sliding window of one second, as HAProxy's frequency counters count them.

    `tick(now)` counts one event; `read(now)` estimates the last second's. Times: seconds, monotonic.
    """

    __slots__ = ("current", "highest", "previous", "second")

    def __init__(self) -> None:
        self.second = 0
        self.current = 0
        self.previous = 0
        self.highest = 0

    def tick(self, now: float) -> int:
        """Count one event at `now`; return the events of this second so far."""
        second = int(now)
        if second != self.second:
            self._turn(second)
        self.current += 1
        if self.current > self.highest:
            self.highest = self.current
        return self.current

    def _turn(self, second: int) -> None:
        self.previous = self.current if second == self.second + 1 else 0
        self.current = 0
        self.second = second

    def read(self, now: float) -> int:
        """Return the events of the second that ends at `now`. `second` stays that of the last event."""
        second = int(now)
        current, previous = self.current, self.previous
        if second != self.second:
            current, previous = 0, current if second == self.second + 1 else 0
        if previous == 1 and not current:
            return 1  # as the reference has it: a low rate does not flap
        return current + floor(previous * (1 - (now - second)))


WINDOW_BITS = 9
WINDOW = 1 << WINDOW_BITS
"""Sessions that the average times look back on."""


class Counters:
    """What is counted for one frontend, listener, backend or server.

    current, highest: sessions now, and at the most. total: sessions since the start.
    connections: accepted (frontend), or attempts to a server. bytes_in: from clients; bytes_out: to clients.
    queue_time, connect_time, response_time, session_time: milliseconds, sums that slide over about as many
    sessions as WINDOW says; `timed` adds to them, `average` divides. *_highest: of one session.
    down_time: seconds, up to the last change.
    failed_observations: times that live traffic failed too often in a row.
    Every number starts at 0; `clear` sets them back.
    """

    __slots__ = (
        "aborts_client", "aborts_server", "bytes_in", "bytes_out", "connect_errors", "connect_highest",
        "connect_time", "connection_rate", "connections", "current", "denied_connections", "denied_requests",
        "denied_responses", "denied_sessions", "down_time", "down_transitions", "failed_checks",
        "failed_observations", "highest", "intercepted", "queue_current", "queue_highest", "queue_time",
        "queue_time_highest", "redispatches", "request_errors", "response_errors", "response_highest",
        "response_time", "retries", "reuses", "selected", "session_highest", "session_rate", "session_time",
        "total",
    )  # fmt: skip

    aborts_client: int
    aborts_server: int
    bytes_in: int
    bytes_out: int
    connect_errors: int
    connect_highest: int
    connect_time: int
    connection_rate: Rate
    connections: int
    current: int
    denied_connections: int
    denied_requests: int
    denied_responses: int
    denied_sessions: int
    down_time: int
    down_transitions: int
    failed_checks: int
    failed_observations: int
    highest: int
    intercepted: int
    queue_current: int
    queue_highest: int
    queue_time: int
    queue_time_highest: int
    redispatches: int
    request_errors: int
    response_errors: int
    response_highest: int
    response_time: int
    retries: int
    reuses: int
    selected: int
    session_highest: int
    session_rate: Rate
    session_time: int
    total: int

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)
        self.connection_rate = Rate()
        self.session_rate = Rate()

    def begin(self, now: float) -> None:
        """Count a session that begins at `now` (seconds, monotonic)."""
        self.total += 1
        self.current += 1
        if self.current > self.highest:
            self.highest = self.current
        rate = self.session_rate
        # `tick` without the call, where it has nothing more to do
        if rate.second == int(now) and rate.current < rate.highest:
            rate.current += 1
        else:
            rate.tick(now)

    def arrive(self) -> None:
        """Count a connection that is here, but no session yet."""
        self.current += 1
        if self.current > self.highest:
            self.highest = self.current

    def count(self, now: float) -> None:
        """Count as a session what arrived."""
        self.total += 1
        self.session_rate.tick(now)

    def timed(self, queue: int, connect: int, session: int, response: int = 0) -> None:
        """Take the times of a session that reached a server: milliseconds in the queue, to connect, in all."""
        # written out, and divided by shifting: every session of every server passes here
        self.queue_time += queue - (self.queue_time + WINDOW - 1 >> WINDOW_BITS)
        self.connect_time += connect - (self.connect_time + WINDOW - 1 >> WINDOW_BITS)
        self.session_time += session - (self.session_time + WINDOW - 1 >> WINDOW_BITS)
        if queue > self.queue_time_highest:
            self.queue_time_highest = queue
        if connect > self.connect_highest:
            self.connect_highest = connect
        if session > self.session_highest:
            self.session_highest = session
        if response:
            self.response_time += response - (self.response_time + WINDOW - 1 >> WINDOW_BITS)
            self.response_highest = max(self.response_highest, response)

    def average(self, sliding: int) -> int:
        """Return the mean of one of the sliding sums, over the last sessions that a server was chosen for."""
        window = min(max(self.selected, 1), WINDOW)
        return (sliding + window - 1) // window

    def clear_highest(self) -> None:
        """Forget the maxima (`clear counters`): each restarts from what is current."""
        self.highest = self.current
        self.queue_highest = self.queue_current
        self.queue_time_highest = self.connect_highest = self.session_highest = self.response_highest = 0
        self.session_rate.highest = 0
        self.connection_rate.highest = 0

    def clear(self) -> None:
        """Forget everything but what is current (`clear counters all`)."""
        kept = {"current", "queue_current", "session_rate", "connection_rate"}
        for name in self.__slots__:
            if name not in kept:
                setattr(self, name, 0)
        self.clear_highest()


def begin_all(passed: Iterable[Counters], now: float) -> None:
    """Count a session that begins at `now` (seconds, monotonic) at all that it passes: `begin`, without the calls."""
    second = int(now)
    for counters in passed:
        counters.total += 1
        counters.current += 1
        if counters.current > counters.highest:
            counters.highest = counters.current
        rate = counters.session_rate
        if rate.second == second and rate.current < rate.highest:
            rate.current += 1
        else:
            rate.tick(now)
