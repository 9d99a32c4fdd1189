"""The messages of a change of a server's state, in HAProxy's words, which log readers and alarms look for.

Only sentences are made here; transitions.py decides when each is announced.
"""

from __future__ import annotations

import re

from tcproxy.interfaces import Admin, ServerState
from tcproxy.report.findings import Finding, told
from tcproxy.servers.state import FarmState, LiveServer

EMERGENCY, ALERT, NOTICE = 0, 1, 5
INTERNAL_ERROR = "internal error"
"""How a message begins that tells of an exception in the code of this program."""
"""Syslog levels of these messages."""

_NO_SERVER = re.compile(r"(\S+) (\S+) has no server available!")


def title(server: LiveServer) -> str:
    """Return `Server B/S`, or `Backup Server B/S`."""
    return f"{'Backup ' if server.model.backup else ''}Server {server.label}"


def via(server: LiveServer) -> str:
    """Return ` via B/S` with the server it tracks, if it tracks one."""
    return f" via {server.tracked.label}" if server.tracked is not None else ""


def why(server: LiveServer, cause: Finding | None, reason: str) -> str:
    """Return why the state changed: a reason given, what a check found, or the server tracked."""
    given = f", {reason}" if reason else ""
    return given + (told(cause) if cause is not None else via(server))


def remaining(server: LiveServer, moved: int, down: bool, gone: int = 0) -> str:
    """Return what is left of the backend; `moved` sessions changed their queue; gone: as of `LiveServer.down`."""
    farm = server.farm
    count = f". {farm.active} active and {farm.backups} backup servers {'left' if down else 'online'}."
    count += " Running on backup." if farm.backups and not farm.active else ""
    if down:
        active = server.counters.current - gone
        return f"{count} {active} sessions active, {moved} requeued, {server.queued} remaining in queue"
    return f"{count} {moved} sessions requeued, {server.queued} total in queue"


def changed_state(server: LiveServer, why: str, moved: int, gone: int = 0) -> str:
    """Return the message of a new operational state; moved, gone: as of `remaining`."""
    is_what = {ServerState.STOPPED: "DOWN", ServerState.STOPPING: "stopping"}.get(server.state, "UP")
    down = server.state is ServerState.STOPPED
    return f"{title(server)} is {is_what}{why}{remaining(server, moved, down, gone)}."


def entered_maintenance(server: LiveServer, cause: str, was_down: bool, moved: int) -> str:
    """Return the message of a server that enters maintenance."""
    does = "was DOWN and now enters maintenance" if was_down else "is going DOWN for maintenance"
    because = f" ({cause})" if cause else ""
    inherited = "" if server.admin & Admin.FORCED_MAINTENANCE else via(server)
    count = "" if was_down else remaining(server, moved, down=True)
    return f"{title(server)} {does}{because}{inherited}{count}."


def left_maintenance(server: LiveServer, lost: Admin) -> str:
    """Return the message of a server that leaves maintenance: the flag `lost` was the last."""
    state = "DOWN" if server.state is ServerState.STOPPED else "UP"
    ready = "DRAIN" if server.admin & Admin.DRAIN else "READY"
    if lost & Admin.RESOLUTION_MAINTENANCE:
        return f"{title(server)} ('{server.model.address.host}') is {state}/{ready} (resolves again)."
    kind = "forced maintenance" if lost & Admin.FORCED_MAINTENANCE else "maintenance"
    return f"{title(server)} is {state}/{ready} (leaving {kind})."


def stays_in_maintenance(server: LiveServer, lost: Admin) -> str:
    """Return the message of a server that lost the maintenance flag `lost` and has others left."""
    if lost & Admin.FORCED_MAINTENANCE:
        return f"{title(server)} is leaving forced maintenance but remains in maintenance{via(server)}."
    if lost & Admin.RESOLUTION_MAINTENANCE:
        return f"{title(server)} ('{server.model.address.host}') resolves again but remains in maintenance."
    return f"{title(server)} remains in forced maintenance."


def entered_drain(server: LiveServer, cause: str, moved: int) -> str:
    """Return the message of a server that gets no new clients."""
    because = f" ({cause})" if cause else ""
    inherited = "" if server.admin & Admin.FORCED_DRAIN else via(server)
    count = remaining(server, moved, server.state is ServerState.STOPPED)
    return f"{title(server)} enters drain state{because}{inherited}{count}."


def left_drain(server: LiveServer) -> str:
    """Return the message of a server that may get clients again."""
    state = "DOWN" if server.state is ServerState.STOPPED else "UP"
    return f"{title(server)} is {state} (leaving forced drain)."


def stays_in_drain(server: LiveServer) -> str:
    """Return the message of a change that leaves a server in drain."""
    if server.admin & Admin.FORCED_DRAIN:
        return f"{title(server)} remains in forced drain mode."
    return f"{title(server)} is leaving forced drain but remains in drain mode{via(server)}."


def no_server(farm: FarmState) -> str:
    """Return the message of a backend whose last server is gone."""
    kind = "proxy" if farm.model.is_frontend else "backend"
    return f"{kind} {farm.name} has no server available!"


def on_terminal(level: int, message: str) -> tuple[str, str]:
    """Return how a message is shown on stderr: the word `ALERT` or `WARNING`, and the text.

    HAProxy prints every change as a warning, and a backend without servers as an alert with its name quoted. An error
    of tcproxy itself is an alert, too.
    """
    lost = _NO_SERVER.fullmatch(message)
    if lost:
        return "ALERT", f"{lost[1]} '{lost[2]}' has no server available!"
    return ("ALERT" if level <= EMERGENCY or message.startswith(INTERNAL_ERROR) else "WARNING"), message
