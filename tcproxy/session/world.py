"""Everything alive in one proxy process: what the runtime commands and the statistics look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tcproxy.interfaces import IClock
from tcproxy.model.process import Configuration
from tcproxy.report.counters import Counters

if TYPE_CHECKING:
    from tcproxy.servers.farm import Farm
    from tcproxy.session.frontend import Frontend


@dataclass(slots=True)
class World:
    """One running proxy: its configuration and its live parts.

    started: wall-clock seconds of the start; birth: the same moment of the monotonic clock.
    sessions: by unique number. maxconn: connections at the most, process-wide; counters: process-wide.
    announce: tells the log targets and the terminal (syslog level, message).
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
