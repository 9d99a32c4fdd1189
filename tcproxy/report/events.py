"""Events kept in memory: the ring `buf0`, which `show events buf0` of the runtime socket shows (manual, `debug`).

The converter `debug` writes there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from tcproxy.report import dates

RING_BYTES = 1 << 20
"""Bytes of events that are kept, as in HAProxy; the oldest make room for new ones."""


class Events:
    """The last events, each with its moment."""

    def __init__(self) -> None:
        self._lines: deque[tuple[float, bytes]] = deque()
        self._size = 0

    def add(self, line: bytes) -> None:
        """Keep an event."""
        self._lines.append((time.time(), line))
        self._size += len(line)
        while self._size > RING_BYTES:
            self._size -= len(self._lines.popleft()[1])

    def lines(self) -> Iterator[str]:
        """Return the events as `<0>DATE LINE`, in the order in which they came."""
        for moment, line in self._lines:
            second = int(moment)
            date, zone = dates.iso(second)
            yield f"<0>{date}.{int((moment - second) * 1000000):06d}{zone} {line.decode('ascii', 'replace')}\n"
