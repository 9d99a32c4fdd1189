"""Many deadlines over one delayed call of the clock.

A session has one deadline that activity keeps moving away. A delayed call of its own would cost each session more
memory than the rest of it, so deadlines stand in a heap, and moving one away costs nothing until it would
have struck. What a deadline means is the session's business.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from tcproxy.interfaces import IClock
from tcproxy.session.stages import NEVER

MANY = 64
"""Cancelled alarms below which the heap is never rebuilt."""


class Awaiting(Protocol):
    """The owner of a deadline."""

    def alarmed(self) -> None:
        """The time set has come."""

    def crashed(self, error: BaseException) -> None:
        """`alarmed` raised an exception: tell it, and end what waited."""


class Alarm:
    """One deadline. at: seconds of the clock when it strikes; set it directly to put it off."""

    __slots__ = ("at", "owner")

    def __init__(self, at: float, owner: Awaiting | None) -> None:
        self.at = at
        self.owner = owner


class Deadlines:
    """The deadlines of one world. Its own call strikes when the earliest may be due, never later."""

    __slots__ = ("_call", "_cancelled", "_heap", "_serial", "clock")

    def __init__(self, clock: IClock) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Alarm]] = []
        self._serial = 0
        self._cancelled = 0
        self._call: Any = None

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def set(self, at: float, owner: Awaiting) -> Alarm:
        """Call `owner.alarmed` once, at `at` seconds of the clock."""
        alarm = Alarm(at, owner)
        # inlined `_push` (hot path; see docs/performance)
        self._serial += 1
        heap = self._heap
        heappush(heap, (at, self._serial, alarm))
        if heap[0][2] is alarm:
            self._start()
        return alarm

    def advance(self, alarm: Alarm, at: float) -> Alarm:
        """Cancel this alarm, and return another one of the same owner for an earlier time."""
        owner = alarm.owner
        assert owner is not None
        self.cancel(alarm)
        return self.set(at, owner)

    def cancel(self, alarm: Alarm) -> None:
        """Forget the alarm; harmless for one that has struck."""
        if alarm.owner is None:
            return
        alarm.owner = None
        self._cancelled += 1
        if self._cancelled > MANY and self._cancelled > len(self._heap) >> 1:
            self._heap = [entry for entry in self._heap if entry[2].owner is not None]
            heapify(self._heap)
            self._cancelled = 0
            if not self._heap:
                self._stop()

    def close(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._cancelled = 0
        self._stop()

    def _push(self, alarm: Alarm) -> None:
        self._serial += 1
        heappush(self._heap, (alarm.at, self._serial, alarm))
        if self._heap[0][2] is alarm:
            self._start()

    def _start(self) -> None:
        delay = max(0.0, self._heap[0][0] - self.clock.seconds())
        if self._call is not None and self._call.active():
            self._call.reset(delay)
        else:
            self._call = self.clock.callLater(delay, self._strike)

    def _stop(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _strike(self) -> None:
        now = self.clock.seconds()
        heap = self._heap
        try:
            while heap and heap[0][0] <= now:
                self._settle(heappop(heap)[2], now)
                heap = self._heap
        finally:
            while self._heap and self._heap[0][2].owner is None:
                heappop(self._heap)
                self._cancelled -= 1
            if self._heap:
                self._start()

    def _settle(self, alarm: Alarm, now: float) -> None:
        if alarm.owner is None:
            self._cancelled -= 1
        elif alarm.at > now:
            self._push(alarm)
        else:
            owner, alarm.owner = alarm.owner, None
            try:
                owner.alarmed()
            except Exception as error:  # of one owner: the others are called in time
                owner.crashed(error)


class Newcomers:
    """The sessions of the last second: most end before anything could be due, so none of them sets an alarm.

    A session that is still there at the next look sets its alarm then; one with something due before that look sets
    it at once.
    at: monotonic seconds of the next look, NEVER while none is planned. seen: number of the last session looked at.
    """

    __slots__ = ("_deadlines", "_sessions", "at", "seen")

    def __init__(self, deadlines: Deadlines, sessions: dict[int, Any]) -> None:
        self._deadlines = deadlines
        self._sessions = sessions
        self.at = NEVER
        self.seen = 0

    def see(self, number: int, at: float) -> bool:
        """Return whether the next look comes early enough for a session. at: seconds when something of it is due."""
        return at >= self.at and number > self.seen

    def expect(self) -> None:
        """Plan a look at the new sessions, one second from now."""
        self.at = self._deadlines.clock.seconds() + 1
        self._deadlines.set(self.at, self)

    def alarmed(self) -> None:
        """Let each new session that is still there set its alarm."""
        new = []
        for session in reversed(self._sessions.values()):
            if session.number <= self.seen:
                break
            new.append(session)
        if not new:
            self.at = NEVER
            return
        self.seen = new[0].number
        self.expect()
        for session in new:
            if session.alarm is None:
                try:
                    session.alarmed()
                except Exception as error:  # of one session: the others have their alarms all the same
                    session.crashed(error)

    def crashed(self, error: BaseException) -> None:
        """Look at nobody until `expect` is called again, and let the loop tell the error: it is no session's.

        Raises the error.
        """
        self.at = NEVER
        raise error

    def close(self) -> None:
        """Plan no look any more."""
        self.at = NEVER
