"""Everything alive in one proxy process: what the runtime commands and the statistics look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time
from typing import TYPE_CHECKING, Any

from tcproxy.interfaces import IClock
from tcproxy.model.process import Configuration
from tcproxy.report.counters import Counters
from tcproxy.report.info import Load
from tcproxy.report.seen import SeenPipes
from tcproxy.report.sinks import Sinks
from tcproxy.session.ends import Dial
from tcproxy.session.http.reuse import LinkBudget
from tcproxy.session.timers import Deadlines, Newcomers

if TYPE_CHECKING:
    from tcproxy.servers.farm import Farm
    from tcproxy.session.frontend import Entrance, Frontend


def _silent(level: int, message: str) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class World:
    """One running proxy: its configuration and its live parts.

    started: wall-clock seconds of the start; birth: the same moment of the monotonic clock.
    sessions: by unique number. maxconn: connections at the most, process-wide, 0 for no limit; counters: process-wide.
    rate_limit: new connections a second at the most, process-wide (maxconnrate, maxsessrate), 0 for no limit.
    dial: makes links to servers (transport). stopping: set by a soft stop.
    release: called when a frontend's last session ended (a soft stop waits for that).
    announce: tells the log targets and the terminal (syslog level, message).
    waiting: entrances whose listener stopped accepting at a limit.
    sinks: where log lines go. startup_logs: what was said at the start. load: how busy the process is.
    budget: of the descriptors that idle links take. pipes: for splicing (transport), None with `nosplice`.
    """

    configuration: Configuration
    clock: IClock
    started: float
    birth: float
    frontends: dict[str, Frontend] = field(default_factory=dict)
    farms: dict[str, Farm] = field(default_factory=dict)
    sessions: dict[int, Any] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    maxconn: int = 0
    stopping: bool = False
    release: Callable[[], None] | None = None
    dial: Dial | None = None
    announce: Callable[[int, str], None] = _silent
    waiting: list[Entrance] = field(default_factory=list)
    sinks: Sinks = field(default_factory=Sinks)
    startup_logs: str = ""
    budget: LinkBudget = field(default_factory=LinkBudget)
    pipes: SeenPipes | None = None
    rate_limit: int = field(init=False)
    load: Load = field(init=False)
    deadlines: Deadlines = field(init=False)
    newcomers: Newcomers = field(init=False)

    def __post_init__(self) -> None:
        settings = self.configuration.process
        self.rate_limit = min(filter(None, (settings.maxconnrate, settings.maxsessrate)), default=0)
        self.deadlines = Deadlines(self.clock)
        self.newcomers = Newcomers(self.deadlines, self.sessions)
        self.load = Load(self.birth, process_time())
