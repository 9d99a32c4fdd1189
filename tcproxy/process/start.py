"""From a configuration to a serving process: limits, sockets, hand-over, daemon, privileges, loop.

The order is HAProxy's: steps that need root come before root is given up. What signals do is in life.py.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.guards import PluginFailed
from tcproxy.model.process import Configuration
from tcproxy.process import daemon, handover, log_targets, own_name, privileges, resources, steering, terminal
from tcproxy.process.command_line import Arguments
from tcproxy.process.life import Life

if TYPE_CHECKING:
    from tcproxy.service import BindErrors, ProxyService


def run(configuration: Configuration, arguments: Arguments, diagnostics: Diagnostics) -> int:
    """Serve until a signal ends the process; return the exit code. A daemon's parent returns when its child serves."""
    own_name.claim()
    configuration = overridden(configuration, arguments)
    soft, hard = resources.descriptor_limits()
    planned = resources.plan(configuration, soft, hard)
    configuration = resources.settle(configuration, planned, arguments.proxy_maxconn)
    if planned.computed and (arguments.verbose or arguments.debug):
        print(f"Note: setting global.maxconn to {planned.maxconn}.", file=sys.stderr)
    if not resources.raise_descriptors(configuration, planned, diagnostics):
        return 1
    if arguments.memory_limit > 0 and not resources.limit_memory(arguments.memory_limit, diagnostics):
        return 1
    try:
        return Start(configuration, arguments, diagnostics).go()
    except PluginFailed as failure:
        diagnostics.alert(str(failure), about="plugins")
        return 1
    except (MemoryError, ImportError, OSError, SystemError) as wrong:
        # an import that fails for want of memory says so in the words of the system's loader, with its errno, or as
        # an error of the interpreter
        if not arguments.memory_limit or (isinstance(wrong, OSError) and wrong.errno != errno.ENOMEM):
            raise
        diagnostics.alert(f"[tcproxy.main()] {arguments.memory_limit} MB of memory are too few to start", about="")
        return 1


def overridden(configuration: Configuration, arguments: Arguments) -> Configuration:
    """Return the configuration with the values of the command line, which win over those of the files."""
    settings = configuration.process
    return replace(
        configuration,
        process=replace(
            settings,
            maxconn=max(arguments.maxconn, 0) or settings.maxconn,
            splice=settings.splice and not arguments.no_splice,
            localpeer=arguments.peer or settings.localpeer,
            pidfile=arguments.pidfile or settings.pidfile,
        ),
    )


class Start:
    """One start of one process."""

    def __init__(self, configuration: Configuration, arguments: Arguments, diagnostics: Diagnostics) -> None:
        self.configuration = configuration
        self.settings = configuration.process
        self.arguments = arguments
        self.diagnostics = diagnostics
        # as in HAProxy, -db and -d undo the word `daemon`, and nothing undoes -D
        in_foreground = arguments.debug or arguments.foreground
        self.in_background = arguments.daemon or (self.settings.daemon and not in_foreground)

    def go(self) -> int:
        """Bind, take over, drop privileges and serve."""
        reactor = _install_reactor()
        service = self._service(reactor)
        if not self.in_background:
            # no parent waits that could take the paths later: what can be known of a failure is asked for first
            try:
                privileges.check(self.settings)
            except privileges.Privileged as wrong:
                self._alert(str(wrong))
                return 1
        if not self._bind(service):
            return 1
        code = self._into_background(reactor, service) if self.in_background else self._serve(reactor, service)
        if code:
            service.withdraw()
        return code

    def _service(self, reactor: Any) -> ProxyService:
        from tcproxy.process.signals import Signals
        from tcproxy.service import ProxyService

        say = terminal.speaker(sys.stderr, self.diagnostics.quiet)
        terminal.watch_failures(say, traced=self.arguments.debug or self.arguments.foreground)
        service = ProxyService(self.configuration, reactor=reactor, announce=say)
        life = Life(service, self.settings, reactor, reactor.stop, service.announce)
        self.signals = Signals(life.actions())
        self.signals.install()
        reactor.addReader(self.signals)
        return service

    def _bind(self, service: ProxyService) -> bool:
        from tcproxy.service import BindErrors

        attempt = service.open if self.in_background else service.bind
        try:
            handover.bind(attempt, BindErrors, self.arguments.old_pids)
        except BindErrors as errors:
            self._tell_unbound(errors)
            return False
        steering.spread(_sockets(service))
        return True

    def _tell_unbound(self, errors: BindErrors) -> None:
        for message in errors.messages:
            self.diagnostics.alert(message, about="")
        self._alert("some addresses cannot be listened on, exiting")

    def _take_over(self, service: ProxyService) -> None:
        """Lead new clients here, and tell the old processes to leave."""
        if self.arguments.old_pids:
            steering.lead_here(_sockets(service))
            handover.tell(self.arguments.old_pids, self.arguments.old_signal)

    def _into_background(self, reactor: Any, service: ProxyService) -> int:
        try:
            pidfile = self._pidfile()
        except OSError as wrong:
            self._alert(f"cannot create the pidfile {wrong.filename}: {wrong.strerror}")
            return 1
        forked = daemon.fork()
        if isinstance(forked, daemon.Report):
            self.signals.wake()  # nobody knows this process's number yet: no signal can have come before
            if pidfile:
                pidfile.close()
            return self._serve(reactor, service, forked)
        signal.set_wakeup_fd(-1)  # they are the child's
        if pidfile:
            pidfile.write(forked.pid)
        code = forked.wait() or self._publish(service, forked.pid)
        if code == 0:
            self._take_over(service)
        else:
            handover.tell(self.arguments.old_pids, signal.SIGTTIN)
            if pidfile:
                pidfile.restore()
        return code

    def _publish(self, service: ProxyService, child: int) -> int:
        """Give UNIX sockets their paths, in place of the child, who may have no right to. 1 if that fails, for both."""
        from tcproxy.service import BindErrors

        try:
            service.publish()
            return 0
        except BindErrors as errors:
            self._tell_unbound(errors)
            handover.tell([child], signal.SIGTERM)
            return 1

    def _pidfile(self) -> daemon.Pidfile | None:
        return daemon.Pidfile(self.settings.pidfile) if self.settings.pidfile else None

    def _serve(self, reactor: Any, service: ProxyService, report: daemon.Report | None = None) -> int:
        """Drop privileges and run the reactor. report: a daemon's pipe to its parent."""
        self.diagnostics.pid = os.getpid()
        null = daemon.open_null() if report else -1
        if not report:
            self._take_over(service)
        try:
            privileges.drop(self.settings, self.diagnostics)
        except privileges.Privileged as wrong:
            self._alert(str(wrong))
            return 1
        privileges.protect(self.settings)
        service.startService()
        self._warn_of_logs()
        service.world.startup_logs = self.diagnostics.text
        reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
        if report:
            daemon.detach(null)
            report.ready()
        gc.freeze()  # what the start made stays: the collector need not look at it again
        gc.enable()
        reactor.run(installSignalHandlers=False)
        return 0

    def _warn_of_logs(self) -> None:
        """Warn of log targets that are out of reach, now that the root directory is the one that they are opened in."""
        place = f" in the root directory {self.settings.chroot}" if self.settings.chroot else ""
        for target, reason in log_targets.unreachable(self.configuration):
            self.diagnostics.warning(
                f"[tcproxy.main()] the log target {target} cannot be reached{place}: {reason}. "
                "Its lines are dropped until it can be",
                about="",
            )

    def _alert(self, message: str) -> None:
        self.diagnostics.alert(f"[tcproxy.main()] {message}", about="")


def _sockets(service: ProxyService) -> list[socket.socket]:
    return [listener.socket for listener in service.listeners.all]


def _install_reactor() -> Any:
    """Install tcproxy's reactor, before anything asks for one, and return it."""
    from tcproxy.transport import reactor as ours

    ours.install()
    from twisted.internet import reactor

    return reactor
