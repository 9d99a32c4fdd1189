"""Joins the keyword rows of every room into the one language, and reads files into a Configuration with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tcproxy.grammar import variables
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.reader import Reader, find_files
from tcproxy.grammar.rows import Draft, FormatUse, Reading, Words
from tcproxy.grammar.sections import Section, Sections
from tcproxy.grammar.statements import Statement
from tcproxy.grammar.suggestions import nearest, suggestion
from tcproxy.health import http_words
from tcproxy.model import (
    address_headers,
    bind,
    captures,
    header_case,
    http_options,
    links,
    logs,
    monitoring,
    options,
    persistence,
    process,
    proxy,
    redirects,
    replies,
    rings,
    server,
    server_states,
    statistics_page,
    timeouts,
    tls,
    tuning,
    unsupported,
    userlists,
)
from tcproxy.model.consistency import Consistency
from tcproxy.model.logs import joined
from tcproxy.model.numbers import numbered
from tcproxy.model.process import Configuration, Global, build_global
from tcproxy.model.proxy import Balance, Proxy, build_proxy
from tcproxy.model.rings import RingModel
from tcproxy.model.server import build_servers
from tcproxy.registry import Registry
from tcproxy.report import words as report
from tcproxy.rules import words as rules
from tcproxy.samples import words as samples

if TYPE_CHECKING:
    from tcproxy.rules.conditions import Named

ROOMS = (
    variables.WORDS,
    process.WORDS,
    tuning.WORDS,
    tls.WORDS,
    logs.WORDS,
    proxy.WORDS,
    timeouts.WORDS,
    options.WORDS,
    captures.WORDS,
    http_options.WORDS,
    header_case.WORDS,
    address_headers.WORDS,
    links.WORDS,
    replies.WORDS,
    redirects.WORDS,
    monitoring.WORDS,
    http_words.WORDS,
    persistence.WORDS,
    statistics_page.WORDS,
    samples.WORDS,
    report.WORDS,
    rules.WORDS,
    bind.WORDS,
    server.WORDS,
    server_states.WORDS,
    unsupported.WORDS,
    userlists.WORDS,
    rings.WORDS,
)
SECTIONS = (replies.SECTION, userlists.SECTION, rings.SECTION)
"""Kinds of sections that are no proxies and that others name."""


def words() -> Words:
    """Return the whole language; raises DuplicateWord when two rooms claim one word."""
    return Words(*ROOMS)


def read(
    paths: Sequence[str],
    environment: Environment,
    diagnostics: Diagnostics,
    *,
    registry: Registry | None = None,
    unresolved_allowed: bool = False,
) -> Configuration | None:
    """Read files and directories into a Configuration; None when there were errors, which `diagnostics` tells.

    registry: the plugins to choose from, by default those that are found. unresolved_allowed: -dr.
    """
    registry = registry or Registry()
    before = diagnostics.alerts
    files = find_files(paths, diagnostics)
    reading = new_reading(environment, diagnostics, registry, unresolved_allowed)
    reader = Reader(diagnostics, environment)
    configuration = _read(reader, reader.read(files), reading, files, before) if files else None
    _tell_troubles(registry, diagnostics)
    return configuration


def read_text(
    text: str, environment: Environment, diagnostics: Diagnostics, *, name: str, registry: Registry | None = None
) -> Configuration | None:
    """Read a text that an application gives, called `name` in messages; None when there were errors, as in `read`.

    Here `bind ADDRESS:0` may stand: the application can ask which port the system gave.
    """
    registry = registry or Registry()
    reading = new_reading(environment, diagnostics, registry)
    reading.embedded = True
    whole = text if text.endswith("\n") else f"{text}\n"
    configuration = read_bytes(name, whole.encode("utf-8", "surrogateescape"), reading)
    _tell_troubles(registry, diagnostics)
    return configuration


def _tell_troubles(registry: Registry, diagnostics: Diagnostics) -> None:
    for trouble in registry.troubles:
        diagnostics.warning(trouble, about="plugins")


def read_bytes(name: str, content: bytes, reading: Reading) -> Configuration | None:
    """Read the content of one file, called `name` in messages; None when there were errors."""
    reader = Reader(reading.diagnostics, reading.environment)
    return _read(reader, reader.read_bytes(name, content), reading, [name], reading.diagnostics.alerts)


def _read(
    reader: Reader, statements: Iterable[Statement], reading: Reading, files: list[str], before: int
) -> Configuration | None:
    """Take the statements, one by one as they are drawn, and build the model of them.

    before: how many alerts there were when the reading began.
    """
    diagnostics = reading.diagnostics
    sections = Sections(reading, SECTIONS)
    for statement in statements:
        sections.take(statement)
    if reader.aborted:
        return None
    if not reader.stopped:
        # behind errors, warnings about the whole could be wrong: a line that was refused is missing in it
        diagnostics.errors_only = diagnostics.alerts > before
        configuration = _build(sections, reading, files)
        diagnostics.errors_only = False
        if diagnostics.alerts == before:
            return configuration
    diagnostics.alert("Fatal errors found in configuration.")
    return None


def new_reading(
    environment: Environment, diagnostics: Diagnostics, registry: Registry, unresolved_allowed: bool = False
) -> Reading:
    """Return a Reading with the whole language and all plugins."""
    reading = Reading(
        diagnostics,
        environment,
        strategies=registry.strategies,
        checkers=registry.checkers,
        fetches=registry.fetches,
        converters=registry.converters,
        actions=registry.actions,
        services=registry.services,
        words=words(),
        conditions=rules.read_condition,
        read_sample=rules.read_sample,
        unresolved_allowed=unresolved_allowed,
    )
    reading.check_format = partial(_check_format, reading)
    return reading


def _check_format(reading: Reading, text: str, http: bool, use: FormatUse, statement: Statement) -> Any:
    """Return a format as it was read; raises ValueError where it is none. See Reading.check_format."""
    from tcproxy.report import formats

    files = None
    if "[" in text:
        from tcproxy.samples.patterns.files import PatternFiles

        files = PatternFiles(reading, statement)
    return formats.check(text, http, use, files)


def _build(sections: Sections, reading: Reading, files: list[str]) -> Configuration:
    """Check what must fit together and return the model, which is of no use where there were alerts."""
    every = [*sections.sections, *(one for kind in sections.named.values() for one in kind.values())]
    for draft in (sections.process, *(section.draft for section in every)):
        draft.settle()
    Consistency(sections.sections, reading, sections.refused).check()
    settings = build_global(sections.process)
    cases = header_case.finish(sections.process, reading)
    groups = {name: Draft(refused=frozenset({"http-errors"})) for name in sections.refused}
    found = sections.finished()
    groups |= found["http-errors"]
    lists = found["userlist"]
    for section in sections.sections:
        if not section.draft.get("disabled"):
            replies.finish(section.draft, groups, reading)
            rules.finish(section.draft, groups, reading)
    numbers = _proxy_numbers(sections.sections, bool(settings.stats_sockets))
    roundrobin = cache(lambda: _roundrobin(reading))  # its plugin is asked for once, and only where a backend needs it
    proxies = tuple(
        _build_proxy(_with_cases(section.draft, cases), number, sections.process, reading, roundrobin)
        for section, number in zip(sections.sections, numbers, strict=True)
    )
    drafts = [section.draft for section in sections.sections]
    named = [one for pair in zip(drafts, proxies, strict=True) for one in _named_in_formats(*pair)]
    for origin, message in rules.unresolved(proxies, lists, _refused_names(sections), named):
        reading.diagnostics.alert(f"parsing [{origin}] : {message}")
    for origin, message in rules.wasted(proxies):
        reading.diagnostics.warning(f"parsing [{origin}] : {message}")
    if reading.patterns is not None:
        reading.patterns.give_numbers()
    kept = _rings(sections, settings, proxies, found["ring"], reading)
    return Configuration(settings, proxies, reading.environment, tuple(files), lists, reading.patterns, kept)


def _rings(
    sections: Sections, settings: Global, proxies: Sequence[Proxy], found: Mapping[str, RingModel], reading: Reading
) -> Mapping[str, RingModel]:
    """Return the rings; warn of log lines that go to one that is not there, of which HAProxy says nothing."""
    known = {*found, *sections.refused, rings.EVENTS}
    targets = [*settings.log_targets, *(target for proxy in proxies for target in proxy.log_targets)]
    for target in dict.fromkeys(targets):
        if target.ring and target.ring not in known:
            hint = suggestion(nearest(target.ring, known))
            message = f"parsing [{target.origin}] : there is no ring '{target.ring}': these lines are lost{hint}"
            reading.diagnostics.warning(message)
    return found


def _named_in_formats(draft: Draft, proxy: Proxy) -> Iterator[Named]:
    """Return the proxies and servers that samples in a section's formats name, but for those in its rules."""
    origins = draft.get("format_origins", {})
    every = [(form, origins[word]) for word, form in proxy.forms.items() if word in origins]
    replies = proxy.formats_of_replies()
    if replies:
        from tcproxy.samples.formats import read_again

        every += [(read_again(form, proxy.name), origin) for form, origin in replies]
    for form, origin in every:
        for expression in form.expressions:
            for reference in expression.references:
                yield proxy, expression.text, origin, reference


def _refused_names(sections: Sections) -> frozenset[str]:
    """Return names of proxies, and of servers as BACKEND/SERVER, whose own declarations were refused."""
    servers = (
        f"{section.name}/{name}" for section in sections.sections for name in section.draft.get("refused_servers", ())
    )
    return frozenset(servers) | sections.refused


def _build_proxy(
    draft: Draft, number: int, of_global: Draft, reading: Reading, roundrobin: Callable[[], Balance]
) -> Proxy:
    if "balance" not in draft and draft["kind"] != "frontend":
        draft["balance"] = roundrobin()
    if draft["kind"] != "frontend":
        if getattr(draft["balance"].strategy, "needs_http", False) and draft.get("mode", "tcp") != "http":
            message = f"'balance {draft['balance'].name}' needs 'mode http': 'roundrobin' takes its place"
            reading.diagnostics.warning(f"backend '{draft['name']}' : {message}")
            draft["balance"] = roundrobin()
        bufsize = of_global.get("tune", {}).get("tune.bufsize", 16384)
        http_words.finish(draft, of_global.get("node", ""), bufsize, reading)
    targets = joined(draft.get("log_targets", ()), of_global.get("log_targets", ()))
    binds = bind.build_binds(draft.get("binds", ()))
    return build_proxy(Draft(draft, log_targets=targets), binds, build_servers(draft), number)


def _with_cases(draft: Draft, cases: Mapping[str, str]) -> Draft:
    """Give a proxy that writes headers as `h1-case-adjust` says what that says."""
    if cases and not header_case.OPTIONS.isdisjoint(draft.get("options", ())):
        draft["header_case"] = cases
    return draft


def _roundrobin(reading: Reading) -> Balance:
    strategy = reading.strategies["roundrobin"]
    return Balance("roundrobin", strategy.parse([]), strategy)


def _proxy_numbers(sections: list[Section], with_stats: bool) -> list[int]:
    """Return the number of each proxy; HAProxy's own frontend of command sockets takes one on its way."""
    given = [section.draft.get("id", 0) for section in sections]
    if not with_stats:
        return numbered(given)
    place = next((index for index, section in enumerate(sections) if section.after_stats), len(sections))
    found = numbered([*given[:place], 0, *given[place:]], frozenset({place}))
    return found[:place] + found[place + 1 :]


KEYWORD_CLASSES = {
    "acl": "ACL keywords",
    "cfg": "configuration keywords",
    "cli": "CLI keywords",
    "cnv": "sample converter keywords",
    "flt": "filter names",
    "smp": "sample fetch functions",
    "svc": "service names",
}


def dump_keywords(classes: Iterable[str]) -> str:
    """Return the words of some classes ("all", or names of KEYWORD_CLASSES) as HAProxy's -dK prints them.

    "help" lists the classes; names that do not exist are passed over, as HAProxy does.
    """
    asked = set(classes)
    text = ""
    if "help" in asked:
        lines = ["# List of supported keyword classes:", "all: list all keywords"]
        lines += [f"{name}: {title}" for name, title in KEYWORD_CLASSES.items()]
        text = "\n".join(lines) + "\n"
    for name, listing in _LISTINGS.items():
        if name in asked or "all" in asked:
            text += listing()
    return text


def _listed(title: str, names: Iterable[str] = ()) -> str:
    return "\n".join([f"# List of registered {title}:", *names]) + "\n"


def _list_configuration() -> str:
    from tcproxy.grammar.inventory import configuration_words
    from tcproxy.rules.actions import table

    return "\n".join(configuration_words(words(), table.listing())) + "\n"


def _list_commands() -> str:
    from tcproxy.control import commands
    from tcproxy.control.command_rows import CommandStatus
    from tcproxy.control.command_table import CommandTable

    done = (command for room in commands.ROOMS for command in room if command.status is CommandStatus.DONE)
    return _listed("CLI keywords", CommandTable(done).registry())


def _list_criteria() -> str:
    from tcproxy.rules.criteria import CRITERIA
    from tcproxy.samples.table import FETCHES

    done = [(name, fetch, method) for name, (fetch, method) in CRITERIA.items() if fetch in FETCHES]
    return _listed("ACL keywords", sorted(f"{name} = {fetch} -m {method}" for name, fetch, method in done))


def _list_fetches() -> str:
    from tcproxy.samples import table

    return table.listing()


def _list_converters() -> str:
    from tcproxy.samples import table

    return table.listing_of_converters()


_LISTINGS: dict[str, Callable[[], str]] = {
    "acl": _list_criteria,
    "cfg": _list_configuration,
    "cli": _list_commands,
    "cnv": _list_converters,
    "flt": lambda: _listed("filter names"),
    "smp": _list_fetches,
    "svc": lambda: _listed("service names", ["prometheus-exporter"]),
}
"""What each class lists, in the order of HAProxy; a room that brings rows replaces its line here."""
