"""Servers that track others (`track`): which follows which, and the maintenance they inherit before the proxy runs."""

from __future__ import annotations

from collections.abc import Mapping

from tcproxy.interfaces import Admin, ServerState
from tcproxy.servers.state import FarmState, LiveServer


def link_tracks(farms: Mapping[str, FarmState]) -> None:
    """Tie servers to those they track, before anything runs. ValueError names a server that does not exist."""
    for farm in farms.values():
        for server in farm.servers:
            if server.model.track:
                server.tracked = _tracked(server, farms)
                server.tracked.trackers.append(server)
    for farm in farms.values():
        for server in farm.servers:
            _inherit(server)


def follow(server: LiveServer, farms: Mapping[str, FarmState]) -> None:
    """Tie a server that is added at run time to the one it tracks, and give it that one's state.

    ValueError: there is no such server, it was added at run time itself, or nothing checks it.
    """
    tracked = _tracked(server, farms)
    if tracked.dynamic:
        raise ValueError(f"{tracked.label} cannot be tracked: it was added at run time itself.")
    checked = tracked
    while checked.tracked is not None:
        checked = checked.tracked
    if checked.watch is None:
        raise ValueError(f"{tracked.label} cannot be tracked: it has no health checks.")
    server.tracked = tracked
    if tracked.in_maintenance:
        server.start_in_maintenance(Admin.INHERITED_MAINTENANCE)
    elif tracked.admin & Admin.DRAIN:
        server.admin |= Admin.INHERITED_DRAIN
        server.weight, server.usable = 0, False
    elif tracked.state is not ServerState.RUNNING:
        server.state = tracked.state
        server.usable = tracked.state is ServerState.STARTING


def _tracked(server: LiveServer, farms: Mapping[str, FarmState]) -> LiveServer:
    place, _, name = server.model.track.rpartition("/")
    farm = farms.get(place) if place else server.farm
    tracked = farm.server(name) if farm is not None else None
    if tracked is None:
        raise ValueError(f"server {server.label} tracks '{server.model.track}', which does not exist.")
    return tracked


def _inherit(server: LiveServer) -> None:
    """Put those that follow a server in maintenance into maintenance, too."""
    for tracker in server.trackers:
        if server.admin & Admin.MAINTENANCE and not tracker.admin & Admin.INHERITED_MAINTENANCE:
            _inherit_quietly(tracker)
            _inherit(tracker)


def _inherit_quietly(server: LiveServer) -> None:
    """Put a server into the maintenance of the one it tracks, before the proxy runs."""
    before = server.farm.available
    server.start_in_maintenance(Admin.INHERITED_MAINTENANCE)
    server.recalculate()
    server.farm.count_loss(before)
