"""The measurements: what is done with each program, and what is read of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import accounting, http_load
from benchmarks import http_programs as http
from benchmarks.kinds import PARTS, RETURN_KIND, RULED, USUAL_KIND
from benchmarks.programs import (
    HAPROXY,
    HAPROXY_GUARDED,
    HAPROXY_SPLICE,
    PORTFORWARD,
    TCPROXY,
    TCPROXY_GUARDED,
    TCPROXY_SPLICE,
    CannotStart,
    Program,
    Running,
    answer,
    load_process,
    started,
)

MOST_A_SECOND = 10_000
"""Requests a second that the load sends, at the most."""
SETTLE = 0.05
"""Seconds for the proxy to finish what the load has left behind, before its cost is read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One round of one program: the cost of one unit, and the user part of its CPU time (0 to 1).

    tail: a second number, which a row of its own tells.
    """

    cost: float
    user_share: float = 0.0
    tail: float = 0.0


Readings = dict[str, list[Reading]]
"""By program; the first program is the one that the others are compared with."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement.

    unit: what one number of the result is, with `scale` applied to what `round` returns. targets: ratios to reach,
    by program; to_plain: of tcproxy's cost to that with the plain configuration, 0 for none. number: units of one
    round; quick: the same for a quick look. logged: each unit is logged, and the server has counted that.
    tail: title of the row of the second numbers, "" without any.
    """

    name: str
    title: str
    unit: str
    scale: float
    programs: Sequence[Program]
    run: Callable[[Measurement, int, int, Path, Callable[[str], None]], Readings]
    number: int
    quick: int
    targets: dict[str, float] = field(default_factory=dict)
    load: str = ""
    server: str = "echo"
    logged: bool = False
    to_plain: float = 0.0
    tail: str = ""


def under_load(
    measurement: Measurement, rounds: int, number: int, folder: Path, tell: Callable[[str], None]
) -> Readings:
    """Start all programs, then give each the load in turn, round by round; read the CPU time of one unit."""
    readings: Readings = {program.name: [] for program in measurement.programs}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(load_process(measurement.server))
        target = int(answer(server))
        running = dict(_all_started(stack, measurement.programs, folder, target, tell))
        plain = {one.name for one in measurement.programs if one.plain}
        numbers = {one.name: max(1, int(number * one.share)) for one in measurement.programs}

        def measured(name: str, number: int) -> Iterator[Reading]:
            """Give one reading; a program that fails is told of, and left out from then on."""
            try:
                if measurement.logged and name not in plain:
                    yield _logged(measurement, running[name], target, number)
                else:
                    yield loaded(measurement, running[name], number)
            except CannotStart as failure:
                tell(f"{name}: {failure}")
                del running[name]

        for name in list(running):
            list(measured(name, max(1, numbers[name] // 10)))
        for turn in range(rounds):
            names = list(running)
            at = turn % max(1, len(names))
            for name in names[at:] + names[:at]:
                readings[name] += measured(name, numbers[name])
    return readings


def _logged(measurement: Measurement, running: Running, target: int, number: int) -> Reading:
    """Return what one unit of a load costs; see that each was logged. `target`: the port of the load's server."""
    before = http_load.lines(target)
    reading = loaded(measurement, running, number)
    lines = http_load.lines(target) - before
    if lines < 0.9 * number:  # the kernel may drop a few datagrams
        raise CannotStart(f"{lines} lines were logged for {number} requests")
    return reading


def _all_started(
    stack: contextlib.ExitStack, programs: Sequence[Program], folder: Path, target: int, tell: Callable[[str], None]
) -> Iterator[tuple[str, Running]]:
    for program in programs:
        if not program.there:
            tell(f"{program.name} is not installed")
            continue
        try:
            yield program.name, stack.enter_context(started(program, folder, target))
        except CannotStart as failure:
            tell(str(failure))


def loaded(measurement: Measurement, running: Running, number: int) -> Reading:
    """Return what one unit of a load costs the program."""
    before = accounting.cpu(running.pid)
    with load_process(measurement.load, str(running.port), str(number)) as load:
        done = int(answer(load))
    time.sleep(SETTLE)
    spent = accounting.cpu(running.pid) - before
    return Reading(spent.total / done, spent.user_share)


def latency(measurement: Measurement, rounds: int, number: int, folder: Path, tell: Callable[[str], None]) -> Readings:
    """Find out how many requests a second tcproxy can answer, and let half as many come to each program in turn.

    Read the 99th percentile of the times to the answers, and the 99.9th as `tail`.
    """
    readings: Readings = {program.name: [] for program in measurement.programs}
    with contextlib.ExitStack() as stack:
        target = int(answer(stack.enter_context(load_process(measurement.server))))
        running = dict(_all_started(stack, measurement.programs, folder, target, tell))
        rate = min(MOST_A_SECOND, int(_capacity(running[http.TCPROXY.name], number) / 2))
        tell(f"{rate} requests a second")
        for turn in range(rounds):
            names = list(running)
            at = turn % max(1, len(names))
            for name in names[at:] + names[:at]:
                with load_process("paced", str(running[name].port), str(number), str(rate)) as load:
                    _, most, tail = map(float, answer(load).split())
                readings[name].append(Reading(most / 1e6, tail=tail / 1e6))
    return readings


def _capacity(running: Running, number: int) -> float:
    """Return how many requests a second a program answers when as many come as it takes."""
    with load_process("http-varied", str(running.port), str(number)) as load:
        answer(load)
    began = time.perf_counter()
    with load_process("http-varied", str(running.port), str(number)) as load:
        answer(load)
        return number / (time.perf_counter() - began)


def tails(measurement: Measurement, readings: Readings) -> tuple[Measurement, Readings]:
    """Return the row of the second numbers."""
    second = {name: [Reading(one.tail) for one in mine] for name, mine in readings.items()}
    return replace(measurement, title=measurement.tail), second


def memory_of_idle(
    measurement: Measurement, rounds: int, number: int, folder: Path, tell: Callable[[str], None]
) -> Readings:
    """Start each program afresh, hold connections through it; read the growth of its memory for each."""
    readings: Readings = {program.name: [] for program in measurement.programs}
    with load_process("echo") as server:
        target = int(answer(server))
        for _ in range(rounds):
            for program in measurement.programs:
                with contextlib.ExitStack() as stack:
                    for name, running in _all_started(stack, [program], folder, target, tell):
                        readings[name].append(_held(running, number))
    return readings


def _held(running: Running, number: int) -> Reading:
    with load_process("messages", str(running.port), "200") as load:  # what is made once is not counted
        answer(load)
    time.sleep(SETTLE)
    before = accounting.memory(running.pid)
    with load_process("idle", str(running.port), str(number)) as load:
        held = int(answer(load))
        time.sleep(SETTLE)
        return Reading((accounting.memory(running.pid) - before) / held)


def time_to_start(
    measurement: Measurement, rounds: int, number: int, folder: Path, tell: Callable[[str], None]
) -> Readings:
    """Start each program a few times a round; read the seconds until its port answers, the quickest of them."""
    readings: Readings = {program.name: [] for program in measurement.programs}
    with load_process("echo") as server:
        target = int(answer(server))
        for _ in range(rounds):
            for program in measurement.programs:
                quickest = _quickest(program, folder, target, number, tell)
                if quickest is not None:
                    readings[program.name].append(Reading(quickest))
    return readings


def _quickest(
    program: Program, folder: Path, target: int, number: int, tell: Callable[[str], None]
) -> float | None:
    seconds = []
    for _ in range(number):
        with contextlib.ExitStack() as stack:
            seconds += [running.seconds for _, running in _all_started(stack, [program], folder, target, tell)]
    return min(seconds, default=None)


TCP = (HAPROXY, TCPROXY, PORTFORWARD)
HTTP = (http.HAPROXY, http.TCPROXY, http.NGINX, http.REVERSE_PROXY, http.CADDY, http.NODE)
HTTP_SPLICE = (http.HAPROXY_SPLICE, http.TCPROXY_SPLICE)
HTTP_LOG = (http.HAPROXY_LOG, http.TCPROXY_LOG, http.NGINX_LOG)


LATENCY = Measurement(
    "latency", "HTTP at half load, 64 connections: 99 % of answers within", "µs", 1e6,
    (http.HAPROXY, http.TCPROXY, *http.COLLECTED), latency, 12_000, 2_000, server="http",
    tail="HTTP at half load, 64 connections: 99.9 % of answers within",
)  # fmt: skip
REACHES = {
    "usual": (1.9, 0.0), "cookie": (1.85, 0.0), "deny": (0.0, 1.05),
    "rules": (2.0, 0.0), "site": (2.0, 0.0), "return": (1.7, 0.0),
}  # fmt: skip
"""Ratios to reach by kind: to HAProxy, and to the plain configuration of the same run."""
OTHERS = (0.0, 1.1)


def _kinds() -> Iterator[Measurement]:
    """Give what is measured of each kind of configuration, beside the plain one; the usual one comes first."""
    for kind in (USUAL_KIND, *PARTS, *RULED, RETURN_KIND):
        if kind.name == "httplog":
            continue  # it has a row with nginx
        reach, to_plain = REACHES.get(kind.name, OTHERS)
        yield Measurement(
            kind.name, f"HTTP, {kind.title}", "µs CPU a request", 1e6, http.of_kind(kind), under_load, 20_000, 2_000,
            {http.TCPROXY.name: reach} if reach else {}, load=f"http-{kind.load}", server="http", logged=kind.logged,
            to_plain=to_plain,
        )  # fmt: skip


def http_measurements() -> Iterator[Measurement]:
    """Give what is measured of HTTP mode; all but the connections' are requests on open connections."""
    yield from _kinds()
    yield LATENCY
    ask, answer_ = "µs CPU a request", "µs CPU an answer"
    rows: list[tuple[str, str, str, Sequence[Program], int, str, float]] = [
        ("keepalive", "HTTP: small requests, each another", ask, HTTP, 30_000, "varied", 1.7),
        ("keepalive-same", "HTTP: small requests, all the same", ask, HTTP, 30_000, "same", 1.7),
        ("httplog", "HTTP with httplog: small requests, each another", ask, HTTP_LOG, 30_000, "varied", 2.2),
        ("httplog-same", "HTTP with httplog: small requests, all the same", ask, HTTP_LOG, 30_000, "same", 2.2),
        ("single", "HTTP: one request a connection", ask, HTTP, 6_000, "single", 2.0),
        ("headers", "HTTP: requests of 64 headers", ask, HTTP, 20_000, "headers", 0.0),
        ("answers-16k", "HTTP: answers of 16 KiB", answer_, HTTP, 15_000, "16k", 1.0),
        ("answers-1m", "HTTP: answers of 1 MiB", answer_, HTTP, 1_000, "1m", 1.0),
        ("answers-1m-splice", "HTTP: answers of 1 MiB, with splice options", answer_, HTTP_SPLICE, 1_000, "1m", 0.0),
    ]
    for name, title, unit, programs, number, load, target in rows:
        targets = {TCPROXY.name: target} if target else {}
        yield Measurement(
            name, title, unit, 1e6, programs, under_load, number, number // 10, targets,
            load=f"http-{load}", server="http", logged=programs is HTTP_LOG,
        )  # fmt: skip


MEASUREMENTS = {
    one.name: one
    for one in (
        Measurement(
            "messages", "Small messages on open connections", "µs CPU a message", 1e6, TCP, under_load,
            60_000, 5_000, {TCPROXY.name: 1.25}, load="messages",
        ),
        Measurement(
            "connections", "Connections (open, one message, close)", "µs CPU a connection", 1e6, TCP, under_load,
            6_000, 500, {TCPROXY.name: 1.6}, load="connections",
        ),
        Measurement(
            "guarded", "Connections, where a rule refuses 10,000 networks", "µs CPU a connection", 1e6,
            (HAPROXY_GUARDED, TCPROXY_GUARDED), under_load, 6_000, 500, {TCPROXY.name: 1.5}, load="connections",
        ),
        Measurement(
            "bulk", "Bulk", "CPU s a GB", 1000 / 1.048576, TCP, under_load,
            1024, 64, {TCPROXY.name: 0.5}, load="bulk", server="source",
        ),
        Measurement(
            "bulk-splice", "Bulk, with splice options", "CPU s a GB", 1000 / 1.048576,
            (HAPROXY_SPLICE, TCPROXY_SPLICE), under_load,
            1024, 64, {TCPROXY.name: 1.0}, load="bulk", server="source",
        ),
        Measurement(
            "memory", "Memory of an idle connection", "KiB (PSS)", 1 / 1024, TCP, memory_of_idle, 5_000, 500,
            {TCPROXY.name: 2.0},
        ),
        Measurement(
            "start", "Start, until the port answers", "ms", 1000, TCP, time_to_start, 3, 1,
        ),
        *http_measurements(),
    )
}  # fmt: skip
"""By name, in the order they are run."""
GROUPS = {
    "tcp": [name for name, one in MEASUREMENTS.items() if one.server != "http"],
    "kinds": [name for name, one in MEASUREMENTS.items() if any(program.plain for program in one.programs)],
    "http": [name for name, one in MEASUREMENTS.items() if one.server == "http"],
}
"""Names that stand for several."""
