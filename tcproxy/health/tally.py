"""Rise and fall: how many checks in a row bring a server up or down."""

from __future__ import annotations


class Tally:
    """Counts checks as HAProxy does, in one number (manual 5.2, `rise` and `fall`).

    health: 0 to rise + fall - 1. Below `rise` the server is down, and each success adds one. From `rise` on it is up,
    and each failure takes one away. When the server comes up health becomes rise + fall - 1, when it goes down 0.
    """

    __slots__ = ("fall", "health", "rise")

    def __init__(self, rise: int, fall: int) -> None:
        self.rise, self.fall = rise, fall
        self.health = rise

    @property
    def top(self) -> int:
        """Return the health of a server without a failure."""
        return self.rise + self.fall - 1

    @property
    def healthy(self) -> bool:
        """True while the checks say up."""
        return self.health >= self.rise

    def passed(self) -> bool:
        """Count a success; return whether it changed anything."""
        if self.health >= self.top:
            return False
        self.health += 1
        if self.health >= self.rise:
            self.health = self.top
        return True

    def failed(self) -> bool:
        """Count a failure; return whether it changed anything."""
        if self.health <= 0:
            return False
        self.health -= 1
        if self.health < self.rise:
            self.health = 0
        return True

    def progress(self) -> str:
        """Return the count for log lines: failures left of `fall` (`2/3`) while up, successes of `rise` while down."""
        if self.healthy:
            return f"{self.health - self.rise + 1}/{self.fall}"
        return f"{self.health}/{self.rise}"
