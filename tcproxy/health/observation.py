"""Live traffic as a health check: errors in a row, and the effect of too many of them (manual 5.2, `observe`)."""

from __future__ import annotations

from tcproxy.health.tally import Tally


class Observation:
    """Counts consecutive errors of a server's connections.

    limit: `error-limit`. mode: `on-error`; all modes make the next check come after `fastinter`.
    """

    __slots__ = ("errors", "limit", "mode")

    def __init__(self, limit: int, mode: str) -> None:
        self.limit, self.mode = limit, mode
        self.errors = 0

    def count(self, ok: bool) -> bool:
        """Count a connection; return True when that makes too many errors (and begin anew)."""
        self.errors = 0 if ok else self.errors + 1
        if self.errors < self.limit:
            return False
        self.errors = 0
        return True

    def words(self, cause: str) -> str:
        """Return the sentence about too many errors, for the info of a failed check. cause: of the last error."""
        return f"Detected {self.limit} consecutive errors, last one was: {cause}"

    def prepare(self, tally: Tally) -> bool:
        """Set the tally so that one failed check has the effect of `on-error`; return whether one is to be counted."""
        if self.mode == "mark-down":
            tally.health = tally.rise
        elif self.mode == "sudden-death" and tally.health > tally.rise:
            tally.health = tally.rise + 1
        return self.mode != "fastinter"
