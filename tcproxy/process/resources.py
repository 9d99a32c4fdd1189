"""How many connections the process may carry, and how many descriptors it needs for them.

The numbers are HAProxy's (management manual, 5; configuration manual 3.2, `maxconn`): a limit that was enough for
HAProxy is enough here, and `show info` of both programs shows the same. They are computed from the configuration and
applied with setrlimit.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass, replace

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.model.process import Configuration

RESERVED = 10
"""Descriptors for the terminal, log sockets, the reactor, files that are read."""
PER_PROCESS = 3
"""One for epoll, two for the reactor's waker."""
LEAST_MAXCONN = 100
"""The least maxconn that is computed. If the limit is too low even for that, the start fails and says so."""
_SPLICE_OPTIONS = frozenset({"splice-auto", "splice-request", "splice-response"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What the process needs. maxconn: connections. sockets: descriptors. computed: no maxconn was given."""

    maxconn: int
    sockets: int
    computed: bool


def descriptor_limits() -> tuple[int, int]:
    """Return the soft and the hard limit on descriptors of this process."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def fixed_sockets(configuration: Configuration) -> int:
    """Return the number of descriptors that are needed whatever the number of connections."""
    settings = configuration.process
    count = RESERVED + PER_PROCESS + sum(len(proxy.binds) for proxy in configuration.proxies)
    if settings.stats_sockets:
        count += len(settings.stats_sockets) + settings.stats_maxconn
    return count + sum(server.check for proxy in configuration.proxies for server in proxy.servers)


def plan(configuration: Configuration, soft: int, hard: int) -> Plan:
    """Return the plan for a process whose limits on descriptors are `soft` and `hard`."""
    settings = configuration.process
    fixed = fixed_sockets(configuration)
    if settings.maxconn:
        needed = settings.maxconn * 2 + 2 * _pipes(configuration, settings.maxconn)
        return Plan(settings.maxconn, fixed + needed, False)
    room = _room(soft, hard, settings.fd_hard_limit) - fixed
    pipes = _pipes(configuration, 0)
    if pipes < 0:
        maxconn = max(2 * room // 5, LEAST_MAXCONN)
        return Plan(maxconn, fixed + maxconn * 2 + 2 * (maxconn // 4), True)
    if 2 * pipes < room:
        room -= 2 * pipes
    maxconn = max(room // 2, LEAST_MAXCONN)
    return Plan(maxconn, fixed + maxconn * 2 + 2 * pipes, True)


def _room(soft: int, hard: int, ceiling: int) -> int:
    limits = [1 << 20 if limit == resource.RLIM_INFINITY else limit for limit in (soft, hard)]
    return min(max(limits), ceiling) if ceiling else max(limits)


def _pipes(configuration: Configuration, maxconn: int) -> int:
    """Return how many pipes splicing may hold: a quarter of the connections that may use it. -1: a quarter of all."""
    given = configuration.process.tune.get("maxpipes", 0)
    if given or not configuration.process.splice:
        return given
    splicing = [proxy for proxy in configuration.proxies if proxy.options & _SPLICE_OPTIONS]
    clients = [proxy.maxconn for proxy in splicing if proxy.is_frontend]
    servers = [proxy.fullconn or maxconn for proxy in splicing if proxy.is_backend]
    if 0 in clients or 0 in servers:
        return maxconn // 4 if maxconn else -1
    total = max(sum(clients), sum(servers))
    return (min(total, maxconn) if maxconn else total) // 4


def settle(configuration: Configuration, planned: Plan, proxy_maxconn: int = 0) -> Configuration:
    """Return the configuration with the planned maxconn, and the default of its frontends (-N) filled in."""
    proxies = tuple(
        replace(proxy, maxconn=proxy_maxconn) if proxy_maxconn and proxy.is_frontend and not proxy.maxconn else proxy
        for proxy in configuration.proxies
    )
    return replace(configuration, process=replace(configuration.process, maxconn=planned.maxconn), proxies=proxies)


def raise_descriptors(configuration: Configuration, planned: Plan, diagnostics: Diagnostics) -> bool:
    """Raise the limit on descriptors to what is planned or to `ulimit-n`; False when the start must end.

    Without `strict-limits` a limit that is too low is a warning, and the process starts nevertheless.
    """
    strict = configuration.process.strict_limits
    tell = diagnostics.alert if strict else diagnostics.warning
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = configuration.process.ulimit_n or planned.sockets
    if soft != resource.RLIM_INFINITY:
        reached = _set_descriptors(max(wanted, soft), soft, hard, strict)
        if reached < wanted:
            tell(
                f"[tcproxy.main()] cannot raise the limit on descriptors to {wanted}, it stays at {reached}: "
                "raise 'ulimit -n', or lower 'maxconn'",
                about="",
            )
            if strict:
                return False
        soft = reached
    if soft == resource.RLIM_INFINITY or soft >= planned.sockets:
        return True
    diagnostics.alert(
        f"[tcproxy.main()] the limit on descriptors ({soft}) is too low for maxconn={planned.maxconn}: "
        f"{planned.sockets} are needed. Raise 'ulimit-n' to {planned.sockets}, or lower 'maxconn'.",
        about="",
    )
    return not strict


def _set_descriptors(wanted: int, soft: int, hard: int, strict: bool) -> int:
    """Set the limit; if that fails and `strict` is false, set the highest that is allowed. Return the limit reached."""
    ceiling = wanted if hard == resource.RLIM_INFINITY else max(hard, wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, ceiling if hard != resource.RLIM_INFINITY else hard))
        return wanted
    except (ValueError, OSError):
        if strict:
            return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    except (ValueError, OSError):
        return soft


def limit_memory(megabytes: int, diagnostics: Diagnostics) -> bool:
    """Limit the memory of the process (-m); False when the system refuses."""
    size = megabytes << 20
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ValueError, OSError) as wrong:
        diagnostics.alert(f"[tcproxy.main()] cannot limit memory to {megabytes} MB: {wrong}", about="")
        return False
    return True
