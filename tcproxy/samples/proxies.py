"""Facts of frontends, backends and servers as samples (manual 7.3.2, 7.3.3): connections, rates, queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tcproxy.interfaces import WEIGHT_SCALE, ServerState
from tcproxy.samples.arguments import ArgumentType, Reference
from tcproxy.samples.kinds import Kind, Value, encode
from tcproxy.samples.places import IN_SESSION, WHILE_RUNNING, WITH_BACKEND, WITH_SERVER
from tcproxy.samples.rows import Fetch, Take

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.samples.facts import Facts, FarmFacts, FrontendFacts, ServerFacts

# a backend's numbers


def usable_servers(farm: FarmFacts) -> int:
    """Count the servers that new clients may go to; of several backups one counts, but for `allbackups`."""
    active = sum(server.usable for server in farm.servers if not server.model.backup)
    if active:
        return active
    backups = sum(server.usable for server in farm.servers)
    return backups if "allbackups" in farm.model.options else min(1, backups)


def queued(farm: FarmFacts) -> int:
    """Count the sessions that wait, for the backend or for one server of it."""
    return len(farm.queue) + sum(server.queued for server in farm.servers)


def average_queue(farm: FarmFacts) -> int:
    """Return the waiting sessions for each usable server, rounded up; twice their number without a server."""
    servers = usable_servers(farm)
    return -(-queued(farm) // servers) if servers else 2 * queued(farm)


def connection_slots(farm: FarmFacts) -> int:
    """Count free connections and places in queues of all servers that are up; -1 if either has no limit."""
    slots = 0
    for server in farm.servers:
        if server.state is ServerState.STOPPED:
            continue
        if not (server.maxconn and server.model.maxqueue):
            return -1
        slots += server.maxconn - server.served + server.model.maxqueue - server.queued
    return slots


def free_connections(farm: FarmFacts) -> int:
    """Count the connections that usable servers are free for; -1 if one has no limit."""
    active = [server for server in farm.servers if server.usable and not server.model.backup]
    backups = [server for server in farm.servers if server.usable and server.model.backup]
    if "allbackups" not in farm.model.options:
        backups = backups[:1]
    each = [server_free(server) for server in active or backups]
    return -1 if -1 in each else sum(each)


def server_free(server: ServerFacts) -> int:
    """Count the connections that a server is free for; -1 if it has no limit."""
    return max(0, server.maxconn - server.served) if server.maxconn else -1


def server_weight(server: ServerFacts) -> int:
    """Return the effective weight in units of the configuration, rounded up."""
    return -(-server.weight // WEIGHT_SCALE)


# fetches with an argument: the proxy or server is looked up when the sample is taken


def _of_farm(read: Callable[[FarmFacts], int]) -> Callable[..., Take]:
    def build(reference: Reference) -> Take:
        def take(facts: Facts) -> Value | None:
            farm = facts.world.farms.get(reference.name)
            return None if farm is None else read(farm)

        return take

    return build


def _of_frontend(read: Callable[[FrontendFacts], int]) -> Callable[..., Take]:
    def build(reference: Reference) -> Take:
        def take(facts: Facts) -> Value | None:
            frontend = facts.world.frontends.get(reference.name)
            return None if frontend is None else read(frontend)

        return take

    return build


def _of_server(read: Callable[[ServerFacts], int]) -> Callable[..., Take]:
    def build(reference: Reference) -> Take:
        def take(facts: Facts) -> Value | None:
            farm = facts.world.farms.get(reference.backend)
            servers = () if farm is None else farm.servers
            return next((read(server) for server in servers if server.name == reference.name), None)

        return take

    return build


def _farm_rate(reference: Reference) -> Take:
    def take(facts: Facts) -> Value | None:
        farm = facts.world.farms.get(reference.name)
        return None if farm is None else farm.counters.sessions_a_second(facts.world.clock.seconds())

    return take


def _frontend_rate(reference: Reference) -> Take:
    def take(facts: Facts) -> Value | None:
        frontend = facts.world.frontends.get(reference.name)
        return None if frontend is None else frontend.counters.sessions_a_second(facts.world.clock.seconds())

    return take


def _server_rate(reference: Reference) -> Take:
    def take(facts: Facts) -> Value | None:
        now = facts.world.clock.seconds()
        rate = _of_server(lambda server: server.counters.sessions_a_second(now))
        return rate(reference)(facts)

    return take


# fetches of the session's own frontend, backend and server


def _frontend_id(facts: Facts) -> Value | None:
    return facts.frontend.model.id


def _frontend_name(facts: Facts) -> Value | None:
    return encode(facts.frontend.model.name)


def _default_backend(facts: Facts) -> Value | None:
    return encode(facts.frontend.model.default_backend) or None


def _client_timeout(facts: Facts) -> Value | None:
    return _timeout(facts.frontend.model.timeouts, "client")


def _backend(facts: Facts) -> Proxy:
    """Return the backend that was chosen: before that, and where none is chosen, the frontend stands for it."""
    return facts.frontend.model if facts.farm is None else facts.farm.model


def _backend_id(facts: Facts) -> Value | None:
    return _backend(facts).id


def _backend_name(facts: Facts) -> Value | None:
    return encode(_backend(facts).name)


def _server_timeout(facts: Facts) -> Value | None:
    return _timeout(_backend(facts).timeouts, "server")


def _tunnel_timeout(facts: Facts) -> Value | None:
    return _timeout(_backend(facts).timeouts, "tunnel")


def _timeout(timeouts: Any, name: str) -> int:
    return (timeouts or {}).get(name) or 0


def _server_id(facts: Facts) -> Value | None:
    return None if facts.server is None else facts.server.id


def _server_name(facts: Facts) -> Value | None:
    return None if facts.server is None else encode(facts.server.name)


def _backend_row(name: str, help: str, build: Callable[..., Take]) -> Fetch:
    types = (ArgumentType.BACKEND,)
    return Fetch(name, Kind.SINT, WHILE_RUNNING, help, build=build, arguments=types, required=1)


def _frontend_row(name: str, help: str, build: Callable[..., Take]) -> Fetch:
    types = (ArgumentType.FRONTEND,)
    return Fetch(name, Kind.SINT, WHILE_RUNNING, help, build=build, arguments=types, required=1)


def _server_row(name: str, help: str, build: Callable[..., Take], kind: Kind = Kind.SINT) -> Fetch:
    types = (ArgumentType.SERVER,)
    return Fetch(name, kind, WHILE_RUNNING, help, build=build, arguments=types, required=1)


FETCHES = (
    _backend_row("avg_queue", "Waiting sessions for each usable server.", _of_farm(average_queue)),
    _backend_row("be_conn", "Sessions now in the backend.", _of_farm(lambda farm: farm.counters.current)),
    _backend_row("be_conn_free", "Connections that usable servers are free for.", _of_farm(free_connections)),
    Fetch("be_id", Kind.SINT, WITH_BACKEND, "The backend's number.", _backend_id),
    Fetch("be_name", Kind.STR, WITH_BACKEND, "The backend's name.", _backend_name),
    Fetch("be_server_timeout", Kind.SINT, WITH_BACKEND, "`timeout server`, in ms.", _server_timeout),
    _backend_row("be_sess_rate", "New sessions a second in the backend.", _farm_rate),
    Fetch("be_tunnel_timeout", Kind.SINT, WITH_BACKEND, "`timeout tunnel`, in ms.", _tunnel_timeout),
    _backend_row("connslots", "Free connections and queue places.", _of_farm(connection_slots)),
    Fetch("fe_client_timeout", Kind.SINT, IN_SESSION, "`timeout client`, in ms.", _client_timeout),
    _frontend_row("fe_conn", "Sessions now.", _of_frontend(lambda frontend: frontend.counters.current)),
    Fetch("fe_defbe", Kind.STR, IN_SESSION, "The name of the default backend.", _default_backend),
    Fetch("fe_id", Kind.SINT, IN_SESSION, "The frontend's number.", _frontend_id),
    Fetch("fe_name", Kind.STR, IN_SESSION, "The frontend's name.", _frontend_name),
    _frontend_row("fe_sess_rate", "New sessions a second in the frontend.", _frontend_rate),
    _backend_row("nbsrv", "Usable servers.", _of_farm(usable_servers)),
    _backend_row("queue", "Waiting sessions.", _of_farm(queued)),
    _server_row("srv_conn", "Sessions now of the server.", _of_server(lambda server: server.served)),
    _server_row("srv_conn_free", "Connections that the server is free for.", _of_server(server_free)),
    Fetch("srv_id", Kind.SINT, WITH_SERVER, "The server's number.", _server_id),
    _server_row(
        "srv_is_up", "True if the server is up.",
        _of_server(lambda server: server.state is not ServerState.STOPPED), Kind.BOOL,
    ),
    _server_row("srv_iweight", "The configured weight.", _of_server(lambda server: server.initial_weight)),
    Fetch("srv_name", Kind.STR, WITH_SERVER, "The server's name.", _server_name),
    _server_row("srv_queue", "Sessions in the server's queue.", _of_server(lambda server: server.queued)),
    _server_row("srv_sess_rate", "New sessions a second of the server.", _server_rate),
    _server_row("srv_uweight", "The weight in force.", _of_server(lambda server: server.user_weight)),
    _server_row("srv_weight", "The effective weight.", _of_server(server_weight)),
)  # fmt: skip
