"""The clock of tests: time passes when a test says so."""

from __future__ import annotations

from twisted.internet import task
from zope.interface import implementer

from tcproxy.interfaces import IClock


@implementer(IClock)
class Clock(task.Clock):  # type: ignore[override]  # the same calls, under names of Twisted
    """Twisted's clock that is advanced by hand, declared as the clock that decisions take."""
