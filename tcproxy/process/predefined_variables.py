"""The environment that a configuration sees: the process's own, and what HAProxy adds (manual 2.3).

The process's environment itself is read once and never written.
"""

from __future__ import annotations

import os
import socket

import tcproxy
from tcproxy.grammar.environment import Environment
from tcproxy.model.process import Configuration


def initial(peer: str = "") -> Environment:
    """Return the variables that exist before the first file is read. peer: the name given with -L."""
    variables = dict(os.environ)
    variables["HAPROXY_LOCALPEER"] = peer or socket.gethostname()
    variables["HAPROXY_STARTUP_VERSION"] = tcproxy.__version__
    return Environment(variables)


def complete(configuration: Configuration) -> None:
    """Add the variables that are known when all files are read: the files' names and the command sockets' addresses."""
    environment = configuration.environment
    if environment is None:
        return
    environment.set("HAPROXY_CFGFILES", ";".join(configuration.files))
    sockets = configuration.process.stats_sockets
    if sockets:
        environment.set("HAPROXY_CLI", ";".join(bind.text for bind in sockets))
