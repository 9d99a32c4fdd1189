"""Commands that change frontends: pause and stop them, and their limits and the process's."""

from __future__ import annotations

from tcproxy.control.rows import WARNING, Answer, Asked, Command, CommandError, Level
from tcproxy.session.frontend import Entrance, Frontend


def named_frontend(asked: Asked) -> Frontend:
    """Return the frontend that the first word names."""
    if not asked.word(0):
        raise CommandError("A frontend name is expected.")
    frontend = asked.world.frontends.get(asked.word(0))
    if frontend is None:
        raise CommandError("No such frontend.")
    return frontend


def _kind(frontend: Frontend) -> str:
    return "proxy" if frontend.model.kind == "listen" else "frontend"


def disable_frontend(asked: Asked) -> Answer:
    """Stop listening for a while: the address is free for another process."""
    frontend = named_frontend(asked)
    if frontend.state == "stopped":
        raise CommandError("Frontend was previously shut down, cannot disable.")
    if frontend.state == "paused":
        raise CommandError("All sockets are already disabled.")
    for entrance in frontend.entrances:
        if entrance.listener is not None:
            entrance.listener.pause()
    frontend.state = "paused"
    asked.world.announce(WARNING, f"Paused {_kind(frontend)} {frontend.name}.")
    return ""


def enable_frontend(asked: Asked) -> Answer:
    """Listen again."""
    frontend = named_frontend(asked)
    if frontend.state == "stopped":
        raise CommandError("Frontend was previously shut down, cannot enable.")
    if frontend.state == "open":
        raise CommandError("All sockets are already enabled.")
    for entrance in frontend.entrances:
        if entrance.listener is not None:
            _resume(entrance)
    frontend.state = "open"
    asked.world.announce(WARNING, f"Resumed {_kind(frontend)} {frontend.name}.")
    return ""


def _resume(entrance: Entrance) -> None:
    assert entrance.listener is not None
    try:
        entrance.listener.resume()
    except OSError as error:
        raise CommandError(f"Failed to resume frontend, check logs for precise cause: {error.strerror}.") from error


def shutdown_frontend(asked: Asked) -> Answer:
    """Close a frontend for good; its sessions go on. The servers of a `listen` section are not checked any more."""
    frontend = named_frontend(asked)
    if frontend.state == "stopped":
        raise CommandError("Frontend was already shut down.")
    for entrance in frontend.entrances:
        if entrance.listener is not None:
            entrance.listener.close()
    frontend.state = "stopped"
    farm = asked.world.farms.get(frontend.name)
    served = farm.counters.total if farm is not None else 0
    for server in farm.servers if farm is not None else ():
        if server.watch is not None:
            server.watch.stop()
    counts = f"FE: {frontend.counters.connections}, BE: {served}"
    asked.world.announce(WARNING, f"Proxy {frontend.name} stopped (cumulated conns: {counts}).")
    return ""


def _limit(word: str) -> int:
    if not word:
        raise CommandError("Expects an integer value.")
    if not word.isascii() or not word.isdigit():
        raise CommandError(f"A number of connections is expected, not '{word}'.")
    return int(word)


def _wake(asked: Asked) -> None:
    """Let listeners that wait at a limit try again."""
    waiting, asked.world.waiting = asked.world.waiting, []
    for entrance in waiting:
        Frontend.wake(entrance)


def set_maxconn_frontend(asked: Asked) -> Answer:
    """Set the limit of connections of a frontend."""
    frontend = named_frontend(asked)
    frontend.maxconn = _limit(asked.word(1))
    _wake(asked)
    return ""


def set_maxconn_global(asked: Asked) -> Answer:
    """Set the limit of connections of the process, no higher than configured; 0 goes back to that."""
    limit = _limit(asked.word(0))
    highest = asked.world.configuration.process.maxconn or asked.world.maxconn
    if highest and limit > highest:
        raise CommandError(f"Value out of range: {highest} is the most that the process was started for.")
    asked.world.maxconn = limit or highest
    _wake(asked)
    return ""


_ADMIN = Level.ADMIN
COMMANDS = (
    Command("disable frontend", disable_frontend, "<frontend>", "stop listening for a while", _ADMIN),
    Command("enable frontend", enable_frontend, "<frontend>", "listen again", _ADMIN),
    Command("shutdown frontend", shutdown_frontend, "<frontend>", "close a frontend for good", _ADMIN),
    Command("set maxconn frontend", set_maxconn_frontend, "<frontend> <n>", "limit a frontend's connections", _ADMIN),
    Command("set maxconn global", set_maxconn_global, "<n>", "limit the process's connections", _ADMIN),
)
