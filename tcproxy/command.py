"""The `tcproxy` program: HAProxy's command line, exit codes and messages.

The command line is read in process/command_line.py; process/start.py starts a process. Imports stand inside functions
on purpose: -v needs none, and -c no reactor.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tcproxy.process import banner, command_line, streams

if TYPE_CHECKING:
    from tcproxy.grammar.diagnostics import Diagnostics
    from tcproxy.grammar.environment import Environment
    from tcproxy.model.process import Configuration
    from tcproxy.process.command_line import Arguments


def main(words: list[str] | None = None) -> int:
    """Run the program with the given words, or those of the process; return its exit code."""
    streams.occupy()
    given = sys.argv[1:] if words is None else words
    if given[:1] in (["explain"], ["test"]):
        return _play(given[0], given[1:])
    gc.disable()  # a start makes much and drops little: collecting meanwhile is a tenth of its time
    try:
        arguments = command_line.parse(given)
        return _tell_version(arguments.version) if arguments.version else _act(arguments)
    except command_line.WrongUsage as wrong:
        return _tell_usage(str(wrong))
    except command_line.WrongArgument as wrong:
        _diagnostics(command_line.Arguments(), sys.stderr).alert(str(wrong), about="")
        return 1


def _play(name: str, words: list[str]) -> int:
    """Be `tcproxy explain` or `tcproxy test`, which HAProxy does not have."""
    from tcproxy.explain import programs

    return programs.explain(words) if name == "explain" else programs.play_cases(words)


def _act(arguments: Arguments) -> int:
    """Do what the arguments ask for, beyond telling the version."""
    diagnostics = _diagnostics(arguments, sys.stderr)
    if arguments.directory:
        try:
            os.chdir(arguments.directory)
        except OSError as wrong:
            _alert(diagnostics, f"cannot change to the directory {arguments.directory}: {wrong.strerror}")
            return 1
    from tcproxy.process import predefined_variables

    environment = predefined_variables.initial(arguments.peer)
    if arguments.condition is not None:
        return _evaluate(arguments.condition, environment, diagnostics)
    if not arguments.files:
        raise command_line.WrongUsage("")
    return _use(arguments, environment, diagnostics)


def _use(arguments: Arguments, environment: Environment, diagnostics: Diagnostics) -> int:
    """Read the files, and check them or serve."""
    from tcproxy import language
    from tcproxy.process import predefined_variables

    _tell_ineffective(arguments, diagnostics)
    configuration = _read(arguments, environment, diagnostics)
    if configuration is None:
        return 1
    predefined_variables.complete(configuration)
    if (arguments.zero_warning or configuration.process.zero_warning) and diagnostics.warnings:
        diagnostics.alert("some warnings were found, and 'zero-warning' is set: aborting")
        return 1
    if arguments.dump_objects:
        print(banner.loaded_objects())
    if arguments.keywords is not None:
        print(language.dump_keywords(arguments.keywords.split(",")), end="")
    if arguments.check:
        return _check(configuration, diagnostics)
    return _start(configuration, arguments, diagnostics)


def _read(arguments: Arguments, environment: Environment, diagnostics: Diagnostics) -> Configuration | None:
    """Read the files. Messages are held back to the end, since the word `quiet` in a file forbids them."""
    from tcproxy import language
    from tcproxy.grammar.reader import find_files

    files = find_files(arguments.files, diagnostics)
    if diagnostics.alerts:
        return None
    if not files:
        raise command_line.WrongUsage("no configuration file was found")
    diagnostics.stream = held = io.StringIO()
    try:
        configuration = language.read(files, environment, diagnostics, unresolved_allowed=arguments.ignore_resolution)
        if configuration is not None and configuration.process.quiet and not arguments.verbose:
            diagnostics.quiet = True
            held.truncate(0)
        return configuration
    finally:
        diagnostics.stream = sys.stderr
        sys.stderr.write(held.getvalue())


def _check(configuration: Configuration, diagnostics: Diagnostics) -> int:
    """Print the result of -c on standard output. Return the exit code: 0, or 2 when there is no listener."""
    said = []
    if diagnostics.warnings:
        said.append("Warnings were found.")
    listens = _listens(configuration)
    said.append(
        "Configuration file is valid"
        if listens
        else "Configuration file has no error but will not start (no listener) => exit(2)."
    )
    if not diagnostics.quiet:
        print("\n".join(said))
    return 0 if listens else 2


def _listens(configuration: Configuration) -> bool:
    return bool(configuration.process.stats_sockets) or any(
        proxy.binds and not proxy.disabled for proxy in configuration.proxies
    )


def _start(configuration: Configuration, arguments: Arguments, diagnostics: Diagnostics) -> int:
    if not _listens(configuration):
        _alert(diagnostics, "[tcproxy.main()] no enabled listener found (is there a 'bind'?), exiting")
        return 1
    for option in arguments.refused:
        _alert(
            diagnostics,
            f"the option {option} is known to HAProxy {banner.LANGUAGE}, not supported by tcproxy yet",
        )
    if arguments.refused:
        return 1
    from tcproxy.process import start

    return start.run(configuration, arguments, diagnostics)


def _evaluate(condition: str, environment: Environment, diagnostics: Diagnostics) -> int:
    """Return the exit code of -cc: 0 true, 1 false, 2 an error."""
    from tcproxy.grammar.predicates import check_condition

    code, error = check_condition(condition, environment)
    if error:
        diagnostics.alert(error)
    return code


def _tell_version(detail: int) -> int:
    sys.stdout.write(banner.version())
    if detail > 1:
        from tcproxy.registry import Registry

        registry = Registry()
        plugins = [(plugin.interface.__name__, plugin.name, plugin.source) for plugin in registry.all()]
        sys.stdout.write(banner.build(plugins))
        for trouble in registry.troubles:
            print(f"plugins : {trouble}", file=sys.stderr)
    return 0


def _tell_usage(wrong: str) -> int:
    """Print the usage, after the sentence that says what was wrong. Return 1, as HAProxy does even for -h."""
    sys.stdout.write(banner.version())
    if wrong:
        print(wrong, file=sys.stderr)
    sys.stderr.write(banner.usage(Path(sys.argv[0]).name))
    return 1


def _tell_ineffective(arguments: Arguments, diagnostics: Diagnostics) -> None:
    for option in arguments.ineffective:
        if arguments.diagnosing:
            diagnostics.diag(f"the option {option} has no effect", about="")
        elif arguments.verbose:
            diagnostics.notice(f"the option {option} has no effect", about="")


def _diagnostics(arguments: Arguments, stream: TextIO) -> Diagnostics:
    from tcproxy.grammar.diagnostics import Diagnostics

    return Diagnostics(
        os.getpid(),
        stream,
        executable=os.path.realpath(sys.argv[0]),
        quiet=arguments.quiet and not arguments.verbose,
        diagnosing=arguments.diagnosing,
    )


def _alert(diagnostics: Diagnostics, message: str) -> None:
    diagnostics.alert(message, about="")


if __name__ == "__main__":
    sys.exit(main())
