"""The composition root: a configuration becomes live parts, and those a tree of Twisted services.

    ProxyService              one proxy process, or one proxy of an application that embeds it
      Listeners               listeners of all frontends
      HealthCheckService      health checks of all farms
      (control sockets)       one a `stats socket`

Nothing is decided here: parts are made, joined, started and stopped. The process around them (signals, privileges,
daemon) is process/ or the host's.
"""

from __future__ import annotations

import resource
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet import defer
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from tcproxy.guards import PluginFailed
from tcproxy.interfaces import IClock
from tcproxy.model.fullconn import with_limits
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy
from tcproxy.report import formats
from tcproxy.report.counters import Counters
from tcproxy.report.events import Events
from tcproxy.report.formats import Format
from tcproxy.report.outlets import Outlet
from tcproxy.report.sinks import Sinks
from tcproxy.servers.farm import Farm
from tcproxy.servers.links import LinkBudget
from tcproxy.servers.state_files import load_states
from tcproxy.servers.states_report import ANNOUNCEMENT, proxy_without_servers, states_report
from tcproxy.servers.tracking import link_tracks
from tcproxy.session.frontend import Backend, Frontend
from tcproxy.session.settings import World
from tcproxy.transport.dial import CheckDial, LinkDial
from tcproxy.transport.health_checks import HealthCheckService
from tcproxy.transport.listening import Listeners
from tcproxy.transport.pipes import LARGEST, MOST, PipePool
from tcproxy.transport.reactor import Reactor, SteadyClock
from tcproxy.transport.relay import BUFFER_SIZE

if TYPE_CHECKING:
    from tcproxy.registry import Registry

WARNING, NOTICE = 4, 5
"""Syslog levels."""
DEFAULT_TAG = "haproxy"
"""What log lines are tagged with where no `log-tag` says otherwise: filters in syslog daemons look for it."""

FORMATS = {
    "httplog": formats.HTTPLOG,
    "httplog clf": formats.CLFLOG,
    "httplog json": formats.HTTPLOG_JSON,
    "tcplog": formats.TCPLOG,
    "tcplog json": formats.TCPLOG_JSON,
}
"""Log formats by their options."""

Announce = Callable[[int, str], None]

_log = Logger()


class BindErrors(Exception):
    """Addresses that cannot be listened on. messages: one sentence each, with the line that asks for it."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


def _silent(level: int, message: str) -> None:
    """Tell nobody."""


class ProxyService(MultiService):
    """Everything that one configuration asks for.

    reactor: whichever the host uses, by default the installed one. announce: where events (a server is down, say) are
    told besides the log targets of the configuration: a function of syslog level and message. clock: monotonic seconds,
    by default the machine's.
    Raises PluginFailed where a third party's strategy makes no picker.
    """

    def __init__(
        self,
        configuration: Configuration,
        reactor: Any = None,
        announce: Announce | None = None,
        clock: IClock | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if reactor is None:
            from twisted.internet import reactor as installed

            reactor = installed
        self.reactor = reactor
        if isinstance(reactor, Reactor):
            reactor.most_events = configuration.process.tune.get("tune.maxpollevents") or reactor.most_events
        configuration = self.configuration = limited(configuration)
        self._say = announce or _silent
        self._sinks = Sinks(later=reactor.at_end_of_turn if isinstance(reactor, Reactor) else None)
        self._outlets: dict[str, Outlet] = {}
        self.world = _world(configuration, clock or SteadyClock(reactor), self.announce)
        self.world.sinks = self._sinks
        self._sinks.rings["buf0"] = self.world.events
        for ring in configuration.rings.values():
            self._sinks.rings[ring.name] = Events(ring.name, ring.description, ring.format, ring.maxlen, ring.size)
        limit = configuration.process.tune.get("tune.bufsize", BUFFER_SIZE)
        self._pipes = self.world.pipes = _pipes(configuration)
        self.world.dial = LinkDial(reactor, limit, self._pipes, configuration.process.tune)
        self.listeners = Listeners(self.world, reactor, limit, self._pipes)
        self.listeners.setServiceParent(self)  # type: ignore[no-untyped-call]
        self._make_farms()
        self._make_frontends()
        self.checks = HealthCheckService(self.world, _check_dial(configuration, reactor))
        self.checks.setServiceParent(self)  # type: ignore[no-untyped-call]
        load_states(configuration.process, self.world.farms, self.announce)
        self._add_control()
        self._opened = False
        self._stopped: defer.Deferred[None] | None = None
        self._waiting: list[defer.Deferred[ProxyService]] = []

    # parts

    def _make_farms(self) -> None:
        kept = _counters(self.configuration)
        for proxy in self.configuration.backends():
            if not proxy.disabled:
                self.world.farms[proxy.name] = Farm(proxy, self.world.clock, self._announcer(proxy), kept)
        link_tracks(self.world.farms)

    def _make_frontends(self) -> None:
        backends = self._backends = {name: Backend(farm, self.world.room) for name, farm in self.world.farms.items()}
        for proxy in self.configuration.frontends():
            if not proxy.disabled:
                frontend = Frontend(proxy, self.world)
                frontend.route(backends)
                self.world.frontends[proxy.name] = frontend

    def _add_control(self) -> None:
        if self.configuration.process.stats_sockets:
            from tcproxy.control.command_sockets import ControlSockets

            self.control = ControlSockets(self.world, self.reactor)
            self.control.setServiceParent(self)  # type: ignore[no-untyped-call]

    def _announcer(self, proxy: Proxy) -> Announce:
        def announce(level: int, message: str) -> None:
            self._say(level, message)
            outlet = self._outlets.get(proxy.name)
            if outlet is not None:
                outlet.send(level, message)

        return announce

    def announce(self, level: int, message: str) -> None:
        """Tell an event of the whole process: to the host, and to the log targets of the global section."""
        self._say(level, message)
        outlet = self._outlets.get("")
        if outlet is not None:
            outlet.send(level, message)

    # life

    def bind(self) -> None:
        """Open every socket to listen on, before privileges are dropped. Raises BindErrors; then none is open."""
        if not self._opened:
            self.open()
            self.publish()

    def open(self) -> None:
        """Open every socket to listen on; UNIX sockets get their paths by `publish`. Raises BindErrors; none is open.

        Until then an older process is reached at those paths, and it goes on if this one cannot start.
        """
        self._all_or_none("open")
        self._opened = True

    def publish(self) -> None:
        """Give UNIX sockets their paths. Raises BindErrors; then none is open."""
        self._all_or_none("publish")

    def withdraw(self) -> None:
        """Close what was opened, and leave no file behind: this process does not start after all."""
        for service in self._listening():
            service.withdraw()
        self._opened = False

    def _all_or_none(self, step: str) -> None:
        errors = [message for service in self._listening() for message in getattr(service, step)()]
        if errors:
            self.withdraw()
            raise BindErrors(errors)

    def _listening(self) -> list[Any]:
        return [service for service in self if hasattr(service, "withdraw")]

    def privilegedStartService(self) -> None:
        """Open the sockets while the host (twistd) still has the privileges for it."""
        self.bind()
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Open the logs and all sockets that are not open yet, accept clients, check servers. Raises BindErrors.

        A service that was stopped may be started again.
        """
        self.world.stopping, self._stopped = False, None
        self.bind()
        self._open_logs()
        super().startService()  # type: ignore[no-untyped-call]
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self)

    def when_listening(self) -> defer.Deferred[ProxyService]:
        """Return a Deferred that fires with this service once its listeners accept clients: at once if they do."""
        if self.running and self._stopped is None:
            return defer.succeed(self)
        deferred: defer.Deferred[ProxyService] = defer.Deferred(self._forget_waiting)
        self._waiting.append(deferred)
        return deferred

    def _forget_waiting(self, deferred: defer.Deferred[ProxyService]) -> None:
        self._waiting.remove(deferred)

    def addresses(self) -> Mapping[str, Sequence[IAddress]]:
        """Return the addresses of each frontend and listen section by its name, in the order of its `bind` lines.

        They are IPv4Address, IPv6Address or UNIXAddress of Twisted, with the port that the system gave for a port 0.
        A section that listens nowhere, because it is disabled or stopped, say, has none.
        """
        return {name: self.listeners.addresses(name) for name in self.world.frontends}

    def _open_logs(self) -> None:
        """Open the log targets: here, since lines carry the id of the process that writes them."""
        settings = self.configuration.process
        tag = settings.log_tag or DEFAULT_TAG
        hostname = settings.log_send_hostname
        self._outlets[""] = Outlet(settings.log_targets, tag, hostname, self._sinks)
        for proxy in self.configuration.proxies:
            outlet = Outlet(proxy.log_targets, proxy.log_tag or tag, hostname, self._sinks)
            self._outlets[proxy.name] = outlet
            frontend = self.world.frontends.get(proxy.name)
            if frontend is not None:
                frontend.log_with(outlet, *log_formats(proxy))

    def stopService(self) -> defer.Deferred[None]:
        """Close every listener and every session at once."""
        self.world.stopping, self._opened = True, False
        stopped = defer.maybeDeferred(super().stopService)
        self.hard_stop()
        self.world.newcomers.close()
        self.world.deadlines.close()
        if self._pipes is not None:
            self._pipes.close()
        self._sinks.close()
        return stopped

    def soft_stop(self) -> defer.Deferred[None]:
        """Close the listeners and check servers no more; the Deferred fires when the last session has ended."""
        if self._stopped is not None:
            return self._stopped
        stopped = self._stopped = defer.Deferred()
        self.world.stopping = True
        self.world.release = self._release
        self.listeners.retire()
        self.checks.retire()
        for proxy in self.configuration.proxies:
            if not proxy.disabled:
                self._tell_stopped(proxy)
        for session in list(self.world.sessions.values()):
            try:
                session.retire()
            except Exception as error:  # of one session: the others are told all the same
                session.crashed(error)
        self._release()
        return stopped

    def _release(self) -> None:
        if not self.world.sessions and self._stopped is not None and not self._stopped.called:
            self._stopped.callback(None)

    def _tell_stopped(self, proxy: Proxy) -> None:
        frontend, farm = self.world.frontends.get(proxy.name), self.world.farms.get(proxy.name)
        fe = frontend.counters.connections if frontend is not None else 0
        be = farm.counters.total if farm is not None else 0
        stopped = f"Proxy {proxy.name} stopped (cumulated conns: FE: {fe}, BE: {be})."
        self._announcer(proxy)(WARNING, stopped)

    def hard_stop(self) -> None:
        """End every session."""
        for frontend in self.world.frontends.values():
            left = frontend.counters.current
            if left:
                stopped = f"Proxy {frontend.name} hard-stopped ({left} remaining conns will be closed)."
                self._announcer(frontend.model)(WARNING, stopped)
        for session in list(self.world.sessions.values()):
            try:
                session.decide("K", "")
                session.end()
            except Exception as error:  # of one session: the others end all the same
                session.crashed(error)
        for backend in self._backends.values():
            backend.farm.close_links()

    def pause(self) -> None:
        """Stop listening for a while, so that another process may take the addresses."""
        for frontend in self.listeners.pause():
            self._announcer(frontend.model)(WARNING, f"Paused {frontend.kind} {frontend.name}.")

    def resume(self) -> None:
        """Listen again, where no other process has taken the address."""
        resumed, errors = self.listeners.resume()
        for message in errors:
            self.announce(WARNING, message)
        for frontend in resumed:
            self._announcer(frontend.model)(WARNING, f"Resumed {frontend.kind} {frontend.name}.")

    def report_states(self) -> None:
        """Tell the state of every server to the logs of its backend."""
        self._say(WARNING, f"{ANNOUNCEMENT}.")
        for proxy in self.configuration.proxies:
            farm, frontend = self.world.farms.get(proxy.name), self.world.frontends.get(proxy.name)
            front = frontend.counters if frontend is not None else None
            lines = states_report(farm, front) if farm is not None else [proxy_without_servers(proxy.name, front)]
            announce, outlet = self._announcer(proxy), self._outlets.get(proxy.name)
            if outlet is not None:
                outlet.send(NOTICE, f"{ANNOUNCEMENT} for proxy {proxy.name}.")
            for line in lines:
                announce(NOTICE, line)


def service_from_text(
    text: str,
    reactor: Any = None,
    announce: Announce | None = None,
    name: str = "<text>",
    registry: Registry | None = None,
) -> ProxyService:
    """Return the service of a configuration given as text, which messages call `name`.

    `bind ADDRESS:0` may stand in it (see ProxyService.addresses). Its warnings are told to `announce`. registry: the
    plugins to choose from, by default those that are found; `Registry.offer` adds an object of the application.
    Raises ValueError with all that is wrong in it.
    """
    import os

    from tcproxy import language
    from tcproxy.grammar.diagnostics import Diagnostics
    from tcproxy.grammar.environment import Environment

    diagnostics = Diagnostics(os.getpid())
    configuration = language.read_text(text, Environment(os.environ), diagnostics, name=name, registry=registry)
    if configuration is None:
        raise ValueError("\n".join(diagnostics.messages("alert", "warning")))
    for message in diagnostics.messages("warning"):
        (announce or _silent)(WARNING, message)
    try:
        return ProxyService(configuration, reactor, announce)
    except PluginFailed as failure:
        raise ValueError(str(failure)) from failure


def limited(configuration: Configuration) -> Configuration:
    """Return the configuration with every limit that follows from `maxconn`; a host that gave none has its descriptors.

    The program has settled `maxconn` before (process/resources.py).
    """
    maxconn = configuration.process.maxconn or resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
    process = replace(configuration.process, maxconn=maxconn)
    return with_limits(replace(configuration, process=process), maxconn)


def log_formats(proxy: Proxy) -> tuple[Format, Format | None, Format | None]:
    """Return the formats of a frontend's log lines: of sessions, of structured data, of refused connections."""
    early, http = "logasap" in proxy.options, proxy.mode == "http"
    captured, name = proxy.captured, proxy.name
    read, data, failed = proxy.forms.get, None, proxy.error_log_format
    if proxy.log_format_sd:
        data = formats.compile(proxy.log_format_sd, early, http, captured, name, form=read("log-format-sd"))
    error = None
    if failed:
        error = formats.compile(failed, early, http, section=name, refused=True, form=read("error-log-format"))
    text = proxy.log_format or next((text for name, text in FORMATS.items() if name in proxy.options), "")
    if not text:
        return formats.DEFAULT, data, error
    form = read("log-format") if proxy.log_format else None
    return formats.compile(text, early, http, captured, name, form=form), data, error or formats.error_format()


def _trace(error: BaseException) -> None:
    """Write the traceback of an error of the program to Twisted's log, where only those who debug see it."""
    _log.debug("{trace}", trace="".join(traceback.format_exception(error)).rstrip())


def _world(configuration: Configuration, clock: Any, announce: Announce) -> World:
    return World(
        configuration, clock, started=time.time(), birth=clock.seconds(), maxconn=configuration.process.maxconn,
        announce=announce, trace=_trace, budget=_link_budget(configuration),
    )  # fmt: skip


def _link_budget(configuration: Configuration) -> LinkBudget:
    """Return the limits on idle links: percentages (`tune.pool-*-fd-ratio`) of two descriptors a connection."""
    tune, sockets = configuration.process.tune, 2 * configuration.process.maxconn
    low, high = tune.get("tune.pool-low-fd-ratio", 20), tune.get("tune.pool-high-fd-ratio", 25)
    return LinkBudget(low=sockets * low // 100, high=sockets * high // 100)


def _pipes(configuration: Configuration) -> PipePool | None:
    """Return the pipes that relays share; None with `nosplice`."""
    settings = configuration.process
    if not settings.splice:
        return None
    return PipePool(settings.tune.get("maxpipes") or MOST, settings.tune.get("tune.pipesize") or LARGEST)


def _check_dial(configuration: Configuration, reactor: Any) -> CheckDial:
    settings = configuration.process
    return CheckDial(reactor, settings.tune, settings.pp2_never_send_local)


def _counters(configuration: Configuration) -> Callable[[], Counters]:
    """Return what makes the counters of backends and servers: with spread times where an exporter shows them."""
    from tcproxy.rules.actions.plugged import EXPORTER

    rules = (rule for proxy in configuration.proxies for rule in proxy.every_rule())
    if not any(EXPORTER in rule.made.changes for rule in rules):
        return Counters
    from tcproxy.report.histograms import TimedCounters

    return TimedCounters
