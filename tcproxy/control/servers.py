"""Commands that change servers: states, weights, limits, addresses, and the end of their sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

from tcproxy.control.command_rows import NOTICE, WARNING, Answer, CommandError, CommandLine, CommandRow, Level, Message
from tcproxy.grammar.addresses import Address, Family
from tcproxy.servers.state import LiveServer, Watching

BY = "stats socket command"
"""Who changed an address, as answers and logs say it."""
NO_AGENT = "agent checks are not enabled on this server."


def named_server(command: CommandLine) -> LiveServer:
    """Return the server that the first word names, as backend/server."""
    backend, slash, name = command.word(0).partition("/")
    if not slash or not backend or not name:
        raise CommandError("Require 'backend/server'.")
    farm = command.world.farms.get(backend)
    if farm is None:
        raise CommandError("No such backend.")
    server = farm.server(name)
    if server is None:
        raise CommandError("No such server.")
    return server


def changed_server(command: CommandLine) -> LiveServer:
    """Return the server that the first word names, which is to be changed: not one of a section that was shut down."""
    server = named_server(command)
    frontend = command.world.frontends.get(server.farm.name)
    if frontend is not None and frontend.state == "stopped":
        raise CommandError("Proxy is disabled.")
    return server


def _obeyed(change: Callable[[str], None], word: str) -> Answer:
    try:
        change(word)
    except ValueError as wrong:
        raise CommandError(str(wrong)) from wrong
    return ""


def disable_server(command: CommandLine) -> Answer:
    """Take a server into maintenance."""
    changed_server(command).set_state("maint")
    return ""


def enable_server(command: CommandLine) -> Answer:
    """Take a server out of maintenance."""
    changed_server(command).set_state("ready")
    return ""


def _enable_health(command: CommandLine, wanted: bool) -> Answer:
    watch = changed_server(command).watch
    if watch is None:
        if wanted:
            raise CommandError("Health checks are not configured on this server: nothing to enable.")
        return ""
    watch.enabled = wanted
    return ""


def enable_health(command: CommandLine) -> Answer:
    """Go on with the health checks of a server."""
    return _enable_health(command, True)


def disable_health(command: CommandLine) -> Answer:
    """Stop the health checks of a server; its state stays as it is."""
    return _enable_health(command, False)


def enable_agent(command: CommandLine) -> Answer:
    """Refuse: no server has an agent, because `agent-check` is not supported yet."""
    changed_server(command)
    raise CommandError("Agent was not configured on this server, cannot enable.")


def disable_agent(command: CommandLine) -> Answer:
    """Do nothing, as HAProxy does for a server without an agent."""
    changed_server(command)
    return ""


def set_weight(command: CommandLine) -> Answer:
    """Set the weight of a server: a number, or a percentage of the configured one."""
    server = changed_server(command)
    if not command.word(1):
        raise CommandError("Require <weight> or <weight%>.")
    return _obeyed(server.set_weight, command.word(1))


def get_weight(command: CommandLine) -> Answer:
    """Tell the weight of a server, and the configured one."""
    server = named_server(command)
    return f"{server.user_weight} (initial {server.initial_weight})\n"


def set_maxconn(command: CommandLine) -> Answer:
    """Set the limit of sessions of a server."""
    server = changed_server(command)
    if not command.word(1):
        raise CommandError("Require <maxconn>.")
    server.set_maxconn(_limit(command.word(1)))
    return ""


def _limit(word: str) -> int:
    if not word.isascii() or not word.isdigit():
        raise CommandError(f"A number of connections is expected, not '{word}'.")
    return int(word)


def shutdown_sessions(command: CommandLine) -> Answer:
    """End all sessions of a server."""
    changed_server(command).shut_sessions("K")
    return ""


# set server B/S WHAT ...


def _set_state(command: CommandLine, server: LiveServer) -> Answer:
    return _obeyed(server.set_state, command.word(2))


def _set_health(command: CommandLine, server: LiveServer) -> Answer:
    return _obeyed(server.set_health, command.word(2))


def _set_weight(command: CommandLine, server: LiveServer) -> Answer:
    if not command.word(2):
        raise CommandError("Require <weight> or <weight%>.")
    return _obeyed(server.set_weight, command.word(2))


def _port(word: str) -> int:
    if not word.isascii() or not word.isdigit() or int(word) > 65535:
        raise CommandError(f"A port is a number up to 65535, not '{word}'.")
    return int(word)


def _numeric(word: str) -> Address:
    """Return a numeric address, still without a port."""
    try:
        address = ip_address(word)
    except ValueError as wrong:
        raise CommandError(f"Invalid addr '{word}': a numeric IPv4 or IPv6 address is expected.", WARNING) from wrong
    return Address(Family.INET if address.version == 4 else Family.INET6, str(address))


def _set_address(command: CommandLine, server: LiveServer) -> Answer:
    if not command.word(2):
        raise CommandError("'set server <b>/<s> addr' needs an address, and then perhaps 'port' with a port.")
    address = _numeric(command.word(2))
    before, port_before = server.address, server.port
    if before is not None and before.family not in (Family.INET, Family.INET6):
        raise CommandError("A server that has no IP address gets one in the configuration only.")
    old = before.host if before is not None else ""
    relative = before is not None and before.relative and before.has_port
    port, mapped, said = port_before, relative, [_difference("IP", "addr", old, address.host)]
    if command.word(3) == "port":
        port, mapped = _port_or_offset(command.word(4), server)
        said.append(_difference("port", "port", _shown(port_before, relative), _shown(port, mapped)))
    if (old, port_before, relative) != (address.host, port, mapped):
        server.set_address(
            replace(address, port=port, last_port=port, has_port=mapped or port > 0, relative=mapped or not port)
        )
    return Message(f"{', '.join(said)} by '{BY}'", WARNING)


def _port_or_offset(word: str, server: LiveServer) -> tuple[int, bool]:
    """Return a port, or what is added to the port that a client connected to (`+1`, `-1`), and whether it is that."""
    if word[:1] not in ("+", "-"):
        return _port(word), False
    check_port = server.watch.check_port if server.watch is not None else server.model.check_port
    if not check_port:
        raise CommandError("A port that follows the client's needs a port for health checks (option 'port').", WARNING)
    return _port(word[1:]) * (-1 if word[0] == "-" else 1), True


def _shown(port: int, mapped: bool) -> str:
    return f"{port:+d}" if mapped else str(port)


def _difference(name: str, short: str, old: str, new: str) -> str:
    if old == new:
        return f"no need to change the {short}"
    return f"{name} changed from '{old}' to '{new}'"


def _checked(server: LiveServer) -> Watching:
    watch = server.watch
    if watch is None:
        raise CommandError("Health checks are not configured on this server.", WARNING)
    return watch


def _set_check_port(command: CommandLine, server: LiveServer) -> Answer:
    watch = _checked(server)
    watch.check_port = _port(command.word(2))
    return Message("health check port updated.", NOTICE)


def _set_check_address(command: CommandLine, server: LiveServer) -> Answer:
    watch = _checked(server)
    address = _numeric(command.word(2))
    port = _port(command.word(4)) if command.word(3) == "port" else watch.check_port
    watch.check_address, watch.check_port = address, port
    return ""


def _no_agent(command: CommandLine, server: LiveServer) -> Answer:
    raise CommandError(NO_AGENT)


def _no_names(command: CommandLine, server: LiveServer) -> Answer:
    raise CommandError("set server <b>/<s> fqdn failed because no resolution is configured.")


def _no_tls(command: CommandLine, server: LiveServer) -> Answer:
    raise CommandError("TLS to servers is not supported by tcproxy yet.")


SETTINGS: dict[str, Callable[[CommandLine, LiveServer], Answer]] = {
    "addr": _set_address,
    "agent": _no_agent,
    "agent-addr": _no_agent,
    "agent-port": _no_agent,
    "agent-send": _no_agent,
    "check-addr": _set_check_address,
    "check-port": _set_check_port,
    "fqdn": _no_names,
    "health": _set_health,
    "ssl": _no_tls,
    "state": _set_state,
    "weight": _set_weight,
}


def set_server(command: CommandLine) -> Answer:
    """Change one thing of a server."""
    server = changed_server(command)
    setting = SETTINGS.get(command.word(1))
    if setting is None:
        raise CommandError(f"usage: set server <backend>/<server> {' | '.join(SETTINGS)}")
    return setting(command, server)


_ADMIN = Level.ADMIN
COMMANDS = (
    CommandRow("disable server", disable_server, "<bk>/<srv>", "take a server into maintenance", _ADMIN),
    CommandRow("enable server", enable_server, "<bk>/<srv>", "take a server out of maintenance", _ADMIN),
    CommandRow("disable health", disable_health, "<bk>/<srv>", "stop checking a server", _ADMIN),
    CommandRow("enable health", enable_health, "<bk>/<srv>", "check a server again", _ADMIN),
    CommandRow("disable agent", disable_agent, "<bk>/<srv>", "ask a server's agent no more", _ADMIN),
    CommandRow("enable agent", enable_agent, "<bk>/<srv>", "ask a server's agent again", _ADMIN),
    CommandRow("set weight", set_weight, "<bk>/<srv> <weight>[%]", "set a server's weight", _ADMIN),
    CommandRow("get weight", get_weight, "<bk>/<srv>", "tell a server's weight"),
    CommandRow("set maxconn server", set_maxconn, "<bk>/<srv> <n>", "limit the sessions of a server", _ADMIN),
    CommandRow("set server", set_server, "<bk>/<srv> [opts]", "change a server: state, weight, address ...", _ADMIN),
    CommandRow("shutdown sessions server", shutdown_sessions, "<bk>/<srv>", "end a server's sessions", _ADMIN),
)
