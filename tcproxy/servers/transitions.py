"""From one state of a server to the next: what changes, what is announced, and what sessions that wait do then.

Two things decide whether a server is used: its operational state, which checks move, and its administrative
flags, which the operator moves. Maintenance overrules checks. Servers that track another follow both.

Every function returns effects: calls that concern sessions, to be made when the whole change, that of tracking servers
included, is done and announced. `carry_out` makes them. The sentences stand in wording.py.
"""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.interfaces import Admin, ServerState
from tcproxy.report.findings import Finding
from tcproxy.servers import wording
from tcproxy.servers.state import FarmState, LiveServer

Effects = list[Callable[[], None]]

MAINTENANCE = Admin.MAINTENANCE
INHERITED = {True: Admin.INHERITED_MAINTENANCE, False: Admin.INHERITED_DRAIN}
UP = (ServerState.STARTING, ServerState.RUNNING)


def carry_out(effects: Effects) -> None:
    """Make the calls that a change left to do."""
    for effect in effects:
        effect()


def up(server: LiveServer, cause: Finding | None, reason: str) -> Effects:
    """Move a server up, through slow start if it has one."""
    if server.state in UP or server.admin & MAINTENANCE:
        return []
    return move(server, _first_up_state(server), cause, reason)


def move(server: LiveServer, state: ServerState, cause: Finding | None, reason: str, gone: int = 0) -> Effects:
    """Move a server to an operational state, and those that track it; gone: as of `LiveServer.down`."""
    if server.admin & MAINTENANCE or server.state is state:
        return []
    effects = _enter_state(server, state, wording.why(server, cause, reason), gone)
    for tracker in server.trackers:
        effects += up(tracker, None, "") if state in UP else move(tracker, state, None, "")
    return effects


def _enter_state(server: LiveServer, state: ServerState, why: str, gone: int) -> Effects:
    farm = server.farm
    before = farm.available
    was_stopping = server.state is ServerState.STOPPING or bool(server.admin & Admin.DRAIN)
    if state in UP:
        farm.come_back(counted=True)
        if server.state is ServerState.STOPPED:
            _count_down_time(server)
    server.state, server.last_change = state, farm.second()
    server.recalculate()
    moved, effects = _arrive(server) if state in UP else _depart(server, state is ServerState.STOPPED)
    level = wording.ALERT if state is ServerState.STOPPED and not was_stopping else wording.NOTICE
    farm.announce(level, wording.changed_state(server, why, moved, gone))
    if state is ServerState.STOPPED:
        server.counters.down_transitions += 1
    tell_if_lost(farm, before)
    _tell_if_drained(server)
    return effects


def _first_up_state(server: LiveServer) -> ServerState:
    """Return the state of a server that comes up; plan its slow start."""
    if not server.warming:
        return ServerState.RUNNING
    server.warm()
    return ServerState.STARTING


def _arrive(server: LiveServer) -> tuple[int, Effects]:
    """Give slots of a server that is usable again to sessions that wait; return how many, and the effects."""
    farm = server.farm
    tickets = farm.grab(server)
    effects: Effects = []
    ends_backups = server.model.on_marked_up == "shutdown-backup-sessions" and not server.model.backup
    if ends_backups and server.effective > 0:
        effects.append(farm.shut_backup_sessions)
    effects += [lambda: farm.grant(tickets, server), farm.call_waiting]
    return len(tickets), effects


def _depart(server: LiveServer, shut: bool) -> tuple[int, Effects]:
    """Balance again the sessions that wait for a server that is not usable now; return how many, and the effects."""
    farm = server.farm
    tickets = server.queue.clear() if farm.redistributes else []
    effects: Effects = []
    if shut and server.model.on_marked_down == "shutdown-sessions":
        effects.append(lambda: server.shut_sessions("D"))
    effects += [lambda: farm.reassign(tickets, server), farm.call_waiting]
    return len(tickets), effects


def reweigh(server: LiveServer) -> Effects:
    """Put a new weight into force, after a command or a step of slow start."""
    before = server.farm.available
    server.recalculate()
    tell_if_lost(server.farm, before)
    _tell_if_drained(server)
    return [server.farm.call_waiting]


def set_flag(server: LiveServer, flag: Admin, cause: str) -> Effects:
    """Set an administrative flag; servers that track this one inherit the first of its kind."""
    if server.admin & flag:
        return []
    maintenance = bool(flag & MAINTENANCE)
    same_kind = server.admin & (MAINTENANCE if maintenance else Admin.DRAIN)
    effects = _administer(server, server.admin | flag, cause)
    if not same_kind:
        for tracker in server.trackers:
            effects += set_flag(tracker, INHERITED[maintenance], cause)
    return effects


def clear_flag(server: LiveServer, flag: Admin) -> Effects:
    """Clear an administrative flag; servers that track this one lose theirs with the last of its kind."""
    if not server.admin & flag:
        return []
    maintenance = bool(flag & MAINTENANCE)
    effects = _administer(server, server.admin & ~flag, "")
    if not server.admin & (MAINTENANCE if maintenance else Admin.DRAIN):
        for tracker in server.trackers:
            effects += clear_flag(tracker, INHERITED[maintenance])
    return effects


def _administer(server: LiveServer, new: Admin, cause: str) -> Effects:
    """Put new administrative flags into force, and announce the change."""
    old = server.admin
    server.admin = new
    if new & MAINTENANCE:
        if not old & MAINTENANCE:
            return _enter_maintenance(server, old, cause)
        lost = old & ~new & MAINTENANCE
        if lost:
            server.farm.announce(wording.NOTICE, wording.stays_in_maintenance(server, lost))
        return []  # a drain is not announced during maintenance
    effects = _leave_maintenance(server, old & MAINTENANCE) if old & MAINTENANCE else []
    if new & Admin.DRAIN and not old & Admin.DRAIN:
        return effects + _enter_drain(server, cause)
    if old & Admin.DRAIN and not new & Admin.DRAIN:
        return effects + _leave_drain(server)
    _tell_if_drained(server)
    return effects


def _enter_maintenance(server: LiveServer, old: Admin, cause: str) -> Effects:
    farm = server.farm
    if server.watch is not None:
        server.watch.pause()
    if server.links is not None:
        server.links.close()
    if server.state is ServerState.STOPPED:
        server.recalculate()
        farm.announce(wording.NOTICE, wording.entered_maintenance(server, cause, True, 0))
        return []
    was_stopping = server.state is ServerState.STOPPING or bool(old & Admin.DRAIN)
    before = farm.available
    server.state, server.last_change = ServerState.STOPPED, farm.second()
    server.recalculate()
    moved, effects = _depart(server, shut=True)
    level = wording.NOTICE if was_stopping else wording.ALERT
    farm.announce(level, wording.entered_maintenance(server, cause, False, moved))
    tell_if_lost(farm, before)
    server.counters.down_transitions += 1
    return effects


def _leave_maintenance(server: LiveServer, lost: Admin) -> Effects:
    """Bring a server up at once, unless the server it tracks is down; the next check confirms that or takes it down.

    The time in maintenance does not count as down time when it is over; HAProxy's statistics show the same.
    """
    if server.watch is not None:
        server.watch.resume()
    tracked = server.tracked
    if tracked is None or tracked.state is not ServerState.STOPPED:
        stopping = tracked is not None and tracked.state is ServerState.STOPPING
        server.state = ServerState.STOPPING if stopping else _first_up_state(server)
    server.farm.come_back(counted=False)
    server.last_change = server.farm.second()
    before = server.farm.available
    server.recalculate()
    server.farm.announce(wording.NOTICE, wording.left_maintenance(server, lost))
    tell_if_lost(server.farm, before)
    return _arrive(server)[1]


def _enter_drain(server: LiveServer, cause: str) -> Effects:
    farm = server.farm
    before = farm.available
    server.last_change = farm.second()
    server.recalculate()
    moved, effects = _depart(server, shut=False)
    farm.announce(wording.NOTICE, wording.entered_drain(server, cause, moved))
    tell_if_lost(farm, before)
    return effects


def _leave_drain(server: LiveServer) -> Effects:
    server.farm.come_back(counted=True)
    _count_down_time(server)
    server.last_change = server.farm.second()
    server.recalculate()
    server.farm.announce(wording.NOTICE, wording.left_drain(server))
    return [server.farm.call_waiting]


def _tell_if_drained(server: LiveServer) -> None:
    if server.admin & Admin.DRAIN and not server.admin & MAINTENANCE:
        server.farm.announce(wording.NOTICE, wording.stays_in_drain(server))


def _count_down_time(server: LiveServer) -> None:
    server.counters.down_time += server.farm.second() - server.last_change


def tell_if_lost(farm: FarmState, before: int) -> None:
    """Count and announce that the last usable server is gone; `before`: how many there were."""
    if farm.count_loss(before):
        farm.announce(wording.EMERGENCY, wording.no_server(farm))
