"""The way in for twistd and for tap files: `twistd -n tcproxy --config haproxy.cfg`.

Options and makeService, no more: arguments in, one call into service.py out. The process belongs to twistd,
so its user, root directory, pidfile and signals are twistd's business. Where it is not twistd's subcommand but an
application that calls here, nothing of the process is touched: no exit, no reactor, no limit, nothing on its streams.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from twisted.logger import Logger, LogLevel
from twisted.python import usage

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.guards import PluginFailed
from tcproxy.model.process import Configuration, Global
from tcproxy.process import predefined_variables, resources

if TYPE_CHECKING:
    from types import TracebackType

    from tcproxy.service import ProxyService

_log = Logger("tcproxy")

# words of a configuration that have no effect here, and what twistd has instead
_TWISTD = {
    "daemon": "daemonizes unless --nodaemon is given",
    "pidfile": "--pidfile",
    "chroot": "--chroot",
    "user": "--uid",
    "group": "--gid",
    "uid": "--uid",
    "gid": "--gid",
}


class ConfigurationErrors(usage.UsageError):
    """The configuration has errors. The text has all of them, unless they were told on standard error already."""


class Options(usage.Options):
    """The arguments behind `twistd tcproxy`."""

    synopsis = "[options] --config FILE [--config FILE ...]"
    longdesc = "Runs the proxies of a configuration in HAProxy's language."

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["config"] = []
        self.configuration: Configuration | None = None

    def opt_config(self, path: str) -> None:
        """A configuration file, or a directory of .cfg files; may be given several times."""
        self["config"].append(path)

    opt_f = opt_config

    def postOptions(self) -> None:
        """Read the configuration, so that its errors end twistd before it goes to the background.

        Raises UsageError, of which ConfigurationErrors is one. As twistd's subcommand it ends the process instead,
        since twistd would answer with its whole help.
        """
        if not self["config"]:
            raise usage.UsageError("--config FILE is needed")
        if not self.is_subcommand():
            self.configuration = read(self["config"])
            return
        _install_reactor()
        try:
            self.configuration = _read_for_twistd(self["config"])
        except ConfigurationErrors as errors:
            sys.exit(f"{sys.argv[0]}: {errors}")

    def is_subcommand(self) -> bool:
        """Return whether these are the words behind `twistd tcproxy`."""
        from twisted.application.app import ServerOptions

        return isinstance(self.parent, ServerOptions)


def read(paths: list[str]) -> Configuration:
    """Read configuration files for an application. Raises ConfigurationErrors with all that is wrong in them.

    Warnings go to Twisted's log. Without `maxconn`, half of the descriptors that the process may have are clients.
    """
    diagnostics = Diagnostics(os.getpid())
    try:
        configuration = _read(paths, diagnostics)
    except ConfigurationErrors as errors:
        raise ConfigurationErrors("\n".join([str(errors), *diagnostics.messages("alert", "warning")])) from None
    for message in diagnostics.messages("warning"):
        _log.warn("{message}", message=message)
    soft = resources.descriptor_limits()[0]
    return resources.settle(configuration, resources.plan(configuration, soft, soft))


def _read_for_twistd(paths: list[str]) -> Configuration:
    """Read configuration files, tell on standard error what is wrong, and raise the limit on descriptors."""
    diagnostics = Diagnostics(os.getpid(), sys.stderr)
    configuration = _read(paths, diagnostics)
    planned = resources.plan(configuration, *resources.descriptor_limits())
    resources.raise_descriptors(configuration, planned, diagnostics)
    return resources.settle(configuration, planned)


def _read(paths: list[str], diagnostics: Diagnostics) -> Configuration:
    from tcproxy import language

    configuration = language.read(paths, predefined_variables.initial(), diagnostics)
    if configuration is None:
        raise ConfigurationErrors(f"the configuration has errors: {', '.join(paths)}")
    predefined_variables.complete(configuration)
    untouched = Global()
    for word, instead in _TWISTD.items():
        if getattr(configuration.process, word) != getattr(untouched, word):
            diagnostics.warning(f"'{word}' has no effect under twistd, which has its own: {instead}")
    return configuration


def makeService(options: Options) -> ProxyService:
    """Return the service that runs the proxies. Raises ConfigurationErrors, or ends twistd as `postOptions` does."""
    from tcproxy.service import ProxyService

    configuration = options.configuration or read(options["config"])
    if options.is_subcommand():
        _tell_of_ports()
    try:
        return ProxyService(configuration, announce=_announce)
    except PluginFailed as failure:
        if options.is_subcommand():
            sys.exit(f"{sys.argv[0]}: {failure}")
        raise ConfigurationErrors(str(failure)) from failure


def _tell_of_ports() -> None:
    """Let twistd end with a sentence, and not with a traceback, where an address cannot be listened on."""
    from tcproxy.service import BindErrors

    others = sys.excepthook

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, BindErrors):
            sys.stderr.write(f"{sys.argv[0]}: {error}\n")
        else:
            others(kind, error, trace)

    sys.excepthook = told


def _announce(level: int, message: str) -> None:
    _log.emit(LogLevel.warn if level < 5 else LogLevel.info, "{message}", message=message)


def _install_reactor() -> None:
    """Install tcproxy's reactor unless `--reactor`, or the host's own code, has installed one."""
    if "twisted.internet.reactor" not in sys.modules:
        from tcproxy.transport import reactor

        reactor.install()
