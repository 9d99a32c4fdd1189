"""Commands that change frontends: pause and stop them, and their limits and the process's."""

from __future__ import annotations

from tcproxy.control.command_rows import NOTICE, WARNING, Answer, CommandError, CommandLine, CommandRow, Level
from tcproxy.session.frontend import Frontend
from tcproxy.session.settings import LiveBind


def named_frontend(command: CommandLine) -> Frontend:
    """Return the frontend that the first word names."""
    if not command.word(0):
        raise CommandError("A frontend name is expected.")
    frontend: Frontend | None = command.world.frontends.get(command.word(0))
    if frontend is None:
        raise CommandError("No such frontend.")
    return frontend


def _kind(frontend: Frontend) -> str:
    return "proxy" if frontend.model.kind == "listen" else "frontend"


def disable_frontend(command: CommandLine) -> Answer:
    """Pause a frontend: it stops listening, and its addresses are free for another process."""
    frontend = named_frontend(command)
    if frontend.state == "stopped":
        raise CommandError("Frontend was previously shut down, cannot disable.", NOTICE)
    if frontend.state == "paused":
        raise CommandError("All sockets are already disabled.", NOTICE)
    for bind in frontend.binds:
        if bind.listener is not None:
            bind.listener.pause()
    frontend.state = "paused"
    command.world.announce(WARNING, f"Paused {_kind(frontend)} {frontend.name}.")
    return ""


def enable_frontend(command: CommandLine) -> Answer:
    """End the pause of a frontend: it listens again. CommandError when an address was taken meanwhile."""
    frontend = named_frontend(command)
    if frontend.state == "stopped":
        raise CommandError("Frontend was previously shut down, cannot enable.")
    if frontend.state == "open":
        raise CommandError("All sockets are already enabled.", NOTICE)
    for bind in frontend.binds:
        if bind.listener is not None:
            _resume(bind)
    frontend.state = "open"
    command.world.announce(WARNING, f"Resumed {_kind(frontend)} {frontend.name}.")
    return ""


def _resume(bind: LiveBind) -> None:
    assert bind.listener is not None
    try:
        bind.listener.resume()
    except OSError as error:
        raise CommandError(f"Failed to resume frontend, check logs for precise cause: {error.strerror}.") from error


def shutdown_frontend(command: CommandLine) -> Answer:
    """Close a frontend for good; its sessions go on. The servers of a `listen` section are not checked any more."""
    frontend = named_frontend(command)
    if frontend.state == "stopped":
        raise CommandError("Frontend was already shut down.", NOTICE)
    for bind in frontend.binds:
        if bind.listener is not None:
            bind.listener.close()
    frontend.state = "stopped"
    farm = command.world.farms.get(frontend.name)
    served = farm.counters.total if farm is not None else 0
    for server in farm.servers if farm is not None else ():
        if server.watch is not None:
            server.watch.stop()
    counts = f"FE: {frontend.counters.connections}, BE: {served}"
    command.world.announce(WARNING, f"Proxy {frontend.name} stopped (cumulated conns: {counts}).")
    return ""


def _limit(word: str) -> int:
    if not word:
        raise CommandError("Expects an integer value.")
    if not word.isascii() or not word.isdigit():
        raise CommandError(f"A number of connections is expected, not '{word}'.")
    return int(word)


def _wake(command: CommandLine) -> None:
    """Let listeners that wait at a limit try again."""
    waiting, command.world.waiting = command.world.waiting, []
    for bind in waiting:
        bind.wake()


def set_maxconn_frontend(command: CommandLine) -> Answer:
    """Set the limit of connections of a frontend."""
    frontend = named_frontend(command)
    frontend.maxconn = _limit(command.word(1))
    _wake(command)
    return ""


def set_maxconn_global(command: CommandLine) -> Answer:
    """Set the limit of connections of the process, no higher than configured; 0 goes back to that."""
    limit = _limit(command.word(0))
    highest = command.world.configuration.process.maxconn or command.world.maxconn
    if highest and limit > highest:
        raise CommandError(f"Value out of range: {highest} is the most that the process was started for.")
    command.world.maxconn = limit or highest
    _wake(command)
    return ""


_ADMIN = Level.ADMIN
COMMANDS = (
    CommandRow("disable frontend", disable_frontend, "<frontend>", "stop listening for a while", _ADMIN),
    CommandRow("enable frontend", enable_frontend, "<frontend>", "listen again", _ADMIN),
    CommandRow("shutdown frontend", shutdown_frontend, "<frontend>", "close a frontend for good", _ADMIN),
    CommandRow("set maxconn frontend", set_maxconn_frontend, "<frontend> <n>", "limit its connections", _ADMIN),
    CommandRow("set maxconn global", set_maxconn_global, "<n>", "limit the process's connections", _ADMIN),
)
