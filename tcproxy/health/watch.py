"""The watch over one server: when to check, what to make of the result, whom to tell.

The conversation of a check is a checker's (tcp.py; plugins); counting rises and falls is tally.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tcproxy.interfaces import CheckStatus, IClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcproxy.health.dialling import Dial


@dataclass(frozen=True, slots=True)
class Settings:
    """What the backend and the global section say about checks. Times in ms, 0 for none.

    connect_timeout, check_timeout: the backend's timeouts. spread_checks: percent of global.
    log_checks: `option log-health-checks`.
    """

    connect_timeout: int = 0
    check_timeout: int = 0
    spread_checks: int = 0
    log_checks: bool = False


class Watch:
    """Checks one server for as long as it is started.

    status, code, duration_ms (-1: none), message: of the last check. health: 0 to rise + fall - 1; up from `rise` on.
    rise, fall, inter, fastinter, downinter (ms): as in force now. enabled: `disable health` clears it.
    paused: the server is in maintenance.
    """

    status: CheckStatus
    code: int
    duration_ms: int
    message: str
    health: int
    rise: int
    fall: int
    enabled: bool
    paused: bool

    def __init__(
        self, server: Any, checker: Any, options: object, settings: Settings, clock: IClock, dial: Dial,
        announce: Callable[[int, str], None],
    ) -> None:  # fmt: skip
        raise NotImplementedError

    def start(self, delay: float = 0.0) -> None:
        """Make the first check in `delay` seconds, and go on."""
        raise NotImplementedError

    def stop(self) -> None:
        """Check no more; drops a check in progress."""
        raise NotImplementedError

    def observed(self, ok: bool) -> None:
        """Take notice of live traffic (`observe layer4`): a connection to the server succeeded or failed."""
        raise NotImplementedError


def start_all(watches: list[Watch], max_spread_checks: int = 0) -> None:
    """Start the watches of a whole configuration, spread over the smallest interval as the reference does."""
    raise NotImplementedError
