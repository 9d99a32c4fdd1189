"""The loop of plug-ins in a rehearsal: their threads, delayed calls and connections belong to Twisted's own reactor.

It is turned only while a request waits for a plug-in's Deferred, and time passes there as it does on the wall.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

PATIENCE = 10
"""Seconds for which a plug-in is waited for."""
TURN = 0.02
"""Seconds of one turn."""
THREADS = 10


def turned(done: Callable[[], bool]) -> bool:
    """Turn the reactor until something is done; return whether it was, within PATIENCE.

    False at once where the reactor runs already, since its turns are not ours then.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    if reactor.running and not getattr(reactor, "_rehearses", False):
        return done()
    if not reactor.running:
        reactor.startRunning(installSignalHandlers=False)
        reactor._rehearses = True
    pool = reactor.getThreadPool()
    pool.adjustPoolsize(1, THREADS)  # one begins at once: there is work that came while there was none
    until = monotonic() + PATIENCE
    try:
        while not done() and monotonic() < until:
            reactor.iterate(TURN)
    finally:
        pool.adjustPoolsize(0, 0)  # or its idle threads keep the program from ending
    return done()
