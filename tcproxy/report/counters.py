"""Counters of frontends, listeners, backends and servers: plain attributes, counted on the data path.

Names follow the columns of `show stat` (management 9.1) where there is one.
"""

from __future__ import annotations

from math import floor


class Rate:
    """Events a second over a sliding window of one second, as HAProxy's frequency counters count them.

    `tick(now)` counts one event; `read(now)` estimates the last second's. Times are seconds of a monotonic clock.
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
        """Return the events of the second that ends at `now`."""
        second = int(now)
        if second != self.second:
            self._turn(second)
        return self.current + floor(self.previous * (1 - (now - second)))


class Counters:
    """What is counted for one frontend, listener, backend or server.

    current, highest: sessions now, and at the most. total: sessions since the start.
    connections: accepted (frontend), or attempts to a server. bytes_in: from clients; bytes_out: to clients.
    """

    __slots__ = (
        "aborts_client", "aborts_server", "bytes_in", "bytes_out", "connect_errors", "connect_time", "connections",
        "current", "denied_connections", "denied_requests", "denied_responses", "denied_sessions", "highest",
        "connection_rate", "queue_current", "queue_highest", "queue_time", "redispatches", "request_errors",
        "response_errors", "response_time", "retries", "selected", "session_rate", "session_time", "total",
        "failed_checks", "down_transitions", "down_time", "reuses", "intercepted",
    )  # fmt: skip

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)
        self.connection_rate: Rate = Rate()
        self.session_rate: Rate = Rate()

    def begin(self, now: float) -> None:
        """Count a session that begins at `now` (seconds, monotonic)."""
        self.total += 1
        self.current += 1
        if self.current > self.highest:
            self.highest = self.current
        self.session_rate.tick(now)
