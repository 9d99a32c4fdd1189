"""The way in for twistd and for tap files: `twistd -n tcproxy --config haproxy.cfg`.

Options and makeService, no more: arguments in, one call into service.py out. The process belongs to twistd,
so its user, root directory, pidfile and signals are twistd's business.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger, LogLevel
from twisted.python import usage

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.model.process import Configuration, Global
from tcproxy.process import predefined_variables, resources

if TYPE_CHECKING:
    from tcproxy.service import ProxyService

# what a configuration may ask for, and who does it here
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
    """The configuration has errors; they were told one by one."""


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
        """Read the configuration, so that its errors end twistd before it goes to the background."""
        if not self["config"]:
            raise usage.UsageError("--config FILE is needed")
        _install_reactor()
        try:
            self.configuration = read(self["config"])
        except ConfigurationErrors as errors:
            # twistd answers a UsageError with its own help and exit code 0
            sys.exit(f"{sys.argv[0]}: {errors}")


def read(paths: list[str]) -> Configuration:
    """Read configuration files, telling what is wrong on standard error. Raises ConfigurationErrors."""
    from tcproxy import language

    diagnostics = Diagnostics(os.getpid(), sys.stderr)
    configuration = language.read(paths, predefined_variables.initial(), diagnostics)
    if configuration is None:
        raise ConfigurationErrors(f"the configuration has errors: {', '.join(paths)}")
    predefined_variables.complete(configuration)
    untouched = Global()
    for word, instead in _TWISTD.items():
        if getattr(configuration.process, word) != getattr(untouched, word):
            diagnostics.warning(f"'{word}' has no effect under twistd, which has its own: {instead}")
    soft, hard = resources.descriptor_limits()
    planned = resources.plan(configuration, soft, hard)
    resources.raise_descriptors(configuration, planned, diagnostics)
    return resources.settle(configuration, planned)


def makeService(options: Options) -> ProxyService:
    """Return the service that runs the proxies. Raises ConfigurationErrors."""
    from tcproxy.service import ProxyService

    configuration = options.configuration or read(options["config"])
    log = Logger("tcproxy")

    def announce(level: int, message: str) -> None:
        log.emit(LogLevel.warn if level < 5 else LogLevel.info, "{message}", message=message)

    return ProxyService(configuration, announce=announce)


def _install_reactor() -> Any:
    """Install tcproxy's reactor unless `--reactor`, or the host's own code, has installed one."""
    if "twisted.internet.reactor" not in sys.modules:
        from tcproxy.transport import reactor

        reactor.install()
