"""Rings: lines kept in memory, which `show events` of the runtime socket shows (manual 3.9, management 9.3).

`buf0` is always there: the converter `debug` writes to it. The others are sections of the configuration.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from tcproxy.report import dates

RING_BYTES = 1 << 20
"""Bytes of `buf0`, as in HAProxy; the oldest lines make room for new ones."""
LONG = 240
"""Bytes from which the length of a line takes one byte more in HAProxy's rings."""


class Events:
    """One ring. name, description: as `show events` lists it. form: of log lines in it, maxlen: their bytes at most.

    size: bytes in all. Besides its bytes a line takes two or three more, as in HAProxy, so that rings of one size hold
    the same lines. written: lines so far, those that are forgotten too. followers: called once when a line was written
    since they were added.
    """

    def __init__(
        self, name: str = "buf0", description: str = "ring buffer in memory", form: str = "timed", maxlen: int = 16384,
        size: int = RING_BYTES,
    ) -> None:  # fmt: skip
        self.name, self.description, self.form, self.maxlen, self.size = name, description, form, maxlen, size
        self.written = 0
        self.followers: set[Callable[[], object]] = set()
        self._lines: deque[bytes] = deque()
        self._size = 0

    def write(self, line: bytes) -> None:
        """Keep a line, cut at `maxlen`."""
        line = line[: self.maxlen]
        self._lines.append(line)
        self._size += _cost(line)
        self.written += 1
        while self._size >= self.size:
            self._size -= _cost(self._lines.popleft())
        if self.followers:
            called, self.followers = self.followers, set()
            for tell in called:
                tell()

    def add(self, line: bytes) -> None:
        """Keep what `debug` tells, with its moment."""
        now = time.time()
        date, zone = dates.iso(int(now))
        self.write(f"<0>{date}.{int(now % 1 * 1_000_000):06d}{zone} ".encode() + line)

    def lines(self, since: int = 0) -> Iterator[str]:
        """Give the lines that are kept, from the one with the number `since` on; those that come meanwhile, too."""
        while since < self.written:
            since = max(since, self.written - len(self._lines))
            if since == self.written:
                return
            line = self._lines[since - self.written + len(self._lines)]
            since += 1
            yield line.decode("utf-8", "surrogateescape") + "\n"


def _cost(line: bytes) -> int:
    return len(line) + (2 if len(line) < LONG else 3)
