"""What the program tells of itself: its version, its usage, and how it is built (-v, -h, -vv).

The form is HAProxy's, so that scripts that look for a version, a feature or a service find it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import tcproxy
from tcproxy.grammar import features

LANGUAGE = ".".join(features.LANGUAGE_VERSION.split(".")[:2])
"""The branch of HAProxy whose configuration language is spoken."""


def version() -> str:
    """Return the lines of -v."""
    system = os.uname()
    return (
        f"tcproxy version {tcproxy.__version__}\n"
        f"Speaks the language of: HAProxy version {features.LANGUAGE_VERSION}\n"
        f"Running on: {system.sysname} {system.release} {system.version} {system.machine}\n"
    )


def usage(name: str) -> str:
    """Return the lines of -h."""
    return f"""\
Usage : {name} [-f <file or directory>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxconn> ]
        [ -p <pidfile> ] [ -m <megabytes> ] [ -C <directory> ] [-- <file>*]
        -v tells the version ; -vv tells features, reactors and plugins as well
        -f reads a file, or every .cfg file of a directory ; -- reads all files that follow
        -c checks the configuration and exits ; -cc <condition> evaluates a condition and exits
        -C <directory> is entered before files are read
        -D runs in the background ; -db never does ; -d neither, and tells more
        -V tells more ; -q tells nothing
        -n <number> limits the connections of the process ; -N <number> those of each frontend
        -m <megabytes> limits the memory of the process
        -L <name> is the name of this peer (default: the host's name)
        -p <file> gets the process number, when running in the background
        -sf <pid>* lets old processes finish once this one serves ; -st <pid>* ends them
        -dD warns about what is legal but doubtful ; -dW refuses to start after a warning
        -dK<class,...> lists the known keywords (-dKhelp: the classes) ; -dL lists loaded libraries
        -dr starts even when a server's name cannot be resolved ; -dS never uses splice()
        -de, -dp, -dG, -dM, -dR, -dV are taken from old scripts and change nothing
        -W, -Ws, -S and -x (master and workers) are not supported yet
        {name} explain tells what a configuration does with a request ; {name} test plays tables of requests
"""


def build(plugins: Iterable[tuple[str, str, str]]) -> str:
    """Return the lines that -vv adds to the version. plugins: (interface, name, where it comes from)."""
    return "\n".join(
        [
            *_options(),
            "",
            f"Feature list : {features.feature_list()}",
            "",
            "Default settings :",
            "  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200",
            "",
            *_libraries(),
            "",
            *_polling(),
            "",
            "Available multiplexer protocols :",
            "(protocols marked as <default> cannot be specified using 'proto' keyword)",
            "  <default> : mode=TCP   side=FE|BE  mux=PASS  flags=",
            "       none : mode=TCP   side=FE|BE  mux=PASS  flags=NO_UPG",
            "",
            "Available services : none",
            "Available filters :",
            "\tnone",
            "",
            "Plugins loaded :",
            *(f"\t[{kind}] {name} ({origin})" for kind, name, origin in plugins),
            "",
        ]
    )


def _options() -> list[str]:
    import platform

    return [
        "Build options :",
        f"  TARGET  = {sys.platform}-{platform.libc_ver()[0] or 'libc'}",
        f"  CPU     = {platform.machine()}",
        f"  PYTHON  = {platform.python_implementation()} {platform.python_version()}",
    ]


def _libraries() -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    lines = ["Built without multi-threading support."]
    for package in ("Twisted", "zope.interface", "pyOpenSSL", "pcre2"):
        try:
            lines.append(f"Running on {package} version : {version(package)}")
        except PackageNotFoundError:
            lines.append(f"Running on {package} version : not installed")
    lines.append(f"Running on OpenSSL version : {features.tls_library()}")
    return lines


def _polling() -> list[str]:
    import select

    have = [(name, rank) for name, rank in (("epoll", 300), ("poll", 200), ("select", 150)) if hasattr(select, name)]
    return [
        "Available polling systems :",
        *(f"{name:>11} : pref={rank},  test result OK" for name, rank in have),
        f"Total: {len(have)} ({len(have)} usable), will use {have[0][0]}.",
    ]


def loaded_objects() -> str:
    """Return the program and the shared libraries it has loaded (-dL), one a line."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        files = [fields[5] for fields in (line.split(maxsplit=5) for line in maps) if len(fields) > 5]
    found = dict.fromkeys(file.strip() for file in files if ".so" in file)
    return "\n".join(["List of loaded object files:", sys.executable, *found])
