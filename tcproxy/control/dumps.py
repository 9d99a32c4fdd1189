"""Commands that print statistics: show info, show stat, show servers, show backend, clear counters."""

from __future__ import annotations

import time

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Level
from tcproxy.report import info, listings, statistics
from tcproxy.report.counters import Counters
from tcproxy.report.json_schema import SCHEMA
from tcproxy.report.seen import SeenFarm
from tcproxy.report.statistics import EVERYTHING, RowSelection
from tcproxy.report.views import all_requests


def show_info(command: CommandLine) -> Answer:
    """Print facts about the process, plain, typed or as JSON."""
    world = command.world
    world.load.read(world.clock.seconds(), time.process_time(), world.counters.bytes_out)
    facts = info.ProcessFacts(world, world.load, world.sinks.dropped)
    explained, full = "desc" in command.words, "float" in command.words
    form = info.typed if "typed" in command.words else info.in_json if "json" in command.words else info.plain
    return form(facts, explained, full)


def _proxy_id(command: CommandLine, word: str) -> int:
    """Return the id that a number or a proxy's name stands for; -1 for all."""
    for proxy in command.world.configuration.proxies:
        if proxy.name == word:
            return proxy.id
    number = _number(word)
    if number == 0:
        raise CommandError("No such proxy.")
    return number


def _number(word: str) -> int:
    """Return the number that a word begins with, 0 where it begins with none."""
    sign = -1 if word.startswith("-") else 1
    digits = ""
    for character in word.lstrip("+-"):
        if character not in "0123456789":
            break
        digits += character
    return sign * int(digits or "0")


def _selection(command: CommandLine) -> tuple[RowSelection, tuple[str, ...]]:
    """Return which rows to list, and the words behind the selection. A selection takes three words or none."""
    words = command.words
    if words[:1] == ("domain",):
        if words[1:2] != ("proxy",):
            raise CommandError("Invalid statistics domain: 'proxy' is the one there is.")
        words = words[2:]
    proxy = kinds = id = EVERYTHING
    if len(words) >= 3:
        proxy, kinds, id = _proxy_id(command, words[0]), _number(words[1]), _number(words[2])
        words = words[3:]
    private = command.talk.entered >= Level.OPERATOR
    return RowSelection(proxy, kinds, id, "up" in words, "no-maint" not in words, private), words


def show_stat(command: CommandLine) -> Answer:
    """Print the statistics of frontends, listeners, servers and backends: CSV, typed or JSON."""
    selection, words = _selection(command)
    rows = statistics.rows(command.world, selection)
    if "typed" in words:
        return statistics.typed(rows, "desc" in words)
    return statistics.in_json(rows) if "json" in words else statistics.csv(rows)


def show_schema(command: CommandLine) -> Answer:
    """Print the schema of the JSON forms."""
    return SCHEMA


def _farms(command: CommandLine) -> list[SeenFarm]:
    """Return the backend that is named, or all, in the order of the configuration."""
    name = command.word(0)
    farms = command.world.farms
    if name and name not in farms:
        raise CommandError("Can't find backend.")
    return [
        farms[proxy.name]
        for proxy in command.world.configuration.backends()
        if proxy.name in farms and name in ("", proxy.name)
    ]


def show_servers_state(command: CommandLine) -> Answer:
    """Print the state of servers, in the form of a state file."""
    return listings.servers_state(_farms(command), command.world.clock.seconds())


def show_servers_conn(command: CommandLine) -> Answer:
    """Print the connections of servers."""
    return listings.servers_conn(_farms(command))


def show_backend(command: CommandLine) -> Answer:
    """List the backends."""
    names = [proxy.name for proxy in command.world.configuration.backends()]
    return "# name\n" + "".join(f"{name}\n" for name in names)


def _all_counters(command: CommandLine) -> list[Counters]:
    found = []
    for frontend in command.world.frontends.values():
        found += [frontend.counters, *(bind.counters for bind in frontend.binds)]
    for farm in command.world.farms.values():
        found += [farm.counters, *(server.counters for server in farm.servers)]
    return found


def clear_counters(command: CommandLine) -> Answer:
    """Forget the maxima of all counters; with `all` (for administrators) the sums too."""
    everything = command.word(0) == "all"
    if everything and command.talk.level < Level.ADMIN:
        raise CommandError("Permission denied")
    if everything:
        command.world.counters.requests = all_requests(command.world)
    for counters in _all_counters(command):
        if everything:
            counters.clear()
        else:
            counters.clear_highest()
    # the sums of the whole process stay: sessions are numbered by them
    command.world.counters.clear_highest()
    return ""


COMMANDS = (
    CommandRow("show info", show_info, "[desc|json|typed|float]*", "print facts about the process"),
    CommandRow(
        "show stat", show_stat, "[desc|json|no-maint|typed|up]*", "print the counters of proxies and servers"
    ),
    CommandRow("show schema json", show_schema, "", "print the schema of the JSON forms"),
    CommandRow("show servers state", show_servers_state, "[<backend>]", "print the states of servers"),
    CommandRow("show servers conn", show_servers_conn, "[<backend>]", "print the connections of servers"),
    CommandRow("show backend", show_backend, "", "list the backends"),
    CommandRow("clear counters", clear_counters, "[all]", "forget maxima, or all that was counted", Level.OPERATOR),
)
