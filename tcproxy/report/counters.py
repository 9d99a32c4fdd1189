"""Counters of frontends, listeners, backends and servers: plain attributes, counted on the data path.

Names follow the columns of `show stat` (management 9.1) where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor


class RateOfTotal:
    """Events a second over a sliding window of one second, as HAProxy's frequency counters count them.

    The events are counted in a total. Its owner adds to the total, and calls `turn` when a second is over,

        if now >= rate.until:
            rate.turn(now, total)
        total += 1

    so that an event costs no call. Times: seconds, monotonic. until: end of the second of the last event.
    """

    __slots__ = ("base", "cleared", "highest", "previous", "until")

    def __init__(self) -> None:
        self.base = self.previous = self.highest = self.cleared = 0
        self.until = 0.0

    def turn(self, now: float, total: int) -> None:
        """Begin the second of `now` (seconds, monotonic). total: how many events there were before it."""
        second = int(now)
        current = total - self.base
        self.highest = self.most(total)
        self.previous = current if second == self.until else 0
        self.base = total
        self.until = second + 1.0  # as the clock's seconds are: numbers of one type are compared faster

    def read(self, now: float, total: int) -> int:
        """Return the events of the second that ends at `now`: those of the last whole second fade out over this one."""
        second, last = int(now), int(self.until) - 1
        current, previous = total - self.base, self.previous
        if second != last:
            current, previous = 0, current if second == last + 1 else 0
        if previous == 1 and not current:
            return 1  # HAProxy rounds a fading 1 up, so that a low rate does not flap
        return current + floor(previous * (1 - (now - second)))

    def most(self, total: int) -> int:
        """Return the most events of one second."""
        return self.highest if total == self.cleared else max(self.highest, total - self.base)

    def clear_highest(self, total: int) -> None:
        """Forget the maximum, until the next event."""
        self.highest = 0
        self.cleared = total

    def restart(self, total: int) -> None:
        """Prepare for a total that begins at 0 again: the events of the last second still count."""
        self.base -= total


WINDOW_BITS = 9
WINDOW = 1 << WINDOW_BITS
"""Sessions that the average times look back on."""


ANSWERS, SILENT, NOTHING = 12, -2, -1
"""Places of `Counters.answered`: a status is counted at its hundreds; NOTHING counts exchanges that end without an
answer (their status is -1, and -1 // 100 is this place); SILENT takes exchanges that statistics leave out: those
that the client shall repeat, and those that have not ended."""
UNCOUNTED = -101
"""The status of exchanges that statistics leave out."""


class Counters:
    """What is counted for one frontend, listener, backend or server.

    current, highest: sessions now, and at the most. total: sessions since the start.
    connections: accepted (frontend), or attempts to a server. bytes_in: from clients; bytes_out: to clients.
    queue_time, connect_time, response_time, session_time: milliseconds, sums that slide once they are of more
    sessions than WINDOW; `timed` adds to them, `average` divides. timings: how often. *_highest: of one session.
    down_time: seconds, up to the last change.
    failed_observations: times that live traffic failed too often in a row.
    renewals: connections of retries. HAProxy counts them in `reuse`, so they are in `reuses` too.
    requests: HTTP requests to a frontend; unbegun: those of them that ended before their first byte came. answered:
    exchanges by what the client was answered (`ANSWERS`); of a server, its responses by their status.
    upgrades: clients of TCP mode whose backend speaks HTTP.
    Every number starts at 0; `clear` sets them back.
    """

    __slots__ = (
        "aborts_client", "aborts_server", "answered", "bytes_in", "bytes_out", "connect_errors", "connect_highest",
        "connect_time", "connection_rate", "connections", "current", "denied_connections", "denied_requests",
        "denied_responses", "denied_sessions", "down_time", "down_transitions", "failed_checks",
        "failed_observations", "failed_rewrites", "highest", "intercepted", "queue_current",
        "queue_highest", "queue_time",
        "queue_time_highest", "redispatches", "renewals", "request_errors", "request_rate", "requests",
        "response_errors", "response_highest", "response_time", "retries", "reuses", "selected", "session_highest",
        "session_rate", "session_time", "timings", "total", "unbegun",
        "upgrades",
    )  # fmt: skip

    aborts_client: int
    aborts_server: int
    answered: list[int]
    bytes_in: int
    bytes_out: int
    connect_errors: int
    connect_highest: int
    connect_time: int
    connection_rate: RateOfTotal
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
    failed_rewrites: int
    highest: int
    intercepted: int
    queue_current: int
    queue_highest: int
    queue_time: int
    queue_time_highest: int
    redispatches: int
    renewals: int
    request_errors: int
    request_rate: RateOfTotal
    requests: int
    response_errors: int
    response_highest: int
    response_time: int
    retries: int
    reuses: int
    selected: int
    session_highest: int
    session_rate: RateOfTotal
    session_time: int
    timings: int
    total: int
    unbegun: int
    upgrades: int

    def __init__(self) -> None:
        for name in Counters.__slots__:
            setattr(self, name, 0)
        self.answered = [0] * ANSWERS
        self.connection_rate = RateOfTotal()
        self.request_rate = RateOfTotal()
        self.session_rate = RateOfTotal()

    def begin(self, now: float) -> None:
        """Count a session that begins at `now` (seconds, monotonic)."""
        if now >= self.session_rate.until:
            self.session_rate.turn(now, self.total)
        self.total += 1
        self.current += 1
        if self.current > self.highest:
            self.highest = self.current

    def arrive(self) -> None:
        """Count an accepted connection that has no session yet: it is current, and not in the total."""
        self.current += 1
        if self.current > self.highest:
            self.highest = self.current

    def count(self, now: float) -> None:
        """Count a session whose connection `arrive` has counted before: it is now in the total."""
        if now >= self.session_rate.until:
            self.session_rate.turn(now, self.total)
        self.total += 1

    def count_request(self, now: float) -> None:
        """Count a request that is there at `now` (seconds, monotonic)."""
        if now >= self.request_rate.until:
            self.request_rate.turn(now, self.requests)
        self.requests += 1

    def sessions_a_second(self, now: float) -> int:
        """Return how many sessions began in the second that ends at `now`."""
        return self.session_rate.read(now, self.total)

    def requests_a_second(self, now: float) -> int:
        """Return how many requests came in the second that ends at `now`."""
        return self.request_rate.read(now, self.requests)

    def most_sessions_a_second(self) -> int:
        """Return how many sessions began in one second, at the most."""
        return self.session_rate.most(self.total)

    def timed(self, queue: int, connect: int, session: int, response: int = 0) -> None:
        """Add the times of a session that reached a server: milliseconds in the queue, to connect, in all."""
        # inlined, and divided by shifting, because every session of every server comes here. Most sessions never
        # wait in a queue and connect within a millisecond: a time of 0 leaves a sum of 0 as it is.
        self.timings += 1
        slides = self.timings > WINDOW
        total = self.queue_time
        if queue or total:
            self.queue_time = total + queue - (total + WINDOW - 1 >> WINDOW_BITS if slides else 0)
            if queue > self.queue_time_highest:
                self.queue_time_highest = queue
        total = self.connect_time
        if connect or total:
            self.connect_time = total + connect - (total + WINDOW - 1 >> WINDOW_BITS if slides else 0)
            if connect > self.connect_highest:
                self.connect_highest = connect
        total = self.response_time
        if response or total:
            self.response_time = total + response - (total + WINDOW - 1 >> WINDOW_BITS if slides else 0)
            if response > self.response_highest:
                self.response_highest = response
        total = self.session_time
        if session or total:
            self.session_time = total + session - (total + WINDOW - 1 >> WINDOW_BITS if slides else 0)
            if session > self.session_highest:
                self.session_highest = session

    @property
    def exchanges(self) -> int:
        """Return how many exchanges ended; of a server, how many responses came."""
        return sum(self.answered) - self.answered[SILENT]

    def average(self, sliding: int, http: bool = False) -> int:
        """Return the mean of a sliding sum over the last WINDOW exchanges (`http`) or balanced sessions, rounded up."""
        count = self.exchanges if http else self.selected
        window = count if 0 < count < WINDOW else WINDOW
        return (sliding + window - 1) // window

    def clear_highest(self) -> None:
        """Forget the maxima (`clear counters`): each restarts from what is current."""
        self.highest = self.current
        self.queue_highest = self.queue_current
        self.queue_time_highest = self.connect_highest = self.session_highest = self.response_highest = 0
        self.session_rate.clear_highest(self.total)
        self.connection_rate.clear_highest(self.connections)
        self.request_rate.clear_highest(self.requests)

    def clear(self) -> None:
        """Set everything to 0 but the current numbers (`clear counters all`); the maxima become 0 too."""
        kept = {"current", "queue_current", "session_rate", "connection_rate", "request_rate", "answered"}
        self.connection_rate.restart(self.connections)
        self.request_rate.restart(self.requests)
        self.session_rate.restart(self.total)
        for name in Counters.__slots__:
            if name not in kept:
                setattr(self, name, 0)
        self.answered = [0] * ANSWERS
        self.clear_highest()
        self.highest = self.queue_highest = 0


def begin_all(passed: Iterable[Counters], now: float) -> None:
    """Call `begin` of all these counters, inlined: one session begins at `now` (seconds, monotonic)."""
    for counters in passed:
        if now >= counters.session_rate.until:
            counters.session_rate.turn(now, counters.total)
        counters.total += 1
        counters.current += 1
        if counters.current > counters.highest:
            counters.highest = counters.current
