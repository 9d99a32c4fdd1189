"""The watch over one server: it plans checks, counts their results, and tells the server that it is up or down.

One check in progress is run.py's, its conversation a checker's (tcp.py, httpchk.py, plugins); counting is tally.py's.
The server changes its own state and weight, and logs these changes (servers/transitions.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tcproxy.grammar.addresses import Address
from tcproxy.guards import GuardedChecker, Workplace
from tcproxy.health.dialling import CheckDialler, CheckTarget
from tcproxy.health.observation import Observation
from tcproxy.health.run import CheckTimes, Run
from tcproxy.health.tally import Tally
from tcproxy.interfaces import (
    CheckStatus,
    IClock,
    IDelayedCall,
    IHealthChecker,
    IServer,
    ServerState,
    Verdict,
)
from tcproxy.model.server import Server, SourceAddress
from tcproxy.report.counters import Counters
from tcproxy.report.findings import Finding, told

NOTICE = 5
SPREAD_FROM = 1000
"""Intervals shorter than this (milliseconds) do not count in the time over which the first checks are spread."""


class CheckedServer(Protocol):
    """A server, as far as its watch reads and tells it."""

    model: Server
    label: str
    state: ServerState
    user_weight: int
    counters: Counters
    address: Address | None

    @property
    def in_maintenance(self) -> bool:
        """Return whether it is neither checked nor used."""
        ...

    @property
    def source(self) -> SourceAddress | None:
        """Return where connections to it come from."""
        ...

    def up(self, cause: Finding | None = None, reason: str = "") -> None:
        """Take notice: the checks say up."""
        ...

    def down(self, cause: Finding | None = None, reason: str = "", gone: int = 0) -> None:
        """Take notice: the checks say down."""
        ...

    def stop(self, cause: Finding | None = None, reason: str = "") -> None:
        """Take notice: the checks say that it wants no new clients."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the backend and the global section for checks. Times in milliseconds, 0 for none.

    connect_timeout, check_timeout: the backend's timeouts. spread_checks: percent of global.
    log_checks: `option log-health-checks`.
    """

    connect_timeout: int = 0
    check_timeout: int = 0
    spread_checks: int = 0
    log_checks: bool = False


class Watch:
    """Checks one server for as long as it is started.

    status, code, duration_ms (-1: none), message: of the last check. inter, fastinter, downinter (ms),
    check_port, check_address: as in force now. enabled: `disable health` clears it. paused: in maintenance.
    tally: rise, fall and health. last_check: monotonic seconds of the last result, -1 before.
    """

    def __init__(
        self, server: CheckedServer, checker: IHealthChecker, options: object, settings: Settings, clock: IClock,
        dial: CheckDialler, announce: Callable[[int, str], None], chance: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        model = server.model
        if isinstance(checker, GuardedChecker):
            checker = checker.at(Workplace(f"server {server.label}", announce, clock))
        self.server, self.checker, self.options, self.settings = server, checker, options, settings
        self._clock, self._dial, self._announce, self._chance = clock, dial, announce, chance
        self.inter, self.fastinter, self.downinter = model.inter, model.fastinter, model.downinter
        self.check_port, self.check_address = model.check_port, model.check_address
        self.tally = Tally(model.rise, model.fall)
        self.observation = Observation(model.error_limit, model.on_error)
        self.status = CheckStatus.INITIALIZING
        self.code, self.duration_ms, self.message = 0, -1, ""
        self.last_check = -1.0
        self.enabled = True
        self.paused = server.in_maintenance
        if self.paused:
            self.tally.health = 0
        self._due: IDelayedCall | None = None
        self._run: Run | None = None

    @property
    def health(self) -> int:
        """Return 0 to rise + fall - 1; the server is up from `rise` on."""
        return self.tally.health

    @property
    def rise(self) -> int:
        """Return how many successes in a row bring the server up."""
        return self.tally.rise

    @property
    def fall(self) -> int:
        """Return how many failures in a row bring the server down."""
        return self.tally.fall

    @property
    def in_progress(self) -> bool:
        """True while a check is under way."""
        return self._run is not None

    # the schedule

    def start(self, delay: float = 0.0) -> None:
        """Make the first check in `delay` seconds, and go on."""
        if self._due is None:
            self._due = self._clock.callLater(delay, self._begin)

    def stop(self) -> None:
        """Check no more; drops a check in progress."""
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None
        self._drop()

    def _drop(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.cancel()

    def interval(self) -> int:
        """Return the milliseconds to the next check: by how sure the tally is."""
        if self.tally.health == self.tally.top:
            return self.inter
        if self.tally.health == 0 and self.server.state is ServerState.STOPPED:
            return self.downinter or self.inter
        return self.fastinter or self.inter

    def _plan(self) -> None:
        """Plan the next check, earlier or later by some percent at random when checks are to be spread."""
        if self._due is None:
            return  # stopped
        milliseconds = float(self.interval())
        deviation = int(milliseconds * self.settings.spread_checks / 100)
        milliseconds += deviation - int(2 * deviation * self._chance())
        self._due = self._clock.callLater(milliseconds / 1000, self._begin)

    def _begin(self) -> None:
        address = self.server.address
        if not self.enabled or self.paused or address is None:
            self._due = self._clock.callLater(self.inter / 1000, self._begin)
            return
        run = Run(self.checker.conversation(self._seen(), self.options), self._clock, self._conclude)
        self._run = run
        run.start(self._dial, self.target(address), self.times())

    def _seen(self) -> IServer:
        return self.server  # type: ignore[return-value]  # CheckedServer is the half of a server that is written to

    def times(self) -> CheckTimes:
        """Return the time limits of a check (manual 4.2, `timeout check`)."""
        connect, check = self.settings.connect_timeout, self.settings.check_timeout
        if not check:
            return CheckTimes(self.inter / 1000)
        return CheckTimes(min(connect or self.inter, self.inter) / 1000, check / 1000)

    def target(self, address: Address) -> CheckTarget:
        """Return where to check a server of this address: its own, unless `addr` and `port` say otherwise."""
        model = self.server.model
        there = self.check_address or address
        port = self.check_port or there.port or address.port
        elsewhere = bool(self.check_port or self.check_address)
        header = 0 if elsewhere else model.send_proxy
        if model.check_send_proxy:
            header = model.send_proxy or 1
        at = Address(there.family, there.host, port, port, there.kind, has_port=port > 0)
        return CheckTarget(at, self.server.source, header, model.socks4 if model.check_via_socks4 else None)

    # results

    def _conclude(self, verdict: Verdict, milliseconds: int) -> None:
        self._run = None
        self._record(verdict, milliseconds)
        self._tell_server()
        self._plan()

    def _record(self, verdict: Verdict, milliseconds: int) -> None:
        """Keep a verdict and count it; with `option log-health-checks` log it, if it counted or its status is new."""
        before, self.status = self.status, verdict.status
        self.code, self.message, self.duration_ms = verdict.code, verdict.message, milliseconds
        self.last_check = self._clock.seconds()
        if verdict.status.passed:
            counted = self.tally.passed()
            self.observation.errors = 0
        else:
            counted = self.tally.failed()
            if counted:
                self.server.counters.failed_checks += 1
        if self.settings.log_checks and (counted or before is not verdict.status):
            self._announce(NOTICE, self._line(verdict))

    def _line(self, verdict: Verdict) -> str:
        conditional = "conditionally " if verdict.status is CheckStatus.L7_OK_CONDITIONAL else ""
        result = f"{conditional}succeeded" if verdict.status.passed else "failed"
        word = ("UP" if self.server.user_weight else "DRAIN") if self.tally.healthy else "DOWN"
        backup = "backup " if self.server.model.backup else ""
        status = f"status: {self.tally.progress()} {word}"
        return f"Health check for {backup}server {self.server.label} {result}{told(self)}, {status}."

    def _tell_server(self, gone: int = 0) -> None:
        cause = None if self.settings.log_checks else self
        if not self.status.passed:
            if self.tally.health == 0:
                self.server.down(cause, gone=gone)
        elif self.tally.healthy:
            change = self.server.stop if self.status is CheckStatus.L7_OK_CONDITIONAL else self.server.up
            change(cause)

    # calls from sessions, servers and commands

    def observed(self, ok: bool, cause: str = "L4 unsuccessful connection", gone: int = 0) -> None:
        """Take notice of live traffic (`observe`): a connection to the server, or its answer, was good or not.

        gone: how many sessions are still counted among the server's, though their connection is lost.
        """
        if not self.observation.count(ok):
            return
        if self.observation.prepare(self.tally):
            self._record(Verdict(CheckStatus.FORCED, self.observation.words(cause)), -1)
            self._tell_server(gone)
        self.server.counters.failed_observations += 1
        self._hurry()

    def _hurry(self) -> None:
        """Let the next check come within `fastinter`."""
        due = self._due
        if self.fastinter and due is not None and due.active():
            due.cancel()
            self._due = self._clock.callLater(self.fastinter / 1000, self._begin)

    def pause(self) -> None:
        """Stop checking: the server enters maintenance."""
        self.paused = True
        self.tally.health = 0
        if self._run is not None:
            self._drop()
            self._plan()

    def resume(self) -> None:
        """Check again: the server leaves maintenance, and is taken for up until a check says otherwise."""
        self.paused = False
        self.tally.health = self.tally.rise

    def restore(self, status: CheckStatus | None) -> None:
        """Show the status of the last check that the process before made."""
        if status is not None:
            self.status = status

    def force(self, healthy: bool) -> None:
        """Set the health to its top, or to 0."""
        self.tally.health = self.tally.top if healthy else 0


def start_all(watches: Iterable[Watch], max_spread_checks: int = 0) -> None:
    """Start the watches of a whole configuration, one after the other over the shortest interval (ms).

    So no two checks fall on the same moment. `max_spread_checks` (global, milliseconds) bounds the time to the last.
    """
    watches = list(watches)
    shortest = min((w.interval() for w in watches if w.interval() >= SPREAD_FROM), default=0)
    for position, watch in enumerate(watches):
        over = max(shortest, watch.interval())
        if max_spread_checks:
            over = min(over, max_spread_checks)
        watch.start(over * position // len(watches) / 1000)
