"""Commands that add servers to backends at run time, and delete them."""

from __future__ import annotations

from tcproxy.control.command_rows import NOTICE, Answer, CommandError, CommandLine, CommandRow, Level, Message
from tcproxy.control.servers import named_server
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.statements import Refused
from tcproxy.guards import PluginFailed
from tcproxy.interfaces import Admin
from tcproxy.model.dynamic_server import read_dynamic_server
from tcproxy.rules.conditions import named_servers
from tcproxy.servers.farm import Farm
from tcproxy.servers.state import LiveServer
from tcproxy.servers.tracking import follow
from tcproxy.session.settings import World


def add_server(command: CommandLine) -> Answer:
    """Add a server to a backend that can balance over it: in maintenance, and with its checks off."""
    farm, name = _place(command)
    try:
        server = _added(command, farm, name)
    except Refused as wrong:
        raise CommandError("\n".join(str(fault) for fault in wrong.each())) from wrong
    except (ValueError, PluginFailed) as wrong:
        raise CommandError(str(wrong)) from wrong
    farm.announce(NOTICE, f"'server {server.label}' : New server registered.")
    return Message("New server registered.")


def _place(command: CommandLine) -> tuple[Farm, str]:
    """Return the backend that gets a server, and the server's name, which must be free."""
    backend, slash, name = command.word(0).partition("/")
    if not slash or not backend or not name:
        raise CommandError("Require 'backend/server'.")
    farm: Farm | None = command.world.farms.get(backend)
    if farm is None:
        raise CommandError("No such backend.")
    if not farm.dynamic or farm.model.dispatch is not None:
        raise CommandError("Backend must use a dynamic load balancing to support dynamic servers.")
    if farm.server(name) is not None:
        raise CommandError("Already exists a server with the same name in backend.")
    if not command.word(1):
        raise CommandError("'add server' needs an address behind the server's name.")
    return farm, name


def _added(command: CommandLine, farm: Farm, name: str) -> LiveServer:
    world = command.world
    taken = {server.id for server in farm.servers}
    environment = world.configuration.environment or Environment()
    model, enabled = read_dynamic_server((name, *command.words[1:]), farm.model, environment, taken)
    server = LiveServer(model, farm, dynamic=True)
    if model.track:
        follow(server, world.farms)
    if not enabled:
        server.start_in_maintenance(Admin.FORCED_MAINTENANCE)
    farm.add(server)
    if model.check and world.watch is not None:
        world.watch(server).enabled = False
    return server


def del_server(command: CommandLine) -> Answer:
    """Delete a server that is in maintenance, that nobody uses, and that nothing else names."""
    server = named_server(command)
    if server.trackers or _named_elsewhere(command.world, server):
        raise CommandError(
            "This server cannot be removed at runtime due to other configuration elements pointing to it."
        )
    if not server.in_maintenance:
        raise CommandError("Only servers in maintenance mode can be deleted.")
    if server.busy:
        raise CommandError("Server still has connections attached to it, cannot remove it.")
    command.world.farms[server.farm.name].remove(server)
    server.farm.announce(NOTICE, "Server deleted.")
    return Message("Server deleted.")


def _named_elsewhere(world: World, server: LiveServer) -> bool:
    """Return whether a `use-server` rule or a sample of a rule names a server."""
    ruled = any(rule.form is None and rule.name == server.name for rule in server.farm.model.use_servers)
    return ruled or (server.farm.name, server.name) in named_servers(world.configuration.proxies)


COMMANDS = (
    CommandRow("add server", add_server, "<bk>/<srv> <addr> [opts]*", "add a server, in maintenance", Level.ADMIN),
    CommandRow("del server", del_server, "<bk>/<srv>", "delete a server that is in maintenance", Level.ADMIN),
)
