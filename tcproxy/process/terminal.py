"""What a running process says on standard error: events in HAProxy's form, and failures of the program.

Messages about the configuration are grammar/diagnostics.py's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TextIO

from tcproxy.servers.wording import on_terminal

EMERGENCY = 0


def speaker(stream: TextIO, quiet: bool) -> Callable[[int, str], None]:
    """Return a function of a syslog level and a message that writes a line, or nothing when quiet.

    servers/wording.py says which message is an alert and which a warning.
    """

    def say(level: int, message: str) -> None:
        word, text = on_terminal(level, message)
        try:
            stream.write(f"{f'[{word}]':<10} ({os.getpid()}) : {text}\n")
            stream.flush()
        except (OSError, ValueError):
            pass  # a closed terminal must not stop the proxy

    return (lambda level, message: None) if quiet else say


def watch_failures(announce: Callable[[int, str], None], traced: bool = False) -> None:
    """Pass errors of Twisted's log, such as an exception in a callback, to `announce`; drop its other events.

    traced: its events that have a traceback to tell (service.py) are passed, too.
    Without an observer Twisted keeps every event in memory until a log is opened.
    """
    from twisted.logger import ILogObserver, LogLevel, eventAsText, globalLogBeginner
    from zope.interface import provider

    @provider(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical) or (traced and "trace" in event):
            for line in eventAsText(event, includeTimestamp=False, includeSystem=False).splitlines():
                announce(EMERGENCY, f"internal : {line}")

    globalLogBeginner.beginLoggingTo([observe], discardBuffer=False, redirectStandardIO=False)
