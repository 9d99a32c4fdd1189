"""An open-loop load: requests are due by a clock, whether answers come or not, and an answer's time counts from then.

A client that waits for each answer before it asks again leaves out the requests that it would have sent meanwhile, and
with them most of what a pause costs ("coordinated omission"). Here a request whose time has come while all connections
are busy waits for one, and that wait counts.
"""

from __future__ import annotations

import gc
import random
import select
import time
from collections import deque
from collections.abc import Sequence

from benchmarks.http_load import END, PATIENCE, VARIED_REQUEST, check, connected

CONNECTIONS = 64
WARMING = 0.05
"""The first part of the requests, whose times do not count: connections to servers are made then."""
SEED = 7
"""Every load has the same gaps between requests: those of clients who know nothing of others (a Poisson process)."""


def paced(port: int, number: int, rate: int) -> list[float]:
    """Send that many requests, `rate` a second; return the seconds from each one's time to its whole answer."""
    gc.disable()  # a pause of ours would be taken for one of the proxy
    due = _schedule(number, rate)
    poll = select.epoll()
    by_fd = connected(port, poll, CONNECTIONS)
    idle = deque(by_fd)
    asked: dict[int, tuple[float, bytes]] = {}
    times: list[float] = []
    start = time.perf_counter() + 0.05
    sent = 0
    while len(times) < number:
        now = time.perf_counter() - start
        while sent < number and due[sent] <= now and idle:
            fd = idle.popleft()
            request = VARIED_REQUEST(sent)
            asked[fd] = due[sent], request[7:15]
            by_fd[fd].send(request)
            sent += 1
        wait = due[sent] - now if sent < number and idle else PATIENCE
        # select() waits for microseconds, epoll's own wait is of milliseconds
        ready = select.select([poll], [], [], max(0.0, wait))[0]
        if not ready and wait == PATIENCE:
            raise RuntimeError(f"no answer for {PATIENCE} s")
        for fd, _ in poll.poll(0) if ready else ():
            data = by_fd[fd].recv(65536)
            if not data.endswith(END):
                raise RuntimeError(f"this is no whole answer: {data[:200]!r}")
            at, expected = asked.pop(fd)
            check(data, expected)
            times.append(time.perf_counter() - start - at)
            idle.append(fd)
    return times[int(number * WARMING) :]


def _schedule(number: int, rate: int) -> list[float]:
    """Return the seconds at which requests are due."""
    gaps = random.Random(SEED)
    now, due = 0.0, []
    for _ in range(number):
        now += gaps.expovariate(rate)
        due.append(now)
    return due


def percentile(times: Sequence[float], part: float) -> float:
    """Return the time that this part (0 to 1) of all does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def told(times: Sequence[float]) -> str:
    """Return the 50th, 99th and 99.9th percentile, in microseconds."""
    return " ".join(f"{percentile(times, part) * 1e6:.1f}" for part in (0.5, 0.99, 0.999))
